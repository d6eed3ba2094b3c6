import json

import numpy as np
import pytest

from ImperfectSegLogic.data import (
    Click,
    Geometry,
    Recist,
    Scribble,
    Volume,
    read_volume,
    write_prompts,
    write_volume,
)
from ImperfectSegLogic.data.recist_csv import read_recist_csv, stem_of
from ImperfectSegLogic.data.recist_csv_cases import place_rows
from ImperfectSegLogic.data.recist_markups import read_recist_markups
from Testing.Logic.data.grids import ORIENTATIONS

HEADER = (
    "File_name,Patient_index,Study_index,Series_ID,Key_slice_index,Measurement_coordinates,"
    "Bounding_boxes,Lesion_diameters_Pixel_,Normalized_lesion_location,Coarse_lesion_type,"
    "Possibly_noisy,Slice_range,Spacing_mm_px_,Image_size,DICOM_windows,Patient_gender,"
    "Patient_age,Train_Val_Test"
)
ENDS = "3, 5, 9, 5, 6, 3.5, 6, 7"
ROWS, COLUMNS, SLICES = 12, 16, 5
SPACING = (0.8, 0.9, 5.0)
"""Millimeters along x, y and slices."""


def row(file="000001_01_01_105.png", key=105, ends=ENDS, between="103, 107", **said):
    size = said.get("size", f"{COLUMNS}, {ROWS}")
    spacing = said.get("spacing", "0.8, 0.9, 5")
    return (
        f'{file},1,1,1,{key},"{ends}","1, 1, 2, 2","11.9, 5.1","0.4, 0.2, 0.4",3,0,"{between}",'
        f'"{spacing}","{size}","-175, 275",F,62,1'
    )


def table(folder, *rows, header=HEADER):
    path = folder / "DL_info.csv"
    path.write_text("\n".join((header, *rows)) + "\n")
    return path


def picture():
    """Slices as they are shown, from head to feet, with bright pixels at the ends of `ENDS`."""
    slices = np.zeros((SLICES, ROWS, COLUMNS), dtype=np.int16)
    for x, y in ((3, 5), (9, 5), (6, 7)):
        slices[1, y - 1, x - 1] = 100
    return slices


def turned(matrix):
    """The same patient on a grid that goes other ways."""
    # Left, back and feet are where x, y and slices go.
    shown = np.diag((-SPACING[0], -SPACING[1], -SPACING[2], 1.0))
    axes = np.abs(matrix[:3, :3]).argmax(axis=0)  # Of i, j, k: along R, A or S.
    array = picture().transpose([2 - axes[2], 2 - axes[1], 2 - axes[0]])
    steps = np.zeros((4, 4))
    steps[3, 3] = 1
    for column, axis in enumerate(axes):
        steps[axis, column] = shown[axis, axis]
        if np.sign(matrix[axis, column]) > 0:
            array = np.flip(array, 2 - column)
            steps[axis, 3] = shown[axis, axis] * (array.shape[2 - column] - 1)
            steps[axis, column] *= -1
    return array, Geometry(array.shape, steps)


def place(folder, names, grid, *rows, **options):
    rows_read, wrong = read_recist_csv(table(folder, *rows))
    assert wrong == []
    return place_rows(rows_read, names, lambda case: grid, **options)


SERIES = {"000001_01_01_103-107": "case"}


@pytest.mark.parametrize("name", [*ORIENTATIONS])
def test_marks_lie_on_the_same_pixels_in_an_image_of_any_orientation(tmp_path, name):
    array, grid = turned(ORIENTATIONS[name])
    placed = place(tmp_path, SERIES, grid, row(key=104))
    (mark,) = placed.marks["case"].marks
    assert placed.wrong == ()
    for end in (*mark.long_axis, mark.short_axis[1]):
        assert array[tuple(grid.to_index(end))] == 100
    np.testing.assert_allclose(mark.short_axis[0], (-5 * 0.8, -2.5 * 0.9, -5.0))
    np.testing.assert_allclose(np.linalg.norm(np.diff(mark.long_axis, axis=0)), 6 * 0.8)


