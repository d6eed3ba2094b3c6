import gzip
import os
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from ImperfectSegLogic.data import Volume, read_volume, write_volume
from Testing.Logic.data.grids import (
    ALL,
    OBLIQUE,
    RIGHT_ANGLES,
    SHEARED,
    assert_same_places,
    every_index,
    grid,
    pattern,
    volume,
)

FORMATS = (".nii.gz", ".nii", ".nrrd", ".mha")
STRAIGHT = grid(np.eye(3))
each_format = pytest.mark.parametrize("extension", FORMATS)


def cut(path: Path, keep: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)] if keep < 1 else content[:-9])


@each_format
@pytest.mark.parametrize("name", RIGHT_ANGLES)
def test_same_voxels_at_the_same_places(tmp_path, extension, name):
    written = volume(RIGHT_ANGLES[name])
    write_volume(written, tmp_path / f"a{extension}")
    assert_same_places(read_volume(tmp_path / f"a{extension}"), written)


@pytest.mark.parametrize("extension", [".nrrd", ".mha"])
@pytest.mark.parametrize("name", SHEARED)
def test_shear_is_kept(tmp_path, extension, name):
    written = volume(SHEARED[name])
    write_volume(written, tmp_path / f"a{extension}")
    assert_same_places(read_volume(tmp_path / f"a{extension}"), written)


@pytest.mark.parametrize("extension", [".nii", ".nii.gz"])
def test_shear_that_the_format_cannot_hold_is_refused(tmp_path, extension):
    with pytest.raises(ValueError, match=r"not at right angles.*\.nrrd"):
        write_volume(volume(SHEARED["sheared"]), tmp_path / f"a{extension}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("extension", "name"),
    [(e, n) for e in FORMATS for n in ALL if n not in SHEARED or ".nii" not in e],
)
def test_simpleitk_finds_our_voxels_at_our_places(tmp_path, extension, name):
    written = volume(ALL[name])
    write_volume(written, tmp_path / f"a{extension}")
    image = sitk.ReadImage(str(tmp_path / f"a{extension}"))
    for k, j, i in every_index(written.array.shape)[::7].tolist():
        x, y, z = image.TransformIndexToPhysicalPoint((i, j, k))
        assert tuple(written.geometry.to_index((-x, -y, z))) == (k, j, i)
        assert image[i, j, k] == written.array[k, j, i]


@each_format
@pytest.mark.parametrize("shape", [(1, 4, 5), (3, 1, 5), (1, 1, 1), (6, 3, 4, 5), (2, 1, 4, 5)])
def test_one_slice_and_channels(tmp_path, extension, shape):
    written = volume(OBLIQUE["oblique"], shape)
    write_volume(written, tmp_path / f"a{extension}")
    assert_same_places(read_volume(tmp_path / f"a{extension}"), written)


@each_format
@pytest.mark.parametrize(
    "kind", ["u1", "i1", "u2", "i2", "i4", "u4", "i8", "f4", "f8", ">i2", ">f8"]
)
def test_kinds_of_numbers(tmp_path, extension, kind):
    written = Volume(pattern(dtype=kind), STRAIGHT)
    write_volume(written, tmp_path / f"a{extension}")
    got = read_volume(tmp_path / f"a{extension}").array
    np.testing.assert_array_equal(got, written.array)
    assert got.dtype == np.dtype(kind).newbyteorder("=")


def test_bool_and_half_floats_become_the_next_kind(tmp_path):
    for dtype, stored in ((bool, np.uint8), (np.float16, np.float32)):
        write_volume(Volume(pattern(dtype=dtype), STRAIGHT), tmp_path / "a.nrrd", overwrite=True)
        assert read_volume(tmp_path / "a.nrrd").array.dtype == stored


def test_a_non_contiguous_view_is_written_right(tmp_path):
    flipped = Volume(pattern((5, 4, 3)).transpose(2, 1, 0)[::-1], STRAIGHT)
    write_volume(flipped, tmp_path / "a.nrrd")
    assert_same_places(read_volume(tmp_path / "a.nrrd"), flipped)


