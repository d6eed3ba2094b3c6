"""Each mistake that can be made in a data set is planted once, found, and gone when mended."""

from __future__ import annotations

import json
import re
import shutil
import tracemalloc

import numpy as np
import pytest
from PIL import Image

from ImperfectSegLogic.data import (
    Dataset,
    DenseMask,
    SparseMask,
    Volume,
    write_label_map,
    write_volume,
)
from ImperfectSegLogic.data.datasets.checks import check
from ImperfectSegLogic.data.datasets.contact_sheet import write_contact_sheet
from ImperfectSegLogic.data.datasets.files import sha256
from ImperfectSegLogic.data.datasets.image_checks import voxel_hash
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
    sparse,
)


@pytest.fixture
def dataset(tmp_path):
    return make(tmp_path / "set")


def edit(path, **changes):
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | changes))


def new_image(dataset, volume, case="case0"):
    """Puts another image in the place of a case's, as if it had been added."""
    folder = dataset.folder / "cases" / case
    write_volume(volume, folder / "image.nrrd", overwrite=True)
    edit(folder / "case.json", sha256=sha256(folder / "image.nrrd"))


def new_mask(dataset, values, matrix=MATRIX):
    """Puts another sparse mask in the place of case0's, as if it had been saved."""
    dataset.annotate("case0", sparse(), "zoe")
    folder = dataset.folder / "annotations/case0/zoe"
    grid = Volume(values, matrix).geometry
    write_label_map(values, grid, folder / "0001-SparseMask.nrrd", overwrite=True)
    said = sha256(folder / "0001-SparseMask.nrrd")
    edit(folder / "0001-SparseMask.json", sha256=said)


def cut_short(path):
    path.write_bytes(path.read_bytes()[:-40])


def with_voxel(value, dtype=np.float32):
    voxels = image().array.astype(dtype)
    voxels[1, 2, 3] = value
    return Volume(voxels, MATRIX)


def annotation_file(dataset, ending):
    return next((dataset.folder / "annotations/case0/ann").glob(f"*{ending}"))


def edit_splits(dataset, fold):
    edit(dataset.folder / "splits.json", folds=[fold])


SHIFTED = MATRIX + 0.1 * np.eye(4, k=3)
PROBLEMS = {
    "the mask's grid is shifted": (
        lambda d: new_mask(d, labels(), SHIFTED), "geometry", "another grid"),
    "the mask has another shape": (
        lambda d: new_mask(d, labels()[:, 1:]), "geometry", "another grid"),
    "the image's grid is not the one that was added": (
        lambda d: new_image(d, Volume(image().array, SHIFTED)), "geometry", "not the one in"),
    "a label is not in the list": (
        lambda d: new_mask(d, labels() + 1), "labels", r"labels \[3\], allowed are \[1, 2\]"),
    "a label is there that nobody looked for": (
        lambda d: edit(d.folder / "cases/case0/case.json", labels=[1]), "labels",
        r"\[2\].* only \[1\] were looked for"),
    "a declared label is not in the list": (
        lambda d: edit(d.folder / "cases/case0/case.json", labels=[1, 2, 7]), "labels", r"\[7\]"),
    "a voxel is NaN": (
        lambda d: new_image(d, with_voxel(np.nan)), "image", "1 of 192 voxels are NaN"),
    "a voxel is infinite": (
        lambda d: new_image(d, with_voxel(np.inf)), "image", "1 of 192 voxels are NaN or inf"),
    "the image is constant": (
        lambda d: new_image(d, Volume(np.zeros(SHAPE, np.int16), MATRIX)), "image", "voxel is 0"),
    "two cases have the same voxels in other number types": (
        lambda d: d.add_case("again", Volume(image(1).array.astype(np.float32), SHIFTED)),
        "duplicate", "same voxels as case again"),
    "a subject is in two splits": (
        lambda d: edit_splits(d, {"train": ["case0", "case1"], "val": ["case2"]}), "leakage",
        "subject subject1 is in several splits: train: case1; val: case2"),
    "a case is in two splits": (
        lambda d: edit_splits(d, {"train": ["case0"], "val": ["case0"]}), "leakage", "the case"),
    "an unknown case is in the splits": (
        lambda d: edit_splits(d, {"train": ["nobody"]}), "splits", "not in the data set"),
    "the splits are damaged": (
        lambda d: (d.folder / "splits.json").write_text("{"), "splits", "no JSON"),
    "the image is gone": (
        lambda d: (d.folder / "cases/case0/image.nrrd").unlink(), "missing file", "no such image"),
    "the image is cut short": (
        lambda d: cut_short(d.folder / "cases/case0/image.nrrd"), "image", "cut short"),
    "the image was exchanged": (
        lambda d: write_volume(image(9), d.folder / "cases/case0/image.nrrd", True),
        "changed file", "not the file that was added"),
    "the record is cut short": (
        lambda d: cut_short(d.folder / "cases/case0/case.json"), "record", "no JSON"),
    "the record is gone": (
        lambda d: (d.folder / "cases/case0/case.json").unlink(), "record", "no such file"),
    "a mask is gone": (
        lambda d: annotation_file(d, ".nrrd").unlink(), "missing file", "DenseMask.seg.nrrd"),
    "a mask is cut short": (
        lambda d: cut_short(annotation_file(d, ".nrrd")), "changed file", "cut short"),
    "an older mask is cut short": (
        lambda d: (cut_short(annotation_file(d, ".nrrd")), d.annotate("case0", dense(5), "ann")),
        "changed file", "0001-DenseMask"),
    "an annotation is cut short": (
        lambda d: cut_short(annotation_file(d, ".json")), "annotation", "no JSON"),
    "annotations are of no case": (
        lambda d: shutil.move(d.folder / "annotations/case0", d.folder / "annotations/lost"),
        "unknown case", "no such case"),
    "a position is outside the image": (
        lambda d: (
            d.annotate("case0", EVERY_KIND[6], "zoe"),
            edit(next(d.folder.glob("annotations/case0/zoe/*")), positions=[[0, 0, 0], [9, 9, 9]]),
        ),
        "geometry", "2 positions outside the image"),
    "the number of channels differs": (
        lambda d: new_image(d, image(5, channels=2)), "image", "has 2 channels, wanted 1"),
}  # fmt: skip