def test_stacks_as_deeplesions_own_script_makes_them(tmp_path):
    matrix = np.array([[0, -0.9, 0, 0], [-0.8, 0, 0, 0], [0, 0, -5.0, 0], [0, 0, 0, 1]])
    array = picture().transpose(0, 2, 1)  # NIfTI's first axis goes down the rows there.
    write_volume(Volume(array, matrix), tmp_path / "stack.nii.gz")
    volume = read_volume(tmp_path / "stack.nii.gz")
    placed = place(tmp_path, SERIES, volume.geometry, row(key=104, spacing="0.9, 0.8, 5"))
    (mark,) = placed.marks["case"].marks
    for end in (*mark.long_axis, mark.short_axis[1]):
        assert volume.array[tuple(volume.geometry.to_index(end))] == 100
    np.testing.assert_allclose(volume.ijk_to_ras, matrix, atol=1e-6)


def test_voxels_can_be_meant_instead_of_the_patients_sides(tmp_path):
    grid = Geometry((SLICES, ROWS, COLUMNS), np.diag((0.8, 0.9, 5.0, 1.0)))
    placed = place(tmp_path, SERIES, grid, row(), pixels="voxels", label=3)
    (mark,) = placed.marks["case"].marks
    np.testing.assert_allclose(mark.long_axis, [(2 * 0.8, 4 * 0.9, 10), (8 * 0.8, 4 * 0.9, 10)])
    np.testing.assert_allclose(mark.short_axis, [(4.0, 2.5 * 0.9, 10), (4.0, 6 * 0.9, 10)])
    assert mark.label == 3


@pytest.mark.parametrize(
    ("names", "key", "between", "slices", "wanted"),
    [
        (["000001_01_01_103-107"], 105, "103, 107", 5, 2),
        (["000001_01_01_101-105", "000001_01_01_106-110"], 105, "103, 107", 5, 4),
        (["000001_01_01"], 105, "103, 107", 5, 2),
        (["000001_01_01"], 4, "3, 7", 9, 3),
        (["000001_01_01_105"], 105, "103, 107", 1, 0),
        (["000001_01_01", "000001_01_01_105"], 105, "103, 107", 5, 2),
    ],
)
def test_which_slice_of_which_case(tmp_path, names, key, between, slices, wanted):
    grid = Geometry((slices, ROWS, COLUMNS), np.diag((-0.8, -0.9, -5.0, 1.0)))
    placed = place(tmp_path, {n: n for n in names}, grid, row(key=key, between=between))
    ((case, marks),) = placed.marks.items()
    assert case == names[0]
    assert grid.to_index(marks.marks[0].long_axis)[:, 0].tolist() == [wanted, wanted]


def test_a_table_with_only_the_needed_columns_and_images_by_file_name(tmp_path):
    header = "File_name,Key_slice_index,Measurement_coordinates"
    path = table(tmp_path, f'data/liver.nii.gz,2,"{ENDS}"', header=header)
    rows, wrong = read_recist_csv(path)
    assert wrong == []
    grid = Geometry((SLICES, ROWS, COLUMNS), np.diag((-0.8, -0.9, -5.0, 1.0)))
    placed = place_rows(rows, {"liver": "case7"}, lambda case: grid)
    assert grid.to_index(placed.marks["case7"].marks[0].long_axis)[:, 0].tolist() == [1, 1]


