"""The data set folder gives back what was put in, and refuses what does not fit."""

from __future__ import annotations

import os
import shutil
import tracemalloc

import numpy as np
import pytest

from ImperfectSegLogic.data import (
    UNLABELED,
    Dataset,
    DenseMask,
    Geometry,
    PointGrid,
    Prediction,
    Provenance,
    SparseMask,
    Volume,
    read_segmentation,
    write_segmentation,
    write_volume,
)
from Testing.Logic.data.phantom_cases import (
    EVERY_KIND,
    GRID,
    LABELS,
    MATRIX,
    SHAPE,
    dense,
    image,
    labels,
    make,
    same,
    sparse,
)

SHEARED = MATRIX @ np.array([[1, 0.3, 0, 0], [0, 1, -0.2, 0], [0, 0, 1, 0], [0, 0, 0, 1]])


@pytest.fixture
def dataset(tmp_path):
    return make(tmp_path / "set")


def test_what_was_said_about_a_data_set_is_there_when_it_is_opened_again(tmp_path):
    Dataset.create(tmp_path / "set", {2: "b", 1: "a"}, "Livers", "of mice", ["T1", "T2"])
    about = Dataset.open(tmp_path / "set").description
    assert (about.name, about.text, about.channels) == ("Livers", "of mice", ("T1", "T2"))
    assert about.labels == {1: "a", 2: "b"}


@pytest.mark.parametrize("annotation", EVERY_KIND, ids=lambda a: type(a).__name__)
def test_every_kind_of_annotation_comes_back_as_it_was(dataset, annotation):
    number = dataset.annotate("case0", annotation, "someone")
    assert number == 1
    found = Dataset.open(dataset.folder).case("case0", "someone")
    assert same(found.annotation, annotation)
    np.testing.assert_array_equal(found.volume.array, image(0).array)


@pytest.mark.parametrize("matrix", [MATRIX, SHEARED, -MATRIX + 2 * np.diag([0, 0, 0, 1])])
@pytest.mark.parametrize("top", [2, 255, 300])
def test_masks_keep_grid_labels_and_what_is_unlabeled(tmp_path, matrix, top):
    dataset = Dataset.create(tmp_path / "set", {1: "a", 2: "b", top: "top"})
    volume = Volume(image().array, matrix)
    dataset.add_case("a", volume)
    values = np.where(labels() == 2, top, labels())
    few = np.where(labels(1) == 0, UNLABELED, values)
    for mask in (DenseMask(values, volume.geometry), SparseMask(few, volume.geometry)):
        dataset.annotate("a", mask, "me")
        case = dataset.case("a")
        assert same(case.annotation, mask)
        assert case.volume.geometry.matches(volume.geometry)


def test_images_can_be_copied_or_pointed_at(tmp_path):
    dataset = Dataset.create(tmp_path / "set", LABELS)
    write_volume(image(), tmp_path / "image.nii.gz")
    for way in ("copy", "relative", "absolute"):
        dataset.add_case(way, tmp_path / "image.nii.gz", way)
        assert np.array_equal(dataset.case(way).volume.array, image().array)
    assert dataset.record("relative").image == "../image.nii.gz"
    assert dataset.record("absolute").image == str(tmp_path / "image.nii.gz")
    (tmp_path / "elsewhere").mkdir()
    shutil.move(tmp_path / "set", tmp_path / "elsewhere" / "set")
    shutil.copy(tmp_path / "image.nii.gz", tmp_path / "elsewhere")
    (tmp_path / "image.nii.gz").unlink()
    moved = Dataset.open(tmp_path / "elsewhere" / "set")
    for way in ("copy", "relative"):
        assert np.array_equal(moved.case(way).volume.array, image().array)
    with pytest.raises(FileNotFoundError, match=r"image\.nii\.gz"):
        moved.case("absolute")


