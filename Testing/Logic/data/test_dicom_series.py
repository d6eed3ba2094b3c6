import numpy as np
import pytest
import SimpleITK as sitk

from ImperfectSegLogic.data import Volume, read_volume
from Testing.Logic.data.grids import OBLIQUE, ORIENTATIONS, SHEARED, assert_same_places, pattern

SHAPE = (5, 6, 7)
GRIDS = OBLIQUE | {"tilted gantry": SHEARED["sheared"]}


def write_series(folder, matrix, shape=SHAPE, uid="1.2.3", skip=(), description="T1", times=1):
    """Writes slices under names that do not sort by place; gives the volume that they make."""
    folder.mkdir(exist_ok=True)
    array = pattern(shape)
    lps = np.diag((-1.0, -1, 1, 1)) @ matrix
    axes = lps[:3, :2] / np.linalg.norm(lps[:3, :2], axis=0)
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    for time in range(times):
        for k in set(range(shape[0])) - set(skip):
            image = sitk.GetImageFromArray(array[k : k + 1] + 1000 * time)
            image.SetSpacing(spacing.tolist())
            position = lps[:3] @ (0, 0, k, 1)
            image.SetOrigin(position.tolist())
            tags = {
                "0008|0060": "MR",
                "0008|103e": description,
                "0020|000d": "1.2",
                "0020|000e": uid,
                "0008|0018": f"{uid}.{k}.{time}",
                "0020|0013": str(k),
                "0020|0032": "\\".join(f"{v:.12g}" for v in position),
                "0020|0037": "\\".join(f"{v:.12g}" for v in axes.T.ravel()),
            }
            for key, value in tags.items():
                image.SetMetaData(key, value)
            writer = sitk.ImageFileWriter()
            writer.KeepOriginalImageUIDOn()
            writer.SetFileName(str(folder / f"{(k * 7) % 11:02d}_{uid}_{time}.dcm"))
            writer.Execute(image)
    return Volume(array, matrix)


@pytest.mark.parametrize("name", [*GRIDS, *list(ORIENTATIONS)[::5]])
def test_folder_becomes_one_volume_at_its_place(tmp_path, name):
    matrix = (GRIDS | ORIENTATIONS)[name]
    wanted = write_series(tmp_path / "scan", matrix)
    got = read_volume(tmp_path / "scan")
    normal = np.cross(matrix[:3, 0], matrix[:3, 1])
    if normal @ matrix[:3, 2] < 0:  # Slices always go along the normal, so this is the other end.
        assert got.array[0, 0, 0] == wanted.array[-1, 0, 0]
        flip = np.eye(4)
        flip[2, 2], flip[2, 3] = -1, SHAPE[0] - 1
        wanted = Volume(wanted.array[::-1], wanted.ijk_to_ras @ flip)
    assert_same_places(got, wanted)
    assert got.name == "scan"


def test_one_file_stands_for_its_series(tmp_path):
    wanted = write_series(tmp_path, OBLIQUE["oblique"])
    write_series(tmp_path, OBLIQUE["oblique"], uid="9.9", shape=(3, 4, 4))
    for name in ("07_1.2.3_0.dcm", "00_1.2.3_0.dcm"):
        assert_same_places(read_volume(tmp_path / name), wanted)


def test_a_file_without_extension_is_known_by_its_content(tmp_path):
    wanted = write_series(tmp_path, OBLIQUE["oblique"])
    for path in list(tmp_path.iterdir()):
        path.rename(path.with_suffix(""))
    assert_same_places(read_volume(tmp_path / "00_1.2.3_0"), wanted)


def test_several_series_are_listed_and_one_can_be_chosen(tmp_path):
    wanted = write_series(tmp_path, OBLIQUE["oblique"])
    write_series(tmp_path, OBLIQUE["oblique"], uid="9.9", shape=(3, 4, 4), description="scout")
    with pytest.raises(ValueError, match=r"got 2 DICOM series.*series=.*scout, 3 slices") as caught:
        read_volume(tmp_path)
    assert "1.2.3 (T1, 5 slices)" in str(caught.value)
    for series in ("1.2.3", "T1"):
        assert_same_places(read_volume(tmp_path, series=series), wanted)
    assert read_volume(tmp_path, series="scout").array.shape == (3, 4, 4)
    with pytest.raises(ValueError, match=r"got 0 DICOM series named T7"):
        read_volume(tmp_path, series="T7")


def test_a_missing_slice(tmp_path):
    write_series(tmp_path, OBLIQUE["oblique"], skip=(2,))
    with pytest.raises(ValueError, match=r"gaps of 2\.900 to 5\.800 mm.*after 07_1\.2\.3_0\.dcm"):
        read_volume(tmp_path)


def test_slices_of_two_times_in_one_series(tmp_path):
    write_series(tmp_path, OBLIQUE["oblique"], times=2)
    with pytest.raises(ValueError, match="more at one position"):
        read_volume(tmp_path)


def test_mixed_slices_in_one_series(tmp_path):
    write_series(tmp_path, OBLIQUE["oblique"])
    turned = OBLIQUE["oblique"].copy()
    turned[:3, :2] *= -1  # The same spacing and normal.
    write_series(tmp_path, turned, skip=(0, 1, 2, 4), times=2)
    with pytest.raises(ValueError, match="different size, pixel spacing or orientation"):
        read_volume(tmp_path)


def test_two_sizes_in_one_series(tmp_path):
    write_series(tmp_path, OBLIQUE["oblique"])
    write_series(tmp_path, OBLIQUE["oblique"], shape=(5, 4, 4), skip=(0, 1, 3, 4))
    with pytest.raises(ValueError, match="different size"):
        read_volume(tmp_path)


def test_a_single_slice(tmp_path):
    wanted = write_series(tmp_path, OBLIQUE["oblique"], skip=(1, 2, 3, 4))
    got = read_volume(tmp_path)
    np.testing.assert_array_equal(got.array, wanted.array[:1])
    np.testing.assert_allclose(got.ijk_to_ras[:3, :2], wanted.ijk_to_ras[:3, :2], atol=1e-6)


def test_a_folder_without_dicom(tmp_path, capfd):
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(ValueError, match="folder without DICOM files"):
        read_volume(tmp_path)
    assert capfd.readouterr().err == ""


def test_a_damaged_file_in_a_series(tmp_path):
    write_series(tmp_path, OBLIQUE["oblique"])
    path = tmp_path / "07_1.2.3_0.dcm"
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ValueError, match="DICOM") as caught:
        read_volume(tmp_path)
    assert "\n" not in str(caught.value)
