"""The open item's tool bar: it is annotated in another module, and done and followed there."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import slicer
import slicer.util

from Testing.Module.conftest import MODULES
from Testing.Module.queue_person import SLICES, person, settings

__all__ = ["person", "settings"]

INTERACTIVE = MODULES / "ImperfectSegInteractive" / "ImperfectSegInteractive.py"


@pytest.fixture
def interactive(person):
    """The parameters of the interactive panel, to which the person can go."""
    person.host.load_module(INTERACTIVE)
    return slicer.util.getModuleLogic("ImperfectSegInteractive").getParameterNode()


@pytest.fixture
def bar(person):
    return person.panel.bar


def shown(person):
    """The texts of the tool bar in the window; None if there is none."""
    import qt

    bars = person.host.window.findChildren(qt.QToolBar)
    for bar in bars:
        if bar.objectName == "ImperfectSegQueueBar" and not bar.isHidden():
            return [label.text for label in bar.findChildren(qt.QLabel)]
    return None


def presses(person, name):
    """Presses a button of the tool bar."""
    button = getattr(person.panel.bar, f"_{name}")
    assert button.enabled, f"{name} cannot be pressed"
    button.click()
    person.rests()


def test_it_is_there_while_an_item_is_annotated_in_another_module(person, interactive):
    assert shown(person) is None
    person.presses("nextButton")
    assert shown(person) is None
    person.presses("interactiveButton")
    assert shown(person)[0].startswith("<b>case0, slice 3</b> 0:0")
    person.host.select_module("ImperfectSegQueue")
    assert shown(person) is None
    person.presses("putBackButton")
    person.host.select_module("ImperfectSegInteractive")
    assert shown(person) is None  # Nothing is open.


def test_what_was_drawn_is_done_there_and_the_next_item_comes_there(person, interactive):
    person.presses("nextButton")
    person.presses("interactiveButton")
    person.draws("liver")
    presses(person, "done")
    assert (person.saved("case0")[3, 2:6, 2:6] == 1).all()
    assert shown(person) == [
        "No item is open.",
        f"{SLICES[0]} is done: version 1 of ann.",
    ]
    assert not person.panel.bar._done.enabled
    presses(person, "next")
    assert person.open == SLICES[1]
    assert interactive.segmentation is person.session.segmentationNode
    assert interactive.inputVolume is person.session.volumeNode
    assert shown(person)[0].startswith("<b>case1, slice 5</b>")
    presses(person, "back")
    assert person.open == SLICES[0]
    assert slicer.util.selectedModule() == "ImperfectSegInteractive"


def test_segment_editor_goes_on_with_the_next_item(person, interactive, monkeypatch):
    person.presses("nextButton")
    person.presses("interactiveButton")
    widget = slicer.qMRMLSegmentEditorWidget()
    widget.setMRMLScene(slicer.mrmlScene)
    widget.setMRMLSegmentEditorNode(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentEditorNode"))
    module = SimpleNamespace(editor=widget)
    monkeypatch.setattr(slicer.util, "selectModule", lambda name: None)
    monkeypatch.setattr(slicer.util, "selectedModule", lambda: "SegmentEditor")
    monkeypatch.setattr(slicer.util, "getModuleWidget", {"SegmentEditor": module}.__getitem__)
    presses(person, "done")
    presses(person, "next")
    assert widget.segmentationNode() is person.session.segmentationNode
    assert widget.sourceVolumeNode() is person.session.volumeNode
    assert interactive.segmentation is not person.session.segmentationNode


def test_its_keys_work_in_other_modules_only(person, interactive):
    assert "<b>Ctrl+Return</b>" in person.ui.shortcutsLabel.text
    person.presses("nextButton")
    with pytest.raises(KeyError):
        person.presses_key("Ctrl+Return")
    person.presses("interactiveButton")
    person.presses_key("Ctrl+Return")
    assert person.states()[SLICES[0]] == "done"
    person.presses_key("Ctrl+Shift+N")
    assert person.open == SLICES[1]
    person.presses_key("Ctrl+Shift+B")
    assert person.open == SLICES[0]
    person.presses_key("Ctrl+Shift+Q")
    assert slicer.util.selectedModule() == "ImperfectSegQueue"
    with pytest.raises(KeyError):
        person.presses_key("Ctrl+Shift+N")


def test_what_goes_wrong_is_said_there_in_red(person, interactive, bar, monkeypatch):
    person.presses("nextButton")
    person.presses("interactiveButton")
    slicer.mrmlScene.RemoveNode(person.session.segmentationNode)
    presses(person, "done")
    assert "its segmentation was removed from the scene" in shown(person)[1]
    assert "color" in bar._message.styleSheet
    presses(person, "next")
    assert bar._message.styleSheet == ""


def test_the_time_goes_on_there(person, interactive, monkeypatch):
    person.presses("nextButton")
    person.presses("interactiveButton")
    person.session.clock.start(187.0)
    person.panel.care.tick()
    assert shown(person)[0] == "<b>case0, slice 3</b> 3:07"


def test_closing_the_scene_leaves_nothing_open_there(person, interactive):
    person.presses("nextButton")
    person.presses("interactiveButton")
    person.host.clear_scene()
    assert shown(person)[0] == "No item is open."


def test_it_goes_with_the_module(person, interactive):
    import qt

    person.presses("nextButton")
    person.presses("interactiveButton")
    person.closes_the_panel()
    person.host.process_events()
    names = [bar.objectName for bar in person.host.window.findChildren(qt.QToolBar)]
    assert "ImperfectSegQueueBar" not in names
    with pytest.raises(KeyError):
        person.presses_key("Ctrl+Return")
