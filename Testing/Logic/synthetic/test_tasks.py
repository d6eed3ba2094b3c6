import numpy as np
import pytest
from scipy import ndimage

from ImperfectSegLogic.synthetic.appearance import FAINT, _means, painted
from ImperfectSegLogic.synthetic.fields import smooth_noise
from ImperfectSegLogic.synthetic.shapes import BACKGROUNDS, OBJECTS, canvas, one_part
from ImperfectSegLogic.synthetic.tasks import FEWEST, LARGEST, synthetic_task


@pytest.mark.parametrize("dims", [2, 3])
def test_a_task_is_a_pure_function_of_its_seed(dims):
    one, again, other = (synthetic_task(dims, seed) for seed in ((1, 2), (1, 2), (1, 3)))
    np.testing.assert_array_equal(one.volume.array, again.volume.array)
    np.testing.assert_array_equal(one.truth, again.truth)
    assert one.truth.shape != other.truth.shape or (one.truth != other.truth).any()


@pytest.mark.parametrize("dims", [2, 3])
def test_objects_are_neither_tiny_nor_everything_and_images_can_be_segmented(dims):
    for seed in range(12):
        task = synthetic_task(dims, (seed,))
        task.volume.check_scalar()
        assert task.volume.is_2d == (dims == 2)
        assert FEWEST <= task.truth.sum() <= LARGEST * task.truth.size
        assert task.truth.shape == task.volume.geometry.shape


def test_three_dimensional_tasks_are_now_and_then_anisotropic():
    spacings = [synthetic_task(3, (seed,)).volume.geometry.spacing for seed in range(15)]
    thick = [s[0] > 1.2 for s in spacings]
    assert any(thick)
    assert not all(thick)
    assert all(s[1:] == (1.0, 1.0) for s in spacings)


@pytest.mark.parametrize("draw", dict.fromkeys((*BACKGROUNDS, *OBJECTS)))
@pytest.mark.parametrize("shape", [(1, 96, 80), (20, 32, 28)])
def test_each_shape_can_be_drawn_in_2d_and_3d(draw, shape):
    drawn = []
    for seed in range(6):
        spacing = (2.0, 1.0, 1.0) if shape[0] > 1 else (1.0, 1.0, 1.0)
        parts = draw(canvas(np.random.default_rng(seed), shape, spacing))
        assert parts.shape == shape
        assert parts.min() >= 0
        drawn.append((parts > 0).mean())
    assert max(drawn) > 0


def test_the_target_can_be_told_from_what_is_around_it():
    rng = np.random.default_rng(0)
    labels = np.zeros((1, 64, 64), dtype=np.int16)
    labels[0, 20:44, 20:44] = 1
    target = labels == 1
    rim = ndimage.binary_dilation(target, iterations=2) & ~target
    for _ in range(40):
        means = _means(labels, target, rng)
        assert abs(means[1] - means[labels[rim]].mean()) >= FAINT - 1e-5


def test_painting_leaves_the_label_map_as_it_is_and_gives_finite_numbers():
    labels = np.zeros((12, 20, 24), dtype=np.int16)
    labels[4:8, 5:15, 5:15] = 1
    before = labels.copy()
    for seed in range(12):
        image = painted(labels, labels == 1, (2.0, 1.0, 1.0), np.random.default_rng(seed))
        assert np.isfinite(image).all()
        assert image.dtype == np.float32
    np.testing.assert_array_equal(labels, before)


def test_noise_is_smooth_on_the_length_that_was_asked_for():
    rng = np.random.default_rng(3)
    rough, smooth = (smooth_noise(rng, (1, 128, 128), (n, n, n)) for n in (2.0, 32.0))
    steps = [float(np.abs(np.diff(field, axis=2)).mean()) for field in (rough, smooth)]
    assert steps[1] < steps[0] / 6
    for field in (rough, smooth):
        assert abs(float(field.mean())) < 1e-4
        assert float(field.std()) == pytest.approx(1, abs=1e-3)


def test_one_part_is_connected_and_larger_parts_are_drawn_more_often():
    mask = np.zeros((1, 20, 20), dtype=bool)
    mask[0, 1:3, 1:3] = mask[0, 6:18, 6:18] = True
    sizes = [one_part(mask, np.random.default_rng(n)).sum() for n in range(40)]
    assert set(sizes) == {4, 144}
    assert sizes.count(144) > 30
