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
