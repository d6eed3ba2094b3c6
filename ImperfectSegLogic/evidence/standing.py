"""How each Evidence stands: its verdict, or that it is stale or was never run. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ImperfectSegLogic.evidence.code_hash import code_hash
from ImperfectSegLogic.evidence.results import Result, read_result
from ImperfectSegLogic.evidence.spec import FOLDER, Arm, Evidence
from ImperfectSegLogic.evidence.spec_reading import evidence_names, read_evidence
from ImperfectSegLogic.evidence.verdict import REPRODUCED
from ImperfectSegLogic.methods.card import MethodCard, Status

STALE, NOT_RUN, NO_TARGET = "stale", "not run", "no target"


class Row(NamedTuple):
    """A line about one arm, as text."""

    arm: str
    ours: str
    baseline: str
    gain: str
    survey: str
    state: str


@dataclass(frozen=True)
class EvidenceStanding:
    """One Evidence and what was found.

    Attributes:
        evidence: What was declared.
        result: What was found; None if it was never run.
        state: `reproduced`, `partial`, `not reproduced`, `no target`, `stale` or `not run`.
    """

    evidence: Evidence
    result: Result | None
    state: str

    @property
    def headline(self) -> dict[str, Any]:
        """What was found for the arm that stands in the table; empty if there is none."""
        found = self.result or {}
        return dict(found.get("arms", {}).get(self.evidence.headline, {}))

    @property
    def ours(self) -> str:
        """Mean and standard deviation of that arm."""
        return score(self.headline)

    @property
    def baseline(self) -> str:
        """Mean and standard deviation of its baseline."""
        arms = (self.result or {}).get("arms", {})
        return score(arms.get(self.headline.get("baseline", ""), {}))

    @property
    def gain(self) -> str:
        """Of that arm over its baseline, with the 95 % interval over test subjects."""
        return gain(self.headline)

    @property
    def rows(self) -> list[Row]:
        """What stands in a table: one line, or one for each arm that campaigns are about."""
        found = self.evidence
        if not found.campaign:
            own = (found.headline, self.ours, self.baseline, self.gain, found.survey, self.state)
            return [Row(*own)]
        arms = (self.result or {}).get("arms", {})
        return [
            self._row(arm.name, arm.survey or found.survey, arms)
            for arm in found.arms
            if _shown_by(arm, found.about)
        ]

    def _row(self, name: str, survey: str, arms: Mapping[str, Any]) -> Row:
        arm = arms.get(name, {})
        measured = self.state not in (STALE, NOT_RUN)
        state = (arm.get("verdict") or NO_TARGET) if measured and arm else self.state
        other = score(arms.get(arm.get("baseline", ""), {}))
        return Row(name, score(arm), other, gain(arm), survey, state)

    @property
    def proven(self) -> frozenset[str]:
        """Names of the methods that it proves."""
        found = self.evidence
        if not found.campaign:
            return frozenset(found.about if self.state == REPRODUCED else ())
        good = {row.arm for row in self.rows if row.state == REPRODUCED}
        return frozenset(
            name for arm in found.arms if arm.name in good for name in _shown_by(arm, found.about)
        )


def _shown_by(arm: Arm, about: Sequence[str]) -> list[str]:
    """Gives the strategy and the methods of an arm that an Evidence is about."""
    own = {arm.query, *(one.name for one in arm.methods)}
    return [name for name in about if name in own]


def standing(name: str, folder: Path = FOLDER) -> EvidenceStanding:
    """Tells how an Evidence stands.

    Raises:
        ValueError: If there is none of that name, or a file is damaged.
    """
    evidence = read_evidence(name, folder)
    result = read_result(folder / f"{name}.json")
    if result is None:
        return EvidenceStanding(evidence, None, NOT_RUN)
    fresh = result["spec_hash"] == evidence.hash and _hash_now(result) == result["code_hash"]
    return EvidenceStanding(evidence, result, (result["verdict"] or NO_TARGET) if fresh else STALE)


def standings(folder: Path = FOLDER) -> list[EvidenceStanding]:
    """Tells how all Evidences stand.

    Raises:
        ValueError: If a file is damaged.
    """
    return [standing(name, folder) for name in evidence_names(folder)]


def proven_names(folder: Path = FOLDER) -> frozenset[str]:
    """Gives the names of all methods that are proven, see `status_of`.

    Raises:
        ValueError: If a file of an Evidence is damaged.
    """
    return frozenset(name for one in standings(folder) for name in one.proven)


def status_of(card: MethodCard, folder: Path = FOLDER) -> Status:
    """Tells whether a method is proven: reproduced by an Evidence about it that is not stale.

    Raises:
        ValueError: If a file of an Evidence is damaged.
    """
    return Status.PROVEN if card.name in proven_names(folder) else Status.BUILT


def _hash_now(result: Result) -> str:
    try:
        return code_hash(_texts(result["modules"]))
    except ValueError:
        return ""  # A module is gone.


def _texts(found: Sequence[Any]) -> list[str]:
    return [str(one) for one in found]


def score(arm: Mapping[str, Any]) -> str:
    """Gives mean and standard deviation over seeds of an arm of a result; empty if it is empty."""
    return f"{arm['mean']:.3f} ± {arm['sd']:.3f}" if arm else ""


def gain(arm: Mapping[str, Any]) -> str:
    """Gives an arm's gain over its baseline with the 95 % interval; empty if there is none."""
    found = arm.get("gain")
    return f"{found['mean']:+.3f} ({found['low']:+.3f} to {found['high']:+.3f})" if found else ""
