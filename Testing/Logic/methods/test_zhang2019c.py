"""Zhang 2019c: slices on which answer and attention differ are wanted; an expert reveals them."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from torch import nn

from ImperfectSegLogic.completion.completed import WantedSlice
from ImperfectSegLogic.data import (
    UNLABELED,
    Case,
    Dataset,
    DenseMask,
    PointGrid,
    SparseMask,
    Volume,
)
from ImperfectSegLogic.methods.weak.selective_loss.slice_ranking import (
    annotated_slices,
    drawn,
    evenly_spread,
    least_agreeing,
    rank_slices,
    slice_agreement,
    slice_axis_of,
)
from ImperfectSegLogic.methods.weak.selective_loss.zhang2019c import AttentionGuided, Settings
from ImperfectSegLogic.networks.attention import AttentionNetwork
from ImperfectSegLogic.training.fit import fit
from ImperfectSegLogic.training.model_file import load_model
from ImperfectSegLogic.training.players import Players
from ImperfectSegLogic.training.preprocessing import ChannelIntensity, Preprocessing
from Testing.Logic.training.phantom_runs import LABELS, SPACING, make_dataset, make_run, pair

TURNED = np.array([[0, 0, 10.0, 4], [0, -1.5, 0, 9], [1.5, 0, 0, -2], [0, 0, 0, 1]])


class Torn(AttentionNetwork):
    """Answers where it is bright; its attention agrees where it is very bright."""

    def __init__(self, dims: int) -> None:
        nn.Module.__init__(self)
        self.dims, self.weight = dims, nn.Parameter(torch.zeros(1))

    def forward(self, image, attention=False):
        answer, looked = ([-20 * (image - n), 20 * (image - n)] for n in (0.5, 1.5))
        answer, looked = torch.cat(answer, dim=1), torch.cat(looked, dim=1)
        return torch.cat([answer, looked], dim=1) if attention else answer


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("matrix", [SPACING, TURNED], ids=["straight", "turned"])
def test_slices_on_which_maps_differ_agree_the_least(dims, matrix):
    array = np.zeros((5, 16, 16), dtype=np.float32)
    array[:, 4:9, 5:10] = 2
    array[3, 4:9, 5:10] = 1  # Its attention is elsewhere.
    array[0] = 0
    intensity = (ChannelIntensity("none", 0.0, 1.0, 0.0, 1.0),)
    spacing = {2: (10, 1.5, 1.5), 3: (10, 1.5, 1.5) if matrix is SPACING else (1.5, 1.5, 10)}
    preprocessing = Preprocessing(dims, spacing[dims], intensity)
    volume = Volume(array, matrix)
    patch = (16, 16) if dims == 2 else preprocessing.prepared_shape(volume.geometry)
    agreement = slice_agreement(Torn(dims), preprocessing, patch, volume)
    assert slice_axis_of(volume.geometry) == 0
    assert np.argmin(agreement) == 3
    assert agreement[3] < 0.2
    assert agreement[[0, 1, 2, 4]].min() > 0.9


def wanted(indices, uncertainty=lambda n: n / 100):
    return [WantedSlice(0, n, uncertainty(n), "because") for n in indices]


def test_the_least_agreeing_of_all_cases_come_first():
    candidates = {"a": wanted(range(10)), "b": wanted([7, 20])}
    found = [(case, one.index) for case, one in least_agreeing(candidates, 3)]
    assert found == [("b", 20), ("a", 9), ("a", 8)]


def test_evenly_spread_slices_are_far_from_annotated_ones():
    candidates = {"a": wanted([*range(4), *range(5, 10)]), "b": wanted(range(5))}
    known = {"a": frozenset({4}), "b": frozenset()}
    found = [(case, one.index) for case, one in evenly_spread(candidates, known, 4)]
    assert found == [("b", 2), ("a", 9), ("a", 0), ("a", 2)]
    assert len(evenly_spread(candidates, known, 99)) == 14


def test_drawn_slices_are_different_ones():
    candidates = {"a": wanted(range(6)), "b": wanted(range(6))}
    found = drawn(candidates, 8, np.random.default_rng(0))
    assert len({(case, one.index) for case, one in found}) == 8


def test_annotated_slices_are_those_with_a_label():
    labels = np.full((4, 5, 6), UNLABELED)
    labels[1, 2, 3], labels[3] = 0, 1
    mask = SparseMask(labels, Volume(np.zeros(labels.shape), SPACING).geometry)
    assert annotated_slices(mask, 0) == {1, 3}
    assert annotated_slices(None, 0) == frozenset()
    with pytest.raises(ValueError, match="got PointGrid"):
        annotated_slices(PointGrid(np.zeros((1, 3)), np.zeros(1, dtype=np.int64)), 0)


@pytest.fixture(scope="module")
def few_slices(tmp_path_factory) -> Dataset:
    """One slice of each case is annotated by `ann`, all by `expert`."""
    dataset = make_dataset(tmp_path_factory.mktemp("data") / "few", kind="none")
    for n, case in enumerate(dataset.case_ids):
        volume, truth = pair(n)
        few = np.full_like(truth, UNLABELED)
        few[1] = truth[1]
        dataset.annotate(case, SparseMask(few, volume.geometry), "ann")
        dataset.annotate(case, DenseMask(truth, volume.geometry), "expert")
    return dataset


def run_of(dataset, rounds, **settings):
    methods = (("zhang2019c", {"features": 8, **settings}),)
    known = {"train_cases": ("case0", "case1"), "validation_cases": ("case3",)}
    return make_run(dataset, methods=methods, rounds=rounds, steps=2, annotator="ann", **known)


@pytest.fixture(scope="module")
def trained(few_slices, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "expert"
    run = run_of(few_slices, rounds=3, expert="expert", share=0.25)
    return fit(run, folder, device="cpu")


def test_an_expert_reveals_what_is_wanted_round_by_round(few_slices, trained):
    rounds = trained.parent / "rounds"
    for number in (1, 2):
        made = Dataset.open(rounds / f"{number}-0-zhang2019c")
        said = json.loads((made.folder / "wanted.json").read_text())
        assert len(said["wanted"]) == 2
        assert said["dataset"] == str(few_slices.folder.resolve())
        for one in said["wanted"]:
            labels = made.case(one["case"]).annotation.labels
            assert np.array_equal(labels[one["index"]], pair(int(one["case"][-1]))[1][one["index"]])
        count = 0
        for case in ("case0", "case1"):
            annotation = made.case(case).annotation
            assert 1 in annotated_slices(annotation, 0)
            count += len(annotated_slices(annotation, 0))
            assert made.annotators(case) == ["zhang2019c"]
        assert count == 2 + 2 * number


def test_without_an_expert_the_wanted_slices_are_only_named(few_slices, tmp_path):
    fit(run_of(few_slices, rounds=2), tmp_path / "run", device="cpu")
    made = tmp_path / "run" / "rounds" / "1-0-zhang2019c"
    assert [p.name for p in made.iterdir()] == ["wanted.json"]
    said = json.loads((made / "wanted.json").read_text())["wanted"]
    assert len(said) == 1
    assert said[0]["index"] != 1


def test_a_model_ranks_the_slices_of_a_case(trained):
    volume, truth = pair(4)
    labels = np.full_like(truth, UNLABELED)
    labels[2] = truth[2]
    case = Case(volume, "new", SparseMask(labels, volume.geometry))
    found = rank_slices(load_model(trained), case)
    assert sorted(one.index for one in found) == [0, 1, 3]
    assert [one.uncertainty for one in found] == sorted(
        (o.uncertainty for o in found), reverse=True
    )
    assert all(
        one.axis == 0 and 0 <= one.uncertainty <= 1 and "Dice" in one.reason for one in found
    )


def test_other_models_cannot_rank(tmp_path, few_slices):
    run = make_run(few_slices, steps=1, annotator="ann")
    model = load_model(fit(run, tmp_path / "run", device="cpu"))
    with pytest.raises(
        ValueError, match="got one of unet, allowed are models trained with zhang2019c"
    ):
        rank_slices(model, Case(pair(0)[0]))


def test_an_expert_without_masks_is_refused(few_slices, tmp_path):
    plan = run_of(few_slices, 2).plan
    method = AttentionGuided(Settings(expert="ann", features=8))
    players = Players(
        {"segmenter": method.segmenter(plan)}, plan, lambda volume: None, train_cases=("case0",)
    )
    players.annotator = "ann"
    with pytest.raises(ValueError, match="no dense mask of the expert 'ann'"):
        method.between_rounds(players, few_slices, tmp_path / "made")


def test_attention_follows_its_own_labels_in_the_answer():
    network = AttentionNetwork(nn.Conv2d(1, 8, 3, padding=1), 2, 8, len(LABELS) + 1)
    image = torch.randn(2, 1, 12, 12)
    both = network(image, attention=True)
    assert both.shape == (2, 6, 12, 12)
    assert torch.equal(both[:, :3], network(image))
