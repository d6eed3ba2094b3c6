"""How much is annotated, and how evenly."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ImperfectSegLib.SparseTaken import Taken
from ImperfectSegLogic.data import UNLABELED
from ImperfectSegLogic.data.slices import AXIS_NAMES

BAR_WIDTH = 120  # pixels
FEW = 0.05
"""A label with a smaller part of what is labeled is pointed out."""

Color = tuple[float, ...]


@dataclass(frozen=True)
class Share:
    """What is annotated.

    Attributes:
        voxels: How many voxels have a label.
        outOf: How many there are.
        perLabel: How many have which label.
        slices: How many slices along which axis are annotated, out of how many.
        points: How many points of the grid have a label.
        outOfPoints: How many there are.
        lesions: How many lesions have both diameters.
        unfinished: How many have one.
        boxes: How many boxes there are.
        tags: How many labels are said to be in the image or not.
        taggedSlices: How many slices are tagged.
        names: Of all labels.
    """

    voxels: int
    outOf: int
    perLabel: Mapping[int, int]
    slices: Mapping[int, tuple[int, int]]
    points: int
    outOfPoints: int
    lesions: int
    unfinished: int
    boxes: int
    tags: int
    taggedSlices: int
    names: Mapping[int, str]

    @property
    def least(self) -> tuple[str, ...]:
        """Gives the labels that little or nothing of what is labeled is about."""
        enough = FEW * self.voxels
        return tuple(name for n, name in self.names.items() if self.perLabel.get(n, 0) < enough)


def shareOf(taken: Taken) -> Share:
    """Counts what was annotated; takes a while where much was."""
    _, labels = taken.voxels()
    counts = np.bincount(labels)
    axes = [place[0] for place, _ in taken.slices]
    shape = taken.geometry.shape
    return Share(
        len(labels),
        int(np.prod(shape)),
        {n: int(counts[n]) if n < len(counts) else 0 for n in sorted(taken.names)},
        {axis: (axes.count(axis), shape[axis]) for axis in sorted(set(axes))},
        int((taken.pointLabels != UNLABELED).sum()),
        len(taken.pointLabels),
        len(taken.lesions),
        taken.unfinished,
        len(taken.boxes),
        len(taken.present | taken.absent),
        taken.taggedSlices,
        dict(taken.names),
    )


def shareText(share: Share, colors: Mapping[int, Color]) -> str:
    """Says it as HTML.

    Args:
        share: What is annotated.
        colors: Of the labels, each from 0 to 1.
    """
    lines = [f"<b>{_percent(share.voxels, share.outOf)}</b> of the voxels ({share.voxels:,})"]
    for axis, (done, outOf) in share.slices.items():
        lines.append(f"{done} of {outOf} slices along {AXIS_NAMES[axis]}")
    if share.outOfPoints:
        lines.append(f"{share.points} of {share.outOfPoints} points")
    if share.lesions or share.unfinished:
        half = f" and {share.unfinished} with one axis" if share.unfinished else ""
        lines.append(f"lesions: {share.lesions}{half}")
    others = {"boxes": share.boxes, "tags": share.tags, "tagged slices": share.taggedSlices}
    lines += [f"{what}: {count}" for what, count in others.items() if count]
    rows = "".join(_row(share, n, colors.get(n, (0.5, 0.5, 0.5))) for n in share.perLabel)
    warning = ""
    if share.voxels and share.least:
        names = ", ".join(map(html.escape, share.least))
        warning = f"<p style='color:#b9770e'>Little or nothing is marked of: {names}.</p>"
    return f"<p>{'; '.join(lines)}.</p><table cellspacing='2'>{rows}</table>{warning}"


def _row(share: Share, label: int, color: Color) -> str:
    part = share.perLabel[label] / share.voxels if share.voxels else 0.0
    shade = "#" + "".join(f"{round(255 * c):02x}" for c in color[:3])
    width = max(round(BAR_WIDTH * part), 1)
    cell = f"<td bgcolor='{shade}' width='{width}'>&nbsp;</td>"
    bar = f"<table cellspacing='0'><tr>{cell}</tr></table>"
    name = html.escape(share.names[label])
    return f"<tr><td>{name}&nbsp;</td><td>{bar}</td><td align='right'>{part:.0%}</td></tr>"


def _percent(count: int, outOf: int) -> str:
    part = 100 * count / max(outOf, 1)
    return f"{part:.3g} %" if part >= 0.001 or not count else "under 0.001 %"
