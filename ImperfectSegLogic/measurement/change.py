"""How lesions changed since an earlier study, and the RECIST 1.1 category of the change."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from ImperfectSegLogic.measurement.lesions import Lesion

Response = Literal["CR", "PR", "SD", "PD", "NE"]
"""Complete response, partial response, stable or progressive disease; not evaluable."""
MEANING = {
    "CR": "complete response",
    "PR": "partial response",
    "SD": "stable disease",
    "PD": "progressive disease",
    "NE": "not evaluable",
}
TARGET_MM, TARGET_NODE_MM, NORMAL_NODE_MM = 10.0, 15.0, 10.0
"""Longest diameter of a target lesion, short axis of a target node, and of a normal node."""
LESS, MORE, LEAST_MM = 0.30, 0.20, 5.0
"""Part by which the sum falls for PR and rises for PD, and by how much it must rise at least."""
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Change:
    """One lesion now and in the earlier study.

    Attributes:
        now, prior: What it measures; None if there is no such label in this study.
        is_node: Whether it is a lymph node, which is measured by its short axis.
        is_target: Whether it counts in the sums: measurable in the earlier study.
        is_new: Whether it was not there then.
    """

    now: Lesion | None
    prior: Lesion | None
    is_node: bool
    is_target: bool
    is_new: bool

    @property
    def measured_mm(self) -> tuple[float, float]:
        """The diameter that counts, in mm, now and then: short axis of a node, else the longest."""
        now, prior = (_counted(one, self.is_node) for one in (self.now, self.prior))
        return now, prior


@dataclass(frozen=True)
class Changes:
    """All lesions of two studies, by label.

    Attributes:
        lesions: One per label that is in either study.
        sum_mm, prior_sum_mm: Sums of the diameters of the target lesions, in mm.
        response: RECIST 1.1 category of target lesions and new ones.
        reason: Why, for people.
    """

    lesions: tuple[Change, ...]
    sum_mm: float
    prior_sum_mm: float
    response: Response
    reason: str


def percent(now: float, prior: float) -> float | None:
    """Gives the change in percent of what was; None if nothing was."""
    return 100 * (now - prior) / prior if prior else None


def compare_lesions(
    now: Sequence[Lesion], prior: Sequence[Lesion], nodes: Collection[int] = ()
) -> Changes:
    """Matches lesions by label and gives their change and its RECIST 1.1 category.

    The earlier study serves as baseline (for PR) and as the smallest sum so far (for PD); give the
    study with the smallest sum for PD, and the baseline for PR, where these are not the same.
    What is not measurable in it (below 10 mm, nodes below 15 mm short axis) is no target lesion.
    Non-target lesions are not judged (Eisenhauer 2009, section 4).

    Args:
        now: Of the study to judge.
        prior: Of the earlier study.
        nodes: Labels of lymph nodes.

    Raises:
        ValueError: If a node's label is in neither study.
    """
    by_label = {n.label: n for n in now}, {p.label: p for p in prior}
    labels = sorted(by_label[0].keys() | by_label[1].keys())
    strange = sorted(set(nodes) - set(labels))
    if strange:
        raise ValueError(f"nodes: got label {strange[0]}, the two studies have {labels}.")
    found = tuple(_change(by_label[0].get(n), by_label[1].get(n), n in nodes) for n in labels)
    sums = [sum(c.measured_mm[n] for c in found if c.is_target) for n in (0, 1)]
    response, reason = _response(found, *sums)
    return Changes(found, sums[0], sums[1], response, reason)


def _change(now: Lesion | None, prior: Lesion | None, is_node: bool) -> Change:
    least, first = (TARGET_NODE_MM, NORMAL_NODE_MM) if is_node else (TARGET_MM, 0.0)
    is_target = _counted(prior, is_node) >= least - _ROUNDING
    there = now is not None and now.voxels > 0 and _counted(now, is_node) >= first
    is_new = there and (prior is None or prior.voxels == 0)
    return Change(now, prior, is_node, is_target, is_new)


def _counted(lesion: Lesion | None, is_node: bool) -> float:
    if lesion is None:
        return 0.0
    return lesion.short_mm if is_node else lesion.long_mm


def _response(found: Sequence[Change], now: float, prior: float) -> tuple[Response, str]:
    new = [c.now.name for c in found if c.is_new and c.now]
    if new:
        return "PD", f"new: {', '.join(new)}"
    targets = [c for c in found if c.is_target]
    if not targets:
        return "NE", "no lesion of the earlier study is measurable"
    if all(_is_gone(c) for c in targets):
        what = "all target lesions are gone"
        nodes = any(c.is_node for c in targets)
        return "CR", what + (f" or nodes below {NORMAL_NODE_MM:.0f} mm" if nodes else "")
    more, share = now - prior, 100 * (now - prior) / prior
    told = f"sum of diameters {prior:.1f} mm, now {now:.1f} mm ({more:+.1f} mm, {share:+.0f} %)"
    if more >= MORE * prior - _ROUNDING and more >= LEAST_MM - _ROUNDING:
        return "PD", told
    if -more >= LESS * prior - _ROUNDING:
        return "PR", told
    return "SD", told


def _is_gone(change: Change) -> bool:
    now, _ = change.measured_mm
    return now < NORMAL_NODE_MM if change.is_node else now == 0
