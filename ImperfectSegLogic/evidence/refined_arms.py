"""How the predictions of an arm are refined before they are tested. Needs no torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from ImperfectSegLogic.data import Dataset
from ImperfectSegLogic.evidence.code_hash import code_hash
from ImperfectSegLogic.evidence.spec import Arm, Choice, Evidence, hash_of


@dataclass(frozen=True)
class RefinedTest:
    """A test of a network whose predictions are refined.

    Attributes:
        refine: The refiners, in their order.
        calibrate: How many settings of the first one to try on the validation cases; 0 for none.
        margin: Only what is this near to a segment is refined, in mm; 0 for all.
        validation_cases: Case ids; none if nothing is searched.
        known_by: A hash of all that it depends on besides the training.
    """

    refine: tuple[Choice, ...]
    calibrate: int
    margin: float
    validation_cases: tuple[str, ...]
    known_by: str

    def path(self, folder: Path) -> Path:
        """Gives the file of its scores in a training's folder."""
        return folder / f"refined-{self.known_by}.json"


def refined_test(
    evidence: Evidence, dataset: Dataset, arm: Arm, modules: tuple[str, ...]
) -> RefinedTest | None:
    """Says how an arm's predictions are refined; None if they are not.

    Args:
        evidence: What is to be shown.
        dataset: Its data set.
        arm: The arm.
        modules: Those of its refiners, whose code is part of what the test is known by.
    """
    if not arm.refine:
        return None
    validation = dataset.split(evidence.data.validation) if arm.calibrate else ()
    said = [asdict(one) for one in arm.refine]
    known_by = hash_of([said, arm.calibrate, arm.margin, validation, code_hash(modules)])
    return RefinedTest(arm.refine, arm.calibrate, arm.margin, validation, known_by)
