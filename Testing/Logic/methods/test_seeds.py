"""From prompts to labeled voxels."""

from __future__ import annotations

import numpy as np
import pytest

from ImperfectSegLogic.data import Box, Lasso, Recist, Scribble
from ImperfectSegLogic.methods.scarce.interactive.rasterize import box_voxels
from ImperfectSegLogic.methods.scarce.interactive.seeds import read_prompts
from Testing.Logic.methods.phantoms import click, grid

KINDS = ("Click", "Scribble", "Box", "Lasso")
GRIDS = {
    "2-D": grid((1, 40, 50)),
    "3-D": grid((20, 24, 28)),
    "thick": grid((9, 40, 44), spacing=(6.0, 0.8, 1.1)),
    "oblique": grid((20, 30, 32), spacing=(3.0, 1.2, 0.7), degrees=40.0),
}
CUBE = GRIDS["3-D"]


def marked(seeds, geometry, label=1):
    mask = np.zeros(geometry.shape, dtype=bool)
    mask[tuple(seeds.voxels[seeds.labels == label].T)] = True
    return mask


@pytest.mark.parametrize("name", GRIDS)
def test_a_scribble_covers_just_the_voxels_within_its_radius_in_mm(name):
    geometry = GRIDS[name]
    k, j, i = (n // 2 for n in geometry.shape)
    points = geometry.to_ras([(k, j - 6, i - 7), (k, j + 5, i + 2), (k, j + 2, i + 8)])
    seeds = read_prompts([Scribble(points=points, radius=2.5)], geometry, KINDS)
    line = np.concatenate(
        [
            a + np.linspace(0, 1, 4000)[:, None] * (b - a)
            for a, b in ((points[0], points[1]), points[1:])
        ]
    )
    every = geometry.to_ras(np.indices(geometry.shape).reshape(3, -1).T)
    near = np.array([np.linalg.norm(line - voxel, axis=1).min() for voxel in every])
    expected = (near <= 2.5).reshape(geometry.shape)
    crossed = np.zeros(geometry.shape, dtype=bool)
    crossed[tuple(geometry.to_index(line).T)] = True
    found = marked(seeds, geometry)
    off = found != (expected | crossed)
    assert (np.abs(near.reshape(geometry.shape)[off & ~crossed] - 2.5) < 1e-3).all()
    assert found.sum() > 10


@pytest.mark.parametrize("name", GRIDS)
def test_a_thin_scribble_leaves_no_gap(name):
    geometry = GRIDS[name]
    ends = [(0, 2, 3), (geometry.shape[0] - 1, geometry.shape[1] - 3, 20)]
    found = marked(
        read_prompts([Scribble(points=geometry.to_ras(ends))], geometry, KINDS), geometry
    )
    from scipy import ndimage

    assert ndimage.label(found, structure=np.ones((3, 3, 3)))[1] == 1
    assert found[ends[0]]
    assert found[ends[1]]


@pytest.mark.parametrize("name", GRIDS)
def test_a_lasso_has_a_core_inside_and_a_ring_outside(name):
    geometry = GRIDS[name]
    k, j, i = (n // 2 for n in geometry.shape)
    corners = [(k, j - 8, i - 9), (k, j - 8, i + 9), (k, j + 8, i + 9), (k, j + 8, i - 9)]
    seeds = read_prompts([Lasso(points=geometry.to_ras(corners))], geometry, KINDS)
    core, ring = marked(seeds, geometry), marked(seeds, geometry, 0)
    assert core[k, j, i]
    assert set(np.argwhere(core | ring)[:, 0]) == {k}
    box = np.zeros(geometry.shape, dtype=bool)
    box[k, j - 8 : j + 9, i - 9 : i + 10] = True
    assert not core[~box].any()
    assert not ring[box].any()
    assert ring[k, j - 10 : j + 11].any(axis=0).sum() > 15


def test_a_click_overrules_a_lasso():
    square = [(9, 4, 4), (9, 4, 20), (9, 20, 20), (9, 20, 4)]
    lasso = Lasso(points=CUBE.to_ras(square))
    inside = click(CUBE, (9, 12, 12), positive=False)
    seeds = read_prompts([lasso, inside], CUBE, KINDS)
    assert not marked(seeds, CUBE)[9, 12, 12]
    assert marked(seeds, CUBE, 0)[9, 12, 12]


def test_negative_prompts_are_background_but_give_way_to_other_labels():
    prompts = [
        click(CUBE, (5, 5, 5), 2),
        click(CUBE, (5, 5, 5), 1, positive=False),
        click(CUBE, (7, 7, 7), 1, positive=False),
    ]
    seeds = read_prompts(prompts, CUBE, KINDS)
    assert seeds.voxels.tolist() == [[5, 5, 5], [7, 7, 7]]
    assert seeds.labels.tolist() == [2, 0]
    assert seeds.segments == (2,)


def test_the_same_thing_said_twice_is_no_conflict():
    seeds = read_prompts([click(CUBE, (5, 5, 5)), click(CUBE, (5, 5, 5))], CUBE, KINDS)
    assert seeds.voxels.tolist() == [[5, 5, 5]]


OUT = CUBE.to_ras((30, 5, 5))
REFUSED = {
    "no prompt": ([], r"got none, allowed are one or more"),
    "a click outside": (
        [click(CUBE, (5, 5, 5)), click(CUBE, (30, 5, 5))],
        r"prompt 2 \(Click\): got RAS \(-15\.0, 40\.0, 37\.0\) mm, which is outside the image;"
        r" it reaches from RAS \(-20\.5, 34\.5, 6\.5\) mm to RAS \(7\.5, 58\.5, 26\.5\) mm",
    ),
    "a scribble that leaves the image": (
        [Scribble(points=[CUBE.to_ras((5, 5, 5)), OUT])],
        r"prompt 1 \(Scribble\).*outside",
    ),
    "a lasso that leaves the image": (
        [Lasso(points=CUBE.to_ras([(5, 5, 5), (5, 9, 5), (5, 9, 99)]))],
        r"prompt 1 \(Lasso\).*outside",
    ),
    "a lasso that is not flat": (
        [Lasso(points=CUBE.to_ras([(5, 5, 5), (9, 9, 5), (5, 9, 9), (9, 3, 12), (5, 2, 2)]))],
        r"lasso.*one slice",
    ),
    "a voxel with two labels": (
        [click(CUBE, (5, 5, 5), 1), click(CUBE, (5, 5, 5), 2)],
        r"both label 1 and label 2 for the voxel at RAS \(-15\.0, 40\.0, 12\.0\)",
    ),
    "a voxel with a label and background": (
        [click(CUBE, (5, 5, 5), 1), click(CUBE, (5, 5, 5), 0)],
        r"both label 0 and label 1",
    ),
    "a voxel with a label and its denial": (
        [click(CUBE, (5, 5, 5), 1), click(CUBE, (5, 5, 5), 1, positive=False)],
        r"both label 1 and not label 1",
    ),
    "only background": (
        [click(CUBE, (5, 5, 5), 0), click(CUBE, (5, 6, 5), 1, positive=False)],
        r"got 2, all negative or background",
    ),
    "RECIST diameters": (
        [
            Recist(
                long_axis=CUBE.to_ras([(5, 5, 5), (5, 9, 5)]),
                short_axis=CUBE.to_ras([(5, 7, 4), (5, 7, 6)]),
            )
        ],
        r"prompt 1: got a Recist, allowed are Click, Scribble, Box, Lasso",
    ),
    "a box beside the image": (
        [Box(center=OUT, size=[3.0, 3.0, 3.0])],
        r"prompt 1 \(Box\).*holds no voxel",
    ),
    "a box between voxels": (
        [Box(center=CUBE.to_ras((5.5, 5.5, 5.5)), size=[0.5, 0.5, 0.5])],
        r"prompt 1 \(Box\).*holds no voxel",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused_with_a_clear_message(what):
    prompts, message = REFUSED[what]
    with pytest.raises(ValueError, match=message):
        read_prompts(prompts, CUBE, KINDS)


FLAT_BOXES = {
    "in a 2-D image": ("2-D", (0, 20, 25), (30.0, 20.0, 0.0), 0),
    "between two slices": ("3-D", (9.5, 12, 14), (12.0, 10.0, 0.0), 0),
    "in an axial slice": ("thick", (4, 20, 20), (20.0, 12.0, 0.0), 0),
    "in a coronal slice": ("thick", (4, 20, 20), (20.0, 0.0, 30.0), 1),
    "thinner than the slice": ("thick", (4.3, 20, 20), (20.0, 12.0, 0.5), 0),
}


@pytest.mark.parametrize("name", FLAT_BOXES)
def test_a_box_drawn_in_one_slice_holds_that_slice(name):
    on, center, size, axis = FLAT_BOXES[name]
    geometry = GRIDS[on]
    drawn = Box(center=geometry.to_ras(center), size=size)
    inside = click(geometry, tuple(int(n) for n in center))
    box = read_prompts([drawn, inside], geometry, KINDS).boxes[1][0]
    held = box_voxels(box, geometry)
    slices = set(held[:, axis])
    assert slices == ({9, 10} if name == "between two slices" else {int(center[axis])})
    for across in {0, 1, 2} - {axis}:
        expected = size[2 - across] / geometry.spacing[across]
        assert abs(np.ptp(held[:, across]) - expected) <= 1


@pytest.mark.parametrize(
    ("on", "size"),
    [
        ("2-D", (0.0, 20.0, 2.0)),
        ("2-D", (20.0, 0.0, 0.0)),
        ("3-D", (0.0, 0.0, 8.0)),
        ("3-D", (0.0, 0.0, 0.0)),
    ],
)
def test_a_box_without_extent_in_its_slice_is_refused(on, size):
    geometry = GRIDS[on]
    box = Box(center=geometry.to_ras([n // 2 for n in geometry.shape]), size=size)
    clicks = click(geometry, tuple(n // 2 for n in geometry.shape))
    with pytest.raises(
        ValueError, match=r"prompt 2 \(Box\): got size .*no extent within its slice"
    ):
        read_prompts([clicks, box], geometry, KINDS)
