"""The simulated user's clicks, lines, boxes and lassos: always true, of the kind that was asked."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from ImperfectSegLogic.data import Box, Click, Geometry, Lasso, Scribble
from ImperfectSegLogic.methods.scarce.interactive.rasterize import (
    box_voxels,
    click_voxels,
    lasso_voxels,
    scribble_voxels,
)
from ImperfectSegLogic.methods.scarce.interactive.robot_errors import largest_error
from ImperfectSegLogic.methods.scarce.interactive.robot_user import (
    KINDS,
    LINES,
    RobotUser,
    Settings,
)
from ImperfectSegLogic.methods.scarce.interactive.seeds import read_prompts
from Testing.Logic.methods.phantoms import ball, grid

FLAT = grid((1, 60, 70))
SHEARED = np.array([[1.0, 0.4, 0.1, 3], [0, 1.2, 0.2, -4], [0.1, 0, 2.5, 5], [0, 0, 0, 1]])
GRIDS = {
    "one slice": FLAT,
    "one slice, oblique, anisotropic": grid((1, 50, 40), (8.0, 0.7, 1.9), 33.0),
    "thick slices": grid((9, 40, 36), (5.0, 1.0, 1.0)),
    "oblique": grid((20, 26, 24), (1.1, 0.9, 1.4), 47.0),
    "sheared": Geometry((12, 26, 30), SHEARED),
    "one column": grid((30, 28, 1), (1.0, 2.0, 1.0), 10.0),
}


def blob(geometry, rng, share=None):
    """Gives a random smooth mask, often of several parts, that may touch the image's edge."""
    noise = rng.normal(size=geometry.shape)
    width = [0 if n == 1 else rng.uniform(1.0, 4.0) for n in geometry.shape]
    field = ndimage.gaussian_filter(noise, width)
    return field > np.quantile(field, rng.uniform(0.6, 0.95) if share is None else 1 - share)


def said(prompt, geometry):
    """Gives the voxels that a prompt says something of for certain, and what: is, and is not."""
    nothing = np.zeros((0, 3), dtype=int)
    if isinstance(prompt, Lasso):
        inside, core, ring = lasso_voxels(prompt, geometry)
        return (core, ring) if prompt.positive else (nothing, inside)
    if isinstance(prompt, Box):
        return (nothing, nothing) if prompt.positive else (nothing, box_voxels(prompt, geometry))
    voxels = (click_voxels if isinstance(prompt, Click) else scribble_voxels)(prompt, geometry)
    return (voxels, nothing) if prompt.positive else (nothing, voxels)


def check_true(prompt, truth, geometry):
    is_, is_not = said(prompt, geometry)
    assert truth[tuple(is_.T)].all(), prompt
    assert not truth[tuple(is_not.T)].any(), prompt
    if isinstance(prompt, Box) and prompt.positive:
        held = np.zeros_like(truth)
        held[tuple(box_voxels(prompt, geometry).T)] = True
        assert held[truth].all(), prompt
    else:
        assert len(is_) + len(is_not) > 0


@pytest.mark.parametrize("kind", [*KINDS, "mixed"])
@pytest.mark.parametrize("name", GRIDS)
def test_every_prompt_is_true(name, kind):
    geometry = GRIDS[name]
    rng = np.random.default_rng(len(name) * 31 + len(kind))
    for trial in range(8):
        truth, prediction = blob(geometry, rng), blob(geometry, rng)
        settings = Settings(
            first=kind, correction=kind, axis=int(rng.integers(-1, 3)), background=True,
            off_middle=rng.uniform(0, 1), length=rng.uniform(0.1, 1), depth=rng.uniform(0, 0.9),
            wobble=rng.uniform(0, 1), radius=rng.choice([0.0, 1.0, 4.0]),
            looseness=rng.uniform(0, 0.5), jitter=rng.uniform(0, 4),
        )  # fmt: skip
        user = RobotUser(settings, trial)
        prompts = user.first(truth, geometry, 3)
        correction = user.correct(prediction, truth, geometry, 3)
        prompts += [correction] if correction else []
        for prompt in prompts:
            assert prompt.label == 3
            check_true(prompt, truth, geometry)
        if not any(isinstance(prompt, Lasso) for prompt in prompts):
            read_prompts(prompts, geometry, ("Click", "Scribble", "Box", "Lasso"))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", GRIDS)
