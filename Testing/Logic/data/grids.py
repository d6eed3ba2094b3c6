"""Grids of every kind and content that shows every flip, for the tests beside this file."""

import itertools

import numpy as np

from ImperfectSegLogic.data import Volume

SHAPE = (3, 4, 5)
SPACING = (0.7, 1.3, 2.9)
ORIGIN = (-31.5, 77.25, 12.125)


def grid(axes, spacing=SPACING, origin=ORIGIN):
    matrix = np.eye(4)
    matrix[:3, :3] = np.asarray(axes) * spacing
    matrix[:3, 3] = origin
    return matrix


def _turned():
    a, b = np.deg2rad((17, -28))
    about_z = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    return about_z @ about_x


ORIENTATIONS = {
    f"axes {order} signs {signs}": grid(np.eye(3)[list(order)].T * signs)
    for order in itertools.permutations(range(3))
    for signs in itertools.product((1, -1), repeat=3)
}
OBLIQUE = {
    "oblique": grid(_turned()),
    "oblique, flipped": grid(_turned() * (1, -1, 1)),
    "oblique, far away, thin": grid(_turned(), (0.1, 0.2, 9.0), (1000.0, -2000.0, 500.0)),
}
_SHEAR = np.array([[1, 0, 0.3], [0, 1, -0.2], [0, 0, 1]])
SHEARED = {
    "sheared": grid(_SHEAR),
    "oblique and sheared": grid(_turned() @ _SHEAR),
    "sheared, flipped": grid(_turned() @ _SHEAR * (-1, 1, 1)),
}
RIGHT_ANGLES = ORIENTATIONS | OBLIQUE
ALL = RIGHT_ANGLES | SHEARED


def every_index(shape):
    return np.indices(shape).reshape(3, -1).T


def pattern(shape=SHAPE, dtype=np.int16):
    """Every voxel has another value."""
    return np.arange(1, 1 + np.prod(shape)).reshape(shape).astype(dtype)


def volume(matrix, shape=SHAPE, dtype=np.int16):
    return Volume(pattern(shape, dtype), matrix)


def assert_same_places(got, wanted):
    """Every voxel of `wanted` is found, by its place in the patient, in `got`."""
    assert got.array.shape == wanted.array.shape
    index = every_index(wanted.geometry.shape)
    there = got.geometry.to_index(wanted.geometry.to_ras(index))
    np.testing.assert_array_equal(got.array[(..., *there.T)], wanted.array[(..., *index.T)])
    assert got.geometry.matches(wanted.geometry)
