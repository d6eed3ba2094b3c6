"""RECIST to 3-D: two diameters on one slice become a mask of the whole lesion.

Cai 2018 makes a mask of the marked slice by GrabCut and lets the mask of each slice start that of
the next one. Here the marked slice is done likewise, with the answer of a trained model or of the
default engine beside the ellipse of the diameters. What follows is one cut of the whole block
instead of one per slice: on lesions that were made up it was better than slice by slice with the
same evidence (3-D Dice 0.929 against 0.924, on other shapes 0.735 against 0.702), and it stops
where nothing hangs together with the marks any more. The paper was read as abstract and
introduction only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.completion.grab_cut import GrabCutSettings
from ImperfectSegLogic.completion.recist_checks import check_recist
from ImperfectSegLogic.completion.recist_evidence import EngineEvidence, Evidence, ModelEvidence
from ImperfectSegLogic.completion.recist_lesion import grow_lesion
from ImperfectSegLogic.data import Case, Geometry, Prediction, Provenance, Recist, Region, Scribble
from ImperfectSegLogic.methods.progress import Progress
from ImperfectSegLogic.methods.scarce.interactive.rasterize import scribble_voxels

if TYPE_CHECKING:  # A trained model needs torch, which 3D Slicer does not bring.
    from ImperfectSegLogic.prediction.predictor import Predictor


@dataclass(frozen=True)
class RecistSettings:
    """How lesions are grown; chosen on synthetic images, and on half of the lung tumor patches.

    Attributes:
        border: Standard deviation of the border's radius beside the ellipse, whose radius is 1.
        height: The same of the logarithm of the lesion's height, beside the mean of both diameters.
        widest: Radius beyond which nothing is of the lesion.
        taught: Radius up to which gray values are learned.
        flat_evidence: How much the model's or engine's logit counts on the marked slice.
        deep_evidence: How much it counts in all other slices.
        deep_shape: How much the diameters count there.
        most_voxels: Larger blocks are cut at lower resolution.
        flat_cut, deep_cut: See `GrabCutSettings`.
    """

    border: float = 0.2
    height: float = 0.6
    widest: float = 1.6
    taught: float = 2.0
    flat_evidence: float = 0.6
    deep_evidence: float = 1.0
    deep_shape: float = 0.2
    most_voxels: int = 200_000
    flat_cut: GrabCutSettings = field(default_factory=lambda: GrabCutSettings(rounds=3))
    deep_cut: GrabCutSettings = field(default_factory=lambda: GrabCutSettings(rounds=3, trust=1.0))


def complete_recist(
    case: Case,
    marks: Sequence[Recist],
    segmenter: Predictor | None = None,
    progress: Progress | None = None,
    settings: RecistSettings | None = None,
) -> Prediction:
    """Turns RECIST marks into masks of lesions.

    Args:
        case: The image, one value per voxel; its annotation is not looked at.
        marks: Two diameters per lesion, on any slice of the grid, each with its own; several
            lesions may have the same label.
        segmenter: A trained model. Where it knows a mark's label, this is what it is asked for,
            else all that is not background. Without one the default engine answers prompts that
            are made of the diameters.
        progress: Told how far the work is; cancels it.
        settings: How.

    Returns:
        Probabilities of all labels in a region that holds all lesions; what a diameter runs
        through is its label.

    Raises:
        ValueError: If there are no marks, one of them cannot be used (see `check_recist`), two of
            different labels run through one voxel, or the image does not suit.
        CancelledError: If it was cancelled.
    """
    settings, progress = settings or RecistSettings(), progress or Progress()
    geometry = case.volume.geometry
    if not marks:
        raise ValueError("RECIST marks: got none, allowed are one or more. Draw two diameters.")
    for mark in marks:
        check_recist(mark, geometry)
    case.volume.check_scalar()
    lines = [_voxels(mark, geometry) for mark in marks]
    _check_apart(marks, lines, geometry)
    evidence: Evidence
    if segmenter is None:
        evidence, start = EngineEvidence(Case(case.volume, case.identifier)), 0.0
    else:
        evidence, start = ModelEvidence(segmenter, case.volume, progress.part(0.0, 0.5)), 0.5
    found = []
    for number, mark in enumerate(marks):
        share = [start + (1 - start) * (number + n) / len(marks) for n in (0, 1)]
        part = progress.part(share[0], share[1])
        found.append(grow_lesion(case.volume, mark, lines[number], evidence, settings, part))
    progress.report(1.0, "done")
    said: dict[str, Any] = {"evidence": evidence.source.method, **asdict(settings)}
    source = Provenance("recist-growth", said, evidence.source.weights_hash)
    return _joined(marks, lines, found, geometry, source)


def _voxels(mark: Recist, geometry: Geometry) -> NDArray[np.int64]:
    return np.concatenate(
        [scribble_voxels(Scribble(ends), geometry) for ends in (mark.long_axis, mark.short_axis)]
    )


def _check_apart(
    marks: Sequence[Recist], lines: Sequence[NDArray[np.int64]], geometry: Geometry
) -> None:
    taken: dict[int, int] = {}
    for mark, line in zip(marks, lines, strict=True):
        for voxel in np.ravel_multi_index(tuple(line.T), geometry.shape).tolist():
            if taken.setdefault(voxel, mark.label) != mark.label:
                raise ValueError(
                    f"RECIST marks: got marks of the labels {taken[voxel]} and {mark.label} that"
                    " run through one voxel, allowed is one label per voxel. Move one of them, or"
                    " give both the same label."
                )


def _joined(
    marks: Sequence[Recist],
    lines: Sequence[NDArray[np.int64]],
    found: Sequence[tuple[Region, NDArray[np.float32]]],
    geometry: Geometry,
    source: Provenance,
) -> Prediction:
    """Puts lesions together: a voxel is background if it is of none of them."""
    whole = found[0][0]
    for region, _ in found[1:]:
        whole = whole.united(region)
    labels = (0, *sorted({mark.label for mark in marks}))
    joined = np.zeros((len(labels), *whole.shape), dtype=np.float32)
    joined[0] = 1
    for mark, (region, chance) in zip(marks, found, strict=True):
        low = np.array(region.start) - whole.start
        at: Any = tuple(slice(a, a + n) for a, n in zip(low.tolist(), region.shape, strict=True))
        own = joined[labels.index(mark.label)][at]
        np.maximum(own, chance, out=own)
    for channel in range(1, len(labels)):
        joined[0] *= 1 - joined[channel]
    joined /= joined.sum(axis=0)
    for mark, line in zip(marks, lines, strict=True):
        inside: Any = tuple((line - np.array(whole.start)).T)
        joined[(slice(None), *inside)] = 0
        joined[(labels.index(mark.label), *inside)] = 1
    return Prediction(joined, labels, whole, geometry, source)
