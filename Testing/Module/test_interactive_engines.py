"""Choosing an engine, letting it learn from the image, limiting it to a region; the keys."""

from __future__ import annotations

import dataclasses
import importlib.util
import sys
import threading

import numpy as np
import pytest
import slicer
import slicer.util

from ImperfectSegLib import EngineSlot
from ImperfectSegLib.RegionHandle import NAME
from ImperfectSegLogic.methods import catalog
from ImperfectSegLogic.methods.catalog import INTERACTIVE_SEGMENTERS
from ImperfectSegLogic.methods.progress import CancelledError
from ImperfectSegLogic.methods.scarce.interactive.geodesic_walker import GeodesicWalker
from Testing.Module.ball_segmenter import BallSegmenter
from Testing.Module.interactive_person import ELSEWHERE, INSIDE, Person, person

__all__ = ["person"]


def named(name, **members):
    """Makes a kind of engine."""
    card = dataclasses.replace(BallSegmenter.card, name=name, claims=f"{name} is <good>.")
    return type(name, (BallSegmenter,), {"card": card, **members})


class Loading:
    """What happens while engines are made: they wait until they may go on."""

    go_on = threading.Event()
    made = ()


def slow(self):
    Loading.go_on.wait(20)
    Loading.made = (*Loading.made, threading.current_thread())
    BallSegmenter.__init__(self)


def withModel(self, model):
    if model.read_text() != "good":
        raise ValueError(f"{model}: got a model for apples, allowed are balls.")
    BallSegmenter.__init__(self)
    self.radius = 9.0


KINDS = (
    GeodesicWalker,
    named("quick", radius=4.0),
    named("slow", __init__=slow),
    named("absent", missing=classmethod(lambda cls: "balloons are not installed. Buy some.")),
    named("brought", needs_model="a file of balls", __init__=withModel),
    named("foldered", needs_model="the folder of balls", __init__=withModel),
)


@pytest.fixture
def chooser(slicer_app, scene, monkeypatch):
    """Someone whose catalog has engines of every manner."""
    monkeypatch.setattr(catalog, "INTERACTIVE_SEGMENTERS", KINDS)
    Loading.go_on.clear()
    Loading.made = ()
    someone = Person(slicer_app)
    yield someone
    Loading.go_on.set()
    slicer_app.unload_module("ImperfectSegInteractive")


def choose(person, name):
    box = person.ui.engineComboBox
    number = [kind.card.name for kind in KINDS].index(name)
    box.currentIndex = number
    box.activated.emit(number)
    person.host.process_events()


def ready(person):
    person.host.wait_until(lambda: not person.panel.panel.engine.isLoading)


