import numpy as np
import pytest

from ImperfectSegLogic.data import Volume


def test_a_volume_cannot_be_written_through_and_leaves_the_array_alone():
    array = np.zeros((2, 3, 4))
    volume = Volume(array, np.eye(4))
    with pytest.raises(ValueError, match="read-only"):
        volume.array[0] = 1
    array[0] = 1
    assert volume.geometry.shape == (2, 3, 4)
    assert (volume.channels, volume.is_2d) == (1, False)


def test_channels_come_first():
    volume = Volume(np.zeros((3, 1, 4, 5)), np.eye(4))
    assert (volume.channels, volume.is_2d, volume.geometry.shape) == (3, True, (1, 4, 5))


@pytest.mark.parametrize(
    "array",
    [np.zeros((3, 4)), np.zeros((1,) * 5), np.zeros((0, 3, 4)), np.zeros((2, 3, 4), complex)],
)
def test_refuses_what_is_no_image(array):
    with pytest.raises(ValueError, match=r"scan: got a .*allowed are numbers"):
        Volume(array, np.eye(4), "scan")


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (np.zeros((3, 2, 3, 4)), "scan: got 3 values per voxel"),
        (np.array([[[1.0, np.nan, np.inf]]]), "scan: got 2 NaN or infinite voxels of 3"),
        (np.full((2, 3, 4), 7), "scan: got the same value 7 in every voxel"),
    ],
)
def test_refuses_to_segment_what_shows_nothing(array, text):
    with pytest.raises(ValueError, match=text):
        Volume(array, np.eye(4), "scan").check_scalar()


def test_an_image_that_shows_something_is_fine():
    Volume(np.arange(24).reshape(2, 3, 4), np.eye(4)).check_scalar()
