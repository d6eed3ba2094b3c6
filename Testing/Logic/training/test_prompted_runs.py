"""Training of networks that answer prompts: runs, model files, and the engines that use them."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from ImperfectSegLogic import cli
from ImperfectSegLogic.data import Box, Case, Click, Scribble, Volume, write_volume
from ImperfectSegLogic.methods import catalog
from ImperfectSegLogic.methods.progress import CancelledError, Progress
from ImperfectSegLogic.methods.scarce.interactive.robot_user import next_click
from ImperfectSegLogic.metrics.dice import dice
from ImperfectSegLogic.prediction.predict import PredictionSettings, predict
from ImperfectSegLogic.training import setting_up
from ImperfectSegLogic.training.fit import fit
from ImperfectSegLogic.training.model_file import load_model
from ImperfectSegLogic.training.run import RunDescription
from Testing.Logic.training.phantom_runs import make_dataset, make_run, pair, weights_of

METHODS = ("sakinis2019", "deepigeos-wang2018b")
SMALL = {"features": (8, 16), "strides": (2,)}
HOW = {"network_settings": SMALL, "learning_rate": 1e-2}
SETTINGS = {
    "sakinis2019": {"most_clicks": "3", "sigma": "2"},
    "deepigeos-wang2018b": {"least_error": "4"},
}
"""As typed at a shell."""


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return make_dataset(tmp_path_factory.mktemp("data") / "dense")


def run_of(dataset, method, **changes) -> RunDescription:
    return make_run(dataset, methods=((method, SETTINGS[method]),), **(HOW | changes))


@pytest.fixture(scope="module", params=METHODS)
def trained(request, dataset, tmp_path_factory):
    """Name, file and events of a run long enough to learn."""
    folder, events = tmp_path_factory.mktemp("run") / "long", []
    run = run_of(dataset, request.param, steps=120, steps_per_validation=40)
    return request.param, fit(run, folder, events.append, device="cpu"), events


def engine_for(trained):
    name, path, _ = trained
    return catalog.interactive_segmenter(name, path)


def middle(mask, geometry, label=1, positive=True) -> Click:
    """A click in the middle of what a mask has in its first slice with anything."""
    k = int(np.argwhere(mask)[0][0])
    rows, columns = np.nonzero(mask[k])
    at = (k, int(np.median(rows)), int(np.median(columns)))
    return Click(geometry.to_ras(np.array(at)), label=label, positive=positive)


def clicks_in(mask, geometry, label=1):
    every = [np.where(np.arange(len(mask))[:, None, None] == k, mask, False) for k in range(4)]
    return [middle(one, geometry, label) for one in every]


# Training ----------------------------------------------------------------------------------------


def test_validation_scores_clicks_and_chooses_the_best_weights(trained):
    _, path, events = trained
    scores = [e.values for e in events if e.kind == "validation"]
    assert len(scores) == 3
    assert set(scores[0]) == {"dice", "dice 1", "dice 4", "dice after 1 click"}
    assert max(s["dice"] for s in scores) > 0.85
    kept = load_model(path).card["scores"]
    assert kept["dice"] == pytest.approx(max(s["dice"] for s in scores))


def test_the_file_tells_how_the_network_was_made(trained):
    name, path, _ = trained
    model = load_model(path)
    assert (model.engine, model.made_by[0]) == (name, name)
    typed, kept = SETTINGS[name], model.made_by[1]
    assert {k: float(v) for k, v in typed.items()} == {k: float(kept[k]) for k in typed}
    assert set(kept) > set(typed) or name == "deepigeos-wang2018b"
    assert not model.network.training
    assert model.weights_hash == engine_for(trained).provenance.weights_hash


@pytest.mark.parametrize("name", METHODS)
def test_a_resumed_run_has_the_weights_of_one_without_interruption(dataset, tmp_path, name):
    run = run_of(dataset, name, steps=6, steps_per_validation=3)
    whole = fit(run, tmp_path / "whole", device="cpu")
    progress = Progress()

    def stop(event):
        if event.kind == "validation":
            progress.cancel()

    with pytest.raises(CancelledError):
        fit(run, tmp_path / "parts", stop, progress, device="cpu")
    resumed = fit(run, tmp_path / "parts", device="cpu", resume=True)
    one, other = weights_of(whole), weights_of(resumed)
    assert all(np.array_equal(one[key], other[key]) for key in one)


def test_the_command_line_trains_and_says_what_is_wrong(dataset, tmp_path, capsys):
    base = ["train", str(dataset.folder), "--dims", "2", "--patch", "24", "24", "--device", "cpu"]
    base += ["--steps", "2", "--network-setting", "features=8x16,strides=2", "--name", "clicked"]
    out = ["--out", str(tmp_path / "run")]
    assert cli.main([*base, *out, "--method", "sakinis2019:most_clicks=2"]) == 0
    assert load_model(tmp_path / "run" / "model.safetensors").engine == "sakinis2019"
    capsys.readouterr()
    both = ["--method", "sakinis2019", "--method", "deepigeos-wang2018b"]
    assert cli.main([*base, "--out", str(tmp_path / "two"), *both]) != 0
    assert "allowed is one of them" in " ".join(capsys.readouterr().err.split())


class Plain(catalog.training_methods()[0]):
    """A method that supervises nothing, and so may stand beside others."""

    supervises = False


def test_a_network_for_prompts_is_trained_alone(dataset, monkeypatch):
    run = make_run(dataset, methods=(("sakinis2019", {}), ("other", {})), **HOW)
    made = {"sakinis2019": catalog.training_method("sakinis2019"), "other": Plain()}
    monkeypatch.setattr("ImperfectSegLogic.training.run.training_method", lambda n, s: made[n])
    with pytest.raises(ValueError, match="which other methods cannot give it; allowed is sakinis"):
        run.make_methods()


def test_only_one_method_makes_the_segmenter(dataset):
    run = make_run(dataset, **HOW)
    both = [catalog.training_method(name) for name in METHODS]
    with pytest.raises(ValueError, match="each of which makes the network that segments"):
        setting_up.make_players(run, both)


def test_a_sample_without_an_object_teaches_nothing_about_prompts(dataset):
    run = run_of(dataset, "sakinis2019")
    methods = setting_up.methods_of(run)
    players = setting_up.make_players(run, methods)
    from ImperfectSegLogic.data.sample import Batch

    target = torch.zeros(2, 24, 24, dtype=torch.int64)
    batch = Batch(
        torch.zeros(2, 1, 24, 24),
        target,
        torch.ones(2, 3, dtype=torch.bool),
        ("DenseMask",) * 2,
        ((1.0, 1.0),) * 2,
        ("a", "b"),
    )
    assert methods[0].loss(players, batch) == ()
    target[1, 4:9, 4:9] = 2
    (term,) = methods[0].loss(players, batch)
    assert term.value.requires_grad


# Model files -------------------------------------------------------------------------------------


def rewrite(path, to, **changes):
    header = path.read_bytes()
    size = int.from_bytes(header[:8], "little")
    said = json.loads(json.loads(header[8 : 8 + size])["__metadata__"]["ImperfectSeg"])
    for key, value in changes.items():
        said[key] = value(said) if callable(value) else value
    save_file(load_file(path), to, {"ImperfectSeg": json.dumps(said)})
    return to


def test_a_file_with_another_method_is_refused(trained, tmp_path):
    name, path, _ = trained
    other = next(n for n in METHODS if n != name)
    wrong = rewrite(path, tmp_path / "m.safetensors", method={"name": other, "settings": {}})
    with pytest.raises(ValueError, match="its weights are of another network than"):
        load_model(wrong)
    unknown = rewrite(path, tmp_path / "u.safetensors", method={"name": "x", "settings": {}})
    with pytest.raises(ValueError, match="training method: got 'x', allowed are"):
        load_model(unknown)
    bad = {"name": name, "settings": {"no such": 1}}
    with pytest.raises(ValueError, match="got settings"):
        load_model(rewrite(path, tmp_path / "s.safetensors", method=bad))


def test_a_file_with_another_plan_is_refused(trained, tmp_path):
    _, path, _ = trained
    other = rewrite(
        path,
        tmp_path / "m.safetensors",
        card=lambda said: said["card"] | {"plan": said["card"]["plan"] | {"spacing": [1, 2, 3]}},
    )
    with pytest.raises(ValueError, match="its plan is of another model"):
        load_model(other)
    without = rewrite(path, tmp_path / "n.safetensors", card={})
    with pytest.raises(ValueError, match="got a damaged model"):
        load_model(without)


def test_predicting_without_prompts_says_what_to_use(trained, tmp_path, capsys):
    name, path, _ = trained
    volume, _ = pair(4)
    with pytest.raises(ValueError, match=f"imperfectseg segment --engine {name} --model FILE"):
        predict((load_model(path),), volume, PredictionSettings())
    write_volume(volume, tmp_path / "image.nrrd")
    typed = ["predict", str(path), str(tmp_path / "image.nrrd")]
    assert cli.main([*typed, "--out", str(tmp_path / "mask.nrrd")]) != 0
    assert f"--engine {name}" in " ".join(capsys.readouterr().err.split())


def test_an_engine_refuses_models_that_are_not_for_it(trained, dataset, tmp_path):
    name, path, _ = trained
    other = next(n for n in METHODS if n != name)
    with pytest.raises(ValueError, match=f"got a model that was trained for {name}, allowed is"):
        catalog.interactive_segmenter(other, path)
    plain = fit(make_run(dataset, steps=1, steps_per_validation=1), tmp_path / "run", device="cpu")
    with pytest.raises(ValueError, match="got a model that was trained without prompts"):
        catalog.interactive_segmenter(name, plain)


# Engines -----------------------------------------------------------------------------------------


def test_a_click_in_each_slice_finds_what_is_clicked_on(trained):
    engine, (volume, truth) = engine_for(trained), pair(4)
    engine.set_case(Case(volume))
    for label in (1, 4):
        clicks = clicks_in(truth == label, volume.geometry, label)
        found = engine.respond(clicks)
        assert found.labels == (0, label)
        first = dice(found.full_labels() == label, truth == label)
        assert first > 0.5  # A tiny network, hardly trained.
        for _ in range(4):  # One correction a slice.
            mask = found.full_labels() == label
            click = next_click(mask, truth == label, volume.geometry, label)
            clicks += [click] if click else []
            found = engine.respond(clicks)
        assert dice(found.full_labels() == label, truth == label) > 0.85


def test_several_segments_are_answered_at_once(trained):
    engine, (volume, truth) = engine_for(trained), pair(4)
    engine.set_case(Case(volume))
    prompts = [c for n in (1, 4) for c in clicks_in(truth == n, volume.geometry, n)]
    found = engine.respond(prompts).full_labels()
    assert min(dice(found == n, truth == n) for n in (1, 4)) > 0.7
    for prompt in prompts:
        assert found[tuple(volume.geometry.to_index(prompt.position))] == prompt.label


def test_a_network_for_slices_leaves_slices_without_prompts_alone(trained):
    engine, (volume, truth) = engine_for(trained), pair(4)
    engine.set_case(Case(volume))
    found = engine.respond([clicks_in(truth == 1, volume.geometry)[k] for k in (1, 3)])
    assert (found.region.start[0], found.region.stop[0]) == (1, 4)
    inside = found.full_labels() == 1
    assert inside[1].any()
    assert inside[3].any()
    assert not inside[2].any()
    one = engine.respond(clicks_in(truth == 1, volume.geometry)[1:2])
    assert one.region.shape[0] == 1
    assert dice(one.full_labels()[1] == 1, inside[1]) > 0.8  # It looks around other places.


def test_the_order_of_voxels_changes_nothing(trained):
    engine, (volume, truth) = engine_for(trained), pair(4)
    clicks = clicks_in(truth == 1, volume.geometry)
    engine.set_case(Case(volume))
    wanted = engine.respond(clicks).full_labels() == 1
    turn = np.diag([-1.0, 1, 1, 1])
    turn[0, 3] = volume.array.shape[2] - 1
    flipped = Volume(volume.array[..., ::-1], volume.ijk_to_ras @ turn)
    engine.set_case(Case(flipped))
    got = (engine.respond(clicks).full_labels() == 1)[..., ::-1]
    assert dice(got, wanted) > 0.99
    swapped = volume.ijk_to_ras[:, [1, 0, 2, 3]]
    engine.set_case(Case(Volume(volume.array.swapaxes(1, 2), swapped)))
    got = (engine.respond(clicks).full_labels() == 1).swapaxes(1, 2)
    assert dice(got, wanted) > 0.99


def test_scribbles_and_boxes_are_understood(trained):
    engine, (volume, truth) = engine_for(trained), pair(4)
    engine.set_case(Case(volume))
    grid, square = volume.geometry, truth == 4
    k, j, i = np.argwhere(square[0:1]).mean(axis=0)
    stroke = grid.to_ras(np.array([[k, j - 2, i - 2], [k, j + 2, i + 2]]))
    found = engine.respond([Scribble(stroke, label=4)]).full_labels() == 4
    assert dice(found[0], square[0]) > 0.85
    corner = np.argwhere(square[0:1])
    low, high = corner.min(axis=0), corner.max(axis=0)
    center, size = grid.to_ras((low + high) / 2), np.abs(grid.to_ras(high) - grid.to_ras(low))
    box = Box(center, size + np.array([1.0, 1.0, 0.5]), label=4)
    boxed = engine.respond([box]).full_labels() == 4
    assert dice(boxed[0], square[0]) > 0.85
    outside = boxed.copy()
    outside[0, low[1] : high[1] + 1, low[2] : high[2] + 1] = False
    assert not outside.any()
    assert not boxed[1:].any()


class Bright(torch.nn.Module):
    """Takes what is bright for the object, whatever is clicked on."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor(8.0))

    def forward(self, shown):
        gray = self.weight * (shown[:, :1] - 0.5)
        return torch.cat([torch.zeros_like(gray), gray], dim=1)


