import numpy as np
import pytest

from ImperfectSegLogic.data import (
    UNLABELED,
    Case,
    DenseMask,
    Geometry,
    ImageLabels,
    NoisyMask,
    PointGrid,
    SparseMask,
    Volume,
)

GEOMETRY = Geometry((2, 3, 4), np.eye(4))
ZEROS = np.zeros((2, 3, 4), np.int16)


def test_unlabeled_is_not_background():
    labels = ZEROS.copy()
    labels[0] = UNLABELED
    mask = SparseMask(labels, GEOMETRY)
    assert mask.labeled.sum() == 12
    with pytest.raises(ValueError, match="DenseMask: got int16 labels from -1"):
        DenseMask(labels, GEOMETRY)


@pytest.mark.parametrize("kind", [DenseMask, NoisyMask, SparseMask])
def test_masks_are_checked_and_cannot_be_written_through(kind):
    with pytest.raises(ValueError, match=rf"{kind.__name__}: got labels of shape \(2, 3\)"):
        kind(ZEROS[..., 0], GEOMETRY)
    with pytest.raises(ValueError, match="whole numbers"):
        kind(ZEROS + 0.5, GEOMETRY)
    with pytest.raises(ValueError, match="read-only"):
        kind(ZEROS, GEOMETRY).labels[0] = 1


def test_a_label_is_not_both_there_and_not():
    with pytest.raises(ValueError, match=r"\[2\] are both present and absent"):
        ImageLabels(frozenset({1, 2}), frozenset({2, 3}))


def test_a_point_grid_has_a_label_per_place():
    PointGrid(np.zeros((4, 3)), np.zeros(4, np.int64))
    for positions, labels in ((np.zeros((4, 3)), np.zeros(3)), (np.zeros((4, 2)), np.zeros(4))):
        with pytest.raises(ValueError, match="point grid: got"):
            PointGrid(positions, labels.astype(np.int64))


def test_an_annotation_is_on_the_grid_of_its_image():
    volume = Volume(ZEROS, np.eye(4))
    assert Case(volume).annotation is None
    Case(volume, "a", DenseMask(ZEROS, GEOMETRY))
    moved = np.eye(4)
    moved[0, 3] = 0.1
    with pytest.raises(ValueError, match="case a: the annotation's grid is not the image's"):
        Case(volume, "a", DenseMask(ZEROS, Geometry((2, 3, 4), moved)))
