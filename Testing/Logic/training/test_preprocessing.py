import itertools
import json

import numpy as np
import pytest

from ImperfectSegLogic.data import Geometry, Volume
from ImperfectSegLogic.training.preprocessing import (
    ChannelIntensity,
    Preprocessing,
    canonical_grid,
    slice_axis,
)
from ImperfectSegLogic.training.resampling import nearest, resized, weights_across
from Testing.Logic.data.grids import ALL, SPACING, grid

SHAPE = (6, 10, 14)
AS_IT_IS = tuple(SPACING[::-1])
each_grid = pytest.mark.parametrize("matrix", ALL.values(), ids=ALL.keys())
each_dims = pytest.mark.parametrize("dims", [2, 3])
TURNS = [
    (order, flips)
    for order in itertools.permutations(range(3))
    for flips in itertools.product((False, True), repeat=3)
]


def smooth(shape=SHAPE) -> np.ndarray:
    k, j, i = np.indices(shape)
    return (100 + 40 * np.sin(k / 3 + 1) * np.cos(j / 4) + 9 * np.cos(i / 5)).astype(np.float32)


def noisy(shape=SHAPE) -> np.ndarray:
    return np.random.default_rng(0).normal(50, 20, shape).astype(np.float32)


def stored(array: np.ndarray, matrix: np.ndarray, order, flips) -> Volume:
    """The same image with its voxels in another order on disk."""
    flipped = tuple(axis for axis in range(3) if flips[axis])
    whole, turned = Geometry(array.shape, matrix), np.eye(4)
    corner = np.zeros(3)
    for to, axis in enumerate(order):
        turned[:3, 2 - to] = matrix[:3, 2 - axis] * (-1 if flips[to] else 1)
        corner[axis] = array.shape[axis] - 1 if flips[to] else 0
    turned[:3, 3] = whole.to_ras(corner)
    return Volume(np.flip(array.transpose(order), flipped), turned)


def middle(image) -> np.ndarray:
    """The center of gravity of gray values, as an index."""
    return np.array([(index * image).sum() for index in np.indices(image.shape)]) / image.sum()


def probabilities(shape, labels: int = 3) -> np.ndarray:
    drawn = np.random.default_rng(1).random((labels, *shape), dtype=np.float32)
    return drawn / drawn.sum(axis=0)


@each_dims
@pytest.mark.parametrize("spacing", [AS_IT_IS, (2.0, 2.0, 0.5)], ids=["as it is", "resampled"])
def test_an_image_looks_the_same_in_all_48_orders_of_its_voxels(dims, spacing):
    preprocessing = Preprocessing(dims, spacing)
    matrix = ALL["oblique"]
    wanted = preprocessing.prepare(Volume(noisy(), matrix))
    for order, flips in TURNS:
        volume = stored(noisy(), matrix, order, flips)
        got = preprocessing.prepare(volume)
        np.testing.assert_array_equal(got, wanted)
        assert got.shape[1:] == preprocessing.prepared_shape(volume.geometry)


@each_dims
def test_prepared_labels_lie_on_the_prepared_image_in_all_48_orders(dims):
    preprocessing = Preprocessing(dims, (2.9, 1.3, 0.7), (ChannelIntensity("none"),))
    for order, flips in TURNS:
        volume = stored(noisy(), ALL["oblique"], order, flips)
        labels = (volume.array > 60).astype(np.int16)
        got = preprocessing.prepare_labels(labels, volume.geometry)
        np.testing.assert_array_equal(got, preprocessing.prepare(volume)[0] > 60)


@each_grid
@each_dims
def test_probabilities_come_back_bit_by_bit_where_nothing_is_resampled(matrix, dims):
    geometry = Geometry(SHAPE, matrix)
    spacing = canonical_grid(geometry, dims).spacing
    preprocessing = Preprocessing(dims, spacing, (ChannelIntensity("none"),))
    own = probabilities(SHAPE)
    prepared = np.stack([preprocessing.prepare(Volume(one, matrix))[0] for one in own])
    np.testing.assert_array_equal(preprocessing.restore(prepared, geometry), own)
    np.testing.assert_array_equal(preprocessing.restore_map(prepared[1], geometry), own[1])


@each_grid
@each_dims
def test_a_resampled_image_comes_back_nearly_as_it_was(matrix, dims):
    geometry = Geometry(SHAPE, matrix)
    spacing = [0.6 * n for n in canonical_grid(geometry, dims).spacing]
    preprocessing = Preprocessing(dims, tuple(spacing), (ChannelIntensity("none"),))
    prepared = preprocessing.prepare(Volume(smooth(), matrix))
    back = preprocessing.restore(prepared, geometry)[0]
    assert back.shape == SHAPE
    assert np.abs(back - smooth()).max() < 5  # Of a range of 90; the most at the borders.