class TestChoice:
    def test_all_engines_are_listed_with_what_they_are_said_to_do(self, chooser):
        import qt

        box = chooser.ui.engineComboBox
        assert [box.itemText(n) for n in range(box.count)] == [
            "geodesic-walker",
            "quick",
            "slow",
            "absent (not installed)",
            "brought",
            "foldered",
        ]
        assert "quick is &lt;good&gt;." in box.itemData(1, qt.Qt.ToolTipRole)
        assert "Needs a file of balls" in box.itemData(4, qt.Qt.ToolTipRole)
        assert box.currentIndex == 0, "the default one"
        assert chooser.ui.engineButton.collapsed

    def test_the_chosen_one_answers_from_then_on(self, chooser):
        choose(chooser, "quick")
        ready(chooser)
        assert chooser.ui.engineLabel.text == "quick is ready."
        chooser.adds_a_segment()
        chooser.takes("positivePointButton")
        chooser.clicks(INSIDE)
        small = chooser.mask().sum()
        assert 0 < small < 300
        assert chooser.engine.answers == 0, "the earlier engine is not asked"

    def test_the_window_goes_on_while_one_is_made_and_clicks_wait_for_it(self, chooser):
        choose(chooser, "slow")
        assert "Loading slow" in chooser.ui.engineLabel.text
        chooser.adds_a_segment()
        chooser.takes("positivePointButton")
        chooser.clicks(INSIDE, wait=False)
        assert chooser.panel.session.isComputing
        assert not chooser.mask().any()
        Loading.go_on.set()
        chooser.waits()
        assert chooser.is_at(INSIDE)
        (thread,) = Loading.made
        assert thread is not threading.main_thread()

    def test_one_that_is_missing_says_so_and_another_one_works(self, chooser):
        choose(chooser, "absent")
        assert "balloons are not installed" in chooser.ui.engineLabel.text
        chooser.adds_a_segment()
        chooser.takes("positivePointButton")
        chooser.clicks(INSIDE)
        assert "balloons are not installed" in chooser.status
        choose(chooser, "quick")
        chooser.presses("applyButton")
        chooser.waits()
        assert chooser.is_at(INSIDE)

    def test_one_that_needs_a_model_asks_for_it_and_tells_what_is_wrong_with_it(
        self, chooser, tmp_path
    ):
        assert not chooser.ui.modelPath.visible
        choose(chooser, "brought")
        assert not chooser.ui.modelPath.hidden if hasattr(chooser.ui.modelPath, "hidden") else True
        assert chooser.ui.engineLabel.text == "Choose a file of balls."
        chooser.ui.modelPath.currentPath = str(tmp_path / "none")
        assert "there is no such file" in chooser.ui.engineLabel.text
        bad, good = tmp_path / "bad", tmp_path / "good"
        bad.write_text("apples")
        good.write_text("good")
        chooser.ui.modelPath.currentPath = str(bad)
        ready(chooser)
        assert "got a model for apples" in chooser.ui.engineLabel.text
        chooser.adds_a_segment()
        chooser.takes("positivePointButton")
        chooser.clicks(INSIDE)
        assert "got a model for apples" in chooser.status
        chooser.ui.modelPath.currentPath = str(good)
        ready(chooser)
        chooser.presses("applyButton")
        chooser.waits()
        assert chooser.mask().sum() > 1500, "balls of 9 mm"

    def test_without_a_model_a_click_tells_what_is_needed(self, chooser):
        choose(chooser, "brought")
        chooser.adds_a_segment()
        chooser.takes("positivePointButton")
        chooser.clicks(INSIDE)
        assert "it needs a file of balls" in chooser.status

    def test_folders_are_browsed_as_folders(self, chooser):
        import ctk

        choose(chooser, "foldered")
        assert chooser.ui.modelPath.filters == ctk.ctkPathLineEdit.Dirs
        choose(chooser, "brought")
        assert chooser.ui.modelPath.filters == ctk.ctkPathLineEdit.Files

    def test_the_choice_is_saved_and_made_with_the_first_click(self, chooser, tmp_path):
        model = tmp_path / "good"
        model.write_text("good")
        choose(chooser, "brought")
        chooser.ui.modelPath.currentPath = str(model)
        ready(chooser)
        assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
        chooser.host.clear_scene()
        assert chooser.ui.engineComboBox.currentText == "geodesic-walker"
        slicer.util.loadScene(str(tmp_path / "scene.mrb"))
        chooser.volume = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")[0]
        assert chooser.ui.engineComboBox.currentText == "brought"
        assert chooser.ui.modelPath.currentPath == str(model)
        chooser.adds_a_segment()
        chooser.takes("positivePointButton")
        chooser.clicks(INSIDE)
        assert chooser.mask().sum() > 1500

    def test_installing_what_is_missing_makes_the_engine_usable(self, chooser, monkeypatch):
        present = []
        absent = KINDS[3]
        monkeypatch.setattr(
            absent, "missing", classmethod(lambda cls: "" if present else "PyTorch is missing.")
        )
        found = importlib.util.find_spec
        monkeypatch.setattr(
            importlib.util, "find_spec", lambda n: found(n) if present or n != "torch" else None
        )
        asked = []

        def install(self, missing):
            asked.append(missing)
            present.append(True)

        monkeypatch.setattr("ImperfectSegLib.PackageInstaller.PackageInstaller.install", install)
        choose(chooser, "absent")
        assert chooser.ui.installButton.isVisibleTo(chooser.ui.installButton.parentWidget())
        chooser.presses("installButton")
        ready(chooser)
        assert asked == [("torch",)]
        assert chooser.ui.engineLabel.text == "absent is ready."

    def test_an_install_that_fails_is_told(self, chooser, monkeypatch):
        def install(self, missing):
            raise ValueError("PyTorch: the extension that installs it is missing.")

        monkeypatch.setattr("ImperfectSegLib.PackageInstaller.PackageInstaller.install", install)
        choose(chooser, "absent")
        chooser.presses("installButton")
        assert "extension that installs it is missing" in chooser.ui.engineLabel.text

    def test_the_file_that_lists_what_is_to_be_installed_is_there(self, chooser):
        assert chooser.panel.requirementsFile().is_file()


