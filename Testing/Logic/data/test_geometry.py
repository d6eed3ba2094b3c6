import numpy as np
import pytest
import SimpleITK as sitk

from ImperfectSegLogic.data import Geometry, Region
from Testing.Logic.data.grids import ALL, ORIENTATIONS, SHAPE, every_index, grid

each_grid = pytest.mark.parametrize("matrix", ALL.values(), ids=ALL.keys())


def test_there_are_48_orientations():
    assert len({m.tobytes() for m in ORIENTATIONS.values()}) == 48


@each_grid
@pytest.mark.parametrize("shape", [SHAPE, (1, 4, 5), (3, 1, 5), (1, 1, 1)])
def test_every_voxel_is_found_by_its_own_place(matrix, shape):
    geometry = Geometry(shape, matrix)
    index = every_index(shape)
    np.testing.assert_array_equal(geometry.to_index(geometry.to_ras(index)), index)
    np.testing.assert_allclose(
        geometry.to_continuous_index(geometry.to_ras(index)), index, atol=1e-9
    )
    assert geometry.contains(index).all()


@each_grid
def test_a_place_anywhere_in_a_voxel_names_it(matrix):
    geometry = Geometry(SHAPE, matrix)
    index = every_index(SHAPE)
    aside = np.random.default_rng(0).uniform(-0.499, 0.499, index.shape)
    np.testing.assert_array_equal(geometry.to_index(geometry.to_ras(index + aside)), index)


@each_grid
def test_agrees_with_simpleitk(matrix):
    geometry = Geometry(SHAPE, matrix)
    image = sitk.Image(list(SHAPE[::-1]), sitk.sitkUInt8)
    lps = np.diag((-1, -1, 1, 1)) @ matrix
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetDirection((lps[:3, :3] / spacing).ravel().tolist())
    image.SetOrigin(lps[:3, 3].tolist())
    for k, j, i in every_index(SHAPE).tolist():
        x, y, z = image.TransformIndexToPhysicalPoint((i, j, k))
        np.testing.assert_allclose(geometry.to_ras((k, j, i)), (-x, -y, z), atol=1e-9)


def test_spacing_and_shear():
    straight, sheared = Geometry(SHAPE, ALL["oblique"]), Geometry(SHAPE, ALL["oblique and sheared"])
    np.testing.assert_allclose(straight.spacing, (2.9, 1.3, 0.7))
    assert not straight.is_sheared
    assert sheared.is_sheared


def test_outside_is_outside():
    geometry = Geometry(SHAPE, grid(np.eye(3)))
    outside = geometry.to_index(geometry.to_ras([(-1, 0, 0), (0, 4, 0), (0, 0, 5), (2, 3, 4)]))
    assert geometry.contains(outside).tolist() == [False, False, False, True]


def test_matches_to_a_thousandth_of_a_voxel():
    matrix = grid(np.eye(3))
    geometry = Geometry(SHAPE, matrix)
    for moved, same in ((1e-5, True), (0.01, False)):
        other = matrix.copy()
        other[0, 3] += moved
        assert geometry.matches(Geometry(SHAPE, other)) is same
    assert not geometry.matches(Geometry((3, 4, 6), matrix))


def test_matrix_is_a_copy_and_cannot_be_changed():
    matrix = grid(np.eye(3))
    geometry = Geometry(SHAPE, matrix)
    matrix[0, 0] = 9
    assert geometry.ijk_to_ras[0, 0] == 0.7
    with pytest.raises(ValueError, match="read-only"):
        geometry.ijk_to_ras[0, 0] = 9


def test_microscope_and_planet_are_fine():
    for size in (1e-6, 1e6):
        assert Geometry((2, 2, 2), np.diag((size, size, size, 1))).spacing == (size,) * 3


@pytest.mark.parametrize(
    "matrix",
    [
        np.eye(3),
        np.zeros((4, 4)),
        np.diag((1.0, 1, 0, 1)),
        np.diag((1.0, 1, 1, 2)),
        np.full((4, 4), np.nan),
        np.array([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]]),
    ],
)
def test_refuses_a_matrix_that_places_nothing(matrix):
    with pytest.raises(ValueError, match="IJK-to-RAS matrix: got"):
        Geometry(SHAPE, matrix)


@pytest.mark.parametrize("shape", [(3, 4), (3, 4, 0), (1, 3, 4, 5)])
def test_refuses_a_shape_that_is_not_3d(shape):
    with pytest.raises(ValueError, match="image shape: got"):
        Geometry(shape, np.eye(4))


def test_region():
    array = np.arange(60).reshape(SHAPE)
    region = Region((1, 0, 2), (3, 2, 4))
    assert array[region.slices].shape == region.shape == (2, 2, 2)
    assert region.grown((1, 1, 5), SHAPE) == Region((0, 0, 0), (3, 3, 5))
    assert region.united(Region((0, 1, 3), (1, 4, 5))) == Region((0, 0, 2), (3, 4, 5))
    assert Region.around(np.array([(1, 0, 2), (2, 1, 3)])) == region
    assert Geometry(SHAPE, np.eye(4)).whole.shape == SHAPE