@each_dims
@pytest.mark.parametrize("factor", [0.4, 0.8, 2.5])
def test_restored_probabilities_are_probabilities(dims, factor):
    geometry = Geometry(SHAPE, ALL["oblique, flipped"])
    spacing = tuple(factor * n for n in canonical_grid(geometry, dims).spacing)
    preprocessing = Preprocessing(dims, spacing)
    answer = probabilities(preprocessing.prepared_shape(geometry))
    back = preprocessing.restore(answer, geometry)
    assert back.dtype == np.float32
    np.testing.assert_allclose(back.sum(axis=0), 1, atol=1e-6)
    assert back.min() >= 0


@pytest.mark.parametrize("factor", [0.5, 0.7, 3.0])
def test_what_is_resampled_stays_at_its_place(factor):
    matrix = ALL["oblique, flipped"]
    geometry = Geometry((20, 24, 28), matrix)
    index = np.indices(geometry.shape).reshape(3, -1).T
    center = geometry.to_ras((9, 13, 11))
    away = np.linalg.norm(geometry.to_ras(index) - center, axis=1).reshape(geometry.shape)
    image = np.exp(-((away / 8) ** 2)).astype(np.float32)
    turned = canonical_grid(geometry)
    spacing = tuple(factor * n for n in turned.spacing)
    preprocessing = Preprocessing(3, spacing, (ChannelIntensity("none"),))
    got = preprocessing.prepare(Volume(image, matrix))[0]
    ratio = np.divide(turned.shape, got.shape)
    # Borders of voxels stay where they are: centers move by half a voxel's growth.
    found = turned.to_ras((middle(got) + 0.5) * ratio - 0.5)
    assert np.linalg.norm(found - geometry.to_ras(middle(image))) < 0.1


def test_spacings_within_one_percent_are_left_alone():
    geometry = Geometry((200, 300, 400), np.diag((1.0, 1.0, 1.0, 1)))
    assert Preprocessing(3, (1.009, 0.992, 1.0)).prepared_shape(geometry) == (200, 300, 400)
    assert Preprocessing(3, (1.0, 0.98, 1.0)).prepared_shape(geometry) == (200, 306, 400)


def test_the_prepared_spacing_covers_the_same_place():
    geometry = Geometry(SHAPE, np.diag((0.7, 1.3, 2.9, 1)))
    preprocessing = Preprocessing(3, (2.0, 1.0, 1.0))
    shape, spacing = (
        preprocessing.prepared_shape(geometry),
        preprocessing.prepared_spacing(geometry),
    )
    np.testing.assert_allclose(np.multiply(shape, spacing), np.multiply(SHAPE, (2.9, 1.3, 0.7)))


def test_in_2d_the_axis_with_the_largest_spacing_comes_first_and_keeps_it():
    coronal = np.diag((0.8, 5.0, 0.9, 1))  # Columns to R, rows to A 5 mm apart, slices to S.
    geometry = Geometry(SHAPE, coronal)
    preprocessing = Preprocessing(2, (9.0, 0.9, 0.8))
    assert preprocessing.prepared_shape(geometry) == (10, 6, 14)
    assert preprocessing.prepared_spacing(geometry) == pytest.approx((5.0, 0.9, 0.8))
    assert canonical_grid(geometry, 2).spacing == pytest.approx((5.0, 0.9, 0.8))
    assert canonical_grid(geometry, 3).spacing == pytest.approx((0.9, 5.0, 0.8))


@pytest.mark.parametrize(
    ("shape", "spacing", "wanted"),
    [
        ((9, 9, 9), (1, 1, 1), 0),
        ((9, 9, 9), (1, 1.005, 1), 0),
        ((9, 9, 9), (1, 1, 3), 2),
        ((9, 1, 9), (3, 1, 1), 1),
        ((1, 1, 9), (1, 2, 1), 1),
    ],
)
def test_which_axis_runs_across_the_slices(shape, spacing, wanted):
    assert slice_axis(shape, spacing) == wanted


@each_grid
def test_the_canonical_grid_is_where_the_image_is(matrix):
    geometry = Geometry(SHAPE, matrix)
    for dims in (2, 3):
        turned = canonical_grid(geometry, dims)
        corners = turned.to_ras([(0, 0, 0), np.array(turned.shape) - 1])
        assert geometry.contains(geometry.to_index(corners)).all()
    assert (np.diag(canonical_grid(Geometry(SHAPE, ALL["oblique"])).ijk_to_ras)[:3] > 0).all()


def test_unlabeled_voxels_stay_unlabeled():
    labels = np.full(SHAPE, -1, dtype=np.int16)
    labels[2:4, 3:6] = 4
    preprocessing = Preprocessing(3, (2.0, 0.5, 0.7))
    got = preprocessing.prepare_labels(labels, Geometry(SHAPE, np.diag((0.7, 1.3, 2.9, 1))))
    assert set(np.unique(got)) == {-1, 4}
    assert got.dtype == np.int16


