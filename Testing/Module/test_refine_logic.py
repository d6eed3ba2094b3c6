"""Refining segments and stored probabilities, without a window."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
import slicer.util

from ImperfectSegLib import Bridge
from ImperfectSegLib.PromptStore import PromptStore
from ImperfectSegLib.RefineChoice import RefineChoice, Step
from ImperfectSegLib.RefineLogic import RefineLogic
from ImperfectSegLib.RefineParts import OTHER
from ImperfectSegLib.SegmentTags import setLocked
from ImperfectSegLogic.data import (
    Box,
    Geometry,
    Prediction,
    Provenance,
    Region,
    Segmentation,
    Volume,
    write_probabilities,
    write_segmentation,
    write_volume,
)
from ImperfectSegLogic.methods.catalog import refiners
from ImperfectSegLogic.methods.progress import CancelledError, Progress
from Testing.Module.bright_refiner import CHANCE, BrightRefiner
from Testing.Module.refine_scene import (
    FIRST,
    MATRIX,
    SECOND,
    SHAPE,
    addSegments,
    addVolume,
    ball,
    brightBalls,
    makeBright,
    maskOf,
    place,
    smallBalls,
)
from Testing.Module.test_bridge import moveBy, rotation

BRIGHT = RefineChoice((Step("bright"),))
BALLS = ball(FIRST, 6), ball(SECOND, 6)


@pytest.fixture
def logic(mrml_scene):
    BrightRefiner.reset()
    yield RefineLogic(makeBright)
    BrightRefiner.reset()


def choice(**others):
    return RefineChoice((Step("bright"),), **others)


def test_segments_are_refined_by_the_image_in_one_step_that_can_be_undone(logic):
    volume = addVolume()
    node = addSegments(volume, BALLS[0] & ball(FIRST, 5))
    small = maskOf(node, "a", volume)
    count = logic.refine(volume, node, BRIGHT)
    bright = BALLS[0] | BALLS[1]
    np.testing.assert_array_equal(maskOf(node, "a", volume), bright)
    assert count == int((bright ^ small).sum())
    logic.undo()
    np.testing.assert_array_equal(maskOf(node, "a", volume), small)
    assert logic.canRedo
    logic.redo()
    np.testing.assert_array_equal(maskOf(node, "a", volume), bright)


def test_the_grid_may_be_oblique_and_moved(logic):
    volume = addVolume(matrix=rotation(25) @ np.diag([0.6, 0.9, 3.0, 1.0]))
    moveBy(volume, rotation(40))
    node = addSegments(volume, ball(FIRST, 3))
    logic.refine(volume, node, BRIGHT)
    np.testing.assert_array_equal(maskOf(node, "a", volume), BALLS[0] | BALLS[1])


def test_settings_reach_the_method(logic):
    volume = addVolume()
    node = addSegments(volume, ball(FIRST, 3))
    logic.refine(volume, node, RefineChoice((Step("bright", {"level": 200.0}),)))
    assert not maskOf(node, "a", volume).any()
    logic.undo()
    with pytest.raises(ValueError, match="level"):
        logic.refine(volume, node, RefineChoice((Step("bright", {"level": -1.0}),)))


def test_segments_that_are_not_selected_stay_and_nothing_is_taken_from_them(logic):
    voxels = np.full(SHAPE, 100, dtype=np.int16)
    voxels[0, 0, 0] = 0
    volume = addVolume(voxels)
    node = addSegments(volume, *smallBalls())
    PromptStore(node).addClick("a", place(SECOND, volume))  # In the midst of the other.
    logic.refine(volume, node, choice(selected=("a",)))
    np.testing.assert_array_equal(maskOf(node, "b", volume), smallBalls()[1])
    np.testing.assert_array_equal(maskOf(node, "a", volume), (voxels > 0) & ~smallBalls()[1])


def test_segments_that_are_not_selected_count_as_one_label(logic):
    volume = addVolume()
    node = addSegments(volume, *smallBalls(), ball((6, 3, 3), 2))
    request = logic.request(volume, node, choice(selected=("b",)))
    assert request.parts[0].values == (0, 2, OTHER)


def test_overlapping_segments_are_refused_by_name_unless_one_is_selected(logic):
    volume = addVolume()
    node = addSegments(volume, ball(FIRST, 5), ball(FIRST, 4))
    with pytest.raises(ValueError, match="'a' and 'b' overlap"):
        logic.refine(volume, node, BRIGHT)
    logic.refine(volume, node, choice(selected=("b",)))
    np.testing.assert_array_equal(maskOf(node, "a", volume), ball(FIRST, 5))


def test_a_locked_segment_stays(logic):
    volume = addVolume()
    node = addSegments(volume, *smallBalls())
    setLocked(node, "b", True)
    logic.refine(volume, node, BRIGHT)
    np.testing.assert_array_equal(maskOf(node, "b", volume), smallBalls()[1])
    assert (maskOf(node, "a", volume) & BALLS[0]).sum() == BALLS[0].sum()
    setLocked(node, "a", True)
    with pytest.raises(ValueError, match="locked"):
        logic.refine(volume, node, RefineChoice((Step("bright", {"level": 0.0}),)))


def test_nothing_changes_outside_of_a_region_of_any_direction(logic):
    volume = addVolume()
    node = addSegments(volume, ball(FIRST, 4))
    axes = rotation(30)[:3, :3]
    limit = Box(place(FIRST, volume), np.array([9.0, 9.0, 9.0]), axes)
    logic.refine(volume, node, choice(limit=limit))
    inside = np.abs((place(np.argwhere(np.ones(SHAPE)), volume) - limit.center) @ axes) <= 4.5
    inside = inside.all(axis=1).reshape(SHAPE)
    found = maskOf(node, "a", volume)
    np.testing.assert_array_equal(found[inside], (BALLS[0] | BALLS[1])[inside])
    np.testing.assert_array_equal(found[~inside], ball(FIRST, 4)[~inside])
    assert (found != ball(FIRST, 4)).any()


def test_far_from_segments_nothing_changes_if_that_is_wanted(logic):
    volume = addVolume()
    node = addSegments(volume, ball(FIRST, 4))
    logic.refine(volume, node, choice(margin=3.0))
    found = maskOf(node, "a", volume)
    assert found[BALLS[0]].all()
    assert not found[BALLS[1]].any()


def test_prompted_voxels_keep_the_label_they_name(logic):
    volume = addVolume()
    node = addSegments(volume, ball(FIRST, 4))
    dark, bright = (2, 2, 2), FIRST
    store = PromptStore(node)
    store.addClick("a", place(dark, volume))
    store.addClick("a", place(bright, volume), positive=False)
    logic.refine(volume, node, BRIGHT)
    found = maskOf(node, "a", volume)
    assert found[dark]
    assert not found[bright]
    logic.undo()
    logic.refine(volume, node, choice(keepsPrompts=False))
    found = maskOf(node, "a", volume)
    assert not found[dark]
    assert found[bright]


def test_a_prompt_for_a_segment_that_is_not_selected_keeps_others_away(logic):
    volume = addVolume()
    node = addSegments(volume, *smallBalls())
    edge = (FIRST[0], FIRST[1] + 5, FIRST[2])
    assert BALLS[0][edge]
    PromptStore(node).addClick("b", place(edge, volume))
    logic.refine(volume, node, choice(selected=("a",)))
    assert not maskOf(node, "a", volume)[edge]
    assert not maskOf(node, "b", volume)[edge]


class TestStoredProbabilities:
    @pytest.fixture
    def file(self, tmp_path):
        return self.write(tmp_path / "balls-probabilities.nrrd")

    def write(self, path, region=None, labels=2, matrix=MATRIX):
        geometry = Geometry(SHAPE, matrix)
        region = region or geometry.whole
        masks = [BALLS[0], BALLS[1], ball((6, 3, 3), 2)][:labels]
        sure = np.stack([~np.any(masks, axis=0), *masks])[(slice(None), *region.slices)]
        chances = np.where(sure, 0.7, 0.3 / labels).astype(np.float32)
        values = tuple(range(labels + 1))
        write_probabilities(
            Prediction(chances, values, region, geometry, Provenance("net")), path, overwrite=True
        )
        return path

    def test_they_fill_the_segments_and_make_those_that_are_missing(self, logic, file):
        volume = addVolume()
        node = addSegments(volume, np.zeros(SHAPE, bool))
        logic.refine(volume, node, choice(probabilities=str(file)))
        ids = node.GetSegmentation().GetSegmentIDs()
        assert len(ids) == 2
        for segmentId, wanted in zip(ids, BALLS, strict=True):
            np.testing.assert_array_equal(maskOf(node, segmentId, volume), wanted)

    def test_new_segments_get_the_names_that_lie_beside_them(self, logic, file):
        labels = np.where(BALLS[0], 1, np.where(BALLS[1], 2, 0)).astype(np.uint8)
        geometry = Geometry(SHAPE, MATRIX)
        named = Segmentation.from_labels(labels, geometry, {1: "liver", 2: "spleen"})
        write_segmentation(named, file.with_name("balls.seg.nrrd"))
        volume = addVolume()
        node = addSegments(volume)
        logic.refine(volume, node, choice(probabilities=str(file)))
        inner = node.GetSegmentation()
        names = [inner.GetSegment(s).GetName() for s in inner.GetSegmentIDs()]
        assert names == ["liver", "spleen"]

    def test_of_a_region_nothing_is_said_outside(self, logic, tmp_path):
        file = self.write(tmp_path / "part.nrrd", Region((0, 0, 0), (SHAPE[0], SHAPE[1], 12)))
        volume = addVolume()
        node = addSegments(volume, *smallBalls())
        logic.refine(volume, node, choice(probabilities=str(file)))
        for segmentId, wanted, before in zip("ab", BALLS, smallBalls(), strict=True):
            found = maskOf(node, segmentId, volume)
            np.testing.assert_array_equal(found[:, :, :12], wanted[:, :, :12])
            np.testing.assert_array_equal(found[:, :, 12:], before[:, :, 12:])

    def test_only_selected_segments_change(self, logic, file):
        volume = addVolume()
        node = addSegments(volume, *smallBalls())
        logic.refine(volume, node, choice(probabilities=str(file), selected=("b",)))
        np.testing.assert_array_equal(maskOf(node, "a", volume), smallBalls()[0])
        np.testing.assert_array_equal(maskOf(node, "b", volume), BALLS[1])

    def test_they_fit_a_volume_that_was_moved_in_the_scene(self, logic, file):
        volume = addVolume()
        moveBy(volume, rotation(40))
        node = addSegments(volume, np.zeros(SHAPE, bool))
        logic.refine(volume, node, choice(probabilities=str(file)))
        np.testing.assert_array_equal(maskOf(node, "a", volume), BALLS[0])

    def test_those_of_another_grid_are_refused(self, logic, tmp_path):
        moved = MATRIX.copy()
        moved[0, 3] += 1
        file = self.write(tmp_path / "moved.nrrd", matrix=moved)
        volume = addVolume()
        node = addSegments(volume, ball(FIRST, 4))
        with pytest.raises(ValueError, match="on another grid"):
            logic.refine(volume, node, choice(probabilities=str(file)))

    def test_a_prompt_that_they_say_nothing_about_is_told(self, logic, tmp_path):
        file = self.write(tmp_path / "one.nrrd", labels=1)
        volume = addVolume()
        node = addSegments(volume, *smallBalls())
        PromptStore(node).addClick("b", place(SECOND, volume))
        request = logic.request(volume, node, choice(probabilities=str(file)))
        response = logic.respond(request, Progress())
        assert "left out: 1" in " ".join(response.notes)

    def test_a_file_that_is_not_there_or_holds_something_else(self, logic, tmp_path):
        volume = addVolume()
        node = addSegments(volume, ball(FIRST, 4))
        with pytest.raises(FileNotFoundError, match=r"none\.nrrd"):
            logic.refine(volume, node, choice(probabilities=str(tmp_path / "none.nrrd")))
        image = tmp_path / "image.nrrd"
        write_volume(Volume(brightBalls(), MATRIX), image)
        with pytest.raises(ValueError, match="no stored probabilities"):
            logic.refine(volume, node, choice(probabilities=str(image)))


class TestSlices:
    """What the preview asks for."""

    @pytest.mark.parametrize(("axis", "index"), [(0, 6), (1, 8), (2, 7)])
    def test_a_slice_becomes_what_it_would_become(self, logic, axis, index):
        volume = addVolume()
        node = addSegments(volume, *smallBalls())
        request = logic.request(volume, node, BRIGHT, [(axis, index)])
        (refined,) = logic.respond(request, Progress()).refined
        found = refined.prediction
        wanted = np.where(BALLS[0] | BALLS[1], 1, 0)[found.region.slices]
        np.testing.assert_array_equal(found.region_labels() > 0, wanted)
        assert found.region.start[axis] == index
        assert found.region.shape[axis] == 1
        (seen,) = BrightRefiner.shapes
        assert seen == (1, *(n for a, n in enumerate(SHAPE) if a != axis)), "an image of one slice"

    def test_prompts_of_a_stroke_through_slices_count_in_each(self, logic):
        volume = addVolume()
        node = addSegments(volume, ball(FIRST, 4))
        ends = place([(2, 2, 2), (9, 2, 2)], volume)
        PromptStore(node).addStroke("a", ends)
        for index in (4, 9, 10):
            request = logic.request(volume, node, BRIGHT, [(0, index)])
            (refined,) = logic.respond(request, Progress()).refined
            assert refined.prediction.region_labels()[0, 2, 2] == (1 if index < 10 else 0)

    def test_gray_values_are_judged_as_in_the_whole_image(self, logic):
        voxels = brightBalls()
        voxels[0, 0, 0] = 900
        volume = addVolume(voxels)
        node = addSegments(volume, ball(FIRST, 4))
        logic.respond(logic.request(volume, node, BRIGHT, [(0, 6), (1, 8), (2, 7)]), Progress())
        assert BrightRefiner.ranges == [(0.0, 900.0)] * 3

    def test_the_region_counts(self, logic):
        volume = addVolume()
        node = addSegments(volume, ball(FIRST, 4))
        limit = Box(place(FIRST, volume), np.array([8.0, 8.0, 8.0]))
        request = logic.request(volume, node, choice(limit=limit), [(0, 6), (0, 0)])
        assert [part.place for part in request.parts] == [(0, 6)]
        assert request.parts[0].region.shape[1:] == (9, 9)

    def test_slices_without_segments_or_edges_are_no_error(self, logic):
        voxels = brightBalls()
        voxels[3] = 5
        volume = addVolume(voxels)
        node = addSegments(volume, ball(FIRST, 40) & (np.indices(SHAPE)[0] == 3))
        request = logic.request(volume, node, BRIGHT, [(0, 3), (0, 6)])
        (refined,) = logic.respond(request, Progress()).refined
        assert refined.part.place == (0, 3)


class TestRefusals:
    @pytest.mark.parametrize(
        ("others", "message"),
        [
            ({"selected": ()}, "no segment is selected"),
            ({"certainty": 0.3}, "certainty"),
            ({"limit": Box(np.full(3, 500.0), np.ones(3))}, "no voxel of the image"),
        ],
    )
    def test_what_does_not_suit_is_named(self, logic, others, message):
        volume = addVolume()
        node = addSegments(volume, ball(FIRST, 4))
        with pytest.raises(ValueError, match=message):
            logic.refine(volume, node, choice(**others))

    def test_nothing_to_refine(self, logic):
        volume = addVolume()
        node = addSegments(volume, np.zeros(SHAPE, bool))
        with pytest.raises(ValueError, match="no voxel to refine"):
            logic.refine(volume, node, BRIGHT)
        with pytest.raises(ValueError, match="no segmentation"):
            logic.refine(volume, None, BRIGHT)
        with pytest.raises(ValueError, match="no volume"):
            logic.refine(None, node, BRIGHT)

    def test_an_image_of_one_value(self, logic):
        volume = addVolume(np.full(SHAPE, 7, np.int16))
        node = addSegments(volume, ball(FIRST, 4))
        with pytest.raises(ValueError, match="same value"):
            logic.refine(volume, node, BRIGHT)

    def test_an_unknown_method(self, logic):
        volume = addVolume()
        node = addSegments(volume, ball(FIRST, 4))
        with pytest.raises(ValueError, match="magic"):
            logic.refine(volume, node, RefineChoice((Step("magic"),)))

    @pytest.mark.parametrize("what", ["segments", "volume", "removed"])
    def test_what_was_changed_meanwhile_is_not_overwritten(self, logic, what):
        volume = addVolume()
        node = addSegments(volume, ball(FIRST, 4))
        response = logic.respond(logic.request(volume, node, BRIGHT), Progress())
        if what == "segments":
            Bridge.setSegmentMask(node, "a", ball(FIRST, 2), Bridge.geometryFromNode(volume))
        elif what == "volume":
            moveBy(volume, rotation(10))
        else:
            slicer.mrmlScene.RemoveNode(node)
        with pytest.raises(ValueError, match="nothing was written"):
            logic.write(response)
        assert not logic.canUndo

    def test_a_cancelled_request_leaves_the_next_one_free(self, logic):
        volume = addVolume()
        node = addSegments(volume, ball(FIRST, 4))
        progress = Progress()
        BrightRefiner.hold()
        progress.cancel()
        with pytest.raises(CancelledError):
            logic.respond(logic.request(volume, node, BRIGHT), progress)
        BrightRefiner.release()
        assert logic.refine(volume, node, BRIGHT)


def test_color_images_are_refined_with_all_their_channels(logic):
    gray = brightBalls().astype(np.uint8)
    colors = np.stack([gray, gray, gray[::-1]], axis=-1)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLVectorVolumeNode", "color")
    slicer.util.updateVolumeFromArray(node, colors)
    node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(MATRIX))
    segments = addSegments(node, ball(FIRST, 4))
    logic.refine(node, segments, BRIGHT)
    np.testing.assert_array_equal(maskOf(segments, "a", node), BALLS[0] | BALLS[1])


def test_a_result_tells_how_sure_it_is(logic):
    volume = addVolume()
    node = addSegments(volume, ball(FIRST, 4))
    (refined,) = logic.respond(logic.request(volume, node, BRIGHT), Progress()).refined
    assert refined.prediction.probabilities[1][FIRST] == pytest.approx(CHANCE)
    assert refined.part.allowed is None


def test_strokes_can_be_prompts_too(logic):
    volume = addVolume()
    node = addSegments(volume, ball(FIRST, 4))
    PromptStore(node).addStroke("a", place([(2, 2, 2), (2, 6, 2)], volume))
    logic.refine(volume, node, BRIGHT)
    assert maskOf(node, "a", volume)[2, 2:7, 2].all()


@pytest.mark.parametrize("name", [kind.card.name for kind in refiners()])
def test_every_refiner_of_the_catalog_works_in_slices_and_as_a_whole(mrml_scene, name):
    volume = addVolume()
    node = addSegments(volume, *smallBalls())
    dark = (2, 2, 2)
    PromptStore(node).addClick("a", place(dark, volume))
    logic, chosen = RefineLogic(), RefineChoice((Step(name),))
    places = [(0, FIRST[0]), (1, FIRST[1]), (2, SECOND[2])]
    refined = logic.respond(logic.request(volume, node, chosen, places), Progress()).refined
    assert [part.part.place for part in refined] == places
    logic.refine(volume, node, chosen)
    assert maskOf(node, "a", volume)[dark]
    logic.undo()
    np.testing.assert_array_equal(maskOf(node, "b", volume), smallBalls()[1])
