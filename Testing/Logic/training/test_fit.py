"""The training loop: learns, resumes exactly, stops, and says what is wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from ImperfectSegLogic.data import Case, Dataset
from ImperfectSegLogic.methods.base import Term, TrainingMethod
from ImperfectSegLogic.methods.card import MethodCard, Requires
from ImperfectSegLogic.methods.progress import CancelledError, Progress
from ImperfectSegLogic.methods.supervised import Supervised
from ImperfectSegLogic.metrics.dice import dice
from ImperfectSegLogic.prediction.predict import PredictionSettings, predict
from ImperfectSegLogic.training import fit as fit_module
from ImperfectSegLogic.training import optimizing, setting_up
from ImperfectSegLogic.training.events import Event
from ImperfectSegLogic.training.fit import fit
from ImperfectSegLogic.training.model_file import load_model
from Testing.Logic.training.phantom_runs import LABELS, make_dataset, make_run, pair, weights_of

NO_CHANCE = {"features": (8, 16), "strides": (2,)}
"""A network without dropout."""


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return make_dataset(tmp_path_factory.mktemp("data") / "dense")


@pytest.fixture(scope="module")
def result(dataset, tmp_path_factory):
    """A short run, from beginning to end."""
    folder = tmp_path_factory.mktemp("run") / "whole"
    events: list[Event] = []
    path = fit(make_run(dataset), folder, events.append, device="cpu")
    return folder, path, events


def same_weights(one: Path, other: Path) -> bool:
    a, b = weights_of(one), weights_of(other)
    return a.keys() == b.keys() and all(np.array_equal(a[n], b[n]) for n in a)


def test_a_network_learns_to_segment_a_case_it_has_not_seen(dataset, tmp_path):
    run = make_run(dataset, steps=120, steps_per_validation=40, learning_rate=1e-2)
    path = fit(run, tmp_path / "run", device="cpu")
    volume, truth = pair(4)
    found = predict((load_model(path),), volume, PredictionSettings()).prediction.full_labels()
    assert dice(found == 1, truth == 1) > 0.85
    assert dice(found == 4, truth == 4) > 0.85


def test_it_learns_volumes_from_sparse_labels_in_3d(tmp_path):
    dataset = make_dataset(tmp_path / "sparse", kind="sparse")
    run = make_run(
        dataset,
        dims=3,
        patch=(4, 24, 24),
        batch=2,
        steps=80,
        learning_rate=1e-2,
        network_settings={"features": (8, 16), "strides": (2,), "flat_levels": 1},
        methods=(("sparse-cicek2016", {}),),
    )
    path = fit(run, tmp_path / "run", device="cpu")
    volume, truth = pair(4)
    found = predict((load_model(path),), volume, PredictionSettings()).prediction.full_labels()
    assert dice(found == 1, truth == 1) > 0.7


def test_the_folder_of_a_run_tells_all_about_it(result):
    folder, path, events = result
    lines = (folder / "events.jsonl").read_text().splitlines()
    assert [json.loads(line)["kind"] for line in lines] == [e.kind for e in events]
    assert {e.kind for e in events} >= {"step", "validation", "end"}
    state = json.loads((folder / "state.json").read_text())
    assert (state["state"], state["step"], state["of"]) == ("done", 12, 12)
    assert path == folder / "model.safetensors"
    card = load_model(path).card
    assert card["steps"] == 12
    assert set(card["scores"]) == {"dice", "dice 1", "dice 4"}


def test_the_same_seed_gives_the_same_weights_and_another_gives_others(dataset, result, tmp_path):
    again = fit(make_run(dataset), tmp_path / "again", device="cpu")
    other = fit(make_run(dataset, seed=1), tmp_path / "other", device="cpu")
    assert same_weights(again, result[1])
    assert not same_weights(other, result[1])


def test_a_stopped_run_goes_on_to_the_same_weights(dataset, result, tmp_path):
    run, folder = make_run(dataset), tmp_path / "stopped"
    progress = Progress(lambda fraction, text: progress.cancel() if fraction > 0.4 else None)
    with pytest.raises(CancelledError):
        fit(run, folder, progress=progress, device="cpu")
    assert json.loads((folder / "state.json").read_text())["state"] == "stopped"
    path = fit(run, folder, device="cpu", resume=True)
    assert same_weights(path, result[1])


def test_a_file_named_stop_stops_a_run(dataset, tmp_path):
    folder = tmp_path / "run"

    def ask(event):
        if event.kind == "step":
            (folder / "stop").touch()

    with pytest.raises(CancelledError, match="step 1 of 12"):
        fit(make_run(dataset), folder, ask, device="cpu")
    assert not (folder / "stop").exists()


KILLED = """
import sys, torch
from pathlib import Path
from ImperfectSegLogic.training.fit import fit
from ImperfectSegLogic.training import fit as module
from ImperfectSegLogic.training.run import RunDescription
torch.set_num_threads(1)
folder = Path(sys.argv[1])
module.SECONDS_BETWEEN_CHECKPOINTS = 0.0
run = RunDescription.read(folder)
fit(run, folder, device="cpu", resume=True)
"""


def test_a_killed_run_goes_on_to_the_same_weights(dataset, tmp_path):
    run = make_run(dataset, steps=60, steps_per_validation=20)
    torch.set_num_threads(1)
    whole = fit(run, tmp_path / "whole", device="cpu")
    folder = tmp_path / "killed"
    folder.mkdir()
    run.write(folder)
    kills = 0
    for _ in range(6):
        process = subprocess.Popen([sys.executable, "-c", KILLED, str(folder)])
        while process.poll() is None and not _just_saved(folder):
            time.sleep(0.01)
        if process.poll() is not None:
            break
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        kills += 1
    assert kills >= 1
    path = fit(run, folder, device="cpu", resume=True)
    assert same_weights(path, whole)


def _just_saved(folder: Path) -> bool:
    path = folder / "checkpoint.pt"
    return path.exists() and path.stat().st_mtime > time.time() - 0.05


def test_a_batch_in_parts_gives_the_gradients_of_the_whole(dataset, tmp_path, monkeypatch):
    run = make_run(dataset, network_settings=NO_CHANCE)
    players = setting_up.make_players(run, [])
    method = NoMean()
    one = optimizing.Optimizing(players, [method], torch.device("cpu"), print)
    batch = next(iter_batches(run, dataset, tmp_path, one))
    _, whole = one._gradients(batch)
    one._parts = 3
    _, parts = one._gradients(batch)
    for a, b in zip(whole["segmenter"], parts["segmenter"], strict=True):
        assert torch.allclose(a, b, atol=1e-5)


def iter_batches(run, dataset, cache, optimizer):
    from ImperfectSegLogic.training.batches import batches

    data = setting_up.gather(run, dataset, cache, lambda text: None, lambda f, c: None)
    return batches(data, run.plan, (0, 0), 0, [], optimizer)


class NoMean(Supervised):
    """A loss whose value for a batch is the mean of the samples' values."""

    def loss(self, players, batch):
        return (Term("square", players.logits(batch).pow(2).mean()),)


