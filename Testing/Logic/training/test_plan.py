"""What is proposed for a data set, and why."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from ImperfectSegLogic.data import Dataset, DenseMask, Volume
from ImperfectSegLogic.training.fingerprint import fingerprint
from ImperfectSegLogic.training.plan import TrainingPlan, propose
from Testing.Logic.training.phantom_runs import make_dataset, make_run, pair


def data_of(folder, shape, spacing, **options) -> Dataset:
    dataset = Dataset.create(folder, {1: "a"}, **options)
    labels = np.zeros(shape, np.uint8)
    labels[tuple(n // 2 for n in shape)] = 1
    for n in range(2):
        gray = np.random.default_rng(n).normal(100, 20, shape).astype(np.float32)
        volume = Volume(gray, np.diag([*spacing[::-1], 1.0]))
        dataset.add_case(f"case{n}", volume)
        dataset.annotate(f"case{n}", DenseMask(labels, volume.geometry), "ann")
    return dataset


@pytest.mark.parametrize(
    ("shape", "spacing", "dims"),
    [
        ((10, 40, 40), (10.0, 1.5, 1.5), 2),
        ((1, 40, 40), (1.0, 1.0, 1.0), 2),
        ((40, 40, 40), (1.0, 1.0, 1.0), 3),
        ((40, 40, 40), (5.0, 1.0, 1.0), 2),
        ((40, 40, 20), (1.0, 1.0, 2.5), 3),
    ],
)
def test_slices_far_apart_or_few_are_segmented_in_2d(tmp_path, shape, spacing, dims):
    dataset = data_of(tmp_path / "data", shape, spacing)
    assert propose(fingerprint(dataset, dataset.case_ids)).dims == dims


def test_the_patch_is_no_larger_than_the_image_and_fits_the_network(tmp_path):
    dataset = data_of(tmp_path / "data", (40, 50, 60), (1.0, 1.0, 1.0))
    for network in ("unet", "dynunet", "segresnet", "vnet"):
        plan = propose(fingerprint(dataset, dataset.case_ids), network=network)
        assert all(n <= m + 16 for n, m in zip(plan.patch, (40, 50, 60), strict=True))


def test_more_memory_gives_a_larger_patch(tmp_path):
    dataset = data_of(tmp_path / "data", (200, 200, 200), (1.0, 1.0, 1.0))
    found = fingerprint(dataset, dataset.case_ids)
    sizes = [np.prod(propose(found, memory=gib * 2**30).patch) for gib in (4, 8, 24)]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]


def test_what_somebody_decided_is_kept_and_the_rest_follows(tmp_path):
    dataset = data_of(tmp_path / "data", (10, 40, 40), (10.0, 1.5, 1.5))
    found = fingerprint(dataset, dataset.case_ids)
    plan = propose(found, batch=3, patch=(16, 16), spacing=(10.0, 3.0, 3.0), steps=7)
    assert (plan.batch, plan.patch, plan.steps) == (3, (16, 16), 7)
    assert plan.preprocessing.spacing == (10.0, 3.0, 3.0)
    with pytest.raises(ValueError, match="training plan: got \\['speed'\\]"):
        propose(found, speed=1)


def test_gray_values_of_ct_are_normalized_by_the_data_set_and_others_by_the_image(tmp_path):
    ct = data_of(tmp_path / "ct", (20, 20, 20), (1, 1, 1), channels=("CT",))
    mr = data_of(tmp_path / "mr", (20, 20, 20), (1, 1, 1), channels=("T1",))
    assert fingerprint(ct, ct.case_ids).intensity[0].scheme == "ct"
    assert fingerprint(mr, mr.case_ids).intensity[0].scheme == "zscore"


def test_a_fingerprint_counts_voxels_and_slices_in_any_orientation(tmp_path):
    volume, truth = pair(0)
    dataset = Dataset.create(tmp_path / "data", {1: "disk", 4: "square"})
    turned = np.diag([1.5, 1.5, 10.0, 1.0])[:, [2, 0, 1, 3]]
    dataset.add_case("plain", volume)
    dataset.annotate("plain", DenseMask(truth, volume.geometry), "ann")
    moved = Volume(np.ascontiguousarray(volume.array.transpose(1, 2, 0)), turned)
    dataset.add_case("turned", moved)
    labels = np.ascontiguousarray(truth.transpose(1, 2, 0))
    dataset.annotate("turned", DenseMask(labels, moved.geometry), "ann")
    plain, other = fingerprint(dataset, ["plain", "turned"]).each
    assert np.allclose(other.sd + other.mean, plain.sd + plain.mean)
    assert dataclasses.replace(other, case="plain", sd=plain.sd, mean=plain.mean) == plain
    assert plain.voxels == tuple(int((truth == n).sum()) for n in (0, 1, 4))
    assert plain.annotated_slices == 4


def test_a_fingerprint_is_kept_and_made_anew_when_the_annotation_changes(tmp_path):
    dataset = make_dataset(tmp_path / "data")
    cache = tmp_path / "cache"
    first = fingerprint(dataset, ["case0"], cache=cache)
    assert fingerprint(dataset, ["case0"], cache=cache) == first
    assert len(list(cache.iterdir())) == 1
    volume, truth = pair(0)
    dataset.annotate("case0", DenseMask(truth * 0, volume.geometry), "ann")
    assert fingerprint(dataset, ["case0"], cache=cache).voxels[1] == 0


def test_a_plan_and_a_run_survive_their_files(tmp_path):
    run = make_run(make_dataset(tmp_path / "data"), methods=(("sparse-bokhorst2018", {}),))
    assert TrainingPlan.of_json(run.plan.to_json()) == run.plan
    run.write(tmp_path)
    again = type(run).read(tmp_path)
    assert again.identity == run.identity
    assert again.plan == dataclasses.replace(run.plan, network_settings=again.plan.network_settings)
    assert dataclasses.replace(again, seed=9).identity != run.identity
