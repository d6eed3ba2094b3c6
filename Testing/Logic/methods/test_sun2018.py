"""Sun 2018: what is taught."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from ImperfectSegLogic.data.annotations import UNLABELED
from ImperfectSegLogic.data.sample import Batch
from ImperfectSegLogic.methods.catalog import training_method
from ImperfectSegLogic.methods.scarce.interactive.center_lessons import (
    canvases,
    dice_of_cases,
    drawn_lesson,
)
from ImperfectSegLogic.methods.scarce.interactive.ray_patches import RayGrid
from ImperfectSegLogic.methods.scarce.interactive.sun2018 import CenterClick, Settings
from ImperfectSegLogic.training.prepared import PreparedCase
from Testing.Contracts.training_checks import plan_of, players_of

SIZE = 40


def batch_of(kinds=("DenseMask",) * 4, count=None) -> Batch:
    """A disk of label 1 and a square of label 2 on each sample; gray values are the labels."""
    n = count or len(kinds)
    rows, columns = torch.meshgrid(torch.arange(SIZE), torch.arange(SIZE), indexing="ij")
    target = torch.zeros(n, SIZE, SIZE, dtype=torch.int64)
    target[:, (rows - 12) ** 2 + (columns - 13) ** 2 < 50] = 1
    target[:, 24:34, 22:36] = 2
    looked_for = torch.ones(n, 3, dtype=torch.bool)
    spacings, cases = ((1.0, 1.0),) * n, tuple(f"case{k}" for k in range(n))
    return Batch(target[:, None].float(), target, looked_for, tuple(kinds), spacings, cases)


def lessons(batch, jitter=0.5, seeds=range(12)):
    for seed in seeds:
        torch.manual_seed(seed)
        yield drawn_lesson(batch, jitter)


def test_labels_are_drawn_among_those_that_are_there():
    sizes = {int((one.inside[0] == 1).sum()) for one in lessons(batch_of())}
    target = batch_of().target[0]
    assert sizes == {int((target == 1).sum()), int((target == 2).sum())}


def test_labels_that_nobody_looked_for_are_not_drawn():
    batch = batch_of()
    looked_for = batch.looked_for.clone()
    looked_for[:, 2] = False
    batch = dataclasses.replace(batch, looked_for=looked_for)
    for one in lessons(batch):
        assert torch.equal(one.inside, (batch.target == 1).long())


def test_clicks_are_in_the_object_and_differ():
    seen = set()
    for one in lessons(batch_of()):
        rows, columns = one.centers.long().unbind(1)
        assert (one.inside[torch.arange(4), rows, columns] == 1).all()
        seen |= {tuple(c) for c in one.centers.tolist()}
    assert len(seen) > 10
    (exact,) = lessons(batch_of(), jitter=0.0, seeds=[3])
    assert {tuple(c) for c in exact.centers.tolist()} <= {(12.0, 13.0), (28.0, 26.0)}


def test_unlabeled_pixels_stay_unlabeled_and_samples_without_labels_teach_nothing():
    batch = batch_of()
    target = batch.target.clone()
    target[..., ::2] = UNLABELED
    target[1] = UNLABELED
    target[2] = 0
    for one in lessons(dataclasses.replace(batch, target=target)):
        assert one.samples.tolist() == [0, 3]
        assert torch.equal(one.inside == UNLABELED, target[one.samples] == UNLABELED)
    assert drawn_lesson(dataclasses.replace(batch, target=target[1:3]), 0.5) is None


def test_another_part_of_a_dense_label_is_outside_but_of_scribbles_inside():
    batch = batch_of(("DenseMask", "SparseMask"))
    target = torch.where(batch.target == 2, 1, batch.target)
    (one,) = lessons(dataclasses.replace(batch, target=target), seeds=[0])
    away = batch.target[0] == 2  # The disk is deeper.
    assert torch.equal(one.inside[0] == 1, batch.target[0] == 1)
    assert (one.inside[1][away] == 1).all()


def test_the_loss_is_small_for_who_is_right_and_large_for_who_is_wrong():
    class Says(torch.nn.Module):
        def __init__(self, sign):
            super().__init__()
            self.sign = torch.nn.Parameter(torch.tensor(sign))

        def forward(self, patches):
            inside = self.sign * 20 * (patches - 0.5)
            return torch.cat([torch.zeros_like(inside), inside], dim=1)

    method, batch = CenterClick(), batch_of()
    batch = dataclasses.replace(batch, target=batch.target.clamp_max(1) * (batch.target < 2))
    batch = dataclasses.replace(batch, image=batch.target[:, None].float())
    values = []
    for sign in (1.0, -1.0):
        players = players_of(method, 2)
        players.networks = {"segmenter": Says(sign)}
        torch.manual_seed(0)
        values.append([float(t.value.detach()) for t in method.loss(players, batch)])
    (good, bad) = values
    assert good[0] < 0.1 < 5 < bad[0]
    assert good[1] < 0.1 < 0.8 < bad[1]


def test_the_same_seed_draws_the_same():
    method = CenterClick()
    players = players_of(method, 2)
    found = []
    for seed in (5, 5, 6):
        torch.manual_seed(seed)
        found.append(float(method.loss(players, batch_of())[0].value.detach()))
    assert found[0] == found[1] != found[2]


def test_without_dice_there_is_cross_entropy_alone():
    method = CenterClick(Settings(dice=0.0))
    assert [t.name for t in method.loss(players_of(method, 2), batch_of())] == ["cross_entropy"]


def test_settings_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match=r"sun2018, features: got .* allowed are three"):
        training_method("sun2018", {"features": "8x16"})
    with pytest.raises(ValueError, match="sun2018, size: got 12, allowed are 8, 16, 32, 64"):
        training_method("sun2018", {"size": 12})


def test_the_network_takes_the_channels_of_the_plan():
    plan = dataclasses.replace(
        plan_of(2), channels=3, intensity=plan_of(2).intensity * 3, patch=(64, 64)
    )
    method = CenterClick(Settings(features=(4, 4, 4)))
    grid = method.grid(plan)
    assert grid.reach == 32
    said = canvases(
        method.segmenter(plan), grid, torch.randn(2, 3, 50, 60), torch.full((2, 2), 20.0)
    )
    assert said.shape == (2, grid.canvas, grid.canvas)
    assert 0 <= float(said.min()) <= float(said.max()) <= 1


class Bright(torch.nn.Module):
    """Says inside where it is bright."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor(20.0))

    def forward(self, patches):
        inside = self.weight * (patches - 0.5)
        return torch.cat([torch.zeros_like(inside), inside], dim=1)