def test_without_torch_the_panel_opens_and_the_geodesic_walker_answers(person, monkeypatch):
    """Only that module and choice need no torch: importing it would raise here."""
    real = importlib.util.find_spec
    hidden = ("torch", "monai")
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name in hidden else real(name, *a)
    )
    for name in hidden:
        monkeypatch.setitem(sys.modules, name, None)
    default = catalog.default_segmenter()
    assert default is GeodesicWalker
    number = INTERACTIVE_SEGMENTERS.index(GeodesicWalker)
    person.ui.engineComboBox.currentIndex = number
    person.ui.engineComboBox.activated.emit(number)
    ready(person)
    person.adds_a_segment()
    person.takes("positivePointButton")
    person.clicks(INSIDE)
    person.takes("negativePointButton")
    person.clicks(ELSEWHERE)
    assert person.is_at(INSIDE)
    assert not person.ui.adaptCheckBox.enabled
    assert "no network that could learn" in person.ui.adaptLabel.text


class Learner(BallSegmenter):
    """Has learned larger balls when it is told that it may go on."""

    learned = 0.0

    def __init__(self, base):
        super().__init__()
        self.base, self.told, self.may = base, [], threading.Event()
        self.trouble = None

    def respond(self, prompts, previous=None, progress=None):
        self.radius = self.base.radius + self.learned
        return super().respond(prompts, previous, progress)

    def adapt(self, prompts, previous=None, progress=None, seconds=None):
        self.told.append(len(prompts))
        step = 0
        while not self.may.wait(0.01):
            step += 1
            progress.report(min(step / 50, 1), "adapting")
            if self.trouble:
                raise self.trouble
        self.learned += 3.0
        self.may.clear()


class TestAdapting:
    @pytest.fixture
    def learner(self, person, monkeypatch):
        """Someone whose engine can learn, as a stand-in for BIFSeg, with a click made."""
        monkeypatch.setattr(EngineSlot, "_adapter", lambda: Learner)
        monkeypatch.setattr(EngineSlot, "whyNotAdapting", lambda kind: "")
        monkeypatch.setattr("ImperfectSegLib.AdaptPart.whyNotAdapting", lambda kind: "")
        person.panel.panel.adapt.update()
        person.ui.adaptCheckBox.click()
        person.adds_a_segment()
        person.takes("positivePointButton")
        person.clicks(INSIDE)
        person.learner = person.panel.logic.engines.made()
        yield person
        person.learner.trouble = CancelledError()
        person.learner.may.set()

    @staticmethod
    def learns(person):
        adapt = person.panel.panel.adapt
        person.learner.may.set()
        person.host.wait_until(lambda: not person.learner.may.is_set())
        person.host.wait_until(lambda: not (adapt.isAdapting and len(person.learner.told) < 2))
        person.waits()

    def test_it_learns_beside_the_window_and_then_the_segments_are_updated(self, learner):
        before = learner.mask().sum()
        adapt = learner.panel.panel.adapt
        assert adapt.isAdapting
        learner.host.wait_until(lambda: learner.ui.adaptBar.value > 0)
        self.learns(learner)
        learner.host.wait_until(lambda: learner.mask().sum() > 2 * before)
        assert not adapt.isAdapting
        assert learner.learner.told == [1], "no round without end"

    def test_undo_takes_back_what_came_of_learning_and_then_the_click(self, learner):
        before = learner.mask()
        self.learns(learner)
        learner.host.wait_until(lambda: learner.mask().sum() > 2 * before.sum())
        learner.presses("undoButton")
        np.testing.assert_array_equal(learner.mask(), before)
        assert len(learner.store.prompts()[0]) == 1
        learner.presses("redoButton")
        assert learner.mask().sum() > 2 * before.sum()

    def test_clicks_are_answered_meanwhile_and_it_learns_once_more_for_them(self, learner):
        learner.clicks(ELSEWHERE)
        assert learner.is_at(ELSEWHERE)
        assert learner.learner.told == [1]
        learner.learner.may.set()
        learner.host.wait_until(lambda: learner.learner.told == [1, 2])
        learner.learner.may.set()
        learner.host.wait_until(lambda: not learner.panel.panel.adapt.isAdapting)
        learner.waits()
        assert learner.learner.told == [1, 2]

    def test_stop_uses_what_was_learned_so_far(self, learner):
        learner.learner.learned = 2.0
        before = learner.mask().sum()
        learner.presses("adaptStopButton")
        learner.waits()
        assert not learner.panel.panel.adapt.isAdapting
        assert learner.mask().sum() > 1.5 * before

    def test_switching_off_and_undo_end_it(self, learner):
        adapt = learner.panel.panel.adapt
        learner.presses("undoButton")
        assert not adapt.isAdapting
        learner.clicks(INSIDE)
        assert adapt.isAdapting
        learner.ui.adaptCheckBox.click()
        assert not adapt.isAdapting
        assert learner.panel.logic.engines.made() is learner.engine
        learner.clicks(ELSEWHERE)
        assert not adapt.isAdapting
        assert learner.is_at(ELSEWHERE)

    def test_a_failure_is_told_and_clicks_go_on(self, learner):
        learner.learner.trouble = ValueError("memory ran out.")
        learner.host.wait_until(lambda: "memory ran out" in learner.status)
        learner.clicks(ELSEWHERE)
        assert learner.is_at(ELSEWHERE)

    def test_one_that_went_over_to_another_part_is_no_failure(self, learner):
        learner.learner.trouble = CancelledError()
        learner.host.wait_until(lambda: not learner.panel.panel.adapt.isAdapting)
        assert "updated" in learner.status


