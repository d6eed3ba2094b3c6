"""Clean-up: pieces, closing in mm, holes, prompts that forbid it, probabilities after it."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from scipy import ndimage

from ImperfectSegLogic.crf.clean_up import closed, relabeled, without_holes, without_pieces
from ImperfectSegLogic.data import Case, Geometry, Prediction, Provenance, Region, Volume
from ImperfectSegLogic.methods.catalog import refiner
from ImperfectSegLogic.methods.progress import CancelledError, Progress
from ImperfectSegLogic.methods.scarce.crf.clean_up import CleanUp, Settings
from Testing.Logic.methods.phantoms import click, grid


def nothing_pinned(labels):
    return np.full(labels.shape, -1, dtype=np.int64)


def flat(*rows: str) -> np.ndarray:
    """Gives one slice of labels from its rows."""
    return np.array([[[int(c) for c in row] for row in rows]], dtype=np.int64)


def predicted(labels: np.ndarray, geometry: Geometry | None = None, sure: float = 0.8):
    """Gives a case and a prediction that is fairly sure of some labels."""
    geometry = geometry or grid(labels.shape)
    count = int(labels.max()) + 1
    p = np.full((max(count, 2), *labels.shape), (1 - sure) / (max(count, 2) - 1), dtype=np.float32)
    np.put_along_axis(p, labels[np.newaxis], np.float32(sure), axis=0)
    known = tuple(range(len(p)))
    whole = Prediction(p, known, geometry.whole, geometry, Provenance("planted"))
    return Case(Volume(np.zeros(labels.shape), geometry.ijk_to_ras)), whole


def cleaned(labels, geometry=None, prompts=(), **settings):
    case, prediction = predicted(labels, geometry)
    return CleanUp(Settings(**settings)).refine(case, prediction, prompts)


# Pieces --------------------------------------------------------------------------------------


def test_a_speck_becomes_what_is_around_it():
    labels = flat("0000000", "0111110", "0112110", "0111110", "0000001", "2220000", "2220000")
    found = without_pieces(labels, [1, 2], 1, 0, nothing_pinned(labels))
    # The 1 at the corner of the block touches it there: it is no speck.
    assert np.array_equal(
        found,
        flat("0000000", "0111110", "0111110", "0111110", "0000001", "2220000", "2220000"),
    )


def test_only_specks_of_the_chosen_segments_go():
    labels = flat("100002", "000000", "011022", "011022")
    found = without_pieces(labels, [2], 1, 0, nothing_pinned(labels))
    assert np.array_equal(found, flat("100000", "000000", "011022", "011022"))


def test_two_largest_pieces_stay():
    labels = flat("1110110", "0000000", "1000000")
    found = without_pieces(labels, [1], 2, 0, nothing_pinned(labels))
    assert np.array_equal(found, flat("1110110", "0000000", "0000000"))


def test_each_segment_has_one_piece_afterwards_whatever_there_was():
    rng = np.random.default_rng(0)
    for _ in range(30):
        labels = rng.integers(0, 4, (4, 7, 6))
        found = without_pieces(labels, [1, 2, 3], 1, 0, nothing_pinned(labels))
        for label in (1, 2, 3):
            assert ndimage.label(found == label, np.ones((3, 3, 3)))[1] <= 1
        assert not ((found > 0) & (labels == 0)).any()


def test_smallest_is_a_volume_in_mm():
    labels = np.zeros((4, 12, 12), dtype=np.int64)
    labels[1:3, 1:3, 1:3] = 1  # 8 voxels
    labels[1:3, 6:9, 6:9] = 1  # 18 voxels
    fine, coarse = grid(labels.shape), grid(labels.shape, (2.0, 1.0, 1.0), degrees=30)
    assert cleaned(labels, fine, smallest=10).full_labels().sum() == 18
    assert cleaned(labels, coarse, smallest=10).full_labels().sum() == 26
    assert cleaned(labels, coarse, smallest=16).full_labels().sum() == 26
    assert cleaned(labels, coarse, smallest=16.1).full_labels().sum() == 18


def test_smallest_is_an_area_in_an_image_of_one_slice():
    labels = flat("11000", "00000", "00011", "00011")
    geometry = grid(labels.shape, (8.0, 1.0, 1.0))
    assert cleaned(labels, geometry, smallest=3).full_labels().sum() == 4
    assert cleaned(labels, geometry, smallest=2).full_labels().sum() == 6


# Closing -------------------------------------------------------------------------------------


def ball_closing_by_definition(mask, radius, spacing):
    """Voxels that no ball which misses the mask can cover; everything outside is free."""
    reach = [int(radius / s) + 1 for s in spacing]
    padded = np.pad(mask, [(n, n) for n in reach])
    at = np.argwhere(np.ones_like(padded)) * spacing
    near = ((at[:, None] - at[None]) ** 2).sum(axis=-1) <= radius**2 + 1e-6
    dilated = near[:, padded.ravel()].any(axis=1)
    kept = (~(near & ~dilated[None]).any(axis=1)).reshape(padded.shape)
    return kept[tuple(slice(n, -n) for n in reach)]


def test_closing_is_that_with_a_ball_in_mm():
    rng = np.random.default_rng(1)
    for spacing, radius in (((1.0, 1.0, 1.0), 1.5), ((3.0, 1.0, 0.7), 2.0), ((0.8, 2.0, 2.0), 2.0)):
        labels = (rng.random((4, 6, 6)) < 0.3).astype(np.int64)
        likely = np.ones((1, *labels.shape), dtype=np.float32)
        found = closed(labels, [1], radius, spacing, likely, nothing_pinned(labels))
        assert found.sum() > labels.sum()
        assert np.array_equal(found > 0, ball_closing_by_definition(labels > 0, radius, spacing))


def test_closing_takes_background_only_and_gives_it_to_the_more_probable():
    labels = flat("1101100", "2202200")
    likely = np.stack([np.full(labels.shape, 0.2), np.full(labels.shape, 0.3)]).astype(np.float32)
    likely[0, 0, 0, 2], likely[1, 0, 1, 2] = 0.9, 0.9
    spacing, free = (1.0, 1.0, 1.0), nothing_pinned(labels)
    found = closed(labels, [1, 2], 2.0, spacing, likely, free)
    assert np.array_equal(found, flat("1111100", "2222200"))
    free[0, 0, 2] = 0
    assert closed(labels, [1, 2], 2.0, spacing, likely, free)[0, 0, 2] == 0


def test_closing_makes_no_new_pieces():
    rng = np.random.default_rng(2)
    for _ in range(20):
        labels = rng.choice([0, 0, 1, 2], (3, 8, 8)).astype(np.int64)
        likely = rng.random((2, *labels.shape)).astype(np.float32)
        found = closed(labels, [1, 2], 2.0, (1.0, 1.0, 1.0), likely, nothing_pinned(labels))
        assert np.array_equal(found[labels > 0], labels[labels > 0])
        for label in (1, 2):
            parts, count = ndimage.label(found == label, np.ones((3, 3, 3)))
            assert set(parts[labels == label]) == set(range(1, count + 1))


# Holes ---------------------------------------------------------------------------------------


def test_holes_are_those_of_scipy():
    rng = np.random.default_rng(3)
    for _ in range(10):
        labels = (rng.random((6, 7, 7)) < 0.7).astype(np.int64)
        found = without_holes(labels, [1], False, nothing_pinned(labels))
        assert np.array_equal(found > 0, ndimage.binary_fill_holes(labels))
        slices = without_holes(labels, [1], True, nothing_pinned(labels))
        for one, truth in zip(slices, labels, strict=True):
            assert np.array_equal(one > 0, ndimage.binary_fill_holes(truth))


def test_what_a_ring_encloses_is_filled_but_other_segments_stay():
    labels = flat("1111111", "1000001", "1022201", "1020201", "1022201", "1000001", "1111111")
    found = without_holes(labels, [1, 2], False, nothing_pinned(labels))
    assert np.array_equal(
        found,
        flat("1111111", "1111111", "1122211", "1122211", "1122211", "1111111", "1111111"),
    )
    only = without_holes(labels, [2], False, nothing_pinned(labels))
    assert only[0, 3, 3] == 2
    assert only[0, 1, 1] == 0


def test_a_hole_that_reaches_the_end_of_the_region_is_open():
    labels = flat("111", "101", "101")
    assert np.array_equal(without_holes(labels, [1], False, nothing_pinned(labels)), labels)


# The refiner ---------------------------------------------------------------------------------


def test_the_order_is_fixed_pieces_closing_holes():
    labels = np.zeros((1, 16, 16), dtype=np.int64)
    labels[0, 4:11, 4:11] = 1
    labels[0, 6:9, 6:9] = 0
    labels[0, 7, 4:6] = 0  # A channel into the hole, which closing shuts.
    labels[0, 7, 2] = 1  # An island, which closing would join.
    found = cleaned(labels, largest=1, closing=1.5, holes="fill").full_labels()
    assert found[0, 7, 2] == 0
    assert found[0, 7, 7] == 1
    assert cleaned(labels, holes="fill").full_labels()[0, 7, 7] == 0


def test_prompted_pieces_and_holes_stay():
    labels = flat("1100000", "0000000", "0001111", "0001001", "0001001", "0001111")
    geometry = grid(labels.shape)
    prompts = [click(geometry, (0, 0, 0)), click(geometry, (0, 3, 5), positive=False)]
    found = cleaned(labels, geometry, prompts, largest=1, holes="fill").full_labels()
    assert np.array_equal(found, labels)
    free = cleaned(labels, geometry, largest=1, holes="fill").full_labels()
    assert free[0, 0, 1] == 0
    assert free[0, 4, 5] == 1
    speck = [click(geometry, (0, 1, 4))]
    found = cleaned(labels, geometry, speck, largest=1).full_labels()
    assert found[0, 1, 4] == 1
    assert found[0, 0, 0] == 0


def test_probabilities_swap_and_sum_to_one():
    labels = flat("00000", "01100", "01101", "00000")
    case, prediction = predicted(labels, sure=0.9)
    found = CleanUp(Settings(largest=1)).refine(case, prediction)
    assert found.probabilities[:, 0, 2, 4] == pytest.approx([0.9, 0.1])
    same = found.probabilities != prediction.probabilities
    assert np.count_nonzero(same) == 2
    assert found.probabilities.sum(axis=0) == pytest.approx(1)
    assert prediction.probabilities[1, 0, 2, 4] == pytest.approx(0.9)


def test_ties_do_not_keep_a_label():
    p = np.array([0.2, 0.4, 0.4], dtype=np.float32).reshape(3, 1, 1, 1)
    for wanted in range(3):
        channels = np.full((1, 1, 1), wanted)
        found = relabeled(p, channels)
        assert found.argmax(axis=0).item() == wanted
        assert found.sum() == pytest.approx(1)


def test_a_region_of_the_image_with_labels_that_are_not_channels():
    geometry = grid((6, 8, 8))
    region = Region((1, 2, 2), (5, 8, 8))
    p = np.zeros((3, *region.shape), dtype=np.float32)
    p[0] = 1
    p[:, 1:3, 1:4, 1:4] = np.array([0, 0, 1])[:, None, None, None]
    p[:, 3, 5, 5] = (0, 0, 1)
    p[:, 0, 5, 0] = (0, 1, 0)
    prediction = Prediction(p, (0, 3, 7), region, geometry, Provenance("planted", {}, "hash"))
    case = Case(Volume(np.zeros(geometry.shape), geometry.ijk_to_ras))
    found = CleanUp(Settings(segments=(7.0,), largest=1)).refine(case, prediction)
    assert found.region == region
    assert set(np.unique(found.full_labels())) == {0, 3, 7}
    assert np.count_nonzero(found.full_labels() == 7) == 18
    assert found.provenance.method == "clean-up"
    assert found.provenance.weights_hash == "hash"
    with pytest.raises(ValueError, match=r"clean-up, segments: got 2, allowed are \[3, 7\]"):
        CleanUp(Settings(segments=(2.0,))).refine(case, prediction)


def test_nothing_chosen_changes_nothing_and_says_so():
    labels = flat("10001", "00000", "01110", "01010", "01110")
    case, prediction = predicted(labels)
    found = CleanUp().refine(case, prediction)
    assert np.array_equal(found.probabilities, prediction.probabilities)
    assert "nothing was chosen" in found.notes[-1]


def test_bad_settings_and_probabilities_are_refused():
    for wrong in ({"largest": "-1"}, {"holes": "some"}, {"closing": "nan"}, {"smallest": "-2"}):
        with pytest.raises(ValueError, match=f"clean-up, {next(iter(wrong))}: got"):
            refiner("clean-up", wrong)
    case, prediction = predicted(flat("01", "10"))
    p = prediction.probabilities * np.float32(0.5)
    half = Prediction(p, (0, 1), prediction.region, prediction.geometry, Provenance("planted"))
    with pytest.raises(ValueError, match="sum"):
        CleanUp().refine(case, half)


def test_it_can_be_cancelled():
    case, prediction = predicted(flat("01", "10"))
    progress = Progress(lambda fraction, _: progress.cancel() if fraction > 0.2 else None)
    with pytest.raises(CancelledError):
        CleanUp(Settings(largest=1)).refine(case, prediction, progress=progress)


def test_it_needs_no_torch():
    code = (
        "import sys; sys.modules['torch'] = None;"
        "from ImperfectSegLogic.methods.scarce.crf.clean_up import CleanUp; CleanUp()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
