"""Patches along rays: where they lie, what they hold, and how they become one mask."""

from __future__ import annotations

import math

import pytest
import torch

from ImperfectSegLogic.methods.scarce.interactive.ray_patches import (
    RayGrid,
    put_together,
    sampled,
    spread_out,
)

GRID = RayGrid(rays=16, patches=3, step=4, size=16)
SIZE = 60
CENTER = torch.tensor([[30.0, 27.0]])


def offsets_of(grid=GRID, start=0.0):
    return grid.offsets(grid.turns(torch.tensor([start])))


def slope(rows, columns):
    return 0.01 * rows + 0.007 * columns


def test_patches_go_outwards_from_one_step_off_the_center():
    east, south = GRID.offsets(torch.tensor([0.0, math.pi / 2]))
    assert torch.allclose(east[0].mean(dim=(0, 1)), torch.tensor([0.0, 4.0]), atol=1e-5)
    assert torch.allclose(east[2].mean(dim=(0, 1)), torch.tensor([0.0, 12.0]), atol=1e-5)
    assert torch.allclose(south[2].mean(dim=(0, 1)), torch.tensor([12.0, 0.0]), atol=1e-5)
    along = (east[0, 0, 1] - east[0, 0, 0], south[0, 0, 1] - south[0, 0, 0])
    assert torch.allclose(torch.stack(along), torch.tensor([[0.0, 1.0], [1.0, 0.0]]), atol=1e-5)


@pytest.mark.parametrize(("window", "size"), [((64, 64), 16), ((40, 24), 8), ((200, 90), 32)])
def test_patches_leave_no_gap_within_reach(window, size):
    grid = RayGrid.of(window, rays=4, size=size, reach=1000)
    assert grid.reach >= max(window) / 2
    said = put_together(torch.ones(1, grid.rays, grid.patches, size, size), offsets_of(grid), grid)
    away = torch.arange(grid.canvas) - grid.canvas // 2
    within = torch.hypot(away[:, None].float(), away.float()) <= grid.reach - 1
    assert torch.allclose(said[0][within], torch.tensor(1.0))
    assert float(said[0, 0, 0]) == 0


def test_reach_is_that_of_the_setting_where_the_window_is_larger():
    assert RayGrid.of((200, 200), rays=16, size=16, reach=30).reach == 32
    assert RayGrid.of((20, 20), rays=16, size=16, reach=30).patches == 2


def test_patches_hold_what_is_there_whatever_the_angle():
    rows, columns = torch.meshgrid(torch.arange(60.0), torch.arange(60.0), indexing="ij")
    image = torch.stack([slope(rows, columns), rows])[None]
    positions = CENTER[:, None, None, None, None] + offsets_of(start=0.3)
    patches = sampled(image, positions)
    assert patches.shape == (16, 2, 3, 16, 16)
    assert torch.allclose(patches[:, 1], positions[0, ..., 0], atol=1e-3)
    assert torch.allclose(patches[:, 0], slope(*positions[0].unbind(-1)), atol=1e-4)


def test_labels_are_those_of_the_nearest_pixel_and_0_outside():
    labels = torch.zeros(2, 1, 20, 20)
    labels[1, 0, 10:, :] = 2
    # Off the grid's directions, as half-way between pixels either one is right.
    positions = 10.0 + offsets_of(start=0.3).expand(2, -1, -1, -1, -1, -1)
    found = sampled(labels, positions, nearest=True).view(2, 16, 3, 16, 16)
    assert not found[0].any()
    rows, columns = positions[1].unbind(-1)
    inside = (rows > -0.5) & (rows < 19.5) & (columns > -0.5) & (columns < 19.5)
    assert torch.equal(found[1] == 2, inside & (rows.round() >= 10))


def test_what_patches_agree_on_is_put_together_and_spread_out_again():
    offsets = offsets_of(start=0.2)
    canvas = put_together(0.5 + slope(*offsets.unbind(-1)), offsets, GRID)[0]
    rows, columns = torch.arange(-14, 15) / 1.7, torch.arange(-12, 13) / 1.3
    expected = 0.5 + slope(rows[:, None], columns)
    assert torch.allclose(spread_out(canvas, rows, columns), expected, atol=0.02)


def test_what_patches_do_not_agree_on_is_averaged():
    inside = torch.zeros(1, 16, 3, 16, 16)
    inside[:, ::2] = 1
    canvas = put_together(inside, offsets_of(), GRID)[0]
    middle = GRID.canvas // 2
    assert float(canvas[middle, middle]) == pytest.approx(0.5, abs=0.05)
    assert float(canvas.min()) >= 0
    assert float(canvas.max()) <= 1


def test_answers_can_be_learned_through_the_canvas():
    inside = torch.full((1, 16, 3, 16, 16), 0.5, requires_grad=True)
    canvas = put_together(inside, offsets_of(), GRID)
    spread_out(canvas[0], torch.arange(-5.0, 6), torch.arange(-5.0, 6)).sum().backward()
    assert float(inside.grad.abs().sum()) > 0
