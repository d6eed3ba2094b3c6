"""The command line, as a person at a shell uses it."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pytest

from ImperfectSegLogic import cli
from ImperfectSegLogic.data import (
    Box,
    Click,
    Geometry,
    Scribble,
    Volume,
    read_probabilities,
    read_segmentation,
    read_volume,
    write_prompts,
    write_volume,
)
from ImperfectSegLogic.methods.catalog import default_segmenter

MATRIX = np.array([[-1.0, 0, 0, 30], [0, -1.0, 0, 25], [0, 0, 2.0, -20], [0, 0, 0, 1]])


def ball(shape=(20, 40, 40)) -> np.ndarray:
    """A bright ball in the dark, in array order, 10 mm in radius around index (10, 20, 20)."""
    k, j, i = np.mgrid[: shape[0], : shape[1], : shape[2]]
    return (2 * (k - 10)) ** 2 + (j - 20) ** 2 + (i - 20) ** 2 < 100


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with an image, and prompts for the ball in it."""
    monkeypatch.chdir(tmp_path)
    noise = np.random.default_rng(0).normal(0, 5, ball().shape)
    write_volume(Volume((100 * ball() + noise).astype(np.float32), MATRIX), "image.nii.gz")
    grid = Geometry(ball().shape, MATRIX)
    center, corner = grid.to_ras((10, 20, 20)), grid.to_ras((2, 3, 3))
    write_prompts([Click(center), Click(corner, positive=False)], "clicks.mrk.json")
    line = grid.to_ras([(10, 15, 20), (10, 25, 20)])
    write_prompts([Scribble(line, 1.0)], "strokes.json")
    write_prompts([Box(center, (24, 24, 24))], "box.json")
    return tmp_path


def run(*arguments: str, capsys) -> tuple[int, str, str]:
    code = cli.main([str(a) for a in arguments])
    printed = capsys.readouterr()
    return code, re.sub(r"\s+", " ", printed.out), re.sub(r"\s+", " ", printed.err)


def dice(found: np.ndarray) -> float:
    return 2 * (found & ball()).sum() / (found.sum() + ball().sum())


@pytest.mark.parametrize(
    "prompts",
    [["--points", "clicks.mrk.json"], ["--scribbles", "strokes.json", "--box", "box.json"]],
)
def test_segment_writes_what_slicer_opens(folder, capsys, prompts):
    code, out, _ = run(
        "segment", "image.nii.gz", *prompts, "--names", "1=ball", "--out", "out.seg.nrrd",
        capsys=capsys,
    )  # fmt: skip
    assert code == 0
    assert re.search(r"ball: \d+ voxels", out)
    segmentation = read_segmentation("out.seg.nrrd")
    assert [s.name for s in segmentation.segments] == ["ball"]
    assert dice(segmentation.mask(segmentation.segments[0].id)) > 0.95


def test_segment_writes_label_maps_and_probabilities_on_the_images_grid(folder, capsys):
    code, _, _ = run(
        "segment", "image.nii.gz", "--points", "clicks.mrk.json", "--out", "out.nii.gz",
        "--probabilities", "out.nrrd", capsys=capsys,
    )  # fmt: skip
    assert code == 0
    labels = read_volume("out.nii.gz")
    assert labels.geometry.matches(read_volume("image.nii.gz").geometry)
    assert dice(labels.array == 1) > 0.95
    prediction = read_probabilities("out.nrrd")
    np.testing.assert_array_equal(prediction.full_labels(), labels.array)
    assert prediction.provenance.method == default_segmenter().card.name


def test_an_existing_file_is_kept_unless_told_otherwise(folder, capsys):
    (folder / "out.seg.nrrd").write_text("precious")
    arguments = ["segment", "image.nii.gz", "--points", "clicks.mrk.json", "--out", "out.seg.nrrd"]
    code, _, err = run(*arguments, capsys=capsys)
    assert code == 2
    assert "out.seg.nrrd" in err
    assert (folder / "out.seg.nrrd").read_text() == "precious"
    code, _, _ = run(*arguments, "--overwrite", capsys=capsys)
    assert code == 0
    assert read_segmentation("out.seg.nrrd").segments


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["segment", "gone.nii.gz", "--points", "clicks.mrk.json", "--out", "o.nrrd"], "gone.nii"),
        (["segment", "image.nii.gz", "--points", "gone.json", "--out", "o.nrrd"], "gone.json"),
        (["segment", "image.nii.gz", "--out", "o.nrrd"], "no prompts"),
        (["segment", "image.nii.gz", "--points", "clicks.mrk.json", "--out", "o.txt"], "o.txt"),
        (["segment", "image.nii.gz", "--points", "clicks.mrk.json", "--out", "no/o.nrrd"], "no"),
        (
            ["segment", "image.nii.gz", "--points", "clicks.mrk.json", "--out", "o.nrrd",
             "--names", "liver"],
            "NUMBER=NAME",
        ),
        (["info", "gone.nii.gz"], "gone.nii.gz"),
        (["info", "clicks.mrk.json"], "clicks.mrk.json"),
    ],
)  # fmt: skip
def test_what_the_user_can_mend_is_told_in_one_line_with_exit_code_2(
    folder, capsys, arguments, message
):
    code, _, err = run(*arguments, capsys=capsys)
    assert code == 2
    assert err.startswith("error:")
    assert message in err
    assert not (folder / "o.nrrd").exists()


def test_a_bad_image_is_told_before_anything_is_written(folder, capsys):
    write_volume(Volume(np.full((4, 5, 6), 7.0, np.float32), MATRIX), "flat.nrrd")
    code, _, err = run(
        "segment", "flat.nrrd", "--points", "clicks.mrk.json", "--out", "o.nrrd", capsys=capsys
    )
    assert code == 2
    assert "same value" in err
    assert not (folder / "o.nrrd").exists()


def test_info_tells_size_spacing_place_and_whether_it_can_be_segmented(folder, capsys):
    code, out, _ = run("info", "image.nii.gz", capsys=capsys)
    assert code == 0
    for fact in ("40 x 40 x 20", "1 x 1 x 2 mm", "-20.0000", "segmentable │ yes"):
        assert fact in out
    write_volume(Volume(np.full((4, 5, 6), np.nan, np.float32), MATRIX), "nan.nrrd")
    code, out, _ = run("info", "nan.nrrd", capsys=capsys)
    assert code == 0
    assert "no: " in out
    assert "NaN" in out


def test_an_unknown_engine_is_refused_with_those_there_are(folder, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(["segment", "image.nii.gz", "--out", "o.nrrd", "--engine", "oracle"])
    assert stopped.value.code == 2
    assert "geodesic-walker" in capsys.readouterr().err


def test_the_command_is_installed_and_says_its_version():
    done = subprocess.run(
        [sys.executable, "-m", "ImperfectSegLogic.cli", "--version"], capture_output=True, text=True
    )
    assert re.fullmatch(r"\d+\.\d+\.\d+\s*", done.stdout)