def test_versions_stay_and_the_newest_is_given(dataset):
    for seed in (5, 6):
        dataset.annotate("case0", dense(seed), "b")
    dataset.annotate("case0", sparse(7), "a")
    assert dataset.annotators("case0") == ["a", "ann", "b"]
    assert [v.number for v in dataset.versions("case0", "b")] == [1, 2]
    assert same(dataset.case("case0").annotation, sparse(7))
    assert same(dataset.case("case0", "b").annotation, dense(6))
    assert same(dataset.case("case0", "b", 1).annotation, dense(5))
    with pytest.raises(ValueError, match=r"there are a \[1\], ann \[1\], b \[1, 2\]"):
        dataset.case("case0", "b", 3)
    with pytest.raises(ValueError, match="annotator nobody"):
        dataset.case("case0", "nobody")


def test_a_case_without_annotation_has_none(dataset):
    dataset.add_case("new", image(9))
    assert dataset.case("new").annotation is None
    assert dataset.annotators("new") == []


def test_cases_come_sorted_and_by_split(dataset):
    assert [c.identifier for c in dataset.cases()] == ["case0", "case1", "case2"]
    assert [c.identifier for c in dataset.cases("train")] == ["case1", "case2"]
    dataset.set_splits({"train": ["case0"]}, {"train": ["case2"]})
    assert dataset.split("train", fold=1) == ("case2",)
    with pytest.raises(ValueError, match="'val' of fold 0"):
        dataset.split("val")


def test_predictions_and_models_have_their_places(dataset):
    share = np.full((2, *SHAPE), 0.5, np.float32)
    share[1] += 0.1 * (labels() == 1)
    prediction = Prediction(share, (0, 1), GRID.whole, GRID, Provenance("m", {"a": 1}, "hash"))
    dataset.add_prediction("net", "case0", prediction, probabilities=True)
    dataset.add_prediction("net", "case1", dense(3))
    assert dataset.predicted("net") == ["case0", "case1"]
    np.testing.assert_array_equal(dataset.prediction("net", "case0").labels, labels() == 1)
    np.testing.assert_array_equal(dataset.probabilities("net", "case0").probabilities, share)
    assert same(dataset.prediction("net", "case1"), dense(3))
    with pytest.raises(FileExistsError, match=r"case0\.seg\.nrrd"):
        dataset.add_prediction("net", "case0", dense(3))
    dataset.add_prediction("net", "case0", dense(3), overwrite=True)
    with pytest.raises(FileNotFoundError, match=r"case0\.prob\.nrrd"):
        dataset.probabilities("net", "case0")
    (dataset.model_folder("other") / "weights.txt").write_text("w")
    assert dataset.models == ["net", "other"]


def test_masks_open_in_slicer_with_names_and_what_it_saves_anew_is_read_by_name(dataset):
    path = next((dataset.folder / "annotations/case0/ann").glob("*.seg.nrrd"))
    segmentation = read_segmentation(path)
    assert [s.name for s in segmentation.segments] == ["liver", "spleen"]
    swapped = type(segmentation).from_labels(
        np.choose(segmentation.layers[0], (0, 2, 1)), GRID, {1: "spleen", 2: "liver"}
    )
    write_segmentation(swapped, path, overwrite=True)
    assert same(dataset.case("case0").annotation, dense(0))