def test_a_real_network_learns_the_image_and_the_answer_gets_better(slicer_app, scene, monkeypatch):
    from ImperfectSegLogic.methods.scarce.interactive.wang2018a import BIFSeg, Settings
    from Testing.Logic.methods.gray_engine import GrayEngine

    steps = Settings(steps=20)  # Not seconds: other work on this computer shall not matter.
    monkeypatch.setattr(EngineSlot, "_adapter", lambda: lambda base: BIFSeg(base, steps))
    k, j, i = np.mgrid[:20, :30, :34]
    bright = (k - 10) ** 2 + (j - 15) ** 2 + (i - 13) ** 2 < 81
    dark = ((k - 10) ** 2 + (j - 15) ** 2 + (i - 25) ** 2 < 49) & ~bright
    rng = np.random.default_rng(0)
    voxels = 200.0 * bright + 165.0 * dark + rng.normal(0, 6, bright.shape)
    volume = slicer.util.addVolumeFromArray(voxels.astype(np.float32))
    someone = Person(slicer_app)
    someone.volume = volume
    someone.ui.inputVolumeSelector.setCurrentNode(volume)
    someone.panel.logic.setEngine(GrayEngine(0.95))
    someone.panel.panel.adapt.update()
    assert someone.ui.adaptCheckBox.enabled
    someone.adds_a_segment()
    someone.takes("positivePointButton")
    someone.clicks((11, 15, 10))
    someone.clicks((27, 15, 10))
    someone.takes("negativePointButton")
    someone.clicks((3, 3, 10))
    truth = bright | dark

    def overlap():
        found = someone.mask()
        return 2 * (found & truth).sum() / (found.sum() + truth.sum())

    before = overlap()
    someone.ui.adaptCheckBox.click()
    someone.presses("applyButton")
    someone.waits()
    adapt = someone.panel.panel.adapt
    assert adapt.isAdapting
    someone.host.wait_until(lambda: not adapt.isAdapting, timeout=120)
    someone.waits()
    assert someone.panel.logic.engines.made().is_adapted
    assert overlap() > before + 0.02
    slicer_app.unload_module("ImperfectSegInteractive")


