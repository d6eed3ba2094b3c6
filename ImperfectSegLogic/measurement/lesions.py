"""What each lesion of a mask measures: volume and the two diameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ImperfectSegLogic.data import DenseMask
from ImperfectSegLogic.measurement.diameters import Diameters, diameters


@dataclass(frozen=True, eq=False)
class Lesion:
    """One lesion.

    Attributes:
        label: Its number in the mask, or of its part, from 1.
        name: For people.
        voxels: How many it has; 0 for a lesion that is named but not there.
        volume_ml: Its volume in milliliters.
        diameters: On the slice where it is largest; None if it is not there.
    """

    label: int
    name: str
    voxels: int
    volume_ml: float
    diameters: Diameters | None

    @property
    def long_mm(self) -> float:
        """The longest diameter in mm; 0 if it is not there."""
        return self.diameters.long_mm if self.diameters else 0.0

    @property
    def short_mm(self) -> float:
        """The short axis in mm; 0 if it is not there."""
        return self.diameters.short_mm if self.diameters else 0.0


def measure_lesions(
    mask: DenseMask,
    names: Mapping[int, str] | None = None,
    axis: int | None = None,
    parts: bool = False,
) -> tuple[Lesion, ...]:
    """Measures every lesion of a mask, by rising label.

    Args:
        mask: A label per lesion, 0 background.
        names: By label; one that is named but not there is measured as 0.
        axis: Across the slices to measure on; by default as `slice_axis` tells.
        parts: Whether each part that hangs together, edges and corners included, is a lesion of
            its own, the largest first, whatever its label.

    Raises:
        ValueError: If there is no such axis.
    """
    labels, named = mask.labels, dict(names or {})
    if parts:
        found, count = ndimage.label(labels, structure=np.ones((3, 3, 3)))
        order = np.argsort(-np.bincount(found.ravel(), minlength=count + 1)[1:], kind="stable")
        numbers = np.zeros(count + 1, dtype=np.int64)
        numbers[1 + order] = np.arange(1, count + 1)
        labels, named = numbers[found], {}
    boxes = ndimage.find_objects(labels.astype(np.int64))
    there = {n for n, box in enumerate(boxes, start=1) if box is not None}
    voxel = abs(float(np.linalg.det(mask.geometry.ijk_to_ras[:3, :3]))) / 1000
    lesions = []
    for label in sorted((there | set(named)) - {0}):
        own = labels == label
        count = int(np.count_nonzero(own))
        sizes = diameters(own, mask.geometry, axis) if count else None
        name = named.get(label, f"lesion {label}")
        lesions.append(Lesion(label, name, count, count * voxel, sizes))
    return tuple(lesions)
