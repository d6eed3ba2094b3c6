"""Non-rigid registration of frames of a sequence, which lie on one grid, by SimpleITK's demons.

Slices that are thick or few are registered one by one, in their own plane: between slices 10 mm
apart there is no gradient to follow.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from ImperfectSegLogic.data import Geometry, Volume
from ImperfectSegLogic.methods.progress import CancelledError, Progress

THICK = 3.0
"""From this ratio of spacings on, slices are registered one by one."""
FEW_SLICES = 8
"""The same for images with fewer slices."""
SHRINKS = (4, 2, 1)
"""How much coarser than the image each level is, per axis; the first one finds large motion."""
LEAST_VOXELS = 16
"""An axis is made coarser only as long as it keeps this many voxels."""
STEPS = (60, 40, 20)
"""Demons iterations per level."""
SMOOTH_FIELD, SMOOTH_UPDATE = 1.5, 1.0
"""Standard deviations in voxels of a level by which the field and each update are smoothed."""
Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Deformation:
    """Where each voxel of one image is found in another one on the same grid.

    Attributes:
        offsets: In voxels, shape (3, slice, row, column): what to add to the index (slice, row,
            column) of a voxel of the fixed image to get the place in the moving one.
        geometry: The grid of both.
    """

    offsets: Floats
    geometry: Geometry

    @property
    def millimeters(self) -> Floats:
        """How far each voxel moves in mm, shape (slice, row, column)."""
        spacing = np.array(self.geometry.spacing, dtype=np.float32)[:, None, None, None]
        return np.asarray(np.linalg.norm(self.offsets * spacing, axis=0), dtype=np.float32)


def register(fixed: Volume, moving: Volume, progress: Progress | None = None) -> Deformation:
    """Finds where each voxel of an image lies in another one, by symmetric-force demons.

    Coarse to fine, gray values scaled to mean 0 and standard deviation 1. Meant for images of the
    same kind on the same grid: frames of a sequence. The grid may be oblique; sheared ones count
    as if their axes were at right angles.

    Args:
        fixed: The image in which labels are wanted.
        moving: The image that has labels.
        progress: Told how far the work is; cancels it.

    Raises:
        ValueError: If their grids differ, or one has channels, NaN or one value only.
        CancelledError: If it was cancelled.
    """
    check_same_grid(fixed, moving)
    for one in (fixed, moving):
        one.check_scalar()
    progress = progress or Progress()
    geometry = fixed.geometry
    images = [_standardized(one.array) for one in (fixed, moving)]
    axis = slice_axis(geometry)
    if axis is None:
        offsets = _demons(images[0], images[1], geometry.spacing, progress)
        return Deformation(offsets, geometry)
    stacks = [np.moveaxis(one, axis, 0) for one in images]
    spacing = tuple(n for a, n in enumerate(geometry.spacing) if a != axis)
    offsets = np.zeros((3, *geometry.shape), dtype=np.float32)
    moved = np.moveaxis(offsets[[a for a in range(3) if a != axis]], 1 + axis, 1)
    count = geometry.shape[axis]
    for n, (one, other) in enumerate(zip(*stacks, strict=True)):
        part = progress.part(n / count, (n + 1) / count)
        moved[:, n] = _demons(one, other, spacing, part)
    offsets[[a for a in range(3) if a != axis]] = np.moveaxis(moved, 1, 1 + axis)
    return Deformation(offsets, geometry)


def warp_labels(
    mask: NDArray[np.integer], deformation: Deformation, labels: tuple[int, ...]
) -> Floats:
    """Carries a mask of the moving image over to the fixed one.

    Args:
        mask: Labels of the moving image, shape (slice, row, column).
        deformation: What `register` gave.
        labels: Which labels, 0 for background included, in the order of the result.

    Returns:
        Probabilities, shape (label, slice, row, column), which sum to 1: each label's mask is
        interpolated linearly. What comes from outside the image has the label of its edge.
    """
    assert mask.shape == deformation.geometry.shape, (mask.shape, deformation.geometry.shape)
    places = np.indices(mask.shape, dtype=np.float32) + deformation.offsets
    warped = [
        map_coordinates((mask == label).astype(np.float32), places, order=1, mode="nearest")
        for label in labels
    ]
    found = np.stack(warped)
    return np.asarray(found / np.maximum(found.sum(axis=0), 1e-6), dtype=np.float32)


def check_same_grid(one: Volume, other: Volume) -> None:
    """Checks that two frames lie on one grid.

    Raises:
        ValueError: If they do not; both are named.
    """
    if one.geometry.matches(other.geometry):
        return
    told = [
        f"{v.name} ({' x '.join(map(str, v.geometry.shape))} voxels of"
        f" {' x '.join(f'{n:.4g}' for n in v.geometry.spacing)} mm)"
        for v in (one, other)
    ]
    raise ValueError(
        f"frames: got {told[0]} and {told[1]}, whose grids differ in size, spacing, place or"
        " direction; allowed is one grid for all frames of a sequence. Resample one to the other."
    )


def slice_axis(geometry: Geometry) -> int | None:
    """Gives the axis across slices that are registered one by one; None to register volumes."""
    if 1 in geometry.shape:
        return geometry.shape.index(1)
    spacing = np.array(geometry.spacing)
    axis = int(np.argmax(spacing))
    if spacing[axis] > THICK * spacing.min() or geometry.shape[axis] < FEW_SLICES:
        return axis
    return None


def _standardized(array: NDArray[np.generic]) -> Floats:
    gray = array.astype(np.float32)
    return np.asarray((gray - gray.mean()) / gray.std(), dtype=np.float32)


def _demons(
    fixed: Floats, moving: Floats, spacing: tuple[float, ...], progress: Progress
) -> Floats:
    """Gives offsets in voxels, shape (axis, *space), of arrays of 2 or 3 axes."""
    images = [sitk.GetImageFromArray(np.ascontiguousarray(one)) for one in (fixed, moving)]
    for one in images:
        one.SetSpacing(spacing[::-1])
    field: sitk.Image | None = None
    for n, (shrink, steps) in enumerate(zip(SHRINKS, STEPS, strict=True)):
        progress.report(n / len(SHRINKS), "registering")
        coarse = [_shrunk(one, shrink) for one in images]
        field = _level(coarse[0], coarse[1], field, steps, progress)
    assert field is not None
    whole = sitk.GetArrayFromImage(sitk.Resample(field, images[0]))
    moved = np.moveaxis(whole, -1, 0)[::-1]
    scale = np.array(spacing).reshape(-1, *[1] * fixed.ndim)
    return np.asarray(moved / scale, dtype=np.float32)


def _level(
    fixed: sitk.Image, moving: sitk.Image, start: sitk.Image | None, steps: int, progress: Progress
) -> sitk.Image:
    demons = sitk.SymmetricForcesDemonsRegistrationFilter()
    demons.SetNumberOfIterations(steps)
    demons.SetStandardDeviations(SMOOTH_FIELD)
    demons.SetSmoothUpdateField(True)
    demons.SetUpdateFieldStandardDeviations(SMOOTH_UPDATE)

    def stop_if_cancelled() -> None:
        if progress.is_cancelled:
            demons.StopRegistration()

    demons.AddCommand(sitk.sitkIterationEvent, stop_if_cancelled)
    if start is None:
        field = demons.Execute(fixed, moving)
    else:
        field = demons.Execute(fixed, moving, sitk.Resample(start, fixed))
    if progress.is_cancelled:
        raise CancelledError("cancelled")
    return field


def _shrunk(image: sitk.Image, by: int) -> sitk.Image:
    factors = [max(1, min(by, n // LEAST_VOXELS)) for n in image.GetSize()]
    if all(f == 1 for f in factors):
        return image
    widths = [f / 2 if f > 1 else 1e-3 for f in factors]
    sigmas = [w * step for w, step in zip(widths, image.GetSpacing(), strict=True)]
    return sitk.Shrink(sitk.SmoothingRecursiveGaussian(image, sigmas), factors)
