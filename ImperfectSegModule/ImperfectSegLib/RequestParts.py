"""Which parts of an image are asked about, and with which prompts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLib.PromptStore import Entry
from ImperfectSegLib.Requests import Answer, Part, Place
from ImperfectSegLib.SegmentationChanges import common, inside
from ImperfectSegLogic.data import Box, Geometry, Prediction, Prompt, Region
from ImperfectSegLogic.data.prompt_files import prompt_fields
from ImperfectSegLogic.data.slices import AXIS_NAMES, Cut, in_slice, slice_index
from ImperfectSegLogic.methods.scarce.interactive.rasterize import (
    box_coordinates,
    box_holds,
    box_holds_any,
    box_region,
    given_positions,
)


def partsOf(
    geometry: Geometry,
    entries: Sequence[Entry],
    segmentIds: Mapping[int, str],
    limit: Box | None = None,
    places: Collection[Place] | None = None,
    moved: frozenset[int] = frozenset(),
) -> tuple[tuple[Part, ...], tuple[str, ...]]:
    """Gives what to ask about which parts of an image, and what was left out.

    Args:
        geometry: The image's grid.
        entries: The prompts.
        segmentIds: The segment of every label.
        limit: Where engines look and write; everywhere if there is none.
        places: Which slices are to be answered, in 2-D; None in 3-D.
        moved: Numbers of prompts that have moved: where no prompt is left, their answer goes.

    Raises:
        ValueError: If the limit is outside the image, or a stroke crosses slices in 2-D.
    """
    region = geometry.whole
    notes: list[str] = []
    if limit is not None:
        region = regionOf(limit, geometry)
        kept = [e for e in entries if _isIn(e.prompt, region, geometry)]
        if len(kept) < len(entries):
            notes.append(f"prompts outside of the region, left out: {len(entries) - len(kept)}")
        entries = kept
    if places is None:
        cut = Cut(region)
        made = [_part(geometry, cut, geometry.whole, entries, segmentIds, limit)] if entries else []
        return tuple(made), tuple(notes)
    parts = []
    for axis, index in sorted(places):
        slab = Cut.slice_at(geometry, axis, index).region
        here = [e for e in entries if placeOf(e, geometry) == (axis, index)]
        inside = common(region, slab)
        if inside is None or not (here or moved):
            continue
        flat = [
            Entry(e.number, e.axis, e.segmentId, in_slice(e.prompt, geometry, axis, index))
            for e in here
        ]
        parts.append(_part(geometry, Cut(inside, axis), slab, flat, segmentIds, limit, moved))
    return tuple(parts), tuple(notes)


def placeOf(entry: Entry, geometry: Geometry) -> Place:
    """Gives the slice that a prompt lies in: of its view's axis, of k if that is not known.

    Raises:
        ValueError: If it is a stroke through several slices, or outside the image.
    """
    axis = entry.axis or 0
    index = slice_index(entry.prompt, geometry, axis)
    if not 0 <= index < geometry.shape[axis]:
        raise ValueError(
            f"prompt {entry.number} ({type(entry.prompt).__name__}): got slice {index} along"
            f" {AXIS_NAMES[axis]}, which is outside the image; it has {geometry.shape[axis]}."
            " Place it inside, or choose the image it belongs to."
        )
    return axis, index


def isSame(one: Prompt, other: Prompt) -> bool:
    """Whether two prompts say the same."""
    return prompt_fields(one) == prompt_fields(other)


def allowedIn(part: Part, prediction: Prediction | None) -> NDArray[np.bool_] | None:
    """Gives which voxels of a prediction's region may be written; None for all."""
    if part.allowed is None or prediction is None:
        return None
    return part.allowed[inside(prediction.region, part.cut.region)]


def withPrevious(part: Part, answers: Sequence[Answer]) -> Part:
    """Adds the answer to all prompts of a part but the last ones, if there is one."""
    for answer in answers:
        known = answer.part
        fits = answer.raw is not None and known.cut == part.cut
        earlier = len(known.prompts) < len(part.prompts)
        if fits and earlier and all(map(isSame, known.prompts, part.prompts)):
            return replace(part, previous=answer.raw)
    return part


def _part(
    geometry: Geometry,
    cut: Cut,
    scope: Region,
    entries: Sequence[Entry],
    segmentIds: Mapping[int, str],
    limit: Box | None,
    moved: frozenset[int] = frozenset(),
) -> Part:
    used = {e.prompt.label for e in entries} or set(segmentIds)
    numbers = frozenset(e.number for e in entries) or moved
    ids = {label: s for label, s in segmentIds.items() if label in used}
    prompts = tuple(e.prompt for e in entries)
    return Part(cut, scope, prompts, numbers, ids, allowedBy(limit, cut.region, geometry))


def regionOf(limit: Box, geometry: Geometry) -> Region:
    """Gives the smallest region with all voxels that a limit can hold.

    Raises:
        ValueError: If it holds no voxel of the image.
    """
    region = box_region(limit, geometry)
    if region is None or not box_holds_any(limit, geometry):
        raise ValueError(
            "region: it holds no voxel of the image. Move it into the image, make it larger, or"
            " turn it off."
        )
    return region


def allowedBy(limit: Box | None, region: Region, geometry: Geometry) -> NDArray[np.bool_] | None:
    """Gives which voxels are in the limit; None if all are, as where it is parallel to the grid."""
    if limit is None:
        return None
    ends = np.array(np.meshgrid(*zip(region.start, np.array(region.stop) - 1, strict=True)))
    if box_holds(limit, geometry.to_ras(ends.reshape(3, -1).T)).all():
        return None
    allowed = np.zeros(region.shape, dtype=bool)
    for k in range(region.shape[0]):  # One by one, for the sake of memory.
        first = (region.start[0] + k, *region.start[1:])
        along = box_coordinates(limit, geometry, first, (1, *region.shape[1:]))
        allowed[k] = np.all([np.abs(part[0]) <= 1 + 1e-6 for part in along], axis=0)
    return allowed


def _isIn(prompt: Prompt, region: Region, geometry: Geometry) -> bool:
    if isinstance(prompt, Box):
        found = box_region(prompt, geometry)
        return found is None or common(found, region) is not None
    index = geometry.to_index(given_positions(prompt))
    return bool(((index >= region.start) & (index < region.stop)).all())
