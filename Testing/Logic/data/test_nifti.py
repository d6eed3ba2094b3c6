"""NIfTI files that others wrote (nibabel), and what ITK gets wrong about them."""

import itertools

import numpy as np
import pytest
import SimpleITK as sitk

from ImperfectSegLogic.data import check_segmentation_target, read_volume, write_volume
from Testing.Logic.data.grids import ALL, ORIENTATIONS, SHEARED, assert_same_places, pattern, volume

nibabel = pytest.importorskip("nibabel")


def save(path, array, matrix, sform=1, qform=0, kind=nibabel.Nifti1Image):
    image = kind(array, matrix)
    image.set_sform(matrix, sform)
    image.set_qform(matrix if qform else None, qform)
    image.header.set_xyzt_units("mm")
    nibabel.save(image, path)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
def test_nibabel_and_we_place_voxels_alike(tmp_path, name, kind):
    wanted = volume(ALL[name])
    save(tmp_path / "a.nii.gz", wanted.array.T, ALL[name], kind=kind)
    assert_same_places(read_volume(tmp_path / "a.nii.gz"), wanted)


@pytest.mark.parametrize("name", ORIENTATIONS)
def test_qform_alone(tmp_path, name):
    wanted = volume(ORIENTATIONS[name])
    save(tmp_path / "a.nii", wanted.array.T, ORIENTATIONS[name], sform=0, qform=1)
    assert_same_places(read_volume(tmp_path / "a.nii"), wanted)


@pytest.mark.parametrize("qform", [0, 1])
def test_shear_is_true_and_not_bent_to_right_angles(tmp_path, qform):
    wanted = volume(SHEARED["oblique and sheared"])
    save(tmp_path / "a.nii", wanted.array.T, wanted.ijk_to_ras, qform=qform)
    got = read_volume(tmp_path / "a.nii")
    assert got.geometry.is_sheared
    assert_same_places(got, wanted)


@pytest.mark.parametrize(("qform", "sform"), list(itertools.product((0, 1, 2), (0, 1, 2, 4))))
def test_of_two_places_we_take_the_one_that_itk_and_slicer_take(tmp_path, qform, sform):
    one, other = (ORIENTATIONS["axes (0, 1, 2) signs (1, 1, 1)"].copy() for _ in range(2))
    other[:3, 3] += (10, 20, 30)
    image = nibabel.Nifti1Image(pattern().T, None)
    image.header["pixdim"][1:4] = (0.7, 1.3, 2.9)
    image.set_qform(one, qform)
    image.set_sform(other, sform)
    nibabel.save(image, tmp_path / "a.nii")
    x, y, z = sitk.ReadImage(str(tmp_path / "a.nii")).GetOrigin()
    np.testing.assert_allclose(read_volume(tmp_path / "a.nii").ijk_to_ras[:3, 3], (-x, -y, z))


def test_voxels_are_our_own_when_an_uncompressed_file_lies_beside(tmp_path):
    """ITK would read the voxels of a.nii here."""
    one, other = volume(np.eye(4)), volume(np.eye(4), dtype=np.uint8)
    save(tmp_path / "a.nii", (other.array.T + 7), np.eye(4))
    save(tmp_path / "a.nii.gz", one.array.T, np.eye(4))
    assert_same_places(read_volume(tmp_path / "a.nii.gz"), one)


def test_we_do_not_write_a_file_that_slicer_would_mix_up(tmp_path):
    write_volume(volume(np.eye(4)), tmp_path / "a.nii")
    with pytest.raises(ValueError, match=r"a\.nii lies beside it"):
        write_volume(volume(np.eye(4)), tmp_path / "a.nii.gz")
    with pytest.raises(ValueError, match=r"a\.nii lies beside it"):
        check_segmentation_target(tmp_path / "a.nii.gz")


@pytest.mark.parametrize("kind", ["i2", "u1", "f4", "f8"])
def test_slope_and_intercept(tmp_path, kind):
    image = nibabel.Nifti1Image(pattern(dtype=kind).T, np.eye(4))
    image.header.set_slope_inter(2.5, -10)
    nibabel.save(image, tmp_path / "a.nii")
    stored = np.asarray(nibabel.load(tmp_path / "a.nii").dataobj).T
    np.testing.assert_allclose(read_volume(tmp_path / "a.nii").array, stored, rtol=1e-6)
    got = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "a.nii")))
    np.testing.assert_allclose(read_volume(tmp_path / "a.nii").array, got, rtol=1e-6)


def test_big_endian(tmp_path):
    header = nibabel.Nifti1Header(endianness=">")
    image = nibabel.Nifti1Image(pattern().T, ALL["oblique"], header)
    nibabel.save(image, tmp_path / "a.nii")
    assert (tmp_path / "a.nii").read_bytes()[:4] == b"\0\0\x01\x5c"
    assert_same_places(read_volume(tmp_path / "a.nii"), volume(ALL["oblique"]))


@pytest.mark.parametrize(("unit", "factor"), [("mm", 1), ("meter", 1000), ("micron", 0.001)])
def test_units(tmp_path, unit, factor):
    image = nibabel.Nifti1Image(pattern().T, ALL["oblique"])
    image.header.set_xyzt_units(unit)
    nibabel.save(image, tmp_path / "a.nii")
    wanted = ALL["oblique"].copy()
    wanted[:3] *= factor
    np.testing.assert_allclose(read_volume(tmp_path / "a.nii").ijk_to_ras, wanted, rtol=1e-5)


def test_time_series_and_2d(tmp_path):
    frames = pattern((6, 3, 4, 5), np.float32)
    save(tmp_path / "a.nii", frames.T, ALL["sheared"])
    assert_same_places(
        read_volume(tmp_path / "a.nii"), volume(ALL["sheared"], (6, 3, 4, 5), np.float32)
    )
    flat = ORIENTATIONS["axes (2, 0, 1) signs (1, -1, 1)"]
    save(tmp_path / "b.nii", pattern((4, 5)).T, flat)
    assert_same_places(read_volume(tmp_path / "b.nii"), volume(flat, (1, 4, 5)))


def test_color(tmp_path):
    rgb = np.zeros((5, 4, 3), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    rgb["G"] = pattern(dtype="u1").T
    nibabel.save(nibabel.Nifti1Image(rgb, np.eye(4)), tmp_path / "a.nii")
    np.testing.assert_array_equal(read_volume(tmp_path / "a.nii").array[1], pattern())


def test_a_damaged_header(tmp_path):
    save(tmp_path / "a.nii", pattern().T, np.eye(4))
    content = bytearray((tmp_path / "a.nii").read_bytes())
    content[40:42] = b"\x63\0"
    (tmp_path / "a.nii").write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.nii: got a damaged NIfTI header"):
        read_volume(tmp_path / "a.nii")
