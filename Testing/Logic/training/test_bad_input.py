"""What can be wrong with data, disks and checkpoints: one clear error each, and nothing lost."""

from __future__ import annotations

import errno
import json

import numpy as np
import pytest
import torch

from ImperfectSegLogic.data import (
    Dataset,
    DenseMask,
    ImageLabels,
    SparseMask,
    Volume,
    write_label_map,
)
from ImperfectSegLogic.training import checkpoints
from ImperfectSegLogic.training.devices import choose_device
from ImperfectSegLogic.training.events import Event
from ImperfectSegLogic.training.fingerprint import fingerprint
from ImperfectSegLogic.training.fit import fit
from Testing.Logic.training.phantom_runs import SPACING, make_dataset, make_run, pair, weights_of


def annotated(tmp_path, annotation_of, cases: int = 3) -> Dataset:
    dataset = Dataset.create(tmp_path / "data", {1: "disk", 4: "square"})
    for n in range(cases):
        volume, truth = pair(n)
        dataset.add_case(f"case{n}", volume)
        dataset.annotate(f"case{n}", annotation_of(n, truth, volume.geometry), "ann")
    return dataset


def overwrite_mask(dataset: Dataset, case: str, labels) -> None:
    """Changes a mask behind the data set's back."""
    version = dataset.find_version(case)
    write_label_map(labels, dataset.record(case).geometry, version.mask_path, overwrite=True)


def test_labels_that_are_not_in_the_list_are_named_with_their_case(tmp_path):
    dataset = make_dataset(tmp_path / "data")
    _, truth = pair(1)
    overwrite_mask(dataset, "case1", np.where(truth == 4, 3, truth).astype(np.uint8))
    with pytest.raises(ValueError, match=r"case1.*\[3\].*\[1, 4\]"):
        fit(
            make_run(make_dataset(tmp_path / "good")).__class__.of_json(
                {
                    **make_run(make_dataset(tmp_path / "other")).to_json(),
                    "dataset": str(dataset.folder),
                }
            ),
            tmp_path / "run",
            device="cpu",
        )


def test_unlabeled_everywhere_is_an_error_that_tells_what_there_is(tmp_path):
    dataset = annotated(tmp_path, lambda n, t, g: SparseMask(np.full_like(t, -1), g))
    with pytest.raises(ValueError, match=r"3 training cases without one annotated voxel.*Sparse"):
        fit(make_run(dataset), tmp_path / "run", device="cpu")


def test_annotations_that_no_method_can_use_are_named(tmp_path):
    dataset = annotated(tmp_path, lambda n, t, g: ImageLabels(frozenset({1})))
    with pytest.raises(ValueError, match="ImageLabels"):
        fit(make_run(dataset), tmp_path / "run", device="cpu")


def test_a_label_that_is_nowhere_is_an_error_unless_it_is_allowed(tmp_path):
    dataset = annotated(tmp_path, lambda n, t, g: DenseMask(np.where(t == 4, 0, t), g))
    with pytest.raises(ValueError, match=r"4: 'square'.*--missing-labels"):
        fit(make_run(dataset), tmp_path / "run", device="cpu")
    events: list[Event] = []
    run = make_run(dataset, missing_labels=True)
    fit(run, tmp_path / "allowed", events.append, device="cpu")
    assert any("square" in e.text for e in events if e.kind == "note")


def test_a_label_that_is_not_in_one_case_is_fine(tmp_path):
    dataset = annotated(
        tmp_path, lambda n, t, g: DenseMask(np.where(t == 4, 0, t) if n == 0 else t, g)
    )
    fit(make_run(dataset), tmp_path / "run", device="cpu")


def test_a_label_that_nobody_looked_for_in_a_case_is_no_background_there(tmp_path):
    dataset = Dataset.create(tmp_path / "data", {1: "disk", 4: "square"})
    for n in range(4):
        volume, truth = pair(n)
        only_disk = n > 0
        dataset.add_case(f"case{n}", volume, labels=[1] if only_disk else None)
        mask = DenseMask(np.where(truth == 1, 1, 0) if only_disk else truth, volume.geometry)
        dataset.annotate(f"case{n}", mask, "ann")
    run = make_run(dataset, steps=150, learning_rate=1e-2)
    path = fit(run, tmp_path / "run", device="cpu")
    from ImperfectSegLogic.metrics.dice import dice
    from ImperfectSegLogic.prediction.predict import PredictionSettings, predict
    from ImperfectSegLogic.training.model_file import load_model

    volume, truth = pair(9)
    found = predict((load_model(path),), volume, PredictionSettings()).prediction.full_labels()
    # Three of four cases say "background" where squares are: taken at their word, none is found.
    assert dice(found == 4, truth == 4) > 0.8


def test_a_mask_on_another_grid_is_refused(tmp_path):
    dataset = make_dataset(tmp_path / "data")
    run = make_run(dataset)
    other = Volume(np.zeros((4, 20, 20), np.float32), np.diag([1.1, 1.2, 9.0, 1.0]))
    version = dataset.find_version("case0")
    write_label_map(
        np.ones((4, 20, 20), np.uint8), other.geometry, version.mask_path, overwrite=True
    )
    with pytest.raises(ValueError, match="grid"):
        fit(run, tmp_path / "run", device="cpu")


