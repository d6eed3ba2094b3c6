"""One slice, or a part of an image, keeps its place in the patient on the way there and back."""

import numpy as np
import pytest

from ImperfectSegLogic.data import (
    Box,
    Click,
    Geometry,
    Lasso,
    Prediction,
    Provenance,
    Recist,
    Region,
    Scribble,
    Volume,
)
from ImperfectSegLogic.data.slices import Cut, in_slice, nearest_axis, slice_index, slice_of
from ImperfectSegLogic.methods.scarce.interactive.rasterize import box_voxels
from Testing.Logic.data.grids import ALL, RIGHT_ANGLES, SHAPE, every_index, pattern, volume

AXES = pytest.mark.parametrize("axis", [0, 1, 2])
GRIDS = pytest.mark.parametrize("name", ALL)


def answer(geometry, region):
    """A prediction whose voxels all differ."""
    second = np.arange(np.prod(region.shape)).reshape(region.shape) / 1000
    both = np.stack([1 - second, second]).astype(np.float32)
    return Prediction(both, (0, 4), region, geometry, Provenance("m"), ("a note",))


@AXES
@GRIDS
def test_every_voxel_of_a_slice_lies_where_it_lay(name, axis):
    whole = volume(ALL[name])
    for index in range(SHAPE[axis]):
        flat = slice_of(whole, axis, index)
        rows, columns = (n for a, n in enumerate(SHAPE) if a != axis)
        assert flat.array.shape == (1, rows, columns)
        there = whole.geometry.to_index(flat.geometry.to_ras(every_index(flat.geometry.shape)))
        assert (there[:, axis] == index).all()
        np.testing.assert_array_equal(whole.array[tuple(there.T)], flat.array.ravel())


@AXES
@GRIDS
def test_an_answer_for_a_slice_comes_back_to_its_voxels(name, axis):
    whole = Geometry(SHAPE, ALL[name])
    cut = Cut.slice_at(whole, axis, SHAPE[axis] - 1)
    part = cut.geometry(whole)
    given = answer(part, Region((0, 1, 1), part.shape))
    back = cut.back(given, whole)
    for here in every_index(given.region.shape):
        ras = part.to_ras(here + given.region.start)
        there = whole.to_index(ras) - back.region.start
        np.testing.assert_array_equal(
            back.probabilities[(slice(None), *there)], given.probabilities[(slice(None), *here)]
        )
    assert back.geometry is whole
    assert (back.labels, back.notes) == ((0, 4), ("a note",))
    assert back.region.shape[axis] == 1


def test_a_part_of_the_image_and_a_slice_of_that_part():
    whole = volume(ALL["oblique, flipped"])
    region = Region((1, 0, 2), (3, 3, 5))
    part = Cut(region).volume(whole)
    np.testing.assert_array_equal(part.array, whole.array[1:3, 0:3, 2:5])
    np.testing.assert_allclose(
        part.geometry.to_ras((1, 2, 0)), whole.geometry.to_ras((2, 2, 2)), atol=1e-9
    )
    flat = Cut(Region((1, 2, 2), (3, 3, 5)), 1).volume(whole)
    np.testing.assert_array_equal(flat.array[0], whole.array[1:3, 2, 2:5])


def test_the_whole_is_not_copied_and_channels_come_along():
    whole = volume(np.eye(4))
    assert Cut(whole.geometry.whole).volume(whole) is whole
    colored = Volume(np.stack([pattern(), 100 + pattern()]), np.eye(4))
    flat = slice_of(colored, 2, 3)
    np.testing.assert_array_equal(flat.array[:, 0], colored.array[..., 3])


@pytest.mark.parametrize(("axis", "index"), [(0, 3), (1, -1), (3, 0), (2, 5)])
def test_a_slice_that_is_not_there_is_refused(axis, index):
    with pytest.raises(ValueError, match="slice: got number"):
        slice_of(volume(np.eye(4)), axis, index)


