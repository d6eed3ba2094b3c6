"""A mask on a few slices becomes one of the volume."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from ImperfectSegLogic.completion.between_slices import complete_slices
from ImperfectSegLogic.completion.signed_distance import signed_distance
from ImperfectSegLogic.data import UNLABELED, SparseMask
from ImperfectSegLogic.methods.progress import CancelledError, Progress
from Testing.Logic.completion.stacks import dice, only, stack, tube
from Testing.Logic.methods.phantoms import ball, grid

SLICES = (0, 6, 12)


def without_image(truth, slices) -> np.ndarray:
    """Gives what plain interpolation of signed distances says."""
    found = np.zeros(truth.shape, dtype=bool)
    for a, b in pairwise(slices):
        one, other = (signed_distance(truth[k], (1.0, 1.0)) for k in (a, b))
        for k in range(a, b + 1):
            t = (k - a) / (b - a)
            found[k] = (1 - t) * one + t * other > 0
    return found


def test_shapes_follow_the_image_where_distances_alone_go_astray():
    truth = tube().astype(int)
    case = stack(truth)
    done = complete_slices(case, only(truth, case.volume.geometry, SLICES))
    between = [k for k in range(13) if k not in SLICES]
    found = done.prediction.full_labels()
    plain = dice(without_image(truth == 1, SLICES)[between], truth[between] == 1)
    own = dice(found[between] == 1, truth[between] == 1)
    assert plain < 0.85
    assert own > plain + 0.1


def test_annotated_voxels_keep_their_labels_and_are_certain():
    truth = tube().astype(int)
    case = stack(truth)
    mask = only(truth, case.volume.geometry, SLICES)
    labels = mask.labels.copy()
    labels[3, 2, 2] = 1  # A label outside of whole slices, against all that the image says.
    whole = np.where(labels == UNLABELED, 0, labels)
    done = complete_slices(case, SparseMask(labels, case.volume.geometry))
    given = labels != UNLABELED
    np.testing.assert_array_equal(done.prediction.full_labels()[given], whole[given])
    assert (done.prediction.full_probabilities().max(axis=0)[given] == 1).all()


@pytest.mark.parametrize("axis", [1, 2])
def test_any_axis_and_orientation_give_the_same_as_the_first_axis(axis):
    truth = tube().astype(int)
    case = stack(truth)
    straight = complete_slices(case, only(truth, case.volume.geometry, SLICES))
    turned = np.moveaxis(truth, 0, axis)
    geometry = grid(turned.shape, degrees=33.0)
    image = np.moveaxis(case.volume.array, 0, axis)
    other = stack(turned, geometry)
    volume = type(other.volume)(np.ascontiguousarray(image), geometry.ijk_to_ras)
    done = complete_slices(type(other)(volume), only(turned, geometry, SLICES, axis))
    back = np.moveaxis(done.prediction.full_labels(), axis, 0)
    assert dice(back == 1, straight.prediction.full_labels() == 1) > 0.97


def test_several_labels_are_completed_together():
    truth = tube(radius=8).astype(int)
    truth[tube(radius=4)] = 2
    case = stack(truth)
    done = complete_slices(case, only(truth, case.volume.geometry, SLICES))
    found = done.prediction.full_labels()
    assert done.prediction.labels == (0, 1, 2)
    for label in (1, 2):
        assert dice(found == label, truth == label) > 0.85
    np.testing.assert_allclose(done.prediction.probabilities.sum(axis=0), 1, atol=1e-4)


def test_a_structure_on_one_of_two_slices_ends_between_them():
    geometry = grid((13, 40, 44), (4.0, 1.0, 1.0))  # Too thick to be smoothed across.
    truth = ball(geometry, (0, 20, 22), 7.5).astype(int)
    truth[1:] = 0
    case = stack(np.zeros_like(truth), geometry)
    done = complete_slices(case, only(truth, geometry, (0, 12)))
    area = (done.prediction.full_labels() == 1).sum(axis=(1, 2))
    assert area[4] > 0
    assert (area[7:] == 0).all()
    assert (np.diff(area) <= 0).all()


def test_beyond_the_last_annotated_slice_it_is_uncertain_and_stops():
    truth = tube((21, 40, 44), bend=0).astype(int)
    case = stack(truth)
    done = complete_slices(case, only(truth, case.volume.geometry, (8, 12)))
    found, entropy = done.prediction.full_labels() == 1, done.prediction.entropy()
    region = done.prediction.region
    assert region.start[0] == 4
    assert region.stop[0] == 17
    assert found[13].any()
    inside, outside = entropy[10 - 4].mean(), entropy[14 - 4].mean()
    assert outside > 1.5 * inside


def test_from_one_annotated_slice_it_shrinks_both_ways_and_ends():
    truth = tube((25, 40, 44), bend=0).astype(int)
    geometry = grid(truth.shape, (3.0, 1.0, 1.0))  # Too thick to be smoothed across.
    case = stack(np.zeros_like(truth), geometry)  # Nothing in the image says where it ends.
    done = complete_slices(case, only(truth, geometry, (12,)))
    area = (done.prediction.full_labels() == 1).sum(axis=(1, 2))
    assert 0 < area[11] < area[12] > area[13] > 0
    assert area[8] == area[16] == 0


def test_wanted_slices_lie_between_the_annotated_ones():
    truth = tube().astype(int)
    case = stack(truth)
    done = complete_slices(case, only(truth, case.volume.geometry, SLICES))
    assert done.wanted
    assert all(one.axis == 0 and one.index not in SLICES for one in done.wanted)


def test_thick_slices_work_in_millimeters():
    truth = tube((7, 40, 44), bend=0.5).astype(int)
    case = stack(truth, grid(truth.shape, (10.0, 1.5, 1.5)))
    done = complete_slices(case, only(truth, case.volume.geometry, (0, 2, 4, 6)))
    assert dice(done.prediction.full_labels() == 1, truth == 1) > 0.85


def test_a_mask_without_whole_slices_is_refused():
    truth = tube().astype(int)
    case = stack(truth)
    labels = np.full(truth.shape, UNLABELED)
    labels[4, 10:30, 10:30] = truth[4, 10:30, 10:30]
    with pytest.raises(ValueError, match="no slice along k, j, i of which every voxel is"):
        complete_slices(case, SparseMask(labels, case.volume.geometry))


def test_slices_of_background_only_are_refused():
    truth = np.zeros((5, 20, 20), dtype=int)
    geometry = grid(truth.shape)
    case = stack(tube(truth.shape, 4).astype(int), geometry)
    with pytest.raises(ValueError, match="nothing but background"):
        complete_slices(case, only(truth, geometry, (0, 4)))


def test_a_mask_on_another_grid_is_refused():
    truth = tube().astype(int)
    with pytest.raises(ValueError, match="another grid"):
        complete_slices(stack(truth), only(truth, grid(truth.shape, (2.0, 1.0, 1.0)), SLICES))


def test_it_can_be_cancelled():
    truth = tube().astype(int)
    case, progress = stack(truth), Progress()
    progress.cancel()
    with pytest.raises(CancelledError):
        complete_slices(case, only(truth, case.volume.geometry, SLICES), progress)