def test_the_window_grows_until_the_object_is_in_it(dataset, tmp_path):
    path = fit(run_of(dataset, "sakinis2019", steps=1), tmp_path / "run", device="cpu")
    engine = catalog.interactive_segmenter("sakinis2019", path)
    engine.network = Bright()
    array = np.random.default_rng(0).normal(0, 2, (1, 120, 120)).astype(np.float32)
    array[0, 20:100, 30:110] += 50  # 80 pixels; the patch has 24.
    volume = Volume(array, np.diag([1.5, 1.5, 10.0, 1.0]))
    engine.set_case(Case(volume))
    found = engine.respond([Click(volume.geometry.to_ras(np.array([0, 60, 70])), label=1)])
    truth = array > 25
    assert dice(found.full_labels() == 1, truth) > 0.97
    assert min(found.region.shape[1:]) < 120
    boxed = Box(volume.geometry.to_ras(np.array([0, 60, 70])), np.array([30.0, 30.0, 1.0]))
    small = engine.respond([boxed])
    assert max(small.region.shape[1:]) <= 24 + 4  # A box says where the object ends.


# What DeepIGeoS does by itself -------------------------------------------------------------------


@pytest.fixture(scope="module")
def deepigeos(dataset, tmp_path_factory):
    run = run_of(dataset, "deepigeos-wang2018b", steps=120, steps_per_validation=60)
    path = fit(run, tmp_path_factory.mktemp("run") / "own", device="cpu")
    engine = catalog.interactive_segmenter("deepigeos-wang2018b", path)
    engine.network.to("cpu")
    return engine


