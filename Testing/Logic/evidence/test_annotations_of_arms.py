"""What is left of masks: drawn by the seed, few part of more, or points, diameters and frames."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from ImperfectSegLogic.data import DenseMask, PointGrid, RecistMarks, SparseMask
from ImperfectSegLogic.evidence.data_sets import build
from ImperfectSegLogic.evidence.sparse_annotations import (
    annotate,
    annotator_of,
    dense_of,
    first_frames,
    kept_slices,
    only_grid,
    only_slices,
    only_voxels,
)
from ImperfectSegLogic.evidence.spec import Arm
from ImperfectSegLogic.evidence.spec_reading import read_data, read_evidence
from ImperfectSegLogic.evidence.subsets import cases_of_patients
from ImperfectSegLogic.evidence.trainings import make_trainings
from Testing.Logic.evidence.phantom_evidence import SPEC, data_folder, evidence_folder


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hearts")
    recipe = read_data("hearts", evidence_folder(folder / "evidence"))
    return build(recipe, data_folder(folder / "raw"), folder / "work", lambda *_: None)


def test_the_data_set_has_masks_scribbles_subjects_and_splits_and_no_copies_of_images(dataset):
    assert len(dataset.split("train")) == 6
    assert dataset.annotators("ann_1") == ["import", "import-scribbles"]
    assert dataset.record("ann_1").subject == "ann"
    assert not list(dataset.folder.rglob("*image*"))
    assert isinstance(dataset.case("ann_1", "import-scribbles").annotation, SparseMask)


def test_few_patients_are_part_of_more_and_keep_all_their_cases(dataset):
    train = dataset.split("train")
    for seed in range(5):
        one, two, every = (cases_of_patients(dataset, train, n, seed) for n in (1, 2, 0))
        assert set(one) < set(two) < set(every) == set(train)
        assert [len(one), len(two)] == [2, 4]
    orders = {cases_of_patients(dataset, train, 1, seed) for seed in range(5)}
    assert len(orders) > 1
    with pytest.raises(ValueError, match="got 4, there are 3 to train on"):
        cases_of_patients(dataset, train, 4, 0)


def test_a_share_of_the_slices_of_all_cases_is_kept_and_few_are_part_of_more(dataset):
    train = dataset.split("train")  # 6 cases of 4 slices.
    few, many = (kept_slices(dataset, train, share, 1) for share in (0.125, 0.5))
    assert sum(map(len, few.values())) == 3
    assert sum(map(len, many.values())) == 12
    assert all(set(slices) <= set(many[case]) for case, slices in few.items())
    assert kept_slices(dataset, train, 0.125, 2) != few
    assert sum(map(len, kept_slices(dataset, train, 0.001, 1).values())) == 1


def test_kept_slices_are_as_they_were_and_all_else_is_unlabeled(dataset):
    dense = dense_of(dataset, "ann_1")
    sparse = only_slices(dense, (1, 3))
    assert np.array_equal(sparse.labels[[1, 3]], dense.labels[[1, 3]])
    assert (sparse.labels[[0, 2]] == -1).all()


def test_slices_lie_across_the_axis_with_the_largest_spacing(dataset):
    dense = dense_of(dataset, "ann_1")
    matrix = dense.geometry.ijk_to_ras.copy()
    turned = type(dense.geometry)(dense.labels.transpose(2, 1, 0).shape, matrix[:, [2, 1, 0, 3]])
    sparse = only_slices(DenseMask(dense.labels.transpose(2, 1, 0), turned), (1,))
    assert (sparse.labels[:, :, 1] >= 0).all()
    assert (np.delete(sparse.labels, 1, axis=2) == -1).all()


def test_a_share_of_each_labels_voxels_is_kept_and_few_are_part_of_more(dataset):
    dense = dense_of(dataset, "ann_1")
    few, many = (only_voxels(dense, share, 1, "ann_1") for share in (0.01, 0.1))
    for label in (0, 1, 4):
        count = np.count_nonzero(dense.labels == label)
        assert np.count_nonzero(few.labels == label) == max(round(0.01 * count), 1)
        assert np.count_nonzero(many.labels == label) == round(0.1 * count)
    assert (dense.labels == few.labels)[few.labeled].all()
    assert many.labeled[few.labeled].all()
    assert not np.array_equal(few.labels, only_voxels(dense, 0.01, 2, "ann_1").labels)
    assert (only_voxels(dense, 1e-6, 1, "ann_1").labels >= 0).sum() == 3


def test_annotations_are_written_once_under_a_name_of_their_own(dataset):
    arm = Arm("few", annotation="slices", share=0.5)
    cases, validation = dataset.split("train"), dataset.split("val")
    owner = annotator_of(arm, 1)
    assert owner == "slices-0.5-seed1"
    for _ in range(2):
        annotate(dataset, arm, 1, cases, (), validation)
    assert [len(dataset.versions(c, owner)) for c in (*cases, *validation)] == [1] * 8
    assert isinstance(dataset.case(validation[0], owner).annotation, DenseMask)
    kept = kept_slices(dataset, cases, 0.5, 1)
    for case in cases:
        labeled = dataset.case(case, owner).annotation.labeled
        assert tuple(np.flatnonzero(labeled.any(axis=(1, 2)))) == kept.get(case, ())


def test_cases_without_annotation_can_be_there_too(dataset):
    arm = Arm("semi", patients=1, unlabeled=True)
    chosen, bare = ("ann_1", "ann_2"), ("bob_1", "bob_2")
    annotate(dataset, arm, 3, chosen, bare, ())
    owner = annotator_of(arm, 3)
    assert owner == "masks-1-patients-unlabeled-seed3"
    assert isinstance(dataset.case("ann_1", owner).annotation, DenseMask)
    assert not dataset.case("bob_1", owner).annotation.labeled.any()


def test_points_of_a_grid_have_the_masks_labels_on_every_slice(dataset):
    dense = dense_of(dataset, "ann_1")
    points = only_grid(dense, 4, 0)
    assert isinstance(points, PointGrid)
    index = dense.geometry.to_index(points.positions)
    assert set(index[:, 0]) == set(range(dense.geometry.shape[0]))
    assert np.array_equal(dense.labels[tuple(index.T)], points.labels)
    assert set(points.labels) == {0, 1, 4}
    more = only_grid(dense, 2, 0)
    assert 3.4 < len(more.labels) / len(points.labels) < 4.6


def test_padded_points_are_discs_on_the_slices_across_the_largest_spacing(dataset):
    dense = dense_of(dataset, "ann_1")
    turned = type(dense.geometry)(
        dense.labels.transpose(2, 1, 0).shape, dense.geometry.ijk_to_ras[:, [2, 1, 0, 3]]
    )
    for labels, geometry, axis in (
        (dense.labels, dense.geometry, 0),
        (dense.labels.transpose(2, 1, 0), turned, 2),
    ):
        mask = DenseMask(labels, geometry)
        points, discs = only_grid(mask, 9, 0), only_grid(mask, 9, 2)
        index = geometry.to_index(points.positions)
        assert set(index[:, axis]) == {0, 1, 2, 3}
        assert np.array_equal(discs.labels[tuple(index.T)], points.labels)
        share = np.count_nonzero(discs.labeled) / len(points.labels)
        assert 10 < share <= 13


def test_arms_of_all_kinds_are_trained_on_what_they_say(dataset, tmp_path):
    text = SPEC[: SPEC.index("[[arms]]")].replace("balanced, share 0.5", "dots, stride 3")
    text += """