def test_rows_of_other_images_are_counted_and_rows_of_one_image_stay_in_order(tmp_path):
    grid = Geometry((SLICES, ROWS, COLUMNS), np.diag((-0.8, -0.9, -5.0, 1.0)))
    other = row(file="000002_01_01_105.png").replace(",1,1,1,105", ",2,1,1,105")
    placed = place(tmp_path, SERIES, grid, row(), other, row(key=103))
    assert placed.elsewhere == 1
    slices = [grid.to_index(m.long_axis)[0, 0] for m in placed.marks["case"].marks]
    assert slices == [2, 0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (row(ends="1, 2, 3"), "row 3: Measurement_coordinates: got '1, 2, 3', allowed are 8 numb"),
        (row(ends="1, 2, 3, 4, 5, 6, 7, x"), "row 3: Measurement_coordinates: got"),
        (row(ends="1, 2, 3, 4, 5, 6, 7, nan"), "row 3: Measurement_coordinates: got"),
        (row(key=1.5), "row 3: Key_slice_index: got '1.5', allowed are whole numbers"),
        (row(key=""), "row 3: Key_slice_index: got ''"),
        (row(key=108), "row 3: Key_slice_index: got 108, allowed is 103 to 107 (Slice_range)"),
        (row(file=".png"), "row 3: File_name: got nothing"),
        ("000001_01_01_105.png,1", "row 3: Measurement_coordinates: got ''"),
    ],
)
def test_a_row_that_cannot_be_read_is_told_by_its_number(tmp_path, text, message):
    rows, wrong = read_recist_csv(table(tmp_path, row(), text, row()))
    assert [r.number for r in rows] == [2, 4]
    assert len(wrong) == 1
    assert wrong[0].startswith(message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (row(ends="3, 5, 17, 5, 6, 3, 6, 7"), "row 2: got ends at [[3.0, 5.0], [17.0, 5.0]"),
        (row(ends="3, 5, 9, 5, 6, 0, 6, 7"), "outside the image of (5, 12, 16) voxels"),
        (row(size="512, 512"), "the table says 512 x 512 pixels, the image has 16 x 12"),
        (row(spacing="0.5, 0.5, 5"), "the table says 0.5 x 0.5 mm per pixel, the image has 0.8 x"),
    ],
)
def test_a_row_that_does_not_fit_the_image_is_told_by_its_number(tmp_path, text, message):
    grid = Geometry((SLICES, ROWS, COLUMNS), np.diag((-0.8, -0.9, -5.0, 1.0)))
    placed = place(tmp_path, SERIES, grid, text)
    assert placed.marks == {}
    (wrong,) = placed.wrong
    assert wrong.startswith("row 2: ")
    assert message in wrong


def test_slices_that_cannot_be_counted_and_cases_that_cannot_be_told_apart(tmp_path):
    grid = Geometry((9, ROWS, COLUMNS), np.diag((-0.8, -0.9, -5.0, 1.0)))
    placed = place(tmp_path, {"000001_01_01": "case"}, grid, row())
    assert "row 2: got slice 105 of an image of 9 slices, and cannot tell" in placed.wrong[0]
    placed = place(tmp_path, SERIES, grid, row())
    assert "its name says (103, 107)" in placed.wrong[0]
    both = {"000001_01_01_103-107": "b", "000001_01_01_104-108": "a"}
    placed = place(tmp_path, both, grid, row())
    assert placed.wrong == ("row 2: fits several cases (a, b). Rename them.",)


def test_a_check_of_marks_is_asked_for_every_row(tmp_path):
    def refuse(mark, geometry):
        raise ValueError(f"no mark of label {mark.label} here")

    grid = Geometry((SLICES, ROWS, COLUMNS), np.diag((-0.8, -0.9, -5.0, 1.0)))
    placed = place(tmp_path, SERIES, grid, row(), row(), check=refuse)
    assert placed.wrong == ("row 2: no mark of label 1 here", "row 3: no mark of label 1 here")


