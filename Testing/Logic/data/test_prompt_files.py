import json
from dataclasses import fields

import numpy as np
import pytest

from ImperfectSegLogic.data import (
    Box,
    Click,
    Lasso,
    Recist,
    Scribble,
    read_prompts,
    write_prompts,
)

TURN = np.array([[0.6, -0.8, 0], [0.8, 0.6, 0], [0, 0, 1]])
LINE = np.array([[0.1, -2.2, 3.3], [4.4, 5.5, -6.6], [7.7, 8.8, 9.9]])
EVERY_KIND = [
    Scribble(LINE, 1.5, label=2, positive=False),
    Click(LINE[0] / 3),
    Box(LINE[1], (4.0, 5.0, 6.5), TURN, label=3),
    Click(LINE[1], label=0),
    Recist(LINE[:2], LINE[1:], label=4),
    Recist(LINE[1:], LINE[:2], label=5, positive=False),
    Lasso(LINE, positive=False),
    Click(LINE[2], label=12, positive=False),
    Scribble(LINE[:1], label=0),
    Box(LINE[2], (1.0, 2.0, 3.0), np.diag((1.0, -1, -1)), positive=False),
]


def assert_same(got, wanted, exact=True):
    assert [type(p) for p in got] == [type(p) for p in wanted]
    for one, other in zip(got, wanted, strict=True):
        for field in fields(one):
            a, b = getattr(one, field.name), getattr(other, field.name)
            np.testing.assert_allclose(a, b, rtol=0, atol=0 if exact else 1e-12)


def markup(kind="Fiducial", positions=((1, 2, 3),), labels=None, **more):
    points = [
        {"label": (labels or [f"F-{n}"] * len(positions))[n - 1], "position": list(position)}
        for n, position in enumerate(positions, start=1)
    ]
    return {"type": kind, "coordinateSystem": "LPS", "controlPoints": points} | more


def save(path, *markups):
    path.write_text(json.dumps({"@schema": "markups-schema-v1.0.3", "markups": list(markups)}))
    return path


@pytest.mark.parametrize("name", ["p.mrk.json", "p.json"])
def test_every_kind_comes_back_in_order(tmp_path, name):
    write_prompts(EVERY_KIND, tmp_path / name)
    assert_same(read_prompts(tmp_path / name), EVERY_KIND)


@pytest.mark.parametrize("name", ["p.mrk.json", "p.json"])
def test_no_prompts(tmp_path, name):
    write_prompts([], tmp_path / name)
    assert read_prompts(tmp_path / name) == []


def test_a_left_handed_box_is_the_same_box_in_slicer(tmp_path):
    box = Box(LINE[0], (1.0, 2.0, 3.0), np.diag((1.0, 1, -1)))
    write_prompts([box], tmp_path / "p.mrk.json")
    got = read_prompts(tmp_path / "p.mrk.json")[0]
    assert np.linalg.det(got.axes) > 0
    assert {tuple(c) for c in got.corners.round(9)} == {tuple(c) for c in box.corners.round(9)}


@pytest.mark.parametrize(
    ("system", "wanted"),
    [("LPS", -1), ("RAS", 1), ("lps", -1), (1, -1), ("1", -1), (0, 1), ("0", 1)],
)
def test_coordinate_systems(tmp_path, system, wanted):
    box = markup("ROI", center=[1, 2, 3], size=[4, 5, 6], orientation=TURN.ravel().tolist())
    markups = [m | {"coordinateSystem": system} for m in (markup(), box)]
    click, got = read_prompts(save(tmp_path / "p.mrk.json", *markups))
    flip = np.array((wanted, wanted, 1))
    np.testing.assert_array_equal(click.position, (1, 2, 3) * flip)
    np.testing.assert_array_equal(got.center, (1, 2, 3) * flip)
    np.testing.assert_array_equal(got.axes, flip[:, np.newaxis] * TURN)


