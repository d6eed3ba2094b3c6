"""What is exported and imported again is the same; what a format cannot hold is told."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import SimpleITK as sitk

from ImperfectSegLogic.data import (
    Dataset,
    DenseMask,
    NoisyMask,
    Volume,
    read_volume,
    write_label_map,
    write_volume,
)
from ImperfectSegLogic.data.formats import (
    bids,
    bids_export,
    decathlon,
    image_folders,
    nnunet,
    nnunet_export,
)
from ImperfectSegLogic.data.formats.plan import run
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


def folder_plan(path):
    strokes = path / "scribbles"
    return image_folders.plan(
        str(path / "images"), str(path / "labels") if any((path / "labels").iterdir()) else None,
        str(strokes) if strokes.exists() else None, names=LABELS,
    )  # fmt: skip


FORMATS = {
    "nnunet": (nnunet_export.export, nnunet.plan),
    "decathlon": (decathlon.export, decathlon.plan),
    "folder": (image_folders.export, folder_plan),
    "bids": (bids_export.export, bids.plan),
}
HOLDS_SPARSE, HOLDS_CHANNELS = ("nnunet", "folder", "bids"), ("nnunet", "decathlon", "folder")
HOLDS_SPLITS, HOLDS_NAMES = ("nnunet", "decathlon"), ("nnunet", "decathlon", "bids")
TURNED = np.array([[0, 0, 3.0, 5], [-0.8, 0, 0, 10], [0, 0.9, 0, -7], [0, 0, 0, 1]])


def there_and_back(dataset, name, tmp_path):
    export, plan = FORMATS[name]
    notes = export(dataset, tmp_path / "out")
    again = run(plan(tmp_path / "out"), tmp_path / "again")
    return again, notes


def case_name(name, case):
    return f"sub-subject{min(int(case[-1]), 1)}_acq-{case}" if name == "bids" else case


@pytest.mark.parametrize("name", FORMATS)
def test_dense_masks_go_there_and_back(tmp_path, name):
    dataset = make(tmp_path / "set")
    dataset.set_splits({"train": dataset.case_ids})
    again, notes = there_and_back(dataset, name, tmp_path)
    assert again.labels == LABELS
    assert len(again.case_ids) == 3
    for case in dataset.case_ids:
        wanted, got = dataset.case(case), again.case(case_name(name, case))
        np.testing.assert_array_equal(got.volume.array, wanted.volume.array)
        assert got.volume.geometry.matches(wanted.volume.geometry)
        assert same(got.annotation, wanted.annotation)
    if name in HOLDS_SPLITS:
        assert again.folds == dataset.folds
    else:
        assert "splits cannot be held." in notes
    if name == "bids":
        assert {again.record(c).subject for c in again.case_ids} == {"sub-subject0", "sub-subject1"}
    else:
        assert "who was imaged cannot be held." in notes
    if name not in HOLDS_NAMES:
        assert "names of labels cannot be held: 1=liver 2=spleen" in notes


@pytest.mark.parametrize("name", FORMATS)
def test_sparse_masks_go_there_and_back_or_are_refused(tmp_path, name):
    dataset = make(tmp_path / "set", 1)
    dataset.set_splits({"train": ["case0"]})
    dataset.annotate("case0", sparse(4), "ann")
    if name not in HOLDS_SPARSE:
        with pytest.raises(ValueError, match="case case0: got a SparseMask"):
            FORMATS[name][0](dataset, tmp_path / "out")
        assert not (tmp_path / "out").exists()
        return
    again, notes = there_and_back(dataset, name, tmp_path)
    (case,) = again.case_ids
    assert same(again.case(case).annotation, sparse(4))
    assert again.labels == LABELS
    assert "case0: it has other annotations or versions, which stay here." in notes


@pytest.mark.parametrize("name", FORMATS)
def test_channels_go_there_and_back_or_are_refused(tmp_path, name):
    dataset = make(tmp_path / "set", 2, channels=("FLAIR", "T1", "T2"))
    if name not in HOLDS_CHANNELS:
        with pytest.raises(ValueError, match="case case0: got 3 channels"):
            FORMATS[name][0](dataset, tmp_path / "out")
        return
    again, notes = there_and_back(dataset, name, tmp_path)
    for case in dataset.case_ids:
        np.testing.assert_array_equal(
            again.case(case).volume.array, dataset.case(case).volume.array
        )
    if name == "folder":
        assert "the description and the names of channels cannot be held." in notes
    else:
        assert again.description.channels == ("FLAIR", "T1", "T2")


@pytest.mark.parametrize("name", FORMATS)
def test_turned_grids_and_float_voxels_go_there_and_back(tmp_path, name):
    dataset = Dataset.create(tmp_path / "set", LABELS)
    voxels = np.random.default_rng(1).normal(size=SHAPE).astype(np.float32)
    dataset.add_case("a", Volume(voxels, TURNED))
    grid = Volume(voxels, TURNED).geometry
    dataset.annotate("a", DenseMask(labels(), grid), "me")
    again, _ = there_and_back(dataset, name, tmp_path)
    (case,) = again.cases()
    np.testing.assert_array_equal(case.volume.array, voxels)
    assert case.volume.geometry.matches(grid)
    assert same(case.annotation, DenseMask(labels(), grid))


@pytest.mark.parametrize("name", FORMATS)
def test_what_a_format_cannot_hold_is_told(tmp_path, name):
    dataset = make(tmp_path / "set", 4)
    dataset.annotate("case1", EVERY_KIND[4], "boxer")
    dataset.annotate("case2", NoisyMask(labels(2), GRID), "ann")
    dataset.add_case("new", image(9), labels=[1])
    dataset.annotate("new", dense(), "me")
    dataset.model_folder("net")
    notes = "\n".join(FORMATS[name][0](dataset, tmp_path / "out"))
    for text in (
        "case1: its Boxes cannot be held, only masks.",
        "case2: it will not be told that the mask is noisy.",
        "new: it will not be told which labels were looked for.",
        "models and predictions (net) stay here.",
    ):
        assert text in notes


def test_nnunet_gives_unlabeled_voxels_the_highest_label_and_keeps_folds(tmp_path):
    dataset = make(tmp_path / "set", 4)
    dataset.annotate("case1", sparse(4), "ann")
    folds = [
        {"train": ("case1",), "val": ("case2", "case3"), "test": ("case0",)},
        {"train": ("case2", "case3"), "val": ("case1",), "test": ("case0",)},
    ]
    dataset.set_splits(*folds)
    nnunet_export.export(dataset, tmp_path / "out", ending=".nrrd")
    said = json.loads((tmp_path / "out/dataset.json").read_text())
    assert said["labels"] == {"background": 0, "liver": 1, "spleen": 2, "ignore": 3}
    assert said["file_ending"] == ".nrrd"
    assert said["numTraining"] == 3
    written = read_volume(tmp_path / "out/labelsTr/case1.nrrd").array
    np.testing.assert_array_equal(written == 3, sparse(4).labels == -1)
    assert sorted(p.name for p in (tmp_path / "out/imagesTs").iterdir()) == ["case0_0000.nrrd"]
    again = run(nnunet.plan(tmp_path / "out"), tmp_path / "again")
    assert again.folds == folds
    assert same(again.case("case1").annotation, sparse(4))
    assert same(again.case("case0").annotation, dense(0))


def test_nnunet_regions_become_their_labels_and_are_told(tmp_path):
    make_all(tmp_path)
    edit(tmp_path / "nn/dataset.json", labels={"background": 0, "whole": [1, 2], "core": 2})
    plan = nnunet.plan(tmp_path / "nn")
    assert plan.labels == {1: "label_1", 2: "core"}
    assert plan.notes == ("region 'whole' of labels [1, 2] is not kept, only the labels.",)


def test_decathlon_images_with_channels_have_four_axes(tmp_path):
    decathlon.export(make(tmp_path / "set", 2, channels=("A", "B")), tmp_path / "out")
    written = sitk.ReadImage(str(tmp_path / "out/imagesTr/case1.nii.gz"))
    assert (written.GetDimension(), written.GetSize()) == (4, (*SHAPE[::-1], 2))
    assert written.GetNumberOfComponentsPerPixel() == 1


def test_a_folder_with_patterns_subjects_and_splits(tmp_path):
    for n, case in enumerate(("p1_a", "p1_b", "p2_a")):
        write_volume(image(n), tmp_path / f"{case}_image.nii.gz")
        write_label_map(labels(n), GRID, tmp_path / f"{case}_label.nii.gz")
    strokes = np.where(labels(3) == 0, 4, labels(3))
    write_label_map(strokes, GRID, tmp_path / "p1_b_scribble.nii.gz")
    plan = image_folders.plan(
        str(tmp_path / "*_image.nii.gz"),
        str(tmp_path / "*_label.nii.gz"),
        str(tmp_path / "*_scribble.nii.gz"),
        unlabeled=4,
    )
    assert plan.labels == {1: "label_1", 2: "label_2"}
    plan = plan.with_subjects(r"p(\d)").with_splits({"train": ["1"], "test": ["p2_a"]})
    dataset = run(plan, tmp_path / "set", "relative")
    assert dataset.split("train") == ("p1_a", "p1_b")
    assert [dataset.record(c).subject for c in dataset.case_ids] == ["1", "1", "2"]
    assert same(dataset.case("p1_b").annotation, dense(1))
    found = dataset.case("p1_b", "import-scribbles").annotation
    np.testing.assert_array_equal(found.labels, np.where(strokes == 4, -1, strokes))
    assert dataset.record("p2_a").image == "../p2_a_image.nii.gz"
    with pytest.raises(ValueError, match=r"'p\(\\\\d' .*no regular expression|no regular"):
        plan.with_subjects(r"p(\d")
    with pytest.raises(ValueError, match="does not match case p1_a"):
        plan.with_subjects("x")
    with pytest.raises(ValueError, match="got 'p9', which is no case and no subject"):
        plan.with_splits({"train": ["p9"]})


def test_bids_with_sessions_pipelines_and_tables(tmp_path):
    anat = tmp_path / "b/sub-01/ses-pre/anat"
    for pipeline in ("alice", "bob"):
        (tmp_path / "b/derivatives" / pipeline / "sub-01/ses-pre/anat").mkdir(parents=True)
    anat.mkdir(parents=True)
    write_volume(image(), anat / "sub-01_ses-pre_run-1_T1w.nii.gz")
    derived = tmp_path / "b/derivatives"
    for pipeline, seed in (("alice", 1), ("bob", 2)):
        place = derived / pipeline / "sub-01/ses-pre/anat"
        name = "sub-01_ses-pre_run-1_space-orig_desc-manual_dseg"
        write_label_map(labels(seed), GRID, place / f"{name}.nii.gz")
        (place / f"{name}.tsv").write_text("index\tname\n0\tbackground\n1\tleft\n2\tright\n")
    other = derived / "bob/sub-01/ses-pre/anat/sub-01_ses-pre_run-1_space-MNI_dseg.nii.gz"
    write_label_map(labels(), GRID, other)
    plan = bids.plan(tmp_path / "b")
    assert plan.labels == {1: "left", 2: "right"}
    assert len(plan.notes) == 1
    assert "space MNI" in plan.notes[0]
    dataset = run(plan, tmp_path / "set")
    assert dataset.case_ids == ["sub-01_ses-pre_run-1"]
    assert dataset.record("sub-01_ses-pre_run-1").subject == "sub-01"
    for pipeline, seed in (("alice", 1), ("bob", 2)):
        assert same(dataset.case("sub-01_ses-pre_run-1", pipeline).annotation, dense(seed))


def make_all(tmp_path):
    dataset = make(tmp_path / "set")
    nnunet_export.export(dataset, tmp_path / "nn")
    decathlon.export(dataset, tmp_path / "msd")
    image_folders.export(dataset, tmp_path / "dir")
    bids_export.export(dataset, tmp_path / "bids")


def edit(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def cut_short(path):
    path.write_bytes(path.read_bytes()[:-40])


BAD = {
    "nn/labelsTr/case1.nii.gz: there is no such file": (
        "nn", lambda p: (p / "nn/labelsTr/case1.nii.gz").unlink()),
    r"got channels \[1\], wanted are 0 to 0": (
        "nn", lambda p: (p / "nn/imagesTr/case1_0000.nii.gz").rename(
            p / "nn/imagesTr/case1_0001.nii.gz")),
    "wanted are file_ending": ("nn", lambda p: (p / "nn/dataset.json").write_text("{}")),
    r"case1\.nii\.gz: case case1: got labels \[2\]": (
        "nn", lambda p: edit(p / "nn/dataset.json", labels={"background": 0, "liver": 1})),
    "case1.nii.gz: got a mask of .* on another grid": (
        "nn", lambda p: write_label_map(
            labels()[:2], Volume(labels()[:2], MATRIX).geometry, p / "nn/labelsTr/case1.nii.gz",
            True)),
    "case1.nii.gz: got voxels|fractions": (
        "nn", lambda p: write_volume(
            Volume(labels() + np.float32(0.5), MATRIX), p / "nn/labelsTr/case1.nii.gz", True)),
    "case1.nii.gz: .*cut short": ("nn", lambda p: cut_short(p / "nn/labelsTr/case1.nii.gz")),
    "case2_0000.nii.gz: .*cut short": (
        "nn", lambda p: cut_short(p / "nn/imagesTr/case2_0000.nii.gz")),
    "no such file or folder|nn/dataset.json: there is no such file": (
        "nn", lambda p: (p / "nn/dataset.json").unlink()),
    "imagesTr/case1.nii.gz: there is no such file, but .* lists it": (
        "msd", lambda p: (p / "msd/imagesTr/case1.nii.gz").unlink()),
    "msd/dataset.json: got a damaged description": (
        "msd", lambda p: edit(p / "msd/dataset.json", labels=[])),
    "there is no image 'case1'": ("dir", lambda p: (p / "dir/images/case1.nii.gz").unlink()),
    "is case case1, and so is": (
        "dir", lambda p: shutil.copy(p / "dir/images/case1.nii.gz", p / "dir/images/case1.nii")),
    "case name: got 'a b'": (
        "dir", lambda p: shutil.copy(p / "dir/images/case1.nii.gz", p / "dir/images/a b.nii.gz")),
    "there are no files sub-": ("bids", lambda p: [shutil.rmtree(f) for f in p.glob("bids/sub-*")]),
    "dseg.tsv: got a damaged table": (
        "bids", lambda p: (p / "bids/derivatives/ann/dseg.tsv").write_text("a\tb\n")),
}  # fmt: skip
PLANS = {"nn": nnunet.plan, "msd": decathlon.plan, "dir": folder_plan, "bids": bids.plan}


@pytest.mark.parametrize("message", BAD)
def test_a_bad_source_is_named_and_leaves_no_data_set(tmp_path, message):
    make_all(tmp_path)
    name, plant = BAD[message]
    run(PLANS[name](tmp_path / name), tmp_path / "sound")
    plant(tmp_path)
    with pytest.raises((ValueError, OSError), match=message):
        run(PLANS[name](tmp_path / name), tmp_path / "made")
    left = {p.name for p in tmp_path.iterdir()}
    assert left == {"set", "nn", "msd", "dir", "bids", "sound"}


@pytest.mark.parametrize("name", ["nnunet", "decathlon"])
def test_labels_with_gaps_are_refused_where_a_format_needs_them_without(tmp_path, name):
    dataset = Dataset.create(tmp_path / "set", {1: "a", 3: "b"})
    with pytest.raises(ValueError, match=r"got labels \[1, 3\], allowed in"):
        FORMATS[name][0](dataset, tmp_path / "out")


@pytest.mark.parametrize(
    ("name", "taken"), [("nnunet", "ignore"), ("decathlon", "background"), ("bids", "unlabeled")]
)
def test_names_that_mean_something_else_in_a_format_are_refused(tmp_path, name, taken):
    dataset = Dataset.create(tmp_path / "set", {1: taken})
    with pytest.raises(ValueError, match=f"got a label named '{taken}'"):
        FORMATS[name][0](dataset, tmp_path / "out")


@pytest.mark.parametrize("name", FORMATS)
def test_sheared_grids_are_refused_by_nifti_and_held_by_nrrd(tmp_path, name):
    matrix = MATRIX @ np.array([[1, 0.3, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    dataset = Dataset.create(tmp_path / "set", LABELS)
    volume = Volume(image().array, matrix)
    dataset.add_case("a", volume)
    dataset.annotate("a", DenseMask(labels(), volume.geometry), "me")
    with pytest.raises(ValueError, match=r"out/.*a_?.*not at right angles"):
        FORMATS[name][0](dataset, tmp_path / "out")
    if name in ("nnunet", "folder"):
        FORMATS[name][0](dataset, tmp_path / "out", ending=".nrrd")
        (case,) = run(FORMATS[name][1](tmp_path / "out"), tmp_path / "again").cases()
        assert case.volume.geometry.matches(volume.geometry)
        assert same(case.annotation, DenseMask(labels(), volume.geometry))


def test_an_annotator_can_be_chosen_and_must_be_there(tmp_path):
    dataset = make(tmp_path / "set", 2)
    dataset.annotate("case0", dense(8), "zoe")
    nnunet_export.export(dataset, tmp_path / "out", "ann")
    written = read_volume(tmp_path / "out/labelsTs/case0.nii.gz").array
    np.testing.assert_array_equal(written, dense(0).labels)
    with pytest.raises(ValueError, match="no mask by annotator 'nobody'"):
        nnunet_export.export(dataset, tmp_path / "out2", "nobody")


def test_channels_in_files_of_their_own_cannot_be_pointed_at(tmp_path):
    nnunet_export.export(make(tmp_path / "set", 1, channels=("A", "B")), tmp_path / "out")
    with pytest.raises(ValueError, match="its 2 channels are in files of their own"):
        run(nnunet.plan(tmp_path / "out"), tmp_path / "again", "relative")
