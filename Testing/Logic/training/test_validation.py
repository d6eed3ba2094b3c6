"""What counts when a network in training is looked at."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from ImperfectSegLogic.training.prepared import prepare
from ImperfectSegLogic.training.validation import label_indices, validate
from Testing.Logic.training.phantom_runs import make_dataset, make_run

CPU = torch.device("cpu")


class ByGrayValue(nn.Module):
    """Says disk where it is bright, square where it is dark."""

    def forward(self, image):
        bright, dark = image - 0.9, -image - 0.9
        return torch.cat([torch.zeros_like(image), bright, dark], dim=1)


@pytest.fixture
def case_and_plan(tmp_path):
    dataset = make_dataset(tmp_path / "data")
    run = make_run(dataset)
    return prepare(dataset, ["case0"], run.plan, tmp_path / "cache")[0], run.plan


def with_target(case, folder, change):
    """The same case with another target."""
    made = folder / "changed"
    made.mkdir()
    for file in case.folder.iterdir():
        (made / file.name).write_bytes(file.read_bytes())
    target = np.array(case.target())
    change(target)
    np.save(made / "target.npy", target)
    return dataclasses.replace(case, folder=made)


def test_dice_is_of_each_label_and_their_mean(case_and_plan):
    case, plan = case_and_plan
    scores = validate(ByGrayValue(), [case], plan, CPU)
    assert set(scores) == {"dice", "dice 1", "dice 4"}
    assert scores["dice"] == pytest.approx((scores["dice 1"] + scores["dice 4"]) / 2)
    assert scores["dice"] > 0.8


def test_voxels_that_nobody_labeled_do_not_count(case_and_plan, tmp_path):
    case, plan = case_and_plan
    found = label_indices(ByGrayValue(), case.image(), plan, CPU)

    def only_where_right(target):
        target[found != target] = -1

    right = with_target(case, tmp_path, only_where_right)
    assert validate(ByGrayValue(), [right], plan, CPU)["dice"] == 1.0


def test_labels_that_nobody_looked_for_do_not_count(case_and_plan):
    case, plan = case_and_plan
    partial = dataclasses.replace(case, looked_for=(True, True, False))
    assert set(validate(ByGrayValue(), [partial], plan, CPU)) == {"dice", "dice 1"}


def test_the_network_is_in_training_mode_afterwards_as_before(case_and_plan):
    case, plan = case_and_plan
    network = nn.Sequential(ByGrayValue(), nn.Dropout(0.9))
    network.train()
    first, second = (validate(network, [case], plan, CPU) for _ in range(2))
    assert first == second
    assert network.training