def test_where_memory_runs_out_smaller_parts_are_tried_and_told(dataset, tmp_path, monkeypatch):
    whole = optimizing.Optimizing._terms

    def short_of_memory(self, part):
        if len(part) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return whole(self, part)

    monkeypatch.setattr(optimizing.Optimizing, "_terms", short_of_memory)
    events: list[Event] = []
    fit(make_run(dataset), tmp_path / "run", events.append, device="cpu")
    notes = [e.text for e in events if e.kind == "note"]
    assert any("worked on in 2 parts" in text for text in notes)
    assert any("worked on in 4 parts" in text for text in notes)


def test_where_even_one_sample_is_too_large_it_says_so(dataset, tmp_path, monkeypatch):
    def no_memory(self, part):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(optimizing.Optimizing, "_terms", no_memory)
    with pytest.raises(ValueError, match="smaller patch"):
        fit(make_run(dataset), tmp_path / "run", device="cpu")


def test_a_gpu_that_disappears_leaves_the_checkpoint_and_says_how_to_go_on(
    dataset, result, tmp_path, monkeypatch
):
    whole, folder = optimizing.Optimizing._terms, tmp_path / "run"

    def lost(self, part):
        if self._players.step == 6:
            raise RuntimeError("CUDA error: unspecified launch failure")
        return whole(self, part)

    monkeypatch.setattr(optimizing.Optimizing, "_terms", lost)
    with pytest.raises(ValueError, match="--device cpu"):
        fit(make_run(dataset), folder, device="cpu")
    monkeypatch.undo()
    assert same_weights(fit(make_run(dataset), folder, device="cpu", resume=True), result[1])


