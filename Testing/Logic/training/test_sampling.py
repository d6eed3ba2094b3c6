"""Samples: where annotations are, the same for the same number, unlabeled beyond the image."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ImperfectSegLogic.data import (
    Dataset,
    DenseMask,
    PointGrid,
    Recist,
    RecistMarks,
    SparseMask,
)
from ImperfectSegLogic.training.prepared import prepare
from ImperfectSegLogic.training.sampling import PatchSamples, cut
from Testing.Logic.training.phantom_runs import SMALL, make_dataset, make_run, pair


def samples_of(dataset, tmp_path, count=40, unlabeled=(), **changes):
    run = make_run(dataset, network_settings=SMALL, **changes)
    cases = prepare(dataset, run.train_cases, run.plan, tmp_path / "cache")
    labeled = [c for c in cases if c.is_labeled]
    others = [c for c in cases if not c.is_labeled] if unlabeled is None else unlabeled
    return PatchSamples(labeled, others, run.plan, (0, 0), range(count))


def test_a_sample_depends_on_its_number_only(tmp_path):
    dataset = make_dataset(tmp_path / "data")
    every = samples_of(dataset, tmp_path)
    later = PatchSamples(every._labeled, [], every._plan, (0, 0), range(30, 40))
    for n in range(10):
        assert torch.equal(later[n].image, every[30 + n].image)
        assert torch.equal(later[n].target, every[30 + n].target)
    assert not torch.equal(every[0].image, every[3].image)


def test_all_cases_take_turns(tmp_path):
    dataset = make_dataset(tmp_path / "data", cases=6)
    seen = [s.case for s in samples_of(dataset, tmp_path)]
    for turn in range(0, 40, 4):
        assert len(set(seen[turn : turn + 4])) == 4


def test_samples_are_cut_where_annotations_are(tmp_path):
    volume, truth = pair(0)
    only = np.full(truth.shape, -1, dtype=np.int16)
    only[2, 25:30, 20:24] = truth[2, 25:30, 20:24]
    dataset = Dataset.create(tmp_path / "data", {1: "disk", 4: "square"})
    dataset.add_case("case0", volume)
    dataset.annotate("case0", SparseMask(only, volume.geometry), "ann")
    for sample in samples_of(dataset, tmp_path):
        assert (sample.target >= 0).any()


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_the_foreground_share_decides_how_often_rare_labels_are_in_the_middle(tmp_path, share):
    dataset = make_dataset(tmp_path / "data")
    samples = samples_of(dataset, tmp_path, 60, foreground_share=share, patch=(8, 8))
    found = np.mean([bool((s.target > 0).any()) for s in samples])
    assert found == 1.0 if share else found < 0.9


def test_beyond_the_image_nothing_is_labeled_and_the_gray_value_is_the_mean(tmp_path):
    dataset = make_dataset(tmp_path / "data")
    for sample in samples_of(dataset, tmp_path, 8, patch=(64, 64)):
        outside = sample.target == -1
        assert outside.sum() == 64 * 64 - 40 * 36
        assert (sample.image[0][outside] == 0).all()


def test_image_and_target_are_cut_at_the_same_place(tmp_path):
    dataset = make_dataset(tmp_path / "data")
    for sample in samples_of(dataset, tmp_path, 10):
        inside = sample.target == 1
        if inside.sum() > 10:
            assert sample.image[0][inside].mean() > sample.image[0][sample.target == 2].mean() + 1


def test_an_image_inside_the_patch_is_whole_wherever_the_voxel_is(tmp_path):
    samples = samples_of(make_dataset(tmp_path / "data"), tmp_path, patch=(64, 64))
    rng = np.random.default_rng(0)
    for voxel in ([0, 0, 0], [3, 39, 35], [2, 20, 1]):
        sample = cut(samples._labeled[0], np.array(voxel), samples._plan, rng)
        assert (sample.target >= 0).sum() == 40 * 36


def test_part_of_each_batch_comes_from_unannotated_cases(tmp_path):
    dataset = make_dataset(tmp_path / "data", cases=4)
    for n in range(10, 12):
        dataset.add_case(f"case{n}", pair(n)[0])
    ids = tuple(dataset.case_ids)
    samples = samples_of(dataset, tmp_path, 16, None, train_cases=ids, batch=4, unlabeled_share=0.5)
    kinds = [s.kind for s in samples]
    for start in range(0, 16, 4):
        assert kinds[start : start + 4].count("") == 2
    assert all((s.target == -1).all() for s in samples if s.kind == "")


def test_points_and_diameters_label_the_voxels_they_lie_on(tmp_path):
    volume, _ = pair(0)
    grid = volume.geometry
    dataset = Dataset.create(tmp_path / "data", {1: "disk", 4: "square"})
    dataset.add_case("points", volume)
    points = grid.to_ras([[1, 5, 6], [2, 7, 8]])
    dataset.annotate("points", PointGrid(points, np.array([4, 0])), "ann")
    dataset.add_case("recist", volume)
    corners = [
        tuple(map(float, grid.to_ras(p))) for p in ((1, 5, 5), (1, 5, 15), (1, 2, 9), (1, 8, 9))
    ]
    mark = Recist((corners[0], corners[1]), (corners[2], corners[3]), label=1)
    dataset.annotate("recist", RecistMarks((mark,)), "ann")
    run = make_run(dataset, train_cases=("points", "recist"), missing_labels=True)
    one, two = prepare(dataset, run.train_cases, run.plan, tmp_path / "cache")
    target = one.target()
    assert target[1, 5, 6] == 2
    assert target[2, 7, 8] == 0
    assert (target != -1).sum() == 2
    assert two.counts[1] == 17
    assert (two.target()[1, 5, 5:16] == 1).all()
    assert (two.target() == 0).sum() == 0


def test_prepared_cases_are_made_once_and_anew_when_the_annotation_changes(tmp_path):
    dataset = make_dataset(tmp_path / "data")
    run, cache = make_run(dataset), tmp_path / "cache"
    first = prepare(dataset, ["case0"], run.plan, cache)[0]
    assert prepare(dataset, ["case0"], run.plan, cache)[0].folder == first.folder
    volume, truth = pair(0)
    changed = np.where(truth == 1, 0, truth)
    dataset.annotate("case0", DenseMask(changed, volume.geometry), "ann")
    again = prepare(dataset, ["case0"], run.plan, cache)[0]
    assert again.folder != first.folder
    assert again.counts[1] == 0
