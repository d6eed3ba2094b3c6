"""Takes noise out of an image and leaves its edges where they are."""

from __future__ import annotations

import numpy as np

from ImperfectSegLogic.methods.scarce.interactive.geodesic import Floats, Report

Spacing = tuple[float, float, float]

_FEWEST_STEPS = 4
_STABLE = 0.9
"""Part of a voxel's gray value that may flow away in one step; above 1 it would swing."""


def noise_of(values: Floats) -> float:
    """Gives the standard deviation of the noise within slices, small where it cannot be told.

    The median of second differences sees neither slopes nor the few edges.
    """
    found = [0.0]
    for axis in (1, 2):
        if values.shape[axis] > 2:
            bends = np.abs(np.diff(values, 2, axis=axis))
            found.append(float(np.median(bends)) / 0.6745 / float(np.sqrt(6)))
    return max(found) + 1e-3


def without_noise(
    values: Floats, spacing: Spacing, width: float, step: float, report: Report
) -> Floats:
    """Averages neighbors, but not across steps of gray values (Perona and Malik 1990).

    A Gaussian moves the border of a bright object outwards by a voxel and makes a slope of it, on
    which there is no telling which voxel is the last of the object.

    Args:
        values: The image, shape (k, j, i).
        spacing: Distance of neighboring voxels along k, j, i.
        width: Of the Gaussian that this is where the image is even, in the unit of the spacing.
        step: Difference of gray values that counts as a step.
        report: Told how far it is.

    Returns:
        The image without most of its noise.
    """
    axes = [axis for axis in range(3) if values.shape[axis] > 1]
    time = width**2 / 2
    out = sum(2 / spacing[axis] ** 2 for axis in axes)
    count = max(_FEWEST_STEPS, int(np.ceil(time * out / _STABLE)))
    result = values.copy()
    for number in range(count):
        flow = np.zeros_like(result)
        for done, axis in enumerate(axes):
            report((number + done / len(axes)) / count)
            low, high = _sides(axis)
            passed = np.diff(result, axis=axis)
            passed *= np.exp(-np.square(passed / np.float32(step)))
            passed *= np.float32(time / count / spacing[axis] ** 2)
            flow[low] += passed
            flow[high] -= passed
        result += flow
    return result


def gradient_length(gray: Floats, spacing: Spacing) -> Floats:
    """Gives how steep the gray values are."""
    total = np.zeros_like(gray)
    for axis, step in enumerate(spacing):
        if gray.shape[axis] > 1:
            total += np.square(np.gradient(gray, np.float32(step), axis=axis))
    return np.asarray(np.sqrt(total), dtype=np.float32)


def _sides(axis: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    low, high = [slice(None)] * 3, [slice(None)] * 3
    low[axis], high[axis] = slice(None, -1), slice(1, None)
    return tuple(low), tuple(high)
