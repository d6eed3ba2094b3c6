"""Finished annotations of units become versions of the annotation of their case."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.active.unit import Unit
from ImperfectSegLogic.data import UNLABELED, Annotation, Dataset, DenseMask, SparseMask

Labels = NDArray[Any]


def save(dataset: Dataset, unit: Unit, annotation: Annotation, annotator: str) -> int:
    """Writes a new version of an annotator's annotation of a case; older versions stay.

    Of a slice or patch, a `SparseMask` says what is in it. What the annotator has labeled in the
    same case before stays in the new version where this mask says nothing, so that the newest
    version has all of the annotator's slices. All else is written as it is.

    Returns:
        The version's number.

    Raises:
        ValueError: If nothing is labeled in the unit, or the annotation does not suit the case.
        OSError: If it cannot be written, as on a full disk; older versions stay.
    """
    _check_labeled(dataset, unit, annotation)
    if unit.axis < 0 or not isinstance(annotation, SparseMask):
        return dataset.annotate(unit.case, annotation, annotator)
    numbers, before = _newest(dataset, unit.case, annotator)
    labels = _over(before, annotation.labels, unit)
    while True:
        mask = SparseMask(labels, annotation.geometry)
        number = dataset.annotate(unit.case, mask, annotator)
        late = [v for v in dataset.versions(unit.case, annotator) if v.number not in numbers]
        late = [v for v in late if v.number != number]
        if not late:
            return number
        # Under the same name another unit of this case was finished at the same time: whoever is
        # the later one to look adds what the other has changed.
        numbers |= {number, *(v.number for v in late)}
        for version in late:
            other = _labels_of(dataset.read(unit.case, version))
            if other is not None:
                changed = other != UNLABELED
                if before is not None:
                    changed &= other != before
                changed[unit.slices(annotation.geometry.shape)] = False
                labels = np.where(changed, other, labels)


def _check_labeled(dataset: Dataset, unit: Unit, annotation: Annotation) -> None:
    if not isinstance(annotation, SparseMask):
        return
    place = unit.slices(dataset.record(unit.case).geometry.shape)
    dataset.check_place(unit.case, annotation)
    if not annotation.labeled[place].any():
        raise ValueError(
            f"{unit.name()}: got an annotation with no labeled voxel in this {unit.kind}. Label"
            " it, background included, or skip it and give a reason."
        )


def _newest(dataset: Dataset, case: str, annotator: str) -> tuple[set[int], Labels | None]:
    """Gives all numbers of versions that there are, and the labels of the newest mask."""
    versions = dataset.versions(case, annotator)
    for version in reversed(versions):
        if (labels := _labels_of(dataset.read(case, version))) is not None:
            return {v.number for v in versions}, labels
    return {v.number for v in versions}, None


def _labels_of(annotation: Annotation) -> Labels | None:
    return annotation.labels if isinstance(annotation, DenseMask | SparseMask) else None


def _over(before: Labels | None, labels: Labels, unit: Unit) -> Labels:
    """Gives the labels, and those before them where they say nothing outside of their unit."""
    if before is None:
        return labels
    kept = labels == UNLABELED
    kept[unit.slices(tuple(labels.shape))] = False
    return np.where(kept, before, labels)
