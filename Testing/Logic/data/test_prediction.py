import numpy as np
import pytest

from ImperfectSegLogic.data import Geometry, Prediction, Provenance, Region

GEOMETRY = Geometry((3, 4, 5), np.eye(4))
REGION = Region((1, 1, 1), (3, 3, 4))


def prediction(labels=(0, 2, 300)):
    probabilities = np.zeros((len(labels), *REGION.shape), np.float32)
    probabilities[0] = 0.4
    probabilities[-1] = 0.6
    probabilities[:, 0] = probabilities[::-1, 0]
    return Prediction(probabilities, labels, REGION, GEOMETRY, Provenance("m"))


def test_labels_of_region_and_image():
    inside = prediction().region_labels()
    assert inside.dtype == np.uint16
    assert (inside[0] == 0).all()
    assert (inside[1] == 300).all()
    whole = prediction().full_labels()
    assert whole.shape == (3, 4, 5)
    np.testing.assert_array_equal(whole[REGION.slices], inside)
    assert whole.sum() == inside.sum(dtype=np.int64)
    assert prediction((0, 1)).region_labels().dtype == np.uint8


def test_outside_the_region_is_background():
    whole = prediction().full_probabilities()
    assert whole[:, 0, 0, 0].tolist() == [1, 0, 0]
    np.testing.assert_allclose(whole.sum(axis=0), 1, rtol=1e-6)


def test_entropy_is_from_sure_to_undecided():
    probabilities = np.full((2, *REGION.shape), 0.5, np.float32)
    probabilities[:, 0] = np.array([1, 0])[:, None, None]
    entropy = Prediction(probabilities, (0, 1), REGION, GEOMETRY, Provenance("m")).entropy()
    np.testing.assert_allclose(entropy[0], 0, atol=1e-6)
    np.testing.assert_allclose(entropy[1], 1, atol=1e-6)


def test_probabilities_cannot_be_written_through():
    with pytest.raises(ValueError, match="read-only"):
        prediction().probabilities[0] = 1


def cut(probabilities, labels, thresholds):
    """Labels of single voxels, whose probabilities are given one by one."""
    columns = np.array(probabilities, np.float32).T[:, :, None, None]
    region = Region((0, 0, 0), columns.shape[1:])
    whole = Geometry(columns.shape[1:], np.eye(4))
    made = Prediction(columns, labels, region, whole, Provenance("m"))
    return made.region_labels(thresholds).ravel().tolist()


@pytest.mark.parametrize("threshold", [0.05, 0.2, 0.5, 0.8, 0.95])
def test_a_lone_segment_is_where_it_is_more_probable_than_its_threshold(threshold):
    some = (0.04, 0.06, 0.19, 0.21, 0.49, 0.51, 0.79, 0.81, 0.94, 0.96)
    got = cut([(1 - p, p) for p in some], (0, 3), {3: threshold})
    assert got == [3 if p > threshold else 0 for p in some]


def test_what_is_certain_stays_at_every_threshold():
    sure = [(1, 0, 0), (0, 1, 0), (0, 0, 1)]
    for first in (0.01, 0.99):
        assert cut(sure, (0, 1, 2), {1: first, 2: 1 - first}) == [0, 1, 2]


def test_a_lower_threshold_takes_from_the_neighbor_too_and_others_stay_as_probable():
    voxels = [(0.1, 0.4, 0.5), (0.5, 0.1, 0.4), (0.2, 0.7, 0.1)]
    assert cut(voxels, (0, 1, 2), None) == [2, 0, 1]
    assert cut(voxels, (0, 1, 2), {1: 0.4}) == [1, 0, 1]
    assert cut(voxels, (0, 1, 2), {1: 0.9}) == [2, 0, 0]
    assert cut(voxels, (0, 1, 2), {7: 0.1}) == [2, 0, 1], "a label that is not there"
