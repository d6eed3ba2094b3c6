import numpy as np
import pytest

from ImperfectSegLogic.data import Geometry, Segment, Segmentation

GEOMETRY = Geometry((2, 3, 4), np.eye(4))
LABELS = np.zeros((2, 3, 4), np.int16)
LABELS[0, 0], LABELS[1, 1] = 2, 5


def test_from_labels_names_what_is_there_and_what_is_named():
    made = Segmentation.from_labels(LABELS, GEOMETRY, {5: "liver", 7: "empty"})
    assert [(s.label, s.name) for s in made.segments] == [
        (2, "Segment_2"),
        (5, "liver"),
        (7, "empty"),
    ]
    assert len({s.color for s in made.segments}) == 3
    np.testing.assert_array_equal(made.mask("Segment_5"), LABELS == 5)
    with pytest.raises(ValueError, match="segment 'x' is not there"):
        made.mask("x")


def test_a_label_map_keeps_labels():
    np.testing.assert_array_equal(Segmentation.from_labels(LABELS, GEOMETRY).label_map(), LABELS)


def test_a_label_map_numbers_segments_that_share_a_label():
    layers = np.stack([LABELS == 2, LABELS == 5]).astype(np.uint8)
    made = Segmentation(layers, GEOMETRY, (Segment("a", "a", 1), Segment("b", "b", 1, 1)))
    np.testing.assert_array_equal(made.label_map(), (LABELS == 2) + 2 * (LABELS == 5))


def test_a_label_map_of_nothing():
    assert not Segmentation(LABELS[None], GEOMETRY, ()).label_map().any()


def test_overlap_is_told():
    layers = np.stack([LABELS == 2, LABELS >= 2]).astype(np.uint8)
    made = Segmentation(layers, GEOMETRY, (Segment("a", "a", 1), Segment("b", "b", 1, 1)))
    with pytest.raises(ValueError, match="segment 'b' overlaps"):
        made.label_map()


@pytest.mark.parametrize(
    ("layers", "segments", "text"),
    [
        (LABELS, (), "got layers of shape"),
        (LABELS[None, :1], (), "got layers of shape"),
        (LABELS[None], (Segment("a", "a", 1), Segment("a", "b", 2)), "not unique"),
        (LABELS[None], (Segment("a", "a", 1), Segment("b", "b", 1)), "not unique"),
        (LABELS[None], (Segment("a", "a", 1, 1),), "allowed are layers 0 to 0"),
        (LABELS[None], (Segment("a", "a", 0),), "labels from 1"),
    ],
)
def test_refuses_what_does_not_fit(layers, segments, text):
    with pytest.raises(ValueError, match=text):
        Segmentation(layers, GEOMETRY, segments)