@pytest.mark.parametrize("fault", PROBLEMS)
def test_a_planted_fault_is_found_and_gone_when_mended(dataset, tmp_path, fault):
    plant, kind, text = PROBLEMS[fault]
    shutil.copytree(dataset.folder, tmp_path / "sound")
    assert list(check(dataset)) == []
    plant(dataset)
    found = [f for f in check(dataset) if f.severity == "problem"]
    assert {f.kind for f in found} == {kind}, found
    assert any(re.search(text, f.text) for f in found), found
    shutil.rmtree(dataset.folder)
    shutil.move(tmp_path / "sound", dataset.folder)
    assert list(check(dataset)) == []


def test_the_same_image_in_two_splits_is_leakage_even_under_other_names(dataset):
    dataset.add_case("again", image(1))
    dataset.annotate("again", dense(), "ann")
    dataset.set_splits({"train": ["case0", "case1", "case2"], "test": ["again"]})
    found = [f.text for f in check(dataset) if f.kind == "leakage"]
    assert found == ["the same image is in several splits: test: again; train: case1."]


def test_images_of_other_shapes_are_no_duplicates_even_with_the_same_numbers():
    flat = Volume(np.zeros((2, 3, 4), np.int16), MATRIX)
    turned = Volume(np.zeros((2, 4, 3), np.int16), MATRIX)
    assert voxel_hash(flat) != voxel_hash(turned)
    assert voxel_hash(flat) == voxel_hash(Volume(-0.0 * flat.array.astype(np.float32), MATRIX))


@pytest.mark.parametrize("what", ["check", "show"])
def test_memory_does_not_grow_with_the_number_of_cases(tmp_path, what):
    def peak(count: int) -> int:
        dataset = Dataset.create(tmp_path / f"set{count}", LABELS)
        volume = Volume(np.random.default_rng(0).random((16, 64, 64)).astype(np.float32), MATRIX)
        for n in range(count):
            dataset.add_case(f"c{n:03d}", volume)
        tracemalloc.start()
        if what == "check":
            assert sum(f.kind == "duplicate" for f in check(dataset)) == count - 1
        else:
            write_contact_sheet(dataset, tmp_path / f"{count}.png")
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    peak(2)
    few, many = peak(6), peak(60)
    assert many < 1.3 * few, (few, many)