def test_it_draws_what_was_asked_for_where_there_is_room(name, kind):
    geometry = GRIDS[name]
    middle = tuple(n // 2 for n in geometry.shape)
    radius = 0.3 * min(
        s * n for s, n in zip(geometry.spacing, geometry.shape, strict=True) if n > 1
    )
    truth = ball(geometry, middle, radius)
    wanted = {"click": Click, "box": Box, "lasso": Lasso}.get(kind, Scribble)
    user = RobotUser(Settings(first=kind, correction=kind, jitter=0.5))
    (first,) = user.first(truth, geometry)
    # The skeleton of a ball may be one voxel: then there is no center line to draw.
    assert isinstance(first, wanted) or (kind == "center-line" and isinstance(first, Click))
    wrong = user.correct(truth, np.zeros_like(truth), geometry)
    assert not wrong.positive
    sheared_box = kind == "box" and geometry.is_sheared
    if kind != "center-line" and not sheared_box:
        assert isinstance(wrong, wanted)


def corrections(kind, prediction, truth, geometry, count=8, **settings):
    user = RobotUser(Settings(correction=kind, **settings), 5)
    return [user.correct(prediction, truth, geometry) for _ in range(count)]


def test_a_center_line_runs_along_the_middle():
    truth = np.zeros(FLAT.shape, dtype=bool)
    truth[0, 20:31, 5:65] = True
    (stroke,) = RobotUser(Settings(first="center-line", length=1.0)).first(truth, FLAT)
    index = FLAT.to_continuous_index(stroke.points)
    inner = (index[:, 2] > 12) & (index[:, 2] < 58)
    assert np.abs(index[inner, 1] - 25).max() <= 1.0
    assert np.ptp(index[:, 2]) > 45


def test_a_center_line_in_3d_crosses_slices():
    geometry = grid((30, 20, 20))
    truth = np.zeros(geometry.shape, dtype=bool)
    truth[3:27, 8:13, 8:13] = True
    (stroke,) = RobotUser(Settings(first="center-line", length=1.0)).first(truth, geometry)
    assert np.ptp(geometry.to_index(stroke.points)[:, 0]) > 15


def test_a_contour_keeps_its_distance_from_the_border():
    truth = ball(FLAT, (0, 30, 35), 20.0)
    (stroke,) = RobotUser(Settings(first="contour", depth=0.5, length=1.0)).first(truth, FLAT)
    away = np.linalg.norm(stroke.points - FLAT.to_ras((0, 30, 35)), axis=1)
    assert np.all((away > 8) & (away < 12))
    assert len(stroke.points) > 40


def test_length_is_the_part_that_is_drawn():
    truth = ball(FLAT, (0, 30, 35), 20.0)

    def drawn(part):
        (one,) = RobotUser(Settings(first="contour", length=part)).first(truth, FLAT)
        return np.linalg.norm(np.diff(one.points, axis=0), axis=1).sum()

    assert 0.2 < drawn(0.25) / drawn(1.0) < 0.3


def test_freehand_lines_waver_and_differ():
    truth = np.zeros(FLAT.shape, dtype=bool)
    truth[0, 10:50, 5:65] = True
    strokes = corrections("freehand", np.zeros_like(truth), truth, FLAT, 6, wobble=0.8, length=1.0)
    bends = []
    for stroke in strokes:
        steps = np.diff(stroke.points, axis=0)
        whole = np.linalg.norm(steps, axis=1).sum()
        bends.append(whole / np.linalg.norm(stroke.points[-1] - stroke.points[0]))
    assert max(bends) > 1.05
    assert len({stroke.points.tobytes() for stroke in strokes}) == len(strokes)


def test_strokes_have_the_width_asked_for_where_there_is_room():
    truth = ball(FLAT, (0, 30, 35), 20.0)
    (wide,) = RobotUser(Settings(first="contour", depth=0.6, radius=3.0)).first(truth, FLAT)
    assert wide.radius == 3.0
    thin = np.zeros(FLAT.shape, dtype=bool)
    thin[0, 30:32, 5:60] = True
    (narrow,) = RobotUser(Settings(first="center-line", radius=3.0)).first(thin, FLAT)
    assert narrow.radius < 3.0


@pytest.mark.parametrize("name", [n for n in GRIDS if n != "sheared"])
def test_a_box_without_looseness_is_tight(name):
    geometry = GRIDS[name]
    truth = blob(geometry, np.random.default_rng(3), 0.1)
    (box,) = RobotUser(Settings(first="box", looseness=0.0)).first(truth, geometry)
    where = np.argwhere(truth)
    inside = box_voxels(box, geometry)
    assert inside.min(axis=0).tolist() == where.min(axis=0).tolist()
    assert inside.max(axis=0).tolist() == where.max(axis=0).tolist()


def test_looseness_moves_each_side_out_by_at_most_that_part():
    truth = ball(FLAT, (0, 30, 35), 10.0)
    sizes = []
    for seed in range(40):
        (box,) = RobotUser(Settings(first="box", looseness=0.5), seed).first(truth, FLAT)
        sizes.append(np.sort(box.size)[1:] / 21)
    assert 1.0 < np.min(sizes) < 1.3
    assert 1.6 < np.max(sizes) <= 2.0


def test_a_negative_box_fills_much_of_a_wrong_part():
    wrong = np.zeros(FLAT.shape, dtype=bool)
    wrong[0, 10:30, 10:40] = True
    (box,) = corrections("box", wrong, np.zeros_like(wrong), FLAT, 1)
    assert len(box_voxels(box, FLAT)) == wrong.sum()


def test_a_missed_part_gets_a_click_instead_of_a_box():
    truth = ball(FLAT, (0, 30, 35), 10.0)
    (prompt,) = corrections("box", np.zeros_like(truth), truth, FLAT, 1)
    assert isinstance(prompt, Click)


def test_a_lasso_holds_the_object_and_little_more():
    truth = ball(FLAT, (0, 30, 35), 15.0)
    lassos = corrections("lasso", np.zeros_like(truth), truth, FLAT, jitter=2.0)
    assert len({lasso.points.tobytes() for lasso in lassos}) == len(lassos)
    for lasso in lassos:
        inside = np.zeros_like(truth)
        inside[tuple(lasso_voxels(lasso, FLAT)[0].T)] = True
        assert inside[truth].all()
        assert truth.sum() < inside.sum() < 1.6 * truth.sum()


def test_a_lasso_for_a_missed_part_goes_around_the_whole_object():
    truth = ball(FLAT, (0, 30, 35), 15.0)
    found = truth.copy()
    found[0, :, 40:] = False
    (lasso,) = corrections("lasso", found, truth, FLAT, 1)
    inside = np.zeros_like(truth)
    inside[tuple(lasso_voxels(lasso, FLAT)[0].T)] = True
    assert inside[truth].all()


def test_large_objects_and_crescents_get_lassos():
    geometry = grid((1, 200, 200))
    egg = ball(geometry, (0, 100, 100), 80.0) & ~ball(geometry, (0, 100, 170), 40.0)
    (first,) = RobotUser(Settings(first="lasso")).first(egg, geometry)
    wrong = RobotUser(Settings(correction="lasso")).correct(
        np.roll(egg, 12, axis=1), egg & np.roll(egg, 12, axis=1), geometry
    )
    assert isinstance(first, Lasso)
    assert isinstance(wrong, Lasso)
    assert not wrong.positive
    for lasso in (first, wrong):
        check_true(lasso, egg, geometry)
        assert 8 <= len(lasso.points) < 300


def test_a_ring_gets_a_click_instead_of_a_lasso():
    ring = ball(FLAT, (0, 30, 35), 20.0) & ~ball(FLAT, (0, 30, 35), 14.0)
    (prompt,) = RobotUser(Settings(first="lasso")).first(ring, FLAT)
    assert isinstance(prompt, Click)
    assert ring[tuple(FLAT.to_index(prompt.position))]


@pytest.mark.parametrize("kind", ["click", *LINES, "lasso"])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_by_slice_it_prompts_on_the_slice_with_the_largest_error(axis, kind):
    geometry = grid((20, 26, 24), (1.3, 1.0, 1.6), 20.0)
    truth = ball(geometry, (10, 12, 11), 7.0)
    prediction = truth.copy()
    worst = (8, 15, 13)[axis]
    at = tuple(worst if a == axis else slice(None) for a in range(3))
    prediction[at] = False
    prompt = RobotUser(Settings(correction=kind, axis=axis)).correct(prediction, truth, geometry)
    points = prompt.position[None] if isinstance(prompt, Click) else prompt.points
    assert set(geometry.to_index(points)[:, axis].tolist()) == {worst}


def test_clicks_on_a_slice_are_in_the_middle_of_that_slice():
    geometry = grid((3, 40, 40), (5.0, 1.0, 1.0))
    truth = np.ones(geometry.shape, dtype=bool)
    (click,) = RobotUser(Settings(axis=0)).first(truth, geometry)
    assert geometry.to_index(click.position)[1:].tolist() in (
        [19, 19],
        [20, 20],
        [19, 20],
        [20, 19],
    )


def test_off_middle_is_how_far_clicks_stray():
    truth = ball(FLAT, (0, 30, 35), 20.0)
    empty = np.zeros_like(truth)

    def strayed(off):
        clicks = corrections("click", empty, truth, FLAT, 60, off_middle=off)
        middle = FLAT.to_ras((0, 30, 35))
        return [float(np.linalg.norm(click.position - middle)) for click in clicks]

    assert max(strayed(0.0)) == 0
    assert 2 < max(strayed(0.3)) < 7.5
    assert max(strayed(1.0)) > 15


def test_the_line_around_is_outside_and_near():
    truth = ball(FLAT, (0, 30, 35), 12.0)
    settings = Settings(background=True, distance=4.0, length=1.0)
    _, around = RobotUser(settings).first(truth, FLAT)
    assert not around.positive
    away = np.linalg.norm(around.points - FLAT.to_ras((0, 30, 35)), axis=1)
    assert 14 < away.min() <= away.max() < 19


def test_the_same_seed_prompts_the_same_and_inputs_stay():
    geometry = GRIDS["oblique"]
    rng = np.random.default_rng(1)
    truth, prediction = blob(geometry, rng), blob(geometry, rng)
    before = truth.copy(), prediction.copy()

    def prompts(seed):
        user = RobotUser(Settings(first="freehand", correction="freehand", background=True), seed)
        made = [*user.first(truth, geometry), user.correct(prediction, truth, geometry)]
        return [p.points.tolist() for p in made if isinstance(p, Scribble)]

    assert prompts(4) == prompts(4)
    assert prompts(4) != prompts(5)
    assert np.array_equal(truth, before[0])
    assert np.array_equal(prediction, before[1])


def test_nothing_wrong_nothing_said():
    truth = ball(FLAT, (0, 30, 35), 12.0)
    for kind in KINDS:
        assert RobotUser(Settings(correction=kind)).correct(truth, truth, FLAT) is None


def test_corrections_lead_to_the_truth():
    truth = ball(FLAT, (0, 30, 35), 12.0) | ball(FLAT, (0, 12, 12), 6.0)
    prediction = ball(FLAT, (0, 34, 30), 12.0)
    user = RobotUser(Settings(correction="contour", depth=0.0, length=1.0), 2)
    for _ in range(200):
        prompt = user.correct(prediction, truth, FLAT)
        if prompt is None:
            break
        is_, is_not = said(prompt, FLAT)
        prediction[tuple(is_.T)], prediction[tuple(is_not.T)] = True, False
    assert np.array_equal(prediction, truth)


def test_an_error_on_a_slice_is_cut_where_the_slice_is():
    geometry = grid((5, 20, 20))
    truth = np.zeros(geometry.shape, dtype=bool)
    truth[3, 5:15, 5:15] = True
    truth[:, 10, 10] = True
    error = largest_error(np.zeros_like(truth), truth, 0)
    assert (error.region.start, error.region.stop) == ((3, 5, 5), (4, 15, 15))
    assert error.size == 100


def test_what_cannot_be_pointed_at_is_refused():
    user = RobotUser()
    with pytest.raises(ValueError, match="truth: got no voxel"):
        user.first(np.zeros(FLAT.shape, dtype=bool), FLAT)
    with pytest.raises(ValueError, match="truth: got a mask of shape"):
        user.first(np.ones((1, 2, 3), dtype=bool), FLAT)
    with pytest.raises(ValueError, match="prediction: got a mask of shape"):
        user.correct(np.ones((1, 2, 3), dtype=bool), np.ones(FLAT.shape, dtype=bool), FLAT)
    with pytest.raises(ValueError, match=r"first: got 'dot', allowed are click"):
        RobotUser(Settings(first="dot"))
    with pytest.raises(ValueError, match=r"length: got 0\.0"):
        RobotUser(Settings(length=0.0))