@pytest.mark.parametrize("extension", [".png", ".jpg", ".tif", ".bmp", ".mha", ".nrrd", ".nii"])
def test_2d_image_is_one_slice(tmp_path, extension):
    image = sitk.GetImageFromArray(np.full((4, 5), 7, np.uint8))
    image.SetSpacing((0.5, 0.25))
    sitk.WriteImage(image, str(tmp_path / f"a{extension}"))
    got = read_volume(tmp_path / f"a{extension}")
    assert got.geometry.shape == (1, 4, 5)
    assert got.is_2d
    if extension in (".mha", ".nrrd", ".nii"):
        np.testing.assert_allclose(got.ijk_to_ras, np.diag((-0.5, -0.25, 1, 1)))


@pytest.mark.parametrize("extension", [".png", ".mha", ".nrrd"])
def test_color_comes_channel_first(tmp_path, extension):
    colors = pattern((4, 5, 3), np.uint8)
    image = sitk.GetImageFromArray(colors, isVector=True)
    sitk.WriteImage(image, str(tmp_path / f"a{extension}"))
    got = read_volume(tmp_path / f"a{extension}")
    np.testing.assert_array_equal(got.array[:, 0], np.moveaxis(colors, -1, 0))
    with pytest.raises(ValueError, match="3 values per voxel"):
        got.check_scalar()


@pytest.mark.parametrize(
    ("kinds", "order"), [("list domain domain domain", -1), ("domain domain domain list", 0)]
)
def test_time_series_of_slicer_comes_time_first(tmp_path, kinds, order):
    frames = pattern((6, 3, 4, 5), np.float32)
    stored = np.moveaxis(frames, 0, order)
    places = ["(1,0,0)", "(0,1,0)", "(0,0,1)"]
    places.insert(0 if order else 3, "none")
    header = (
        "NRRD0004\ntype: float\ndimension: 4\nspace: left-posterior-superior\n"
        f"sizes: {' '.join(map(str, stored.shape[::-1]))}\nspace directions: {' '.join(places)}\n"
        f"kinds: {kinds}\nendian: little\nencoding: raw\nspace origin: (1,2,3)\n\n"
    )
    (tmp_path / "a.seq.nrrd").write_bytes(header.encode() + stored.tobytes())
    got = read_volume(tmp_path / "a.seq.nrrd")
    np.testing.assert_array_equal(got.array, frames)
    np.testing.assert_array_equal(got.ijk_to_ras[:3, 3], (-1, -2, 3))


def test_real_4d_image_comes_time_first(tmp_path):
    frames = pattern((6, 3, 4, 5), np.float32)
    sitk.WriteImage(sitk.GetImageFromArray(frames, isVector=False), str(tmp_path / "a.mha"))
    np.testing.assert_array_equal(read_volume(tmp_path / "a.mha").array, frames)


def test_nhdr_and_mhd_are_read(tmp_path):
    image = sitk.GetImageFromArray(pattern())
    for name in ("a.nhdr", "a.mhd"):
        sitk.WriteImage(image, str(tmp_path / name))
        np.testing.assert_array_equal(read_volume(tmp_path / name).array, pattern())


def test_name_is_the_file_name(tmp_path):
    write_volume(volume(STRAIGHT), tmp_path / "brain.nii.gz")
    assert read_volume(str(tmp_path / "brain.nii.gz")).name == "brain.nii.gz"


def test_capital_extension(tmp_path):
    write_volume(volume(STRAIGHT), tmp_path / "A.NII.GZ")
    assert_same_places(read_volume(tmp_path / "A.NII.GZ"), volume(STRAIGHT))


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.nrrd: there is no such file"):
        read_volume(tmp_path / "nowhere.nrrd")


@pytest.mark.parametrize("name", ["notes.txt", "image", "x.nii.zip", ".nrrd"])
def test_wrong_extension_tells_the_right_ones(tmp_path, name):
    (tmp_path / name).write_bytes(b"text")
    with pytest.raises(ValueError, match=r"allowed are \.nii\.gz, \.nii, \.nrrd"):
        read_volume(tmp_path / name)
    with pytest.raises(ValueError, match=r"allowed are \.nii\.gz, \.nii, \.nrrd, \.mha\. Rename"):
        write_volume(volume(STRAIGHT), tmp_path / name, overwrite=True)
    assert (tmp_path / name).read_bytes() == b"text"