class TurnsNaN(TrainingMethod):
    """A term that becomes NaN."""

    card = MethodCard("nan", (), "", (), Requires.NOTHING, (2, 3), "")

    def loss(self, players, batch):
        value = players.logits(batch).mean()
        return (Term("wild", value * (float("nan") if players.step == 6 else 1.0)),)


def test_a_loss_that_becomes_nan_stops_the_run_and_keeps_the_last_good_checkpoint(
    dataset, tmp_path, monkeypatch
):
    monkeypatch.setattr(fit_module, "methods_of", lambda run: [Supervised(), TurnsNaN()])
    folder = tmp_path / "run"
    with pytest.raises(ValueError, match=r"step 7 of round 1: wild became NaN.*case"):
        fit(make_run(dataset), folder, device="cpu")
    content = torch.load(folder / "checkpoint.pt", weights_only=True)
    assert content["step"] == 4
    assert all(torch.isfinite(w).all() for w in content["networks"]["segmenter"].values())
    assert json.loads((folder / "state.json").read_text())["state"] == "failed"


class Rival(TrainingMethod):
    """A second network that wants the opposite of what the segmenter wants."""

    card = MethodCard("rival", (), "", (), Requires.NOTHING, (2, 3), "")

    def players(self, plan):
        return {"rival": torch.nn.Conv2d(plan.channels, 1, 1)}

    def loss(self, players, batch):
        guess = players["rival"](batch.image).mean()
        answer = players.logits(batch).mean()
        return (
            Term("fooled", (answer - guess) ** 2),
            Term("rival", -((answer - guess) ** 2), player="rival"),
        )


def test_each_player_follows_its_own_terms_only(dataset, tmp_path):
    run = make_run(dataset, network_settings=NO_CHANCE)
    method = Rival()
    players = setting_up.make_players(run, [method])
    one = optimizing.Optimizing(players, [method], torch.device("cpu"), print)
    batch = next(iter_batches(run, dataset, tmp_path, one))
    _, found = one._gradients(batch)
    terms = method.loss(players, batch)
    for term in terms:
        weights = list(players[term.player].parameters())
        own = torch.autograd.grad(term.value, weights, retain_graph=True)
        for a, b in zip(own, found[term.player], strict=True):
            assert torch.allclose(a, b, atol=1e-6)


class NextRound(TrainingMethod):
    """Annotates with its own masks between rounds."""

    card = MethodCard("rounds", (), "", (), Requires.NOTHING, (2, 3), "")
    seen: list = []  # noqa: RUF012

    def loss(self, players, batch):
        self.seen.append((players.round, batch.cases))
        return (Term("small", players.logits(batch).pow(2).mean(), 0.001),)

    def between_rounds(self, players, dataset, folder):
        from ImperfectSegLogic.data import DenseMask

        made = Dataset.create(folder, dataset.labels)
        for case in dataset.case_ids:
            volume = dataset.image(case)
            made.add_case(case, volume)
            labels = players.predict(volume).full_labels()
            assert labels.shape == volume.geometry.shape
            truth = dataset.case(case).annotation.labels
            made.annotate(case, DenseMask(truth, volume.geometry), "self")
        return made