def test_slicers_kinds(tmp_path):
    path = save(
        tmp_path / "p.mrk.json",
        markup("Curve", LINE.tolist()),
        markup("Line", LINE[:2].tolist()),
        markup("ClosedCurve", LINE.tolist()),
        markup("Fiducial", LINE.tolist()),
        markup("ROI", center=[1, 2, 3], size=[4, 5, 6], roiType="Box"),
    )
    kinds = [Scribble, Scribble, Lasso, Click, Click, Click, Box]
    assert [type(p) for p in read_prompts(path)] == kinds


@pytest.mark.parametrize(
    ("text", "label", "positive"),
    [
        ("+1", 1, True),
        ("1", 1, True),
        (" +12 ", 12, True),
        ("-2", 2, False),
        ("0", 0, True),
        ("+0", 0, True),
        ("F-1", 5, True),
        ("F", 5, True),
        ("", 5, True),
        ("1.5", 5, True),
        ("2 liver", 5, True),
        ("liver", 1, True),
        ("Liver-3", 1, True),
        ("not liver", 1, False),
        ("NOT  left lung-7", 2, False),
        ("left lung", 2, True),
        ("not a vessel", 3, True),
        ("not not a vessel", 3, False),
    ],
)
def test_what_a_text_says(tmp_path, text, label, positive):
    path = save(tmp_path / "p.mrk.json", markup(labels=[text]))
    (got,) = read_prompts(path, 5, {1: "Liver", 2: "left lung", 3: "not a vessel"})
    assert (got.label, got.positive) == (label, positive)


def test_one_text_of_a_curve_is_enough(tmp_path):
    path = save(tmp_path / "p.mrk.json", markup("Curve", LINE.tolist(), ["C-1", "-2", "C-3"]))
    assert (read_prompts(path)[0].label, read_prompts(path)[0].positive) == (2, False)


def test_two_labels_in_one_curve(tmp_path):
    path = save(tmp_path / "p.mrk.json", markup(), markup("Curve", LINE.tolist(), ["1", "-2", "3"]))
    with pytest.raises(ValueError, match=r"p\.mrk\.json: markup 2: .* of several labels"):
        read_prompts(path)


def test_not_background_is_refused(tmp_path):
    path = save(tmp_path / "p.mrk.json", markup(labels=["-0"]))
    with pytest.raises(ValueError, match="markup 1: negative background"):
        read_prompts(path)


@pytest.mark.parametrize("status", ["undefined", "preview", "missing"])
def test_points_that_are_not_placed_are_left_out(tmp_path, status):
    points = markup(positions=[(1, 2, 3), (4, 5, 6)])
    points["controlPoints"][0] |= {"positionStatus": status, "position": None}
    box = markup("ROI", center=None, size=[0, 0, 0])
    box["controlPoints"][0]["positionStatus"] = status
    (got,) = read_prompts(save(tmp_path / "p.mrk.json", points, box))
    np.testing.assert_array_equal(got.position, (-4, -5, 6))


def test_a_point_added_in_slicer_comes_in_the_order_of_the_file(tmp_path):
    write_prompts(EVERY_KIND[:2], tmp_path / "p.mrk.json")
    content = json.loads((tmp_path / "p.mrk.json").read_text())
    content["markups"].append(markup())
    (tmp_path / "p.mrk.json").write_text(json.dumps(content))
    assert [type(p) for p in read_prompts(tmp_path / "p.mrk.json")] == [Click, Scribble, Click]


def test_one_diameter_alone_is_a_scribble(tmp_path):
    write_prompts([EVERY_KIND[4]], tmp_path / "p.mrk.json")
    content = json.loads((tmp_path / "p.mrk.json").read_text())
    del content["markups"][1]
    (tmp_path / "p.mrk.json").write_text(json.dumps(content))
    assert [type(p) for p in read_prompts(tmp_path / "p.mrk.json")] == [Scribble]