@pytest.mark.parametrize("extension", [*FORMATS, ".png", ".jpg", ".mhd", ".nhdr"])
@pytest.mark.parametrize("content", [b"", b"this is no image", b"\0" * 4000, b"\x1f\x8bnonsense"])
def test_a_file_that_is_no_image(tmp_path, extension, content):
    path = tmp_path / f"a{extension}"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"a{extension}: got a ") as caught:
        read_volume(path)
    assert "\n" not in str(caught.value)
    assert "itk" not in str(caught.value).lower()


@each_format
@pytest.mark.parametrize("keep", [0.02, 0.5, 0.99, 1])
@pytest.mark.parametrize("compress", [False, True])
def test_a_file_cut_short(tmp_path, extension, keep, compress):
    path = tmp_path / f"a{extension}"
    noise = np.random.default_rng(0).integers(0, 99, (20, 30, 40)).astype(np.int16)
    sitk.WriteImage(sitk.GetImageFromArray(noise), str(path), compress)
    cut(path, keep)
    with pytest.raises(ValueError, match=f"a{extension}: got a file|compressed file that is cut"):
        read_volume(path)


@pytest.mark.parametrize("extension", [".nii.gz", ".nrrd"])
def test_a_flipped_bit_in_a_compressed_file(tmp_path, extension):
    path = tmp_path / f"a{extension}"
    noise = np.random.default_rng(0).integers(0, 99, (20, 30, 40)).astype(np.int16)
    sitk.WriteImage(sitk.GetImageFromArray(noise), str(path), True)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 16
    path.write_bytes(content)
    with pytest.raises(ValueError, match="damaged"):
        read_volume(path)


def test_itk_words_are_the_cause_and_not_the_message(tmp_path):
    (tmp_path / "a.nrrd").write_bytes(b"NRRD0004\ntype: nonsense\n\n")
    with pytest.raises(ValueError, match="damaged, cut short") as caught:
        read_volume(tmp_path / "a.nrrd")
    assert "ITK" in str(caught.value.__cause__)


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    write_volume(volume(STRAIGHT), tmp_path / "a.nrrd")
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(PermissionError, match=r"a\.nrrd: may not be read"):
        read_volume(tmp_path / "a.nrrd")


@pytest.mark.parametrize("extension", [".nrrd", ".nii"])
def test_complex_numbers_are_refused(tmp_path, extension):
    image = sitk.GetImageFromArray(np.ones((3, 4, 5), np.complex64))
    sitk.WriteImage(image, str(tmp_path / f"a{extension}"))
    with pytest.raises(ValueError, match=rf"a\{extension}.*complex64"):
        read_volume(tmp_path / f"a{extension}")


def test_time_and_channels_together_are_refused(tmp_path):
    image = sitk.GetImageFromArray(np.ones((2, 3, 4, 5, 3), np.float32), isVector=True)
    sitk.WriteImage(image, str(tmp_path / "a.mha"))
    with pytest.raises(ValueError, match=r"a\.mha: got 4 axes with 3 values"):
        read_volume(tmp_path / "a.mha")


def test_names_beyond_ascii(tmp_path):
    folder = tmp_path / "Übung 1"
    folder.mkdir()
    for extension in FORMATS:
        write_volume(
            volume(STRAIGHT), folder / f"größe ä{extension}".replace("ä.nii.gz", "z.nii.gz")
        )
        assert_same_places(
            read_volume(folder / f"größe ä{extension}".replace("ä.nii.gz", "z.nii.gz")),
            volume(STRAIGHT),
        )


def test_compressed_nifti_under_an_uncompressed_name(tmp_path):
    write_volume(volume(STRAIGHT), tmp_path / "a.nii.gz")
    (tmp_path / "b.nii").write_bytes((tmp_path / "a.nii.gz").read_bytes())
    (tmp_path / "c.nii.gz").write_bytes(gzip.decompress((tmp_path / "a.nii.gz").read_bytes()))
    for name in ("b.nii", "c.nii.gz"):
        assert_same_places(read_volume(tmp_path / name), volume(STRAIGHT))