[[arms]]
name = "dots"
annotation = "grid"
each = { stride = [3, 5] }
[[arms]]
name = "discs"
annotation = "grid"
stride = 5
padding = 1
[[arms]]
name = "diameters"
annotation = "recist"
[[arms]]
name = "frames"
annotation = "frames"
[[arms]]
name = "frames and more"
annotation = "frames"
unlabeled = true
"""
    found = read_evidence("few-slices", evidence_folder(tmp_path, text))
    nothing = {arm.name: () for arm in found.arms}
    trainings = make_trainings(found, dataset, tmp_path, nothing, lambda *_: None)
    known = {one.arm.name: one for one in trainings if one.seed == 1}
    assert len({one.folder for one in trainings}) == len(trainings) == 12
    assert len({one.annotator for one in known.values()}) == 6
    kinds = {}
    for name, one in known.items():
        each = [dataset.case(case, one.annotator).annotation for case in one.train_cases]
        kinds[name] = [type(made) for made in each]
    assert kinds["dots, stride 3"] == kinds["dots, stride 5"] == [PointGrid] * 6
    assert kinds["discs"] == [SparseMask] * 6
    assert kinds["diameters"] == [RecistMarks] * 6
    assert kinds["frames"] == [DenseMask] * 3
    assert kinds["frames and more"] == [DenseMask] * 3 + [SparseMask] * 3
    assert known["frames"].train_cases == ("ann_1", "bob_1", "cat_1")
    assert known["frames and more"].train_cases[3:] == ("ann_2", "bob_2", "cat_2")
    bare = dataset.case("ann_2", known["frames and more"].annotator).annotation
    assert not bare.labeled.any()
    marks = dataset.case("ann_1", known["diameters"].annotator).annotation.marks
    assert [mark.label for mark in marks] == [1, 4]


def test_the_first_frame_of_each_subject_goes_by_the_cases_ids(dataset):
    assert first_frames(dataset, ("bob_2", "ann_2", "bob_1")) == ("ann_2", "bob_1")


def test_what_the_data_set_came_with_is_used_as_it_is():
    assert annotator_of(Arm("dense", patients=7), 1) == "import"
    assert annotator_of(Arm("strokes", annotation="scribbles"), 1) == "import-scribbles"


def test_missing_data_is_told_by_name(tmp_path):
    recipe = read_data("hearts", evidence_folder(tmp_path / "evidence"))
    with pytest.raises(FileNotFoundError, match="gone: there is no such folder"):
        build(recipe, tmp_path / "gone", tmp_path, lambda *_: None)
    raw = data_folder(tmp_path / "raw")
    (raw / "hearts" / "splits.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"is made of hearts/splits.json, and there is"):
        build(recipe, raw, tmp_path, lambda *_: None)


def test_data_of_another_folder_becomes_another_data_set(tmp_path):
    recipe = read_data("hearts", evidence_folder(tmp_path / "evidence"))
    one, other = (
        build(recipe, data_folder(tmp_path / name), tmp_path / "work", lambda *_: None)
        for name in ("one", "other")
    )
    assert one.folder != other.folder
    assert other.image("ann_1").array.size


def test_two_evidences_that_start_at_once_share_one_data_set(tmp_path):
    recipe = read_data("hearts", evidence_folder(tmp_path / "evidence"))
    raw = data_folder(tmp_path / "raw")
    begun, other_waits = threading.Event(), threading.Event()

    def slowly(*_):
        begun.set()
        other_waits.wait(0.2)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(build, recipe, raw, tmp_path / "work", slowly)
        assert begun.wait(30)
        other = pool.submit(build, recipe, raw, tmp_path / "work", lambda *_: None)
        assert other.result().case_ids == first.result().case_ids
        assert first.done()