def test_between_rounds_methods_can_change_the_data(dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(fit_module, "methods_of", lambda run: [Supervised(), NextRound()])
    NextRound.seen.clear()
    fit(make_run(dataset, rounds=2, steps=4), tmp_path / "run", device="cpu")
    assert [r for r, _ in NextRound.seen] == [0] * 4 + [1] * 4
    assert (tmp_path / "run" / "rounds" / "1-1-rounds" / "dataset.json").exists()
    assert dataset.annotators("case0") == ["ann"]


class FirstRound(NextRound):
    """Annotates a part of the training cases, and nothing else, before the first round."""

    known: list = []  # noqa: RUF012

    def before_rounds(self, players, dataset, folder):
        self.known.append((players.train_cases, players.validation_cases, players.annotator))
        made = Dataset.create(folder, dataset.labels)
        for case in (*players.train_cases[:2], *players.validation_cases):
            made.add_case(case, dataset.image(case))
            made.annotate(case, dataset.case(case, players.annotator).annotation, "first")
        return made

    def between_rounds(self, players, dataset, folder):
        self.known.append((dataset.case_ids, players.annotator))
        return dataset


def test_before_the_first_round_methods_can_change_the_data(dataset, tmp_path, monkeypatch):
    """Also when the run is interrupted and goes on."""
    method = FirstRound()
    monkeypatch.setattr(fit_module, "methods_of", lambda run: [Supervised(), method])
    FirstRound.known.clear()
    train = tuple(dataset.split("train")[:2])
    run = make_run(dataset, rounds=2, steps=8, annotator="ann", train_cases=train)
    folder = tmp_path / "run"
    stopping = iter([0.5, CancelledError("no more")])

    def scores(*_):
        found = next(stopping, 0.5)
        if isinstance(found, Exception):
            raise found
        return {"dice": found}

    monkeypatch.setattr(fit_module, "scores_of", scores)
    with pytest.raises(CancelledError):
        fit(run, folder, device="cpu")
    assert FirstRound.known == [(train, run.validation_cases, "ann")]
    assert [p.name for p in (folder / "rounds").iterdir()] == ["0-1-rounds"]
    fit(run, folder, device="cpu", resume=True)
    assert FirstRound.known[1:] == [(sorted((*train, *run.validation_cases)), None)]


def test_where_no_method_changes_the_data_no_folder_is_left(result):
    assert not (result[0] / "rounds").exists()


def test_a_round_ends_early_when_nothing_is_gained(dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(fit_module, "scores_of", lambda *a: {"dice": 0.5})
    events: list[Event] = []
    run = make_run(dataset, steps=100, steps_per_validation=2, patience=3)
    fit(run, tmp_path / "run", events.append, device="cpu")
    assert max(e.step for e in events if e.kind == "validation") == 8
    assert any("ends early" in e.text for e in events)


def test_the_best_weights_are_kept_and_not_the_last(dataset, tmp_path, monkeypatch):
    scores = iter([0.2, 0.9, 0.1])
    monkeypatch.setattr(fit_module, "scores_of", lambda *a: {"dice": next(scores)})
    run = make_run(dataset)
    path = fit(run, tmp_path / "run", device="cpu")
    content = torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)
    assert content["best"]["dice"] == 0.9
    loaded = load_model(path).network.state_dict()
    assert all(torch.equal(loaded[n], w) for n, w in content["best"]["weights"].items())


def test_two_runs_cannot_be_in_one_folder(dataset, result):
    folder, _, _ = result
    with pytest.raises(FileExistsError, match="Resume it"):
        fit(make_run(dataset), folder, device="cpu")
    with pytest.raises(ValueError, match="other settings"):
        fit(make_run(dataset, seed=3), folder, device="cpu", resume=True)


def test_two_processes_cannot_train_in_one_folder(dataset, tmp_path):
    from ImperfectSegLogic.training.run_folder import RunFolder

    with (
        RunFolder(tmp_path / "run").claimed(),
        pytest.raises(ValueError, match="another process trains here"),
    ):
        fit(make_run(dataset), tmp_path / "run", device="cpu")


def test_labels_keep_their_numbers(result):
    model = load_model(result[1])
    assert dict(model.labels) == LABELS
    prediction = predict((model,), pair(4)[0], PredictionSettings()).prediction
    assert prediction.labels == (0, 1, 4)
    Case(pair(4)[0])