def test_gray_values_are_normalized_by_the_image_or_by_the_data_set():
    image = Volume(np.stack([noisy() * 3 + 7, noisy(), noisy()]), grid(np.eye(3)))
    ct = ChannelIntensity("ct", low=30, high=60, mean=45, std=10)
    schemes = (ChannelIntensity(), ct, ChannelIntensity("none"))
    got = Preprocessing(3, AS_IT_IS, schemes).prepare(image)
    assert got.dtype == np.float32
    assert got[0].mean() == pytest.approx(0, abs=1e-5)
    assert got[0].std() == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(got[1], (np.clip(noisy(), 30, 60) - 45) / 10, atol=1e-6)
    np.testing.assert_array_equal(got[2], noisy())


@pytest.mark.parametrize("value", [0, -1000, 0.1])
def test_an_image_with_one_value_becomes_zero(value):
    got = Preprocessing(3, AS_IT_IS).prepare(Volume(np.full(SHAPE, value), grid(np.eye(3))))
    assert (got == 0).all()


@pytest.mark.parametrize("scheme", ["zscore", "none", "ct"])
def test_nan_is_refused_whatever_the_scheme(scheme):
    image = noisy()
    image[0, 0, 0] = np.inf
    image[0, 0, 1] = np.nan
    said = ChannelIntensity(scheme, 0, 1)
    with pytest.raises(ValueError, match=r"liver\.nrrd: got 2 NaN or infinite voxels of 840"):
        Preprocessing(3, AS_IT_IS, (said,)).prepare(Volume(image, np.eye(4), "liver.nrrd"))


def test_the_wrong_number_of_channels_is_refused():
    with pytest.raises(ValueError, match=r"brain\.nrrd: got 1 channels, allowed are 2"):
        Preprocessing(3, AS_IT_IS, (ChannelIntensity(),) * 2).prepare(
            Volume(noisy(), np.eye(4), "brain.nrrd")
        )


def test_a_spacing_that_cannot_be_right_is_refused():
    microns = Volume(noisy(), np.diag((700.0, 700, 700, 1)), "slide.nrrd")
    with pytest.raises(ValueError, match=r"slide\.nrrd: got voxels 700 mm apart"):
        Preprocessing(3, AS_IT_IS).prepare(microns)


@pytest.mark.parametrize(
    "change",
    [
        {"dims": 4},
        {"spacing": (1, 0, 1)},
        {"spacing": (1, 1)},
        {"intensity": ()},
    ],
)
def test_what_is_not_allowed_is_refused(change):
    with pytest.raises(ValueError, match="preprocessing: got"):
        Preprocessing(**({"dims": 3, "spacing": (1, 1, 1)} | change))


@pytest.mark.parametrize("said", [("gray",), ("ct", 2, 1), ("zscore", 0, 0, 0, 0)])
def test_normalizations_that_are_not_allowed_are_refused(said):
    with pytest.raises(ValueError, match="intensity"):
        ChannelIntensity(*said)


def test_it_comes_back_from_json():
    wanted = Preprocessing(
        2, (9.5, 1.0, 1.5), (ChannelIntensity(), ChannelIntensity("ct", -200.5, 300, 40, 12.25))
    )
    assert Preprocessing.of_json(json.loads(json.dumps(wanted.to_json()))) == wanted


@pytest.mark.parametrize("damage", [{"spacing": None}, {"intensity": [{"low": "x", "y": 1}]}])
def test_damaged_json_is_refused(damage):
    said = Preprocessing(2, (1, 1, 1)).to_json() | damage
    with pytest.raises(ValueError, match="preprocessing: got"):
        Preprocessing.of_json(said)


@pytest.mark.parametrize("axes", [(0, 1, 2), (2, 1, 0), (0, 2, 1)])
def test_shrinking_averages_what_a_voxel_covers(axes):
    # The middle of three voxels lies on one of them: without averaging there would be 0 and 1.
    stripes = np.tile(np.array([0, 1, 0], dtype=np.float32), (9, 9, 3))
    shrunk = resized(stripes.transpose(axes), (3, 3, 3))
    np.testing.assert_allclose(shrunk, 1 / 3, atol=0.1)


def test_weights_across_do_what_resizing_does():
    image = noisy()
    for after in (4, 6, 9):
        wanted = resized(image, (after, *SHAPE[1:]))
        got = np.tensordot(weights_across(SHAPE[0], after), image, 1)
        np.testing.assert_allclose(got, wanted, atol=1e-4)


def test_nearest_takes_the_label_under_each_center():
    labels = np.arange(6).reshape(1, 1, 6)
    assert nearest(labels, (1, 1, 3)).ravel().tolist() == [1, 3, 5]
    assert nearest(labels, (1, 1, 12)).ravel().tolist() == sorted([*range(6)] * 2)