@pytest.mark.parametrize(
    ("broken", "text"),
    [
        ({"type": "Angle"}, "got type 'Angle', allowed are Fiducial, Curve"),
        ({"type": None}, "got type None"),
        ({"coordinateSystem": "IJK"}, "got coordinate system IJK, allowed are LPS, RAS"),
        ({"coordinateUnits": "m"}, "got coordinate units m, allowed is mm"),
        ({"controlPoints": [{"label": "1"}]}, "has no 'position'"),
        ({"controlPoints": [{"position": [1, 2]}]}, r"control point at \[1, 2\]"),
        ({"controlPoints": [{"position": [1, 2, float("nan")]}]}, "three finite numbers"),
        ({"controlPoints": [{"position": "here"}]}, "markup 1: "),
        ({"controlPoints": [{"position": None}]}, "control point at None"),
        ({"controlPoints": 7}, "markup 1: "),
        ({"type": "ROI", "center": [1, 2, 3]}, "has no 'size'"),
        ({"type": "ROI", "size": [1, 2, 3]}, "has no 'center'"),
        ({"type": "ROI", "center": [1, 2, 3], "size": [1, 2]}, "box size: got"),
        ({"type": "ROI", "roiType": "Sphere", "center": [1, 2, 3]}, "got an ROI of type 'Sphere'"),
        ({"type": "ClosedCurve"}, "lasso: got"),
    ],
)
def test_markups_that_make_no_sense(tmp_path, broken, text):
    path = save(tmp_path / "p.mrk.json", markup() | broken)
    with pytest.raises(ValueError, match=rf"p\.mrk\.json: markup 1: .*{text}|p.mrk.json: {text}"):
        read_prompts(path)


def test_a_markup_without_type(tmp_path):
    with pytest.raises(ValueError, match="markup 1: has no 'type'"):
        read_prompts(save(tmp_path / "p.mrk.json", {}))


@pytest.mark.parametrize("name", ["p.mrk.json", "p.json"])
@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "no JSON"),
        (b"{", "no JSON"),
        (b"\xff\xfe\x00", "no JSON"),
        (b"[]", "got a list"),
        (b"{}", "no list of markups"),
        (b'{"markups": {}}', "no list of markups"),
        (b'{"markups": [3]}', "markup 1: "),
    ],
)
def test_files_that_hold_no_prompts(tmp_path, name, content, text):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=rf"{name}: .*{text}"):
        read_prompts(tmp_path / name)


@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        ({"kind": "Circle"}, "got kind 'Circle', allowed are Click, Scribble"),
        ({"kind": "Click"}, "prompt 1: .*position"),
        ({"kind": "Click", "position": [1, 2]}, "prompt 1: "),
        ({"kind": "Click", "position": [1, 2, float("nan")]}, "prompt 1: click: got"),
        ({"kind": "Click", "position": [1, 2, 3], "label": -1}, "prompt 1: prompt label: got -1"),
        ({"kind": "Click", "position": [1, 2, 3], "positive": "no"}, "got positive 'no'"),
        ({"kind": "Click", "position": [1, 2, 3], "colour": 1}, "prompt 1: .*colour"),
        ({"kind": "Click", "position": [1, 2, 3], "label": "x"}, "prompt 1: "),
        (3, "prompt 1: "),
    ],
)
def test_our_own_file_that_makes_no_sense(tmp_path, prompt, text):
    content = {"format": "ImperfectSeg prompts", "version": 1, "prompts": [prompt]}
    (tmp_path / "p.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match=rf"p\.json: .*{text}"):
        read_prompts(tmp_path / "p.json")


def test_our_own_file_of_the_future(tmp_path):
    (tmp_path / "p.json").write_text('{"format": "ImperfectSeg prompts", "version": 2}')
    with pytest.raises(ValueError, match=r"got version 2 .* allowed is 1"):
        read_prompts(tmp_path / "p.json")


def test_wrong_names(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"p\.json: there is no such file"):
        read_prompts(tmp_path / "p.json")
    (tmp_path / "p.fcsv").write_text("")
    with pytest.raises(ValueError, match=r"got \.fcsv, allowed are \.mrk\.json, \.json"):
        read_prompts(tmp_path / "p.fcsv")
    with pytest.raises(ValueError, match=r"got \.fcsv, allowed are \.mrk\.json, \.json"):
        write_prompts([], tmp_path / "q.fcsv")