def test_a_mask_cut_short_is_refused(tmp_path):
    dataset = make_dataset(tmp_path / "data")
    run = make_run(dataset)
    path = dataset.find_version("case0").mask_path
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ValueError, match=path.name):
        fit(run, tmp_path / "run", device="cpu")


def test_an_image_with_nan_is_refused(tmp_path):
    dataset = Dataset.create(tmp_path / "data", {1: "disk"})
    volume, truth = pair(0)
    array = volume.array.copy()
    array[0, 0, 0] = np.nan
    dataset.add_case("bad", Volume(array, SPACING))
    dataset.annotate("bad", DenseMask(np.where(truth == 1, 1, 0), volume.geometry), "ann")
    with pytest.raises(ValueError, match="NaN"):
        fit(make_run(dataset), tmp_path / "run", device="cpu")


def test_cases_with_different_numbers_of_channels_are_refused(tmp_path):
    dataset = make_dataset(tmp_path / "data", cases=3)
    dataset.add_case("color", Volume(np.ones((2, 4, 40, 36), np.float32), SPACING))
    with pytest.raises(ValueError, match="color: got 2 channels"):
        fingerprint(dataset, ["case0", "color"])


def test_no_cases_to_train_on_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="no cases"):
        fingerprint(make_dataset(tmp_path / "data"), [])


def test_a_full_disk_keeps_the_last_checkpoint_and_the_run_can_go_on(tmp_path, monkeypatch):
    dataset = make_dataset(tmp_path / "data")
    whole = fit(make_run(dataset), tmp_path / "whole", device="cpu")
    save, saved = torch.save, []

    def full(content, path):
        if content["step"] > 4:
            raise OSError(errno.ENOSPC, "No space left on device")
        save(content, path)
        saved.append(content["step"])

    monkeypatch.setattr(checkpoints.torch, "save", full)
    folder = tmp_path / "run"
    with pytest.raises(OSError, match="disk is full"):
        fit(make_run(dataset), folder, device="cpu")
    monkeypatch.undo()
    assert saved == [4]
    assert json.loads((folder / "state.json").read_text())["state"] == "failed"
    path = fit(make_run(dataset), folder, device="cpu", resume=True)
    a, b = weights_of(path), weights_of(whole)
    assert all(np.array_equal(a[n], b[n]) for n in a)


def test_a_read_only_data_set_can_be_trained_from_with_a_cache_elsewhere(tmp_path, monkeypatch):
    dataset = make_dataset(tmp_path / "data")
    before = set(dataset.folder.rglob("*"))
    fit(make_run(dataset), tmp_path / "run", device="cpu", cache=tmp_path / "cache")
    assert set(dataset.folder.rglob("*")) == before


def test_a_cache_that_cannot_be_written_is_named(tmp_path):
    dataset = make_dataset(tmp_path / "data")
    (tmp_path / "cache").write_text("a file is in the way")
    with pytest.raises(OSError, match="cache"):
        fit(make_run(dataset), tmp_path / "run", device="cpu", cache=tmp_path / "cache")


def test_a_checkpoint_of_another_network_is_refused(tmp_path):
    dataset = make_dataset(tmp_path / "data")
    run = make_run(dataset)
    folder = tmp_path / "run"
    fit(run, folder, device="cpu")
    other = make_run(dataset, network_settings={"features": (4, 8), "strides": (2,)})
    foreign = tmp_path / "other"
    fit(other, foreign, device="cpu")
    (folder / "checkpoint.pt").write_bytes((foreign / "checkpoint.pt").read_bytes())
    with pytest.raises(ValueError, match="another run"):
        fit(run, folder, device="cpu", resume=True)
    content = torch.load(folder / "checkpoint.pt", weights_only=True)
    torch.save({**content, "identity": run.identity}, folder / "checkpoint.pt")
    with pytest.raises(ValueError, match="another network"):
        fit(run, folder, device="cpu", resume=True)


def test_a_checkpoint_cut_short_is_refused(tmp_path):
    dataset = make_dataset(tmp_path / "data")
    folder = tmp_path / "run"
    fit(make_run(dataset), folder, device="cpu")
    path = folder / "checkpoint.pt"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match="damaged checkpoint"):
        fit(make_run(dataset), folder, device="cpu", resume=True)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"methods": (("no-such", {}),)}, "no-such"),
        ({"methods": (("sparse-bokhorst2018", {"balance": "x"}),)}, "none, instance, batch"),
        (
            {"methods": (("sparse-bokhorst2018", {}), ("sparse-cicek2016", {}))},
            "allowed is one of them",
        ),
        ({"transforms": (("no-such", {}),)}, "no-such"),
        ({"patch": (23, 24)}, "multiples of 2"),
        ({"patch": (24, 24, 24)}, "patch"),
        ({"network": "gan"}, "unet, dynunet, segresnet, vnet"),
        ({"steps": 0}, "steps: got 0"),
        ({"foreground_share": 1.5}, "foreground_share: got 1.5"),
    ],
)
def test_settings_that_cannot_be_are_refused(tmp_path, changes, message):
    dataset = make_dataset(tmp_path / "data")
    with pytest.raises(ValueError, match=message):
        fit(make_run(dataset, **changes), tmp_path / "run", device="cpu")


def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="this computer has cpu"):
        choose_device("cuda:99")
    with pytest.raises(ValueError, match="auto"):
        choose_device("gpu")
