"""Runs of networks with a CRF behind them: from the command to the model file and back."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from ImperfectSegLogic import cli
from ImperfectSegLogic.crf.recurrent import RefinedNetwork
from ImperfectSegLogic.methods import catalog
from ImperfectSegLogic.metrics.dice import dice
from ImperfectSegLogic.prediction.predict import PredictionSettings, predict
from ImperfectSegLogic.training.fit import fit
from ImperfectSegLogic.training.model_file import load_model
from Testing.Logic.training.phantom_runs import make_dataset, make_run, pair, weights_of

SMALL = {"features": (8, 16), "strides": (2,)}
QUICK = {"iterations": 2, "iterations_after": 2}
DIMS = {"zheng2015": 2, "fu2016a": 2, "monteiro2018": 3, "chen2018": 3}
PATCH = {2: (24, 24), 3: (4, 16, 16)}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return make_dataset(tmp_path_factory.mktemp("data") / "dense")


def run_of(dataset, name, settings=None, **changes):
    dims = DIMS[name]
    flat = {"flat_levels": 1} if dims == 3 else {}
    how = {
        "dims": dims,
        "patch": PATCH[dims],
        "batch": 2,
        "steps": 4,
        "steps_per_validation": 4,
        "learning_rate": 1e-2,
        "network_settings": SMALL | flat,
        "methods": ((name, QUICK | (settings or {})),),
    }
    return make_run(dataset, **(how | changes))


@pytest.fixture(scope="module")
def long_run(dataset, tmp_path_factory):
    """The model's file of a run long enough to learn."""
    run = run_of(dataset, "zheng2015", steps=80, steps_per_validation=40)
    return fit(run, tmp_path_factory.mktemp("run") / "long", device="cpu")


def test_a_trained_network_segments_a_case_with_its_crf(long_run):
    model = load_model(long_run)
    volume, truth = pair(4)
    found = predict((model,), volume, PredictionSettings()).prediction
    for label in (1, 4):
        assert dice(found.full_labels() == label, truth == label) > 0.85
    assert isinstance(model.network, RefinedNetwork)
    assert model.made_by[0] == "zheng2015"
    # What the network says by itself is not what the file says: the CRF is part of the answer.
    model.network.crf.weights.data.zero_()
    other = predict((model,), volume, PredictionSettings()).prediction
    assert float(np.abs(found.probabilities - other.probabilities).max()) > 0.05


def test_the_crf_has_learned(long_run):
    weights = weights_of(long_run)
    assert np.abs(weights["crf.weights"] - 1).max() > 0.01
    assert np.abs(weights["crf.compatibility"] - (1 - np.eye(3))).max() > 0.01


@pytest.mark.parametrize("name", DIMS)
def test_every_one_goes_into_a_file_and_out_of_it(name, dataset, tmp_path):
    settings = {"smoothness_width": 2.0, "appearance_width": 6.0}
    path = fit(run_of(dataset, name, settings), tmp_path / "run", device="cpu")
    model, again = load_model(path), load_model(path)
    assert model.made_by == (name, model.made_by[1])
    assert model.made_by[1]["smoothness_width"] == 2.0
    assert model.engine == ""
    image = torch.randn(1, 1, *model.patch, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(model.network(image), again.network(image))
    volume, _ = pair(4)
    found = predict((model,), volume, PredictionSettings(flips=True)).prediction
    np.testing.assert_allclose(found.probabilities.sum(axis=0), 1, atol=1e-5)


def test_a_file_with_weights_of_another_crf_is_refused(dataset, tmp_path):
    path = fit(run_of(dataset, "zheng2015"), tmp_path / "run", device="cpu")
    tensors = load_file(path)
    tensors["crf.weights"] = torch.zeros(2, 7)
    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        said = file.metadata()
    save_file(tensors, tmp_path / "other.safetensors", said)
    with pytest.raises(ValueError, match=r"other\.safetensors: got weights that are not those"):
        load_model(tmp_path / "other.safetensors")


def test_two_methods_that_make_the_network_are_refused(dataset, tmp_path):
    methods = (("zheng2015", QUICK), ("fu2016a", QUICK))
    with pytest.raises(ValueError, match="allowed is"):
        fit(run_of(dataset, "zheng2015", methods=methods), tmp_path / "run", device="cpu")


def test_the_command_trains_and_predicts(dataset, tmp_path, capsys):
    made = tmp_path / "run"
    plan = ["--name", "run", "--dims", "2", "--patch", "16", "16", "--steps", "2"]
    chosen = ["--method", "zheng2015:iterations=1,appearance_width=8"]
    code = cli.main(["train", str(dataset.folder), "--out", str(made), *plan, *chosen])
    assert code == 0, capsys.readouterr().err
    model = load_model(made / "model.safetensors")
    assert model.network.crf.iterations == 1
    assert model.network.crf.kernels[1].width == 8


def test_the_catalog_has_all_four():
    known = {kind.card.name for kind in catalog.training_methods()}
    assert set(DIMS) <= known
