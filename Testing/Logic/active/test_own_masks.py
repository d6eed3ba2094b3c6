"""The network's most certain masks teach it, and are never held for what a person drew."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from ImperfectSegLogic.active.unit import parse
from ImperfectSegLogic.data import UNLABELED, Dataset, DenseMask, SparseMask
from ImperfectSegLogic.methods.scarce.active_learning.own_masks import GIVEN, OWN, RECORD
from ImperfectSegLogic.prediction.predict import predict
from ImperfectSegLogic.training.fit import fit
from ImperfectSegLogic.training.model_file import load_model
from Testing.Logic.training.phantom_runs import LABELS, SHAPE, make_run, pair

CASES = ("one", "two", "three")
METHOD = ("gorriz2017-own-masks", {"passes": 2})


@pytest.fixture
def dataset(tmp_path):
    """Three cases: a slice of the first two labeled, all of the last one, for validation."""
    made = Dataset.create(tmp_path / "set", LABELS)
    for n, case in enumerate((*CASES, "four")):
        volume, truth = pair(n)
        made.add_case(case, volume)
        labels = np.full(SHAPE, UNLABELED, np.int16)
        labels[n % 4] = truth[n % 4]
        if case in ("one", "two"):
            made.annotate(case, SparseMask(labels, volume.geometry), "ann")
        if case == "four":
            made.annotate(case, DenseMask(truth, volume.geometry), "ann")
    return made


def run_of(dataset, **changes):
    wanted = {"methods": (METHOD,), "rounds": 2, "steps": 40, "batch": 8, **changes}
    return make_run(dataset, train_cases=CASES, validation_cases=("four",), **wanted)


def content(folder: Path) -> dict[str, str]:
    files = (p for p in folder.rglob("*") if p.is_file() and "prepared" not in p.parts)
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(files)
    }


def made_by(folder: Path, number: int) -> Dataset:
    return Dataset.open(folder / "rounds" / f"{number}-0-gorriz2017-own-masks")


def test_own_masks_are_beside_those_of_people_and_the_data_set_stays(dataset, tmp_path):
    before = content(dataset.folder)
    fit(run_of(dataset), tmp_path / "run", device="cpu")
    assert content(dataset.folder) == before
    made = made_by(tmp_path / "run", 1)
    said = json.loads((made.folder / RECORD).read_text())
    assert len(said["units"]) == 2  # As many as are annotated.
    cases = [parse(name).case for name in said["units"]]
    for case in CASES:
        names = set() if case == "three" else {GIVEN}
        assert set(made.annotators(case)) == names | ({OWN} if case in cases else set())
    for case in ("one", "two"):
        given = dataset.read(case, dataset.find_version(case, "ann"))
        kept = made.read(case, made.find_version(case, GIVEN))
        np.testing.assert_array_equal(kept.labels, given.labels)


def test_own_masks_are_what_the_network_predicts_and_only_in_those_units(dataset, tmp_path):
    """Without steps after the first round, the network is still the one that predicted them."""
    run = run_of(dataset, learning_rate=5e-3)
    fit(run, tmp_path / "run", device="cpu")
    first = fit(run_of(dataset, methods=(), rounds=1, learning_rate=5e-3), tmp_path / "first")
    made = made_by(tmp_path / "run", 1)
    units = [parse(name) for name in json.loads((made.folder / RECORD).read_text())["units"]]
    model = load_model(first)
    for case in {unit.case for unit in units}:
        own = made.read(case, made.find_version(case, OWN)).labels
        version = dataset.find_version(case)
        given = dataset.read(case, version).labels if version else np.full(SHAPE, UNLABELED)
        predicted = predict((model,), dataset.image(case), device="cpu").prediction
        values = np.array((0, *LABELS))[predicted.probabilities.argmax(axis=0)]
        wanted = given.copy()
        for unit in units:
            if unit.case == case:
                place = unit.slices(SHAPE)
                assert (given[place] == UNLABELED).all()
                wanted[place] = values[place]
                assert (values[place] > 0).any()
        np.testing.assert_array_equal(own, wanted)


def test_each_round_chooses_anew_and_never_counts_own_masks_as_annotated(dataset, tmp_path):
    fit(
        run_of(dataset, rounds=3, methods=((METHOD[0], {"passes": 2, "certain": 1.5}),)),
        tmp_path / "run",
    )
    for number in (1, 2):
        made = made_by(tmp_path / "run", number)
        said = json.loads((made.folder / RECORD).read_text())
        assert len(said["units"]) == 3  # Of two annotated units, in both rounds.
        assert said["after round"] == number - 1
        labeled = [
            case
            for case in CASES
            for version in made.versions(case, OWN)
            if (made.read(case, version).labels != UNLABELED).any()
        ]
        assert set(labeled) == {parse(name).case for name in said["units"]}


def test_own_masks_are_taught(dataset, tmp_path):
    """With them, the second round sees a case that nobody annotated."""
    run = run_of(dataset, methods=((METHOD[0], {"passes": 2, "certain": 100.0}),))
    fit(run, tmp_path / "run", device="cpu")
    assert OWN in made_by(tmp_path / "run", 1).annotators("three")
    prepared = {p.name.rpartition("-")[0] for p in (dataset.folder / "prepared").iterdir()}
    assert prepared == {*CASES, "four"}
    counts = [
        sum(json.loads((p / "prepared.json").read_text())["counts"])
        for p in (dataset.folder / "prepared").iterdir()
        if p.name.startswith("three")
    ]
    assert min(counts) == 0
    assert max(counts) > 0


def test_own_masks_never_become_those_of_people(dataset, tmp_path):
    """Not even of a case that has no others, in the rounds after."""
    run = run_of(dataset, rounds=3, methods=((METHOD[0], {"passes": 2, "certain": 100.0}),))
    fit(run, tmp_path / "run", device="cpu")
    for number in (1, 2):
        made = made_by(tmp_path / "run", number)
        assert made.annotators("three") == [OWN]
        units = json.loads((made.folder / RECORD).read_text())["units"]
        assert any(parse(name).case == "three" for name in units)


def test_labels_that_nobody_looked_for_are_background(dataset, tmp_path):
    partial = Dataset.create(tmp_path / "partial", LABELS)
    for n, case in enumerate(CASES):
        volume, truth = pair(n)
        partial.add_case(case, volume, labels=(1,) if case == "three" else None)
        labels = np.full(SHAPE, UNLABELED, np.int16)
        labels[n] = truth[n]
        if case != "three":
            partial.annotate(case, SparseMask(labels, volume.geometry), "ann")
    run = make_run(
        partial, train_cases=CASES, validation_cases=(), rounds=2, steps=60, batch=8,
        learning_rate=5e-3, methods=((METHOD[0], {"passes": 2, "certain": 100.0}),),
    )  # fmt: skip
    fit(run, tmp_path / "run", device="cpu")
    made = made_by(tmp_path / "run", 1)
    other = made.read("one", made.find_version("one", OWN)).labels
    assert 4 in other
    own = made.read("three", made.find_version("three", OWN)).labels
    assert set(np.unique(own)) <= {UNLABELED, 0, 1}


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"rounds": 1}, "Train with --rounds 2"),
        (
            {"network_settings": {"features": (8, 16), "strides": (2,), "dropout": 0.0}},
            "without dropout",
        ),
    ],
)
def test_it_says_before_training_what_it_needs(dataset, tmp_path, changes, text):
    with pytest.raises(ValueError, match=f"gorriz2017-own-masks: .*{text}"):
        fit(run_of(dataset, **changes), tmp_path / "run", device="cpu")
