"""Images with known answers for the tests of segmenters."""

from __future__ import annotations

import numpy as np

from ImperfectSegLogic.data import Click, Geometry, Prediction, Prompt, Volume


def rotation(degrees: float) -> np.ndarray:
    """Gives a rotation about an oblique axis."""
    axis = np.array([1.0, 2.0, 3.0]) / np.sqrt(14)
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    angle = np.radians(degrees)
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def grid(shape, spacing=(1.0, 1.0, 1.0), degrees=0.0, origin=(-20.0, 35.0, 7.0)) -> Geometry:
    """Gives a grid; spacing along slice, row, column."""
    matrix = np.eye(4)
    matrix[:3, :3] = rotation(degrees) @ np.diag(spacing[::-1])
    matrix[:3, 3] = origin
    return Geometry(shape, matrix)


def ball(geometry: Geometry, center, radius: float) -> np.ndarray:
    """Gives a ball (a disk on one slice): center as index (k, j, i), radius in mm."""
    index = np.indices(geometry.shape).reshape(3, -1).T
    away = np.linalg.norm(geometry.to_ras(index) - geometry.to_ras(center), axis=1)
    return (away <= radius).reshape(geometry.shape)


def picture(geometry: Geometry, parts, noise: float = 4.0, seed: int = 0) -> Volume:
    """Gives a noisy volume from (mask, gray value) pairs on a background of 100."""
    array = np.full(geometry.shape, 100.0)
    for mask, value in parts:
        array[mask] = value
    array += np.random.default_rng(seed).normal(0, noise, geometry.shape)
    return Volume(array.astype(np.float32), geometry.ijk_to_ras, "phantom")


def click(geometry: Geometry, index, label: int = 1, positive: bool = True) -> Click:
    """Gives a click on a voxel (k, j, i)."""
    return Click(position=geometry.to_ras(index), label=label, positive=positive)


def chance(prediction: Prediction, prompt: Prompt, label: int) -> float:
    """Gives the probability of a label at a click."""
    index = prediction.geometry.to_index(prompt.position)
    channel = prediction.labels.index(label)
    return float(prediction.full_probabilities()[(channel, *index)])