def test_prompts_that_agree_leave_the_proposal_and_others_refine_it(deepigeos):
    volume, truth = pair(4)
    deepigeos.set_case(Case(volume))
    grid = volume.geometry
    one = middle(truth == 1, grid)
    asked = deepigeos.prepare([one], None, Progress())
    assert not asked.contradicted.any()
    proposed = deepigeos.margins(deepigeos.network, asked)
    shown = asked.inputs[:, :1]
    logits = deepigeos.network(shown)[0]
    wanted = torch.log_softmax(logits, 0)[1] - torch.logsumexp(
        torch.log_softmax(logits, 0)[[0, 2]], 0
    )
    assert torch.allclose(proposed[0], wanted, atol=1e-4)
    wrong = middle(truth == 1, grid, positive=False)
    other = Click(grid.to_ras(np.array([0, 30, 3])), label=1)
    asked = deepigeos.prepare([other, wrong], None, Progress())
    assert asked.contradicted.all()
    assert torch.equal(
        deepigeos.margins(deepigeos.network, asked)[0],
        torch.diff(deepigeos.network(asked.inputs)[0], dim=0)[0],
    )
    found = deepigeos.respond([other, wrong]).full_labels()
    assert found[tuple(grid.to_index(wrong.position))] == 0
    assert found[tuple(grid.to_index(other.position))] == 1


def test_corrections_are_shown_where_they_are(deepigeos):
    volume, truth = pair(4)
    deepigeos.set_case(Case(volume))
    grid = volume.geometry
    inside, outside = (
        Click(grid.to_ras(np.array([0, 30, 3])), label=1),
        middle(truth == 1, grid, positive=False),
    )
    asked = deepigeos.prepare([inside, outside], None, Progress())
    for channel, click in ((2, inside), (3, outside)):
        place = grid.to_index(click.position) - np.array(asked.region.start)
        start = np.array(asked.view.start)
        low = np.maximum(start, 0) - start
        shown = asked.inputs[0, channel].detach().numpy()
        at = np.unravel_index(np.argmax(shown), shown.shape)
        assert tuple(at) == tuple(place[1:] + low[1:])
    assert set(asked.inputs[0, 1].unique().tolist()) <= {0.0, 1.0}


def test_a_label_that_was_not_trained_is_refused(deepigeos):
    volume, truth = pair(4)
    deepigeos.set_case(Case(volume))
    with pytest.raises(ValueError, match=r"got label 2, .* allowed are 1 \(disk\), 4 \(square\)"):
        deepigeos.respond([middle(truth == 1, volume.geometry, label=2)])
