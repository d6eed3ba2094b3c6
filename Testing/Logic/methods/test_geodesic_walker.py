"""The geodesic walker, on images whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from ImperfectSegLogic.data import Box, Case, Lasso, Scribble, Volume
from ImperfectSegLogic.methods.progress import CancelledError, Progress
from ImperfectSegLogic.methods.scarce.interactive.geodesic_walker import GeodesicWalker, Settings
from ImperfectSegLogic.metrics.dice import dice
from Testing.Logic.methods.phantoms import ball, chance, click, grid, picture


def segmenter(volume, settings=None):
    walker = GeodesicWalker(settings)
    walker.set_case(Case(volume))
    return walker


FLAT = grid((1, 90, 100))
CUBE = grid((50, 56, 60))
THICK = grid((9, 80, 90), spacing=(8.0, 1.5, 1.5))
OBLIQUE = grid((30, 60, 70), spacing=(2.5, 1.2, 0.9), degrees=37.0)


@pytest.mark.parametrize(
    ("geometry", "center", "radius"),
    [
        (FLAT, (0, 40, 55), 18.0),
        (CUBE, (25, 26, 31), 13.0),
        (THICK, (4, 40, 45), 28.0),
        (OBLIQUE, (15, 30, 35), 16.0),
    ],
    ids=["2-D", "3-D", "thick slices", "oblique"],
)
def test_one_click_finds_a_ball(geometry, center, radius):
    truth = ball(geometry, center, radius)
    walker = segmenter(picture(geometry, [(truth, 160.0)]))
    answer = walker.respond([click(geometry, center)])
    assert dice(answer.full_labels() == 1, truth) > 0.93


def test_a_negative_click_takes_away_what_looks_the_same():
    left, right = ball(FLAT, (0, 40, 35), 15.0), ball(FLAT, (0, 40, 63), 15.0)
    walker = segmenter(picture(FLAT, [(left | right, 160.0)]))
    positive = click(FLAT, (0, 40, 35))
    before = walker.respond([positive]).full_labels() == 1
    negative = click(FLAT, (0, 40, 63), positive=False)
    after = walker.respond([positive, negative]).full_labels() == 1
    assert before[right].mean() > 0.5
    assert after[right & ~left].mean() < 0.2
    assert dice(after, left) > 0.85


@pytest.mark.parametrize("geometry", [FLAT, OBLIQUE], ids=["2-D", "oblique"])
def test_several_labels_are_found_at_once(geometry):
    k, j, i = (n // 2 for n in geometry.shape)
    a, b = ball(geometry, (k, j, i - 14), 9.0), ball(geometry, (k, j, i + 14), 9.0)
    walker = segmenter(picture(geometry, [(a, 160.0), (b, 40.0)]))
    answer = walker.respond(
        [click(geometry, (k, j, i - 14), 2), click(geometry, (k, j, i + 14), 5)]
    )
    assert answer.labels == (0, 2, 5)
    labels = answer.full_labels()
    assert dice(labels == 2, a) > 0.85
    assert dice(labels == 5, b) > 0.85


@pytest.mark.parametrize("geometry", [FLAT, THICK, OBLIQUE], ids=["2-D", "thick", "oblique"])
def test_prompted_voxels_are_certain_wherever_they_are(geometry):
    rng = np.random.default_rng(3)
    walker = segmenter(picture(geometry, [(ball(geometry, (0, 30, 30), 12.0), 160.0)]))
    places = {tuple(rng.integers(geometry.shape).tolist()) for _ in range(24)}
    prompts = [click(geometry, place, n % 3) for n, place in enumerate(sorted(places))]
    answer = walker.respond(prompts)
    for prompt in prompts:
        assert chance(answer, prompt, prompt.label) == 1.0


def test_a_negative_click_on_another_labels_voxel_is_no_conflict():
    walker = segmenter(picture(FLAT, [(ball(FLAT, (0, 40, 40), 12.0), 160.0)]))
    yes, no = click(FLAT, (0, 40, 40), 2), click(FLAT, (0, 40, 40), 1, positive=False)
    answer = walker.respond([click(FLAT, (0, 10, 10), 1), yes, no])
    assert chance(answer, yes, 2) == 1.0


def test_probabilities_sum_to_one_and_are_float32():
    walker = segmenter(picture(CUBE, [(ball(CUBE, (25, 26, 31), 13.0), 160.0)]))
    answer = walker.respond([click(CUBE, (25, 26, 31), 1), click(CUBE, (5, 5, 5), 3)])
    assert answer.probabilities.dtype == np.float32
    assert answer.probabilities.min() >= 0
    np.testing.assert_allclose(answer.probabilities.sum(axis=0), 1.0, atol=1e-5)


def test_the_answer_does_not_depend_on_what_was_asked_before():
    volume = picture(CUBE, [(ball(CUBE, (25, 26, 31), 13.0), 160.0)], noise=20.0)
    prompts = [
        click(CUBE, (25, 26, 31)),
        click(CUBE, (3, 4, 5), positive=False),
        click(CUBE, (30, 30, 30)),
        click(CUBE, (25, 44, 31), 2),
    ]
    used, answers = segmenter(volume), []
    for count in range(1, 5):
        answers.append(used.respond(prompts[:count], answers[-1] if answers else None))
    again = used.respond(prompts[:2], answers[-1])
    for answer, count in ((answers[3], 4), (again, 2)):
        fresh = segmenter(volume).respond(prompts[:count])
        assert answer.region == fresh.region
        np.testing.assert_array_equal(answer.probabilities, fresh.probabilities)


def test_asking_elsewhere_before_does_not_matter():
    parts = [(ball(CUBE, (25, 26, 15), 7.0), 160.0), (ball(CUBE, (25, 26, 45), 6.0), 60.0)]
    volume, settings = picture(CUBE, parts), Settings(margin=10.0, growths=0)
    here, there = [click(CUBE, (25, 26, 15))], [click(CUBE, (25, 26, 45))]
    used = segmenter(volume, settings)
    used.respond(there)
    answer, fresh = used.respond(here), segmenter(volume, settings).respond(here)
    assert answer.region == fresh.region
    np.testing.assert_array_equal(answer.probabilities, fresh.probabilities)
    assert dice(answer.full_labels() == 1, parts[0][0]) > 0.8


def test_a_new_case_forgets_the_old_one():
    truth = ball(CUBE, (25, 26, 31), 11.0)
    used = segmenter(picture(CUBE, [(ball(CUBE, (20, 20, 20), 15.0), 20.0)]))
    prompts = [click(CUBE, (25, 26, 31))]
    used.respond(prompts)
    volume = picture(CUBE, [(truth, 160.0)])
    used.set_case(Case(volume))
    fresh = segmenter(volume).respond(prompts)
    np.testing.assert_array_equal(used.respond(prompts).probabilities, fresh.probabilities)


def test_cancelling_at_any_report_leaves_the_next_answer_right():
    volume = picture(CUBE, [(ball(CUBE, (25, 26, 31), 13.0), 160.0)])
    prompts = [click(CUBE, (25, 26, 31)), click(CUBE, (5, 5, 5), positive=False)]
    fractions = []
    right = segmenter(volume).respond(
        prompts, progress=Progress(lambda f, message: fractions.append(f))
    )
    assert len(fractions) > 20
    assert fractions == sorted(fractions)
    assert 0 <= fractions[0] <= fractions[-1] == 1.0
    for stop in range(0, len(fractions), 3):
        walker = segmenter(volume)
        progress = _stopping(after=stop)
        with pytest.raises(CancelledError):
            walker.respond(prompts, progress=progress)
        np.testing.assert_array_equal(walker.respond(prompts).probabilities, right.probabilities)


def _stopping(after):
    seen = []

    def listen(fraction, message):
        seen.append(fraction)
        if len(seen) > after:
            progress.cancel()
            progress.report(fraction)

    progress = Progress(listen)
    return progress


def test_neither_image_nor_prompts_nor_previous_are_changed():
    array = picture(FLAT, [(ball(FLAT, (0, 40, 40), 12.0), 160.0)]).array.copy()
    keep = array.copy()
    walker = segmenter(Volume(array, FLAT.ijk_to_ras))
    prompt = click(FLAT, (0, 40, 40))
    position = prompt.position.copy()
    first = walker.respond([prompt])
    first_keep = first.probabilities.copy()
    walker.respond([prompt, click(FLAT, (0, 5, 5), 0)], first)
    np.testing.assert_array_equal(array, keep)
    np.testing.assert_array_equal(prompt.position, position)
    np.testing.assert_array_equal(first.probabilities, first_keep)


def test_the_region_stays_around_the_prompts_and_grows_with_the_object():
    geometry = grid((1, 100, 400))
    tube = np.zeros(geometry.shape, dtype=bool)
    tube[:, 40:60, 40:360] = True
    volume = picture(geometry, [(tube, 160.0)])
    prompts = [click(geometry, (0, 50, 100))]
    fixed = segmenter(volume, Settings(growths=0)).respond(prompts)
    grown = segmenter(volume, Settings(growths=3)).respond(prompts)
    assert fixed.region.stop[2] == 141
    assert grown.region.stop[2] >= 181
    assert grown.full_labels()[tube].sum() > 1.5 * fixed.full_labels()[tube].sum()
    compact = segmenter(picture(geometry, [(ball(geometry, (0, 50, 100), 12.0), 160.0)]))
    assert compact.respond(prompts).region.stop[2] == 141


def test_the_margin_is_in_mm():
    geometry = grid((30, 90, 90), spacing=(5.0, 1.0, 1.0))
    volume = picture(geometry, [(ball(geometry, (15, 45, 45), 8.0), 160.0)])
    settings = Settings(margin=20.0, growths=0)
    region = segmenter(volume, settings).respond([click(geometry, (15, 45, 45))]).region
    assert region.shape == (9, 41, 41)


@pytest.mark.parametrize("geometry", [FLAT, OBLIQUE], ids=["2-D", "oblique"])
def test_outside_its_box_a_label_is_nowhere(geometry):
    k, j, i = (n // 2 for n in geometry.shape)
    big = ball(geometry, (k, j, i), 22.0)
    walker = segmenter(picture(geometry, [(big, 160.0)]))
    box = Box(center=geometry.to_ras((k, j, i)), size=[20.0, 24.0, 18.0], label=1)
    index = np.indices(geometry.shape).reshape(3, -1).T
    inside = (np.abs(geometry.to_ras(index) - box.center) <= box.size / 2 + 1e-6).all(axis=1)
    inside = inside.reshape(geometry.shape)
    for prompts in ([box], [box, click(geometry, (k, j, i))]):
        answer = walker.respond(prompts)
        mask = answer.full_labels() == 1
        assert not mask[~inside].any()
        assert mask[inside & big].mean() > 0.8
        assert answer.full_probabilities()[1][~inside].max() == 0.0
        assert np.prod(answer.region.shape) < np.prod(geometry.shape) / 2


def test_a_box_alone_finds_the_object_in_it():
    truth = ball(FLAT, (0, 40, 55), 14.0)
    walker = segmenter(picture(FLAT, [(truth, 160.0)]))
    answer = walker.respond([Box(center=FLAT.to_ras((0, 40, 55)), size=[36.0, 34.0, 2.0])])
    assert dice(answer.full_labels() == 1, truth) > 0.93


def test_a_lasso_finds_the_object_in_it():
    truth = ball(CUBE, (25, 26, 31), 12.0)
    walker = segmenter(picture(CUBE, [(truth, 160.0)]))
    angles = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    outline = np.stack(
        [np.full(20, 25), 26 + 15 * np.sin(angles), 31 + 15 * np.cos(angles)], axis=1
    )
    answer = walker.respond([Lasso(points=CUBE.to_ras(outline))])
    assert dice(answer.full_labels() == 1, truth) > 0.9


@pytest.mark.parametrize("axis", [0, 1, 2], ids=["axial", "coronal", "sagittal"])
def test_scribbles_on_any_slice_orientation_work_alike(axis):
    geometry = grid((48, 48, 48), degrees=20.0)
    truth = ball(geometry, (24, 24, 24), 13.0)
    walker = segmenter(picture(geometry, [(truth, 130.0)], noise=10.0))

    def stroke(offset, label):
        points = np.full((2, 3), 24.0)
        points[:, (axis + 1) % 3] += offset
        points[0, (axis + 2) % 3] -= 6
        points[1, (axis + 2) % 3] += 6
        return Scribble(points=geometry.to_ras(points), label=label, radius=1.5)

    answer = walker.respond([stroke(0, 1), stroke(19, 0)])
    assert dice(answer.full_labels() == 1, truth) > 0.9


@pytest.mark.parametrize("axes", [(0, 2, 1), (2, 1, 0), (1, 2, 0)])
@pytest.mark.parametrize("flipped", [(), (0,), (1, 2)])
def test_the_order_and_direction_of_axes_do_not_matter(axes, flipped):
    geometry = grid((28, 34, 40), spacing=(2.0, 1.0, 1.5))
    truth = ball(geometry, (14, 17, 20), 11.0)
    volume = picture(geometry, [(truth, 140.0)], noise=10.0)
    places = [((14, 17, 20), 1), ((3, 5, 6), 0)]
    plain = segmenter(volume).respond([click(geometry, p, n) for p, n in places])
    array = np.flip(volume.array.transpose(axes), flipped)
    spacing = np.array(geometry.spacing)[list(axes)]
    other = grid(array.shape, spacing=tuple(spacing))

    def moved(place):
        index = [place[a] for a in axes]
        return tuple(array.shape[d] - 1 - n if d in flipped else n for d, n in enumerate(index))

    turned = segmenter(Volume(array, other.ijk_to_ras)).respond(
        [click(other, moved(p), n) for p, n in places]
    )
    expected = np.flip(plain.full_probabilities()[1].transpose(axes), flipped)
    np.testing.assert_allclose(turned.full_probabilities()[1], expected, atol=0.08)
    assert dice(turned.full_labels() == 1, expected > 0.5) > 0.98


def test_a_large_region_is_worked_on_at_lower_resolution():
    geometry = grid((70, 80, 90))
    truth = ball(geometry, (35, 40, 45), 24.0)
    volume = picture(geometry, [(truth, 160.0)])
    prompts = [click(geometry, (35, 40, 45)), click(geometry, (35, 40, 44), 0)]
    answer = segmenter(volume, Settings(most_voxels=60_000)).respond(prompts[:1])
    assert answer.probabilities.shape[1:] == answer.region.shape
    assert dice(answer.full_labels() == 1, truth) > 0.93
    both = segmenter(volume, Settings(most_voxels=60_000)).respond(prompts)
    assert [chance(both, p, p.label) for p in prompts] == [1.0, 1.0]


@pytest.mark.parametrize("scale", [1.0, 1e-3, 1e5])
@pytest.mark.parametrize("dtype", [np.int16, np.uint8, np.float64])
def test_the_unit_of_gray_values_does_not_matter(scale, dtype):
    truth = ball(FLAT, (0, 40, 55), 18.0)
    array = picture(FLAT, [(truth, 160.0)]).array.astype(np.float64)
    array = array * scale if dtype == np.float64 else array.astype(dtype)
    answer = segmenter(Volume(array, FLAT.ijk_to_ras)).respond([click(FLAT, (0, 40, 55))])
    assert dice(answer.full_labels() == 1, truth) > 0.93


def test_an_object_at_the_edge_of_the_image_is_found():
    truth = ball(CUBE, (2, 26, 31), 13.0)
    walker = segmenter(picture(CUBE, [(truth, 160.0)]))
    answer = walker.respond([click(CUBE, (2, 26, 31))])
    assert dice(answer.full_labels() == 1, truth) > 0.9


def test_without_a_case_there_is_a_clear_error():
    with pytest.raises(ValueError, match=r"no case.*set_case"):
        GeodesicWalker().respond([click(FLAT, (0, 1, 1))])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_image_with_bad_voxels_is_refused(value):
    array = np.zeros((3, 4, 5), dtype=np.float32)
    array[1, 1, 1] = value
    with pytest.raises(ValueError, match="NaN or infinite"):
        segmenter(Volume(array, np.eye(4)))
