"""Windows of a prepared image, and the way back to the image, for all orders of voxels."""

import numpy as np
import pytest
import torch

from ImperfectSegLogic.data import Geometry, Region
from ImperfectSegLogic.methods.scarce.interactive.model_grid import ModelGrid, ModelWindow
from ImperfectSegLogic.training.preprocessing import Preprocessing
from Testing.Logic.data.grids import OBLIQUE, ORIENTATIONS

EVERY = ORIENTATIONS | OBLIQUE
SHAPE = (7, 9, 11)


def grid_for(matrix, dims=3, spacing=(0.9, 0.9, 0.9), patch=(8, 8, 8), by=(4, 4, 4)):
    geometry = Geometry(SHAPE, matrix)
    prepare = Preprocessing(dims, spacing)
    shape = prepare.prepared_shape(geometry)
    return ModelGrid(geometry, shape, patch[-dims:], by[-dims:]), prepare, geometry


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("name", [name for name in EVERY if "thin" not in name])
def test_a_voxel_is_found_in_the_prepared_image(name, dims):
    spacing = (0.3, 0.3, 0.3)  # Finer than any of the image, so that no voxel is lost.
    grid, prepare, geometry = grid_for(EVERY[name], dims, spacing)
    numbers = np.arange(np.prod(SHAPE)).reshape(SHAPE)
    prepared = prepare.prepare_labels(numbers, geometry)
    voxels = np.argwhere(numbers >= 0)
    places = grid.places(voxels)
    assert np.array_equal(prepared[tuple(places.T)], numbers[tuple(voxels.T)])


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("name", EVERY)
def test_the_way_back_is_that_of_predictions(name, dims):
    grid, prepare, geometry = grid_for(EVERY[name], dims, (0.7, 0.7, 0.7))
    # Smooth values: predictions average where the image is coarser, which this does not.
    axes = np.meshgrid(*[np.linspace(0, 1, n) for n in grid.shape], indexing="ij")
    values = np.stack([axes[0] + 2 * axes[1], axes[2] - axes[0]]).astype(np.float32)
    whole = ModelWindow((0, 0, 0), grid.shape)
    back = grid.to_image(torch.from_numpy(values), whole, geometry.whole, (1, 1, 1)).numpy()
    wanted = prepare.restore(values, geometry)
    inner = (slice(None), *[slice(1, -1)] * 3)  # Where it averages, the border differs.
    assert back.shape == wanted.shape
    assert np.abs(back - wanted)[inner].max() < 0.03


@pytest.mark.parametrize(
    "name", ["axes (0, 1, 2) signs (1, 1, 1)", "axes (2, 0, 1) signs (-1, 1, 1)"]
)
def test_a_coarse_grid_of_a_part_has_the_middle_of_its_blocks(name):
    grid, *_ = grid_for(EVERY[name], 3, (0.7, 0.7, 0.7))
    axes = np.meshgrid(*[np.linspace(0, 1, n) for n in grid.shape], indexing="ij")
    values = torch.from_numpy(np.stack(axes).astype(np.float32))
    region = Region((1, 2, 3), (5, 8, 9))
    window = ModelWindow((0, 0, 0), grid.shape)
    fine = grid.to_image(values, window, region, (1, 1, 1)).numpy()
    coarse = grid.to_image(values, window, region, (2, 1, 3)).numpy()
    assert coarse.shape == (3, 2, 6, 2)
    blocks = fine.reshape(3, 2, 2, 6, 2, 3).mean(axis=(2, 5))
    assert np.abs(coarse - blocks).max() < 0.02


def test_a_window_has_the_patchs_size_and_holds_what_is_prompted():
    grid, _, geometry = grid_for(np.eye(4), 3, (1.0, 1.0, 1.0))
    window = grid.window_around(Region((6, 8, 10), (7, 9, 11)))  # In a corner of the image.
    assert window == ModelWindow((0, 1, 3), (8, 8, 8))  # The image has 7 slices only.
    assert grid.region_of(window) == Region((0, 1, 3), (7, 9, 11))
    wide = grid.window_around(Region((0, 0, 0), (7, 9, 11)))
    assert wide.size == (8, 12, 12)
    assert grid.region_of(wide) == geometry.whole


def test_a_window_grows_at_the_faces_of_the_image_that_it_is_told():
    matrix = ORIENTATIONS["axes (0, 1, 2) signs (1, 1, 1)"] * np.array([-1, 1, 1, 1])
    geometry = Geometry((40, 40, 40), matrix)  # Columns run to the left: flipped.
    grid = ModelGrid(geometry, (40, 40, 40), (8, 8, 8), (4, 4, 4))
    window = grid.window_around(Region((20, 20, 20), (21, 21, 21)))
    before = grid.region_of(window)
    after = grid.region_of(grid.grown(window, [(2, True), (0, False)]))
    assert after.stop[2] == before.stop[2] + 4
    assert after.start[2] == before.start[2]
    assert after.start[0] == before.start[0] - 4
    assert (after.start[1], after.stop) == (before.start[1], (before.stop[0], *after.stop[1:]))


def test_a_network_for_slices_does_not_grow_across_them():
    geometry = Geometry((30, 40, 40), np.diag([1.0, 1.0, 5.0, 1.0]))
    grid = ModelGrid(geometry, (30, 40, 40), (8, 8), (4, 4))
    window = grid.window_around(Region((3, 20, 20), (6, 21, 21)))
    assert (window.start[0], window.size) == (3, (3, 8, 8))
    assert grid.grown(window, [(0, True), (0, False)]) == window


def test_beyond_the_image_a_window_shows_the_mean():
    image = np.arange(1, 13, dtype=np.float32).reshape(1, 1, 3, 4)
    cut = ModelWindow((0, -1, 2), (1, 4, 4)).cut(image)[0, 0]
    assert cut.tolist() == [[0, 0, 0, 0], [3, 4, 0, 0], [7, 8, 0, 0], [11, 12, 0, 0]]
