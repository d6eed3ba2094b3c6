"""The trials of a calibration in a file, so that one that was stopped goes on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ImperfectSegLogic.data import Dataset
from ImperfectSegLogic.data.datasets.files import read_json, sha256, write_json
from ImperfectSegLogic.evidence.code_hash import code_hash
from ImperfectSegLogic.evidence.spec import hash_of
from ImperfectSegLogic.methods.catalog import refiner
from ImperfectSegLogic.refinement.profile import Profile
from ImperfectSegLogic.refinement.trial import Trial

FORMAT, VERSION = "ImperfectSeg calibration trials", 1


class TrialFile:
    """What was tried, beside the profile that is to come.

    Attributes:
        path: The file.
        outdated: What became of trials of another calibration, for people; empty if there were
            none.
    """

    def __init__(self, path: Path, known_by: str) -> None:
        """Takes the file and a hash of all that scores depend on, besides what is searched."""
        self.path, self._known_by = path, known_by
        self.outdated = ""
        self._trials: list[Trial] = []

    @classmethod
    def beside(
        cls,
        path: Path,
        profile: Profile,
        dataset: Dataset,
        model: str,
        cases: Sequence[str],
        annotator: str | None,
    ) -> TrialFile:
        """Gives the file for a calibration: its scores hold for the same code, data and steps.

        Args:
            path: Where the profile goes.
            profile: The refiners, the first of which is searched.
            dataset: The data set.
            model: Whose predictions.
            cases: Ids of the cases.
            annotator: Whose annotations; None for the newest.
        """
        steps = profile.steps
        made = [refiner(one.name, one.settings) for one in steps]
        code = code_hash({type(one).__module__ for one in made})
        others = [[one.name, dict(one.settings)] for one in steps[1:]]
        folder = dataset.folder / "predictions" / model
        predictions = [sha256(folder / f"{case}.prob.nrrd") for case in cases]
        truths = [_told(dataset, case, annotator) for case in cases]
        what = [steps[0].name, others, profile.margin, code]
        known_by = [*what, list(cases), predictions, truths]
        return cls(path.with_suffix(".trials.json"), hash_of(known_by))

    def read(self) -> tuple[Trial, ...]:
        """Gives the trials of before; none if there are none, or they are another calibration's.

        Raises:
            ValueError: If the file is damaged.
        """
        if not self.path.is_file():
            return ()
        said = read_json(self.path, FORMAT, VERSION)
        if said["known_by"] != self._known_by:
            self.outdated = (
                f"{self.path}: its trials are of other predictions, annotations, cases, methods or"
                " code, and are replaced."
            )
            return ()
        self._trials = [Trial(dict(one["settings"]), float(one["dice"])) for one in said["trials"]]
        return tuple(self._trials)

    def add(self, trial: Trial) -> None:
        """Writes one more trial; one that is there already is not written twice."""
        if any(dict(one.settings) == dict(trial.settings) for one in self._trials):
            return
        self._trials.append(trial)
        each: list[dict[str, Any]] = [
            {"settings": dict(one.settings), "dice": one.score} for one in self._trials
        ]
        said = {"format": FORMAT, "version": VERSION, "known_by": self._known_by, "trials": each}
        write_json(self.path, said, overwrite=True)

    def remove(self) -> None:
        """Takes the file away, as when the profile is written."""
        self.path.unlink(missing_ok=True)


def _told(dataset: Dataset, case: str, annotator: str | None) -> str:
    """Gives where an annotation is; it never changes, as every version has a file of its own."""
    version = dataset.find_version(case, annotator)
    return version.path.relative_to(dataset.folder).as_posix() if version else ""