def test_files_that_are_no_such_table(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file"):
        read_recist_csv(tmp_path / "gone.csv")
    path = table(tmp_path, "a,1", header="File_name,Slice")
    with pytest.raises(ValueError, match="without the columns Key_slice_index, Measurement_coord"):
        read_recist_csv(path)
    path.write_bytes(b"\xff\xfe\x00binary\x80")
    with pytest.raises(ValueError, match="file that is no table"):
        read_recist_csv(path)


def test_names_without_extension():
    assert stem_of("a/b\\000001_01_01_109.png") == "000001_01_01_109"
    assert stem_of("x.nii.gz") == "x"
    assert stem_of("v1.2") == "v1.2"


LONG, SHORT = ((0, 0, 5), (20, 0, 5)), ((9, -4, 5), (9, 6, 5))


def lines(path, *pairs, label="L-1"):
    """A file of lines as 3D Slicer saves them; positions are LPS."""
    markups = [
        {
            "type": "Line",
            "coordinateSystem": "LPS",
            "controlPoints": [{"label": label, "position": list(p)} for p in ends],
        }
        for ends in pairs
    ]
    path.write_text(json.dumps({"markups": markups}))
    return path


def test_two_lines_of_3d_slicer_that_cross_are_a_lesion(tmp_path):
    far = [tuple((x, y, 50) for x, y, _ in ends) for ends in (SHORT, LONG)]
    path = lines(tmp_path / "a.mrk.json", SHORT, *far, LONG)
    marks, notes = read_recist_markups(path, label=2)
    assert notes == ()
    first, second = marks.marks
    np.testing.assert_allclose(first.long_axis, np.array(LONG) * (-1, -1, 1))
    np.testing.assert_allclose(first.short_axis, np.array(SHORT) * (-1, -1, 1))
    assert second.long_axis[:, 2].tolist() == [50, 50]
    assert [m.label for m in marks.marks] == [2, 2]


def test_names_of_control_points_tell_the_label(tmp_path):
    path = lines(tmp_path / "a.mrk.json", SHORT, LONG, label="node")
    marks, _ = read_recist_markups(path, names={4: "Node"})
    assert marks.marks[0].label == 4


def test_diameters_that_write_prompts_wrote_come_back_and_other_prompts_are_noted(tmp_path):
    mark = Recist(LONG, ((9, -4, 5), (9, 30, 5)), label=2)  # The short one is longer, but says so.
    others = [Click((1, 2, 3)), Scribble(((1, 2, 3), (4, 5, 6), (7, 7, 7)))]
    for name in ("a.mrk.json", "a.json"):
        write_prompts([others[0], mark, others[1]], tmp_path / name)
        marks, (note,) = read_recist_markups(tmp_path / name)
        assert len(marks.marks) == 1
        np.testing.assert_allclose(marks.marks[0].long_axis, LONG)
        assert "2 markups that are no lines were left out" in note


def test_lines_that_are_no_lesion(tmp_path):
    path = tmp_path / "a.mrk.json"
    cases = {
        "crosses 0 others": [LONG, ((9, 1, 5), (9, 6, 5))],
        r"crosses 0 others, allowed is one": [LONG],
        "crosses 2 others": [LONG, SHORT, ((4, -1, 5), (4, 1, 5))],
        "without diameters": [],
    }
    for message, pairs in cases.items():
        with pytest.raises(ValueError, match=message):
            read_recist_markups(lines(path, *pairs))
    other_slice = tuple((x, y, 6) for x, y, _ in SHORT)
    with pytest.raises(
        ValueError, match=r"a\.mrk\.json: line 1 from \[0\.0, 0\.0, 5\.0\] to \[-20"
    ):
        read_recist_markups(lines(path, LONG, other_slice))


def test_two_lines_of_different_labels_are_no_lesion(tmp_path):
    content = json.loads(lines(tmp_path / "a.mrk.json", LONG, SHORT, label="1").read_text())
    for point in content["markups"][0]["controlPoints"]:
        point["label"] = "2"
    (tmp_path / "a.mrk.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"\(2, True\) and \(1, True\), allowed is one label"):
        read_recist_markups(tmp_path / "a.mrk.json")