NOTES = {
    "nobody annotated a case": (
        lambda d: d.add_case("new", image(9)), "unlabeled", "nobody has annotated"),
    "every voxel is unlabeled": (
        lambda d: d.annotate("case0", SparseMask(np.full(SHAPE, -1), GRID), "me"), "unlabeled",
        "me's annotation labels nothing"),
    "a label occurs nowhere": (
        lambda d: edit(d.folder / "dataset.json", labels={"1": "liver", "2": "b", "3": "kidney"}),
        "labels", "label 3 .kidney. occurs in no annotation"),
    "a mask may be partly labeled": (
        lambda d: d.annotate("case0", DenseMask((labels() == 1).astype(np.uint8), GRID), "ann"),
        "partly labeled", r"lacks labels \[2\]"),
    "a case is in no split": (
        lambda d: edit_splits(d, {"train": ["case0"]}), "splits", "2 of 3 cases are in no split"),
}  # fmt: skip


@pytest.mark.parametrize("what", NOTES)
def test_what_may_be_as_it_should_is_told_and_no_problem(dataset, what):
    plant, kind, text = NOTES[what]
    plant(dataset)
    found = list(check(Dataset.open(dataset.folder)))
    assert {f.severity for f in found} == {"note"}
    assert any(f.kind == kind and re.search(text, f.text) for f in found)


def test_a_declared_partly_labeled_case_is_not_told(dataset):
    mask = DenseMask((labels() == 1).astype(np.uint8), GRID)
    dataset.add_case("partly", image(9), labels=[1])
    dataset.annotate("partly", mask, "ann")
    assert not [f for f in check(dataset) if f.kind == "partly labeled"]


def test_the_contact_sheet_has_pages_and_colors_where_the_labels_are(tmp_path):
    dataset = make(tmp_path / "set", 31)
    heard = []
    pages = write_contact_sheet(
        dataset, tmp_path / "s.png", progress=lambda fraction, text: heard.append((fraction, text))
    )
    assert [p.name for p in pages] == ["s.png", "s-2.png"]
    assert heard[0] == (0.0, "case0")
    assert heard[-1][0] == 1.0
    pixels = [np.asarray(Image.open(page)).astype(int) for page in pages]
    assert pixels[0].shape == (1180, 1200, 3)
    for page in pixels:
        body = page[40:228, :200]
        assert (np.ptp(body, axis=-1) > 60).mean() > 0.1
    with pytest.raises(FileExistsError, match=r"s\.png"):
        write_contact_sheet(dataset, tmp_path / "s.png")


@pytest.mark.parametrize("annotation", [*EVERY_KIND, None], ids=lambda a: type(a).__name__)
def test_every_kind_of_annotation_can_be_drawn(tmp_path, annotation):
    dataset = Dataset.create(tmp_path / "set", LABELS)
    dataset.add_case("a", image())
    if annotation is not None:
        dataset.annotate("a", annotation, "me")
    write_contact_sheet(dataset, tmp_path / "s.png")
    colored = np.ptp(np.asarray(Image.open(tmp_path / "s.png"))[40:228, :200].astype(int), axis=-1)
    name = type(annotation).__name__
    assert (colored.max() > 60) == (name not in ("ImageLabels", "NoneType"))


def test_a_picture_is_upright_whatever_the_order_of_its_rows(tmp_path):
    dataset = Dataset.create(tmp_path / "set", LABELS)
    voxels = np.zeros((1, 40, 40), np.uint8)
    voxels[0, :20, :20] = 200
    lps = np.diag([-1.0, -1.0, 1.0, 1.0])
    dataset.add_case("a", Volume(voxels, lps))
    dataset.add_case("b", Volume(voxels[:, ::-1, ::-1].copy(), np.eye(4)))
    write_contact_sheet(dataset, tmp_path / "s.png")
    sheet = np.asarray(Image.open(tmp_path / "s.png")).astype(int)[42:238]
    np.testing.assert_array_equal(sheet[:, 2:198], sheet[:, 202:398])
    assert sheet[20:80, 20:80].min() > 200
    assert sheet[120:180].max() == 0


def test_a_damaged_case_is_told_on_the_sheet_and_the_others_are_drawn(dataset, tmp_path):
    (dataset.folder / "cases/case1/image.nrrd").write_bytes(b"nothing")
    write_contact_sheet(dataset, tmp_path / "s.png")
    sheet = np.asarray(Image.open(tmp_path / "s.png")).astype(int)
    assert sheet[60:200, 220:380].max() == 0
    for x in (0, 400):
        assert sheet[60:200, x : x + 200].max() > 100


def test_an_empty_data_set_has_nothing_to_show(tmp_path):
    dataset = Dataset.create(tmp_path / "set", LABELS)
    with pytest.raises(ValueError, match="no cases to show"):
        write_contact_sheet(dataset, tmp_path / "s.png")
    assert [f.kind for f in check(dataset) if not f.case][:1] == ["empty"]
