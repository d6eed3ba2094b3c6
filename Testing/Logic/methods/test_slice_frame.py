"""Where voxels of an image are on its prepared slices, for images in any order of voxels."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from scipy.ndimage import map_coordinates

from ImperfectSegLogic.data import Geometry, Region, Volume
from ImperfectSegLogic.methods.scarce.interactive.slice_frame import SliceFrame
from ImperfectSegLogic.training.intensity import ChannelIntensity
from ImperfectSegLogic.training.preprocessing import Preprocessing

PREPARE = Preprocessing(2, (4.0, 0.8, 1.7), (ChannelIntensity("none"),))
ORDERS = [
    (axes, flips)
    for axes in itertools.permutations(range(3))
    for flips in itertools.product((1, -1), repeat=3)
]


def image(axes, flips, shape=(5, 24, 20), spacing=(4.0, 1.1, 1.3)) -> Geometry:
    """A grid whose voxels are stored in another order; slice thickness 4 mm."""
    matrix = np.eye(4)
    for to, axis in enumerate(axes):
        matrix[:3, 2 - to] = 0
        matrix[2 - axis, 2 - to] = flips[to] * spacing[axis]
    return Geometry(tuple(shape[axis] for axis in axes), matrix)


@pytest.mark.parametrize(("axes", "flips"), ORDERS)
def test_a_voxel_is_found_where_its_gray_value_is(axes, flips):
    geometry = image(axes, flips)
    weights = np.array([2.0, 3.0, 5.0])
    gray = np.tensordot(weights, np.indices(geometry.shape), axes=1).astype(np.float32)
    prepared = PREPARE.prepare(Volume(gray, geometry.ijk_to_ras))[0]
    frame = SliceFrame(PREPARE, geometry)
    assert frame.axis == axes.index(0)
    border = np.where(np.array(geometry.shape) > 5, 3, 0)
    for voxel in np.random.default_rng(0).integers(border, geometry.shape - border, (20, 3)):
        found = map_coordinates(prepared, np.array(frame.position(voxel))[:, None], order=1)
        assert found[0] == pytest.approx(float(weights @ voxel), abs=0.15)


@pytest.mark.parametrize(("axes", "flips"), ORDERS[::5])
def test_lines_and_positions_say_the_same_and_arrays_come_back(axes, flips):
    geometry = image(axes, flips)
    frame = SliceFrame(PREPARE, geometry)
    start = [1 if n == 5 else 4 for n in geometry.shape]
    region = Region(tuple(start), tuple(a + 3 for a in start))
    lines = frame.lines(region, (1, 1, 1))
    places = np.stack(np.meshgrid(*lines, indexing="ij"), axis=-1)
    own = frame.in_image_order(torch.from_numpy(places).movedim(-1, 0)).numpy()
    assert np.allclose(own[:, 1, 2, 0], frame.position(np.add(start, (1, 2, 0))))
    back = frame.in_slice_order(own)
    assert np.array_equal(np.moveaxis(back, 0, -1), places)


def test_blocks_of_voxels_count_by_their_middle():
    frame = SliceFrame(PREPARE, image((0, 1, 2), (1, 1, 1)))
    one = frame.lines(Region((0, 2, 0), (1, 8, 4)), (1, 1, 1))[1]
    blocks = frame.lines(Region((0, 2, 0), (1, 8, 4)), (1, 2, 1))[1]
    assert np.allclose(blocks, one.reshape(3, 2).mean(axis=1))


def test_the_region_around_a_voxel_is_its_slice_as_far_as_the_image_goes():
    frame = SliceFrame(PREPARE, image((0, 1, 2), (1, 1, 1)))
    region = frame.region_around(np.array([2, 12, 3]), reach=8)
    assert region == Region((2, 6, 0), (3, 19, 15))
