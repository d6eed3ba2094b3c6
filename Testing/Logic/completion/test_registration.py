"""Registration: finds a known motion, in volumes and in thick slices, on any grid."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from ImperfectSegLogic.completion.registration import register, slice_axis, warp_labels
from ImperfectSegLogic.data import Geometry, Volume
from ImperfectSegLogic.methods.progress import CancelledError, Progress
from ImperfectSegLogic.metrics.dice import dice

THICK = np.diag([1.5, 1.5, 10.0, 1.0])
TURNED = np.array([[0, 0, 8.0, 5], [-1.2, 0, 0, 7], [0, 1.2, 0, -3], [0, 0, 0, 1]])


def heart(radius: float, shape=(5, 64, 60), center=(31, 29)):
    """A bright ball in a darker ring on textured ground; gray values and labels."""
    _, j, i = np.mgrid[: shape[0], : shape[1], : shape[2]]
    far = np.hypot(j - center[0], i - center[1])
    labels = np.select([far < radius, far < radius + 6], [2, 1], 0).astype(np.int16)
    ground = gaussian_filter(np.random.default_rng(0).normal(size=shape[1:]), 3) * 100
    gray = np.select([labels == 2, labels == 1], [200.0, 40.0], 100.0 + ground)
    return gaussian_filter(gray, (0, 1, 1)).astype(np.float32), labels


@pytest.mark.parametrize("matrix", [THICK, TURNED], ids=["thick", "turned"])
def test_labels_follow_a_heart_that_contracts(matrix):
    (before, labels), (after, truth) = heart(14), heart(9)
    fixed, moving = Volume(after, matrix), Volume(before, matrix)
    found = warp_labels(labels, register(fixed, moving), (0, 1, 2))
    assert found.shape == (3, *truth.shape)
    assert np.allclose(found.sum(axis=0), 1, atol=1e-5)
    for label in (1, 2):
        still = dice(labels == label, truth == label)
        assert dice(found.argmax(axis=0) == label, truth == label) > max(0.9, still + 0.1)


def test_a_shift_is_found_with_its_sign_in_voxels_and_mm():
    (before, _), (after, truth) = heart(12), heart(12, center=(31 + 4, 29 - 2))
    found = register(Volume(after, THICK), Volume(before, THICK))
    inside = truth[2] > 0
    moved = found.offsets[:, 2][:, inside].mean(axis=1)
    assert np.allclose(moved, (0, -4, 2), atol=1.2)  # Nothing pulls where all is of one gray.
    far = 1.5 * np.hypot(found.offsets[1], found.offsets[2])
    assert np.allclose(found.millimeters, far, atol=1e-4)


def test_volumes_of_cubes_are_registered_across_slices():
    (before, labels), _ = heart(9, (24, 32, 28), (15, 13)), None
    before, labels = (np.moveaxis(one, 1, 0) for one in (before, labels))
    after, truth = np.roll(before, 3, axis=0), np.roll(labels, 3, axis=0)
    grid = np.diag([2.0, 2.0, 2.0, 1.0])
    assert slice_axis(Geometry(before.shape, grid)) is None
    found = register(Volume(after, grid), Volume(before, grid))
    warped = warp_labels(labels, found, (0, 1, 2)).argmax(axis=0)
    assert dice(warped == 2, truth == 2) > 0.95 > dice(labels == 2, truth == 2)


def test_thick_or_few_slices_are_registered_one_by_one():
    assert slice_axis(Geometry((10, 64, 60), THICK)) == 0
    assert slice_axis(Geometry((60, 64, 10), np.diag([10.0, 1.5, 1.5, 1.0]))) == 2
    assert slice_axis(Geometry((60, 1, 50), np.eye(4))) == 1
    assert slice_axis(Geometry((4, 60, 50), np.eye(4))) == 0
    offsets = register(Volume(heart(14)[0], THICK), Volume(heart(10)[0], THICK)).offsets
    assert np.all(offsets[0] == 0)


def test_frames_on_different_grids_are_refused_and_named():
    image = heart(12)[0]
    one = Volume(image, THICK, "frame01")
    wider = np.diag([1.6, 1.5, 10.0, 1.0])
    for other in (Volume(image[:4], THICK, "frame12"), Volume(image, wider, "frame12")):
        with pytest.raises(ValueError, match=r"frame01 \(5 x 64 x 60 .* frame12 .*one grid"):
            register(one, other)


def test_an_image_of_one_value_is_refused():
    with pytest.raises(ValueError, match="same value"):
        register(Volume(heart(12)[0], THICK), Volume(np.ones((5, 64, 60)), THICK))


def test_registration_reports_and_can_be_cancelled():
    told = []
    images = [Volume(heart(n)[0], THICK) for n in (12, 9)]
    register(*images, Progress(lambda share, _: told.append(share)))
    assert told == sorted(told)
    assert 0 <= told[0] < 0.1 < 0.9 < told[-1] <= 1
    progress = Progress(lambda share, _: progress.cancel() if share > 0.3 else None)
    with pytest.raises(CancelledError):
        register(*images, progress)
