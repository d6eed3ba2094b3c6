"""How far several readers of one unit disagree, and one annotation of all of theirs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ImperfectSegLogic.active.queue_items import Item
from ImperfectSegLogic.active.queue_saving import save
from ImperfectSegLogic.active.unit import Unit
from ImperfectSegLogic.data import UNLABELED, Dataset, DenseMask, Geometry, SparseMask
from ImperfectSegLogic.metrics.dice import dice
from ImperfectSegLogic.metrics.surface_distances import surface_distances

STAPLE = "staple"
CONSENSUS = "consensus"
"""Whose annotation the resolved one is by default."""
Labels = NDArray[Any]


@dataclass(frozen=True)
class Disagreement:
    """How far two readers of a unit disagree on one label.

    Attributes:
        unit: What they read.
        readers: The two annotators, sorted.
        label: Which label; at least one of the two has it.
        dice: Of the voxels that both have labeled, 0 to 1.
        hd95: In mm; infinite if one lacks the label; NaN if one left a voxel of the unit unlabeled.
        kappa: Cohen's kappa of the voxels that both have labeled, at most 1, 0 as by chance; NaN
            if both have the label in all of these voxels.
        voxels: How many voxels both have labeled.
    """

    unit: Unit
    readers: tuple[str, str]
    label: int
    dice: float
    hd95: float
    kappa: float
    voxels: int


def disagreements(dataset: Dataset, item: Item) -> list[Disagreement]:
    """Compares every two readers of a unit, label by label, within the unit.

    Raises:
        ValueError: If a reader's annotation is no mask, or is damaged.
        FileNotFoundError: If its file is gone.
    """
    masks, grid = readings(dataset, item), _grid(dataset, item.unit)
    found = []
    for one, other in combinations(sorted(masks), 2):
        a, b = masks[one], masks[other]
        both = (a != UNLABELED) & (b != UNLABELED)
        for label in sorted(set(np.unique(a[both])) | set(np.unique(b[both]))):
            if label > 0:
                ours, theirs = a == label, b == label
                hd95 = surface_distances(ours, theirs, grid).hd95 if both.all() else np.nan
                numbers = dice(ours[both], theirs[both]), hd95, kappa(ours[both], theirs[both])
                readers = (one, other)
                count = int(np.count_nonzero(both))
                found.append(Disagreement(item.unit, readers, int(label), *numbers, count))
    return found


def kappa(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """Gives Cohen's kappa of two masks: agreement beyond that by chance (cohen1960coefficient).

    NaN if both are empty or both are full: there is nothing that chance could not give.

    Raises:
        ValueError: If the shapes differ.
    """
    if one.shape != other.shape:
        raise ValueError(
            f"kappa: got masks of shapes {one.shape} and {other.shape}, allowed are equal ones."
            " Resample one to the other first."
        )
    if not one.size:
        return np.nan
    agreed, p, q = float(np.mean(one == other)), float(one.mean()), float(other.mean())
    by_chance = p * q + (1 - p) * (1 - q)
    return (agreed - by_chance) / (1 - by_chance) if by_chance < 1 else np.nan


def resolve(dataset: Dataset, item: Item, by: str = STAPLE, name: str = CONSENSUS) -> int:
    """Makes one annotation of a unit of those of its readers, as a new version.

    Args:
        dataset: The data set.
        item: A unit that somebody has read.
        by: `staple`, or the reader who is right.
        name: Whose annotation the result is.

    Returns:
        The version's number.

    Raises:
        ValueError: If it was not read by this reader, by fewer than two for STAPLE, or an
            annotation is no mask.
        OSError: If it cannot be written.
    """
    masks = readings(dataset, item)
    if by == STAPLE and len(masks) > 1:
        labels = staple(masks)
    elif by in masks:
        labels = masks[by]
    else:
        raise ValueError(
            f"{item.unit.name()}: got {by!r}, read by {sorted(masks) or 'nobody'}. Choose one of"
            f" these, or {STAPLE!r} where there are two."
        )
    geometry = dataset.record(item.unit.case).geometry
    whole = np.full(geometry.shape, UNLABELED, labels.dtype)
    whole[item.unit.slices(geometry.shape)] = labels
    dense = not (whole == UNLABELED).any()
    mask = DenseMask(whole, geometry) if dense else SparseMask(whole, geometry)
    return save(dataset, item.unit, mask, name)


def staple(masks: Mapping[str, Labels]) -> Labels:
    """Estimates the true labels by how reliable each reader is on each label.

    Multi-label STAPLE (warfield2004simultaneous, rohlfing2004performance) of SimpleITK. Only
    voxels that all readers have labeled take part; the others, and those where no label is the
    most likely one, are `UNLABELED`, for somebody to decide. With two or three readers it cannot
    tell well who is reliable, and can be worse than a vote.

    Args:
        masks: Labels >= 0, or `UNLABELED`, by reader, of equal shapes.
    """
    every = np.stack([masks[name] for name in sorted(masks)])
    known = (every != UNLABELED).all(axis=0)
    result = np.full(known.shape, UNLABELED, np.int32)
    if known.any():
        # Numbers in a row: STAPLE stores a table over all labels up to the highest one.
        values, rows = np.unique(every[:, known], return_inverse=True)
        rows = rows.reshape(len(every), 1, -1).astype(np.uint16)
        images = [sitk.GetImageFromArray(row) for row in rows]
        found = sitk.GetArrayFromImage(sitk.MultiLabelSTAPLE(images, len(values)))
        result[known] = np.append(values, UNLABELED)[found.ravel()]
    return result


def readings(dataset: Dataset, item: Item) -> dict[str, Labels]:
    """Gives what each annotator who has read a unit labeled in it, by name.

    Raises:
        ValueError: If an annotation is no mask, or is damaged.
        FileNotFoundError: If its file is gone.
    """
    record, masks = dataset.record(item.unit.case), {}
    for reading in (r for r in item.standing.readings if r.done):
        version = dataset.find_version(item.unit.case, reading.annotator, reading.version)
        assert version is not None, reading
        annotation = dataset.read(item.unit.case, version, record.geometry)
        if not isinstance(annotation, DenseMask | SparseMask):
            raise ValueError(
                f"{item.unit.name()}: {reading.annotator} gave {type(annotation).__name__}, only"
                " masks can be compared. Complete it to a mask first."
            )
        place = item.unit.slices(record.geometry.shape)
        masks[reading.annotator] = np.asarray(annotation.labels[place], np.int32)
    return masks


def resolved(dataset: Dataset, units: Iterable[Unit], name: str = CONSENSUS) -> dict[Unit, int]:
    """Tells which units somebody, such as `resolve`, has labeled, and by which version.

    Args:
        dataset: The data set.
        units: Which are asked about.
        name: Whose annotations count; of each case the newest one.

    Raises:
        ValueError: If an annotation is damaged.
        FileNotFoundError: If its file is gone.
    """
    found: dict[Unit, int] = {}
    wanted = sorted(units)
    for case in sorted({unit.case for unit in wanted}):
        version = next(reversed(dataset.versions(case, name)), None)
        annotation = dataset.read(case, version) if version else None
        if version is not None and isinstance(annotation, DenseMask | SparseMask):
            labeled = annotation.labels != UNLABELED
            own = (unit for unit in wanted if unit.case == case)
            found |= {u: version.number for u in own if labeled[u.slices(labeled.shape)].any()}
    return found


def _grid(dataset: Dataset, unit: Unit) -> Geometry:
    """Gives the grid of a unit, which has the spacing of its image; where it is does not matter."""
    geometry = dataset.record(unit.case).geometry
    k, j, i = (s.stop - s.start for s in unit.slices(geometry.shape))
    return Geometry((k, j, i), geometry.ijk_to_ras)
