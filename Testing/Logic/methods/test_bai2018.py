"""Bai 2018: labels get from annotated frames to the others, and the network reads in time."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from ImperfectSegLogic.data import UNLABELED, Dataset, DenseMask, NoisyMask, SparseMask, Volume
from ImperfectSegLogic.methods.catalog import training_method
from ImperfectSegLogic.methods.weak.selective_loss.bai2018 import RecurrentSequence, Settings
from ImperfectSegLogic.metrics.dice import dice
from ImperfectSegLogic.networks.sequences import SequenceNetwork
from ImperfectSegLogic.training.fit import fit
from ImperfectSegLogic.training.model_file import load_model
from ImperfectSegLogic.training.players import Players
from Testing.Logic.training.phantom_runs import SPACING, make_run

RADII = (12, 11, 10, 9)
"""Of the bright disk in each frame."""


def frame(radius: float, slices: int = 1):
    j, i = np.mgrid[:40, :36]
    labels = (np.hypot(j - 19, i - 17) < radius).astype(np.int16)
    noise = np.random.default_rng(int(radius)).normal(0, 2, labels.shape)
    gray = gaussian_filter(100.0 + 60 * labels, 1) + noise
    return np.stack([gray.astype(np.float32)] * slices), np.stack([labels] * slices)


@pytest.fixture
def beating(tmp_path):
    """Two subjects of four frames, of which the first one is annotated; one to validate on."""
    dataset = Dataset.create(tmp_path / "beating", {1: "disk"})
    for subject in ("a", "b", "v"):
        for n, radius in enumerate(RADII):
            gray, labels = frame(radius)
            volume = Volume(gray, SPACING, f"{subject}{n}")
            dataset.add_case(f"{subject}{n}", volume, subject=subject)
            if n == 0 or subject == "v":
                dataset.annotate(f"{subject}{n}", DenseMask(labels, volume.geometry), "ann")
    return dataset


def players_of(train, validation=(), annotator=None, plan=None) -> Players:
    return Players(
        {},
        plan,
        lambda volume: None,
        train_cases=tuple(train),
        validation_cases=tuple(validation),
        annotator=annotator,
    )


def carried(dataset, folder, **settings) -> Dataset:
    ids = [case for case in dataset.case_ids if case[0] != "v"]
    method = RecurrentSequence(Settings(**settings))
    return method.before_rounds(players_of(ids, ["v0"]), dataset, folder)


def test_every_frame_gets_the_labels_of_the_nearest_annotated_one(beating, tmp_path):
    made = carried(beating, tmp_path / "made", power=0.0)
    assert made.case_ids == ["a0", "a1", "a2", "a3", "b0", "b1", "b2", "b3", "v0"]
    for case in ("a1", "a2", "a3", "b3"):
        found = made.case(case).annotation
        truth = frame(RADII[int(case[1])])[1]
        assert isinstance(found, NoisyMask)
        assert dice(found.labels, truth) > max(0.9, dice(frame(RADII[0])[1], truth))
    assert type(made.case("a0").annotation) is DenseMask
    assert beating.case("a1").annotation is None


def test_frames_count_less_the_farther_away_they_are(beating, tmp_path):
    made = carried(beating, tmp_path / "made", radius=4, power=1.0)
    shares = [made.case(f"a{n}").annotation.labeled.mean() for n in (1, 2, 3)]
    assert np.allclose(shares, (3 / 4, 2 / 4, 1 / 4), atol=0.06)
    near = carried(beating, tmp_path / "near", radius=2)
    assert near.case("a1").annotation is not None
    assert near.case("a2").annotation is None


def test_radius_one_carries_nothing(beating, tmp_path):
    assert carried(beating, tmp_path / "made", radius=1) is beating


def test_frames_on_other_grids_are_refused(beating, tmp_path):
    beating.add_case("a4", Volume(frame(9)[0][:, :30], SPACING, "a4"), subject="a")
    with pytest.raises(ValueError, match=r"a4 .* a3 .*one grid for all frames"):
        carried(beating, tmp_path / "made", radius=9)


def sequence(annotated, matrix=None):
    """A case whose slices are frames."""
    gray, labels = zip(*(frame(r) for r in (*RADII, *reversed(RADII))), strict=True)
    gray, labels = np.concatenate(gray), np.concatenate(labels).astype(np.int16)
    sparse = np.full_like(labels, UNLABELED)
    sparse[list(annotated)] = labels[list(annotated)]
    volume = Volume(gray, np.diag([1.5, 1.5, 2, 1]) if matrix is None else matrix)
    return volume, SparseMask(sparse, volume.geometry), labels


def make_sequences(folder, **changes) -> Dataset:
    dataset = Dataset.create(folder, {1: "disk"})
    for n in range(2):
        volume, sparse, _ = sequence([0, 4], **changes)
        dataset.add_case(f"case{n}", volume)
        dataset.annotate(f"case{n}", sparse, "ann")
    dataset.set_splits({"train": ["case0"], "val": ["case1"]})
    return dataset


def test_frames_can_be_the_slices_of_a_case(tmp_path):
    dataset = make_sequences(tmp_path / "data")
    run = make_run(dataset, dims=3, patch=(8, 24, 24), batch=1)
    method = RecurrentSequence(Settings(frames="slices", power=0.0))
    players = players_of(["case0"], ["case1"], "ann", run.plan)
    made = method.before_rounds(players, dataset, tmp_path / "made")
    found, truth = made.case("case0").annotation.labels, sequence([0])[2]
    assert all(dice(found[n], truth[n]) > 0.93 for n in range(8))
    assert np.array_equal(made.case("case1").annotation.labels, sequence([0, 4])[1].labels)


def test_a_sequence_whose_first_axis_is_no_time_for_the_network_is_refused(tmp_path):
    matrix = np.array([[0, 0, 2.0, 0], [1.5, 0, 0, 0], [0, 1.5, 0, 0], [0, 0, 0, 1]])
    dataset = make_sequences(tmp_path / "data", matrix=matrix)
    run = make_run(dataset, dims=3, patch=(24, 8, 24), batch=1)
    method = RecurrentSequence(Settings(frames="slices"))
    with pytest.raises(ValueError, match="first axis, time"):
        method.before_rounds(players_of(["case0"], plan=run.plan), dataset, tmp_path / "made")


def test_the_network_sees_what_comes_before_and_after():
    torch.manual_seed(0)
    network = SequenceNetwork(torch.nn.Conv2d(1, 4, 3, padding=1), 4, 4, 2)
    image = torch.randn(1, 1, 5, 8, 8)
    with torch.no_grad():
        before = network(image)
        for changed in (0, 4):
            other = image.clone()
            other[:, :, changed] += 1
            moved = (network(other) - before).abs().amax(dim=(0, 1, 3, 4))
            assert (moved > 1e-6).all(), f"frame {changed} is not seen by others: {moved}"
        alone = network(image[:, :, 2])
        assert torch.allclose(alone, network(image[:, :, 2:3])[:, :, 0])


def test_a_run_carries_labels_before_it_learns(beating, tmp_path):
    methods = (("bai2018", {"hidden": 4}),)
    run = make_run(
        beating,
        train_cases=("a0", "a1"),
        validation_cases=("v3",),
        methods=methods,
        steps=2,
        batch=2,
    )
    path = fit(run, tmp_path / "run", device="cpu")
    assert isinstance(load_model(path).network, SequenceNetwork)
    assert (tmp_path / "run" / "rounds" / "0-0-bai2018" / "dataset.json").is_file()


def test_settings_are_checked():
    with pytest.raises(ValueError, match="frames: got 'time'"):
        training_method("bai2018", {"frames": "time"})
