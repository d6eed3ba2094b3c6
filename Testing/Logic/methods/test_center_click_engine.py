"""Sun 2018, from a data set to answers: trained by `fit`, read from its file, asked by clicks."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ImperfectSegLogic.data import Case, Geometry, Scribble, Volume
from ImperfectSegLogic.methods.catalog import interactive_segmenter
from ImperfectSegLogic.methods.progress import Progress
from ImperfectSegLogic.methods.scarce.interactive.center_click_engine import Sun2018
from ImperfectSegLogic.training.fit import fit
from ImperfectSegLogic.training.model_file import load_model, save_model
from Testing.Logic.methods.phantoms import click
from Testing.Logic.training.phantom_runs import make_dataset, make_run, pair

DISK, SQUARE = 1, 4
METHOD = ("sun2018", {"features": (4, 8, 8), "size": 8, "taught": 4})


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A model that was trained on disks and squares for some seconds."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("sun2018")
    run = make_run(
        make_dataset(folder / "set", 6),
        methods=(METHOD,),
        steps=60,
        steps_per_validation=60,
        learning_rate=1e-2,
        foreground_share=1.0,
    )
    return fit(run, folder / "run", device="cpu")


@pytest.fixture(scope="module")
def shown():
    """An image that was not trained on: its volume, truth, and the middle of each object."""
    volume, truth = pair(77)
    middles = {
        (k, label): np.array([k, *np.argwhere(truth[k] == label).mean(axis=0).round()], dtype=int)
        for k in range(4)
        for label in (DISK, SQUARE)
    }
    return volume, truth, middles


@pytest.fixture
def engine(model, shown):
    made = interactive_segmenter("sun2018", model)
    made.set_case(Case(shown[0]))
    return made


def dice(found, truth):
    return 2 * np.count_nonzero(found & truth) / (np.count_nonzero(found) + np.count_nonzero(truth))


def asked(shown, k, label):
    return click(shown[0].geometry, shown[2][k, label], label)


def test_validation_scored_it_by_one_click(model):
    scores = load_model(model).card["scores"]
    assert scores["dice"] > 0.8
    assert {"dice 1", "dice 4"} < set(scores)


@pytest.mark.parametrize("label", [DISK, SQUARE])
def test_one_click_finds_an_object_it_has_not_seen(engine, shown, label):
    answer = engine.respond([asked(shown, 2, label)])
    assert answer.labels == (0, label)
    assert (answer.region.start[0], answer.region.stop[0]) == (2, 3)
    assert dice(answer.full_labels()[2] == label, shown[1][2] == label) > 0.8
    assert answer.notes == ()
    assert answer.provenance.weights_hash == engine.model.weights_hash


def test_several_segments_and_slices_have_a_center_each(engine, shown):
    prompts = [asked(shown, k, label) for k in (0, 3) for label in (DISK, SQUARE)]
    answer = engine.respond(prompts)
    found = answer.full_labels()
    for k in (0, 3):
        for label in (DISK, SQUARE):
            assert dice(found[k] == label, shown[1][k] == label) > 0.8, (k, label)
    assert not found[1:3].any()
    assert answer.notes == ()
    alone = engine.respond(prompts[:1]).full_labels()
    assert np.array_equal(alone[0] == DISK, found[0] == DISK)


def test_later_prompts_hold_but_the_network_does_not_see_them(engine, shown):
    geometry, first = shown[0].geometry, asked(shown, 1, DISK)
    away = click(geometry, (1, 35, 2), DISK)
    line = Scribble(points=geometry.to_ras([(1, 2, 30), (1, 4, 33)]), label=DISK)
    below = np.add(shown[2][1, DISK], (0, 2, 0))
    denied = click(geometry, below, DISK, positive=False)
    prompts = [first, away, line, denied]
    answer = engine.respond(prompts)
    found = answer.full_labels()
    assert found[1, 35, 2] == found[1, 2, 30] == found[1, 4, 33] == DISK
    assert found[tuple(below)] == 0
    (note,) = answer.notes
    assert "sun2018 learns from the first click" in note
    assert "later prompts (3)" in note
    alone, all_ = (engine.prepare(p, None, Progress()) for p in ([first], prompts))
    assert torch.equal(alone.inputs, all_.inputs)


def test_the_first_click_decides(engine, shown):
    one, other = asked(shown, 1, DISK), asked(shown, 1, SQUARE)
    other = click(shown[0].geometry, shown[2][1, SQUARE], DISK)
    found = engine.respond([one, other]).full_labels()[1] == DISK
    turned = engine.respond([other, one]).full_labels()[1] == DISK
    assert dice(found, shown[1][1] == DISK) > dice(turned, shown[1][1] == DISK)
    assert dice(turned, shown[1][1] == SQUARE) > dice(found, shown[1][1] == SQUARE)


def test_a_scribble_serves_where_there_is_no_click(engine, shown):
    geometry, center = shown[0].geometry, shown[2][1, SQUARE]
    ends = geometry.to_ras([np.add(center, (0, by, by)) for by in (-2, 2)])
    answer = engine.respond([Scribble(points=ends, label=SQUARE)])
    assert dice(answer.full_labels()[1] == SQUARE, shown[1][1] == SQUARE) > 0.8


def test_finer_turned_and_flipped_images_get_the_same_objects(model, shown):
    volume, truth, middles = shown
    array = np.repeat(np.repeat(volume.array, 2, axis=1), 2, axis=2)
    fine = np.diag([0.75, 0.75, 10.0, 1.0])
    fine[:2, 3] = -0.375
    turned = np.ascontiguousarray(array[:, ::-1].transpose(2, 0, 1))
    matrix = np.eye(4)
    matrix[:, 0], matrix[:, 1], matrix[:, 2] = -fine[:, 1], fine[:, 2], fine[:, 0]
    matrix[:3, 3] = fine[:3, 3] + fine[:3, 1] * (array.shape[1] - 1)
    engine = interactive_segmenter("sun2018", model)
    engine.set_case(Case(Volume(turned, matrix)))
    place = Geometry(volume.array.shape, volume.ijk_to_ras)
    answer = engine.respond([click(place, middles[1, DISK], DISK)])
    found = answer.full_labels().transpose(1, 2, 0)[:, ::-1] == DISK
    assert found.any(axis=(1, 2)).tolist() == [False, True, False, False]
    expected = np.repeat(np.repeat(truth == DISK, 2, axis=1), 2, axis=2)
    assert dice(found[1], expected[1]) > 0.8


def test_what_looks_alike_but_does_not_touch_the_click_is_left(model):
    gray = np.random.default_rng(0).normal(0, 0.05, (1, 24, 40)).astype(np.float32)
    gray[:, 8:14, 8:14] += 1
    gray[:, 8:14, 18:24] += 1
    volume = Volume(gray, np.diag([1.5, 1.5, 10.0, 1.0]))
    engine = interactive_segmenter("sun2018", model)
    engine.set_case(Case(volume))

    class Bright(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.tensor(9.0))

        def forward(self, patches):
            inside = self.weight * (patches - 1)
            return torch.cat([-inside, inside], dim=1)

    engine.network = Bright()
    both = [click(volume.geometry, (0, 11, 11)), click(volume.geometry, (0, 11, 21))]
    found = engine.respond(both[:1]).full_labels()[0]
    assert found[9:13, 9:13].all()
    assert not found[:, 17:].any()
    assert engine.respond(both).full_labels()[0, 9:13, 19:23].all(), "a later click keeps its part"


def test_an_object_beyond_its_reach_is_told(model):
    gray = np.full((1, 120, 120), 160.0, dtype=np.float32)
    gray[:, :2] = 100
    volume = Volume(gray, np.diag([1.5, 1.5, 10.0, 1.0]))
    engine = interactive_segmenter("sun2018", model)
    engine.set_case(Case(volume))

    class Everything(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.tensor(9.0))

        def forward(self, patches):
            inside = self.weight + 0 * patches[:, :1]
            return torch.cat([-inside, inside], dim=1)

    engine.network = Everything()
    answer = engine.respond([click(volume.geometry, (0, 60, 60))])
    assert any("goes on beyond" in note and "larger reach" in note for note in answer.notes)
    shape = answer.region.shape
    assert max(shape) < 60, "the region is larger than the network's reach"


def test_models_that_were_trained_otherwise_are_refused(model, tmp_path):
    run = make_run(make_dataset(tmp_path / "set", 4), steps=1, steps_per_validation=1)
    other = fit(run, tmp_path / "run", device="cpu")
    with pytest.raises(ValueError, match=r"trained without prompts, allowed is .*--method sun2018"):
        interactive_segmenter("sun2018", other)
    clicked = make_run(
        make_dataset(tmp_path / "set2", 4),
        methods=(("sakinis2019", {}),),
        steps=1,
        steps_per_validation=1,
    )
    with pytest.raises(ValueError, match=r"trained for sakinis2019, allowed is .*sun2018"):
        Sun2018(fit(clicked, tmp_path / "run2", device="cpu"))
    with pytest.raises(ValueError, match=r"needs a model\.safetensors of .*--method sun2018"):
        interactive_segmenter("sun2018")
    with pytest.raises(FileNotFoundError):
        Sun2018(tmp_path / "none.safetensors")
    damaged = tmp_path / "cut.safetensors"
    damaged.write_bytes(model.read_bytes()[:3000])
    with pytest.raises(ValueError, match="cut short"):
        Sun2018(damaged)


def test_a_model_read_from_its_file_answers_as_the_one_that_was_saved(model, shown, tmp_path):
    save_model(load_model(model), tmp_path / "again.safetensors")
    again = Sun2018(tmp_path / "again.safetensors", device="cpu")
    again.set_case(Case(shown[0]))
    prompts = [asked(shown, 1, DISK)]
    first = Sun2018(model, device="cpu")
    first.set_case(Case(shown[0]))
    one, other = first.respond(prompts), again.respond(prompts)
    assert np.array_equal(one.probabilities, other.probabilities)


def test_an_answer_can_be_learned_through_the_scores(engine, shown):
    prepared = engine.prepare([asked(shown, 1, DISK)], None, Progress())
    network = engine.network.requires_grad_(True)
    engine.scores(network, prepared)[1].sum().backward()
    assert all(w.grad is not None and w.grad.isfinite().all() for w in network.parameters())
    network.requires_grad_(False)
