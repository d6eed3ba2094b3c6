"""A mask straight from somebody's scribbles, without training, by an interactive segmenter."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ImperfectSegLogic.completion.completed import Completed
from ImperfectSegLogic.completion.registration import slice_axis
from ImperfectSegLogic.completion.scribble_prompts import prompts_of
from ImperfectSegLogic.completion.wanted_slices import wanted_slices
from ImperfectSegLogic.data import Case, Geometry, Prediction, Region, SparseMask
from ImperfectSegLogic.data.slices import Cut
from ImperfectSegLogic.methods.base import InteractiveSegmenter
from ImperfectSegLogic.methods.catalog import default_segmenter
from ImperfectSegLogic.methods.progress import Progress


def complete_scribbles(
    case: Case,
    mask: SparseMask,
    engine: InteractiveSegmenter | None = None,
    progress: Progress | None = None,
) -> Completed:
    """Completes a mask of which few voxels are labeled.

    Slices that are thick are completed one by one if all from the first to the last one with
    labels have a label; a structure is then on those slices only on which it is marked.

    Args:
        case: The image; its annotation does not count.
        mask: What is labeled, one voxel or more of every structure. Without a label of the
            background, what lies around the labels is taken for it.
        engine: The interactive segmenter; the default one if none is given.
        progress: Told how far the work is; cancels it.

    Returns:
        Probabilities in a region around the labels, labeled voxels certain, and the slices worth
        annotating next.

    Raises:
        ValueError: If no structure is labeled, the mask's grid is not the image's, the image does
            not suit, or the engine takes neither scribbles nor clicks.
        CancelledError: If it was cancelled.
    """
    progress = progress or Progress()
    engine = engine or default_segmenter()()
    if not mask.geometry.matches(case.volume.geometry):
        raise ValueError(
            f"case {case.identifier}: got a mask of {mask.geometry.shape} voxels on another grid"
            f" than the image's, of {case.volume.geometry.shape}. Resample it to the image first."
        )
    prompts = prompts_of(mask, engine.card.accepts)
    axis = slice_axis(mask.geometry)
    others = tuple(a for a in range(3) if a != axis)
    labeled = np.flatnonzero(mask.labeled.any(axis=others)) if axis is not None else np.array([])
    every = len(labeled) > 1 and len(labeled) == labeled[-1] - labeled[0] + 1
    if axis is not None and every:
        found = _slice_by_slice(case, mask, engine, axis, labeled.tolist(), progress)
    else:
        engine.set_case(Case(case.volume, case.identifier))
        found = engine.respond(prompts, progress=progress)
    across = int(np.argmax(mask.geometry.spacing)) if axis is None else axis
    others = tuple(a for a in range(3) if a != across)
    known = np.flatnonzero(mask.labeled.any(axis=others)).tolist()
    return Completed(found, wanted_slices(found, across, known))


def _slice_by_slice(
    case: Case,
    mask: SparseMask,
    engine: InteractiveSegmenter,
    axis: int,
    slices: list[int],
    progress: Progress,
) -> Prediction:
    """Answers each slice as an image of its own; where no structure is marked, none is there."""
    labels = (0, *(int(v) for v in np.unique(mask.labels) if v > 0))
    parts: list[Prediction] = []
    for n, k in enumerate(slices):
        cut = Cut.slice_at(mask.geometry, axis, k)
        inside = mask.labels[cut.region.slices].transpose(cut.order)
        if not (inside > 0).any():
            continue
        part = SparseMask(np.ascontiguousarray(inside), cut.geometry(mask.geometry))
        engine.set_case(Case(cut.volume(case.volume), case.identifier))
        share = progress.part(n / len(slices), (n + 1) / len(slices))
        found = engine.respond(prompts_of(part, engine.card.accepts), progress=share)
        parts.append(cut.back(found, mask.geometry))
    return _joined(parts, labels, mask)


def _joined(parts: list[Prediction], labels: tuple[int, ...], mask: SparseMask) -> Prediction:
    """Joins the answers of slices; between them, within their region, is background."""
    geometry: Geometry = mask.geometry
    region: Region = parts[0].region
    for part in parts[1:]:
        region = region.united(part.region)
    whole = np.zeros((len(labels), *region.shape), dtype=np.float32)
    whole[0] = 1
    for part in parts:
        start = [a - o for a, o in zip(part.region.start, region.start, strict=True)]
        stop = [b - o for b, o in zip(part.region.stop, region.start, strict=True)]
        box: Any = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
        whole[(slice(None), *box)] = 0
        for channel, label in enumerate(part.labels):
            whole[(labels.index(label), *box)] = part.probabilities[channel]
    notes = tuple(dict.fromkeys(note for part in parts for note in part.notes))
    return replace(
        parts[0], probabilities=whole, labels=labels, region=region, geometry=geometry, notes=notes
    )