OTHER = Geometry(SHAPE, MATRIX + np.eye(4, k=3))
REFUSED = {
    "case .* is not in": lambda d: d.annotate("nobody", dense(), "me"),
    "another grid": lambda d: d.annotate("case0", DenseMask(labels(), OTHER), "me"),
    r"case case0: got labels \[3\]": lambda d: d.annotate(
        "case0", DenseMask(labels() + 1, GRID), "me"
    ),
    "got 1 positions outside the image": lambda d: d.annotate(
        "case0", PointGrid(np.zeros((1, 3)), np.ones(1, int)), "me"
    ),
    "annotator name: got '../x'": lambda d: d.annotate("case0", dense(), "../x"),
    "case name: got '.hidden'": lambda d: d.add_case(".hidden", image()),
    "case name: got 'a/b'": lambda d: d.record("a/b"),
    "case0: is there already": lambda d: d.add_case("case0", image()),
    r"got labels \[9\]": lambda d: d.add_case("new", image(), labels=[9]),
    r"cases \['nobody'\] are not in": lambda d: d.set_splits({"train": ["nobody"]}),
    "case0 is in train and in test": lambda d: d.set_splits(
        {"train": ["case0"], "test": ["case0"]}
    ),
    "got image files 'link', allowed are copy": lambda d: d.add_case("new", image(), "link"),
    "there is no such file": lambda d: d.add_case("new", d.folder / "gone.nii.gz"),
    "set: is there already": lambda d: Dataset.create(d.folder, LABELS),
    "there is no data set here": lambda d: Dataset.open(d.folder / "cases"),
    "there is no folder": lambda d: Dataset.create(d.folder / "no" / "set", LABELS),
    "labels: got": lambda d: Dataset.create(d.folder / "b", {0: "background"}),
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_does_not_fit_is_refused_and_changes_nothing(dataset, message):
    def files():
        return {p: p.stat().st_mtime_ns for p in dataset.folder.rglob("*") if p.is_file()}

    before = files()
    with pytest.raises((ValueError, OSError), match=message):
        REFUSED[message](dataset)
    assert files() == before


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("dataset.json", "{", r"dataset\.json: got a file that is no JSON"),
        ("dataset.json", "[]", "got a list"),
        ("dataset.json", '{"format": "x"}', "got format 'x'"),
        ("dataset.json", '{"format": "ImperfectSeg dataset", "version": 2}', "newer ImperfectSeg"),
        ("dataset.json", '{"format": "ImperfectSeg dataset", "version": 1}', "damaged"),
        ("cases/case0/case.json", '{"format": "ImperfectSeg case", "version": 1}', "damaged rec"),
        ("splits.json", '{"format": "ImperfectSeg splits", "version": 1}', "damaged splits"),
        ("annotations/case0/ann/0001-DenseMask.json", "{", "0001-DenseMask.json: got a file"),
    ],
)
def test_damaged_files_are_named(dataset, file, content, message):
    (dataset.folder / file).write_text(content)

    def read_all():
        return list(Dataset.open(dataset.folder).cases("test"))

    with pytest.raises(ValueError, match=message):
        read_all()


def test_channels_are_held_and_wrong_numbers_of_them_refused(tmp_path):
    dataset = make(tmp_path / "set", channels=("FLAIR", "T1"))
    np.testing.assert_array_equal(dataset.case("case1").volume.array, image(1, 2).array)
    with pytest.raises(ValueError, match=r"got 1 channels, allowed are 2 \(FLAIR, T1\)"):
        dataset.add_case("one", image())


def test_memory_does_not_grow_with_the_number_of_cases(tmp_path):
    def peak(count: int) -> int:
        dataset = Dataset.create(tmp_path / f"set{count}", LABELS)
        volume = Volume(np.zeros((8, 32, 32), np.float32), MATRIX)
        for n in range(count):
            dataset.add_case(f"c{n:03d}", volume)
        opened = Dataset.open(dataset.folder)
        tracemalloc.start()
        assert sum(1 for _ in opened.cases()) == count
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    peak(2)
    few, many = peak(10), peak(200)
    assert many < 1.3 * few, (few, many)


def test_a_partly_labeled_case_declares_what_was_looked_for(dataset):
    dataset.add_case("partly", image(8), labels=[2])
    assert dataset.record("partly").labels == (2,)
    mask = SparseMask(np.full(SHAPE, UNLABELED), GRID)
    assert dataset.annotate("partly", mask, "me") == 1
    assert os.listdir(dataset.folder / "annotations/partly") == ["me"]  # noqa: PTH208