class TestRegion:
    @pytest.fixture
    def limited(self, person):
        person.adds_a_segment()
        person.takes("positivePointButton")
        person.ui.regionCheckBox.click()
        return person

    @staticmethod
    def drags_to(person, low, high):
        """Puts the handle around voxels, as dragging its faces does."""
        node = slicer.util.getNode(NAME)
        geometry = person.geometry
        middle = geometry.to_ras((np.array(low) + np.array(high) - 1) / 2)
        node.SetCenter(*middle)
        size = (np.array(high) - np.array(low)) * geometry.spacing
        node.SetSize(*size[::-1])
        node.InvokeEvent(node.PointEndInteractionEvent)
        person.waits()

    def test_at_first_it_holds_the_whole_image_along_its_own_axes(self, limited):
        box = limited.panel.session.region.box
        geometry = limited.geometry
        np.testing.assert_allclose(
            box.size, np.array(geometry.shape[::-1]) * geometry.spacing[::-1]
        )
        limited.clicks(INSIDE)
        assert limited.is_at(INSIDE)
        assert limited.engine.geometry.matches(geometry)

    def test_the_engine_looks_and_writes_inside_only(self, limited):
        k, j, i = limited.geometry.to_index(INSIDE)
        self.drags_to(limited, (k - 2, j - 5, i - 5), (k + 3, j + 6, i + 1))
        limited.clicks(INSIDE)
        assert limited.engine.geometry.shape == (5, 11, 6)
        found = np.argwhere(limited.mask())
        assert found.min(axis=0).tolist()[0] == k - 2
        assert found.max(axis=0).tolist() == [k + 2, found[:, 1].max(), i]
        assert limited.is_at(INSIDE)

    def test_dragging_it_segments_again_and_undo_and_redo_move_it_too(self, limited):
        limited.clicks(INSIDE)
        whole = limited.mask()
        k, j, i = limited.geometry.to_index(INSIDE)
        self.drags_to(limited, (k, j - 9, i - 9), (k + 9, j + 9, i + 9))
        half = limited.mask()
        assert 0.4 < half.sum() / whole.sum() < 0.7
        assert not (half[:k]).any(), "what the prompt had put outside goes"
        limited.presses("undoButton")
        np.testing.assert_array_equal(limited.mask(), whole)
        box = limited.panel.session.region.box
        assert box.size[2] == pytest.approx(40 * 1.5)
        limited.presses("redoButton")
        np.testing.assert_array_equal(limited.mask(), half)
        assert limited.panel.session.region.box.size[2] < 20

    def test_a_turned_region_is_kept_to_the_voxel(self, limited):
        node = slicer.util.getNode(NAME)
        matrix = np.eye(4)
        angle = np.radians(35)
        matrix[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
        matrix[:3, 3] = INSIDE
        node.SetAndObserveObjectToNodeMatrix(slicer.util.vtkMatrixFromArray(matrix))
        node.SetSize(6, 30, 30)
        limited.clicks(INSIDE)
        places = limited.geometry.to_ras(np.argwhere(limited.mask()))
        along = (places - INSIDE) @ matrix[:3, 0]
        assert np.abs(along).max() <= 3 + 1e-6
        assert np.abs((places - INSIDE) @ matrix[:3, 1]).max() > 4

    def test_prompts_outside_of_it_do_not_count_and_that_is_said(self, limited):
        k, j, i = limited.geometry.to_index(INSIDE)
        self.drags_to(limited, (k - 4, j - 4, i - 4), (k + 4, j + 4, i + 4))
        limited.clicks(ELSEWHERE)
        assert not limited.mask().any()
        assert "Prompts outside of the region, left out: 1." in limited.status
        limited.clicks(INSIDE)
        assert limited.is_at(INSIDE)
        assert not limited.is_at(ELSEWHERE)
        assert "left out" in limited.status

    def test_off_again_the_whole_image_counts_and_undo_turns_it_on(self, limited):
        k, j, i = limited.geometry.to_index(INSIDE)
        self.drags_to(limited, (k - 1, j - 4, i - 4), (k + 1, j + 4, i + 4))
        limited.clicks(INSIDE)
        small = limited.mask().sum()
        limited.ui.regionCheckBox.click()
        limited.waits()
        assert limited.mask().sum() > 2 * small
        assert not slicer.util.getNode(NAME).GetDisplayVisibility()
        limited.presses("undoButton")
        assert limited.ui.regionCheckBox.checked
        assert limited.mask().sum() == small

    def test_a_region_beside_the_image_is_refused(self, limited):
        slicer.util.getNode(NAME).SetCenter(500, 0, 0)
        limited.clicks(INSIDE)
        assert "holds no voxel" in limited.status

    def test_fit_and_delete(self, limited):
        k, j, i = limited.geometry.to_index(INSIDE)
        self.drags_to(limited, (k - 4, j - 4, i - 4), (k + 4, j + 4, i + 4))
        limited.presses("fitRegionButton")
        limited.waits()
        assert limited.panel.session.region.box.size[2] == pytest.approx(40 * 1.5)
        slicer.mrmlScene.RemoveNode(slicer.util.getNode(NAME))
        limited.host.process_events()
        assert not limited.ui.regionCheckBox.checked
        limited.clicks(INSIDE)
        assert limited.is_at(INSIDE)

    def test_it_limits_a_slice_in_2d_too_and_is_no_prompt(self, limited):
        limited.ui.sliceOnlyCheckBox.click()
        k, j, i = limited.geometry.to_index(INSIDE)
        self.drags_to(limited, (k - 3, j - 3, i - 3), (k + 4, j + 4, i + 4))
        limited.clicks(INSIDE, "Yellow")
        assert limited.engine.geometry.shape == (1, 7, 7)
        assert len(limited.store.prompts()[0]) == 1
        found = np.argwhere(limited.mask())
        assert np.ptp(found, axis=0).tolist() == [6, 6, 0]

    def test_a_saved_scene_brings_it_back(self, limited, tmp_path):
        k, j, i = limited.geometry.to_index(INSIDE)
        self.drags_to(limited, (k - 4, j - 4, i - 4), (k + 4, j + 4, i + 4))
        size = limited.panel.session.region.box.size
        assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
        limited.host.clear_scene()
        assert not limited.ui.regionCheckBox.checked
        slicer.util.loadScene(str(tmp_path / "scene.mrb"))
        assert limited.ui.regionCheckBox.checked
        np.testing.assert_allclose(limited.panel.session.region.box.size, size)
        assert len(slicer.util.getNodesByClass("vtkMRMLMarkupsROINode")) == 1


class TestKeys:
    def test_they_take_tools_up_and_lay_them_down(self, person):
        person.adds_a_segment()
        for key, button in {
            "P": "positivePointButton",
            "Shift+P": "negativePointButton",
            "S": "positiveScribbleButton",
            "Shift+S": "negativeScribbleButton",
            "X": "boxButton",
        }.items():
            person.presses_key(key)
            assert getattr(person.ui, button).checked
            assert f"({key})" in getattr(person.ui, button).toolTip
            assert f"<b>{key}</b>" in person.ui.shortcutsLabel.text
        person.presses_key("X")
        assert person.panel.tools.kind == ""

    def test_they_undo_redo_step_through_segments_and_move_the_threshold(self, person):
        person.adds_a_segment()
        person.adds_a_segment()
        person.presses_key("P")
        person.clicks(INSIDE)
        person.presses_key("Z")
        assert not person.is_at(INSIDE, 1)
        person.presses_key("Y")
        assert person.is_at(INSIDE, 1)
        first, second = person.segmentation.GetSegmentation().GetSegmentIDs()
        person.presses_key("Q")
        assert person.panel.segmentId == first
        person.presses_key("Q")
        assert person.panel.segmentId == second, "they go round"
        person.presses_key("W")
        assert person.panel.segmentId == first
        person.presses_key(".")
        assert person.ui.thresholdSlider.value == pytest.approx(0.55)
        person.presses_key(",")
        person.presses_key(",")
        assert person.ui.thresholdSlider.value == pytest.approx(0.45)
        person.presses_key("U")
        person.waits()
        assert "computed" in person.status or "updated" in person.status

    def test_they_do_nothing_where_there_is_nothing_to_do(self, person):
        for key in ("P", "S", "X", "Z", "Y", "U", "Q", "W", ",", "."):
            person.presses_key(key)
        assert person.panel.tools.kind == ""

    def test_they_are_on_only_while_the_module_is_open(self, person):
        import qt

        def keys():
            found = person.host.window.findChildren(qt.QShortcut)
            return [s for s in found if s.enabled]

        opened = len(keys())
        person.host.select_module("")
        closed = len(keys())  # Those of others, who share the window.
        assert opened - closed == 12
        person.host.select_module("ImperfectSegInteractive")
        assert len(keys()) == opened

    def test_a_key_pressed_in_the_window_works(self, person):
        from PySide6 import QtTest
        from PySide6.QtCore import Qt

        person.adds_a_segment()
        person.host.window.activateWindow()
        person.host.process_events()
        QtTest.QTest.keyClick(person.host.window, Qt.Key.Key_P)
        person.host.process_events()
        assert person.ui.positivePointButton.checked

    def test_none_is_a_key_of_slicers_views(self, person):
        theirs = {"V", "R", "B", "F", "G", "T", "[", "]", "{", "}", "Left", "Right", "Up", "Down"}
        theirs |= {"+", "-", "Home", "End", "Ctrl+Z", "Ctrl+Y", "Ctrl+S", "Ctrl+O", "Ctrl+W"}
        ours = {known.key for known in person.panel.panel.shortcuts._known}
        assert not ours & theirs