@AXES
@GRIDS
def test_the_axis_of_a_view_is_found_also_when_it_is_tilted(name, axis):
    geometry = Geometry(SHAPE, ALL[name])
    in_plane = [geometry.ijk_to_ras[:3, 2 - a] for a in range(3) if a != axis]
    normal = np.cross(*in_plane)
    normal /= np.linalg.norm(normal)
    assert nearest_axis(geometry, normal) == axis
    assert nearest_axis(geometry, -7 * normal) == axis
    tilted = normal + 0.2 * in_plane[0] / np.linalg.norm(in_plane[0])
    assert nearest_axis(geometry, tilted) == axis


@AXES
@pytest.mark.parametrize("name", ["oblique", "sheared, flipped"])
def test_prompts_lie_in_the_slice_that_they_were_placed_in(name, axis):
    geometry = Geometry((9, 9, 9), ALL[name])
    middle = np.full(3, 4.0)
    middle[axis] = 6.3
    ring = np.array([[0, 0, 0], [1, 1, 1], [-1, 1, -1], [0.5, -1, 1]]) * 1.5
    ring[:, axis] = 0
    points = geometry.to_ras(middle + ring)
    for prompt in (Click(points[0]), Scribble(points), Lasso(points), Box(points[0], (4, 4, 0))):
        assert slice_index(prompt, geometry, axis) == 6
    flat = in_slice(Scribble(points, 2.0, label=3, positive=False), geometry, axis, 6)
    np.testing.assert_allclose(geometry.to_continuous_index(flat.points)[:, axis], 6, atol=1e-9)
    assert (flat.radius, flat.label, flat.positive) == (2.0, 3, False)
    np.testing.assert_allclose(
        np.delete(geometry.to_continuous_index(flat.points), axis, 1),
        np.delete(middle + ring, axis, 1),
        atol=1e-9,
    )


@AXES
def test_a_stroke_through_several_slices_is_refused_with_what_to_do(axis):
    geometry = Geometry((9, 9, 9), np.eye(4))
    points = np.full((2, 3), 4.0)
    points[1, axis] = 7
    with pytest.raises(ValueError, match=r"slices 4 to 7 along [kji].*Rotate the view"):
        slice_index(Scribble(geometry.to_ras(points)), geometry, axis)


def test_a_prompt_without_a_place_in_a_slice_is_refused():
    lesion = Recist(np.array([[0, 0, 0], [4, 0, 0]]), np.array([[2, 1, 0], [2, -1, 0]]))
    with pytest.raises(ValueError, match="Recist"):
        slice_index(lesion, Geometry((9, 9, 9), np.eye(4)), 0)


@AXES
@pytest.mark.parametrize("name", RIGHT_ANGLES)
@pytest.mark.parametrize("off", [0.0, 0.45])
def test_a_flat_box_holds_the_voxels_of_its_slice(name, axis, off):
    geometry = Geometry((9, 9, 9), ALL[name])
    axes = geometry.ijk_to_ras[:3, :3][:, ::-1]
    lengths = np.linalg.norm(axes, axis=0)
    middle = np.full(3, 4.0)
    middle[axis] += off
    size = 2.2 * lengths
    size[axis] = 0
    turned = Box(geometry.to_ras(middle), size, axes / lengths)
    whole = in_slice(turned, geometry, axis, 4)
    part = Cut.slice_at(geometry, axis, 4)
    wanted = {
        tuple(v) for v in every_index((9, 9, 9)) if v[axis] == 4 and (abs(v - 4) <= 1.1).all()
    }
    held = part.geometry(geometry).to_ras(box_voxels(whole, part.geometry(geometry)))
    assert {tuple(v) for v in geometry.to_index(held).tolist()} == wanted


def test_a_flat_box_drawn_in_a_tilted_view_holds_them_too():
    geometry = Geometry((9, 9, 9), np.eye(4))
    a = np.deg2rad(20)
    axes = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    flat = in_slice(Box(np.full(3, 4.0), (4.0, 4.0, 0.0), axes), geometry, 0, 4)
    part = Cut.slice_at(geometry, 0, 4).geometry(geometry)
    held = box_voxels(flat, part)
    assert held[:, 2].min() == 2
    assert held[:, 2].max() == 6
    assert held[:, 1].min() == 2
    assert held[:, 1].max() == 6