@pytest.fixture
def case(tmp_path):
    """Two slices; of the second one, half is unlabeled and has a bright part that is not there."""
    batch = batch_of(count=2)
    target = (batch.target == 1).long().numpy().astype(np.int16)
    image = target[None].astype(np.float32).copy()
    target[1, :, 13:] = UNLABELED
    image[0, 1, 5:15, 25:35] = 1
    np.save(tmp_path / "image.npy", image)
    np.save(tmp_path / "target.npy", target)
    counts = tuple(int((target == n).sum()) for n in range(3))
    looked_for, shape = (True, True, True), (2, SIZE, SIZE)
    return PreparedCase(tmp_path, "a", "DenseMask", looked_for, shape, (1.0,) * 3, counts)


def test_validation_counts_annotated_pixels_after_one_click(case):
    grid = RayGrid.of((40, 40), 16, 16, 48)
    found = dice_of_cases(Bright(), grid, [case], (1, 7))
    assert set(found) == {"dice", "dice 1"}
    assert found["dice"] == found["dice 1"] > 0.97
    blind = Bright()
    blind.weight.data *= -1
    assert dice_of_cases(blind, grid, [case], (1, 7))["dice"] < 0.3


def test_validation_leaves_the_network_as_it_was(case):
    method = CenterClick()
    players = players_of(method, 2)
    players.segmenter.train()
    before = {k: v.clone() for k, v in players.segmenter.state_dict().items()}
    method.validate(players, [case])
    assert players.segmenter.training
    assert all(torch.equal(v, before[k]) for k, v in players.segmenter.state_dict().items())
