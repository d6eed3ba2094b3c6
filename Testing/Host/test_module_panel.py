"""The Qt tier, shown on a small module that is written for each test."""

from __future__ import annotations

import textwrap
import threading
import time
from typing import Any

import numpy as np
import pytest

MODULE = """
import enum
import pathlib
from typing import Annotated

import ctk
import qt
import slicer
from slicer import vtkMRMLScalarVolumeNode
from slicer.i18n import tr as _
from slicer.parameterNodeWrapper import Choice, Default, WithinRange, parameterNodeWrapper
from slicer.ScriptedLoadableModule import *
from slicer.util import VTKObservationMixin


class Mode(enum.Enum):
    FAST = 1
    EXACT = 2


@parameterNodeWrapper
class TinyParameterNode:
    inputVolume: vtkMRMLScalarVolumeNode
    others: list[vtkMRMLScalarVolumeNode]
    weight: Annotated[float, WithinRange(0, 10), Default(2.5)]
    rounds: Annotated[int, WithinRange(1, 9)] = 3
    live: bool = True
    mode: Mode
    label: Annotated[str, Choice(["a", "b"])] = "b"
    folder: pathlib.Path
    sizes: list[int]


class Tiny(ScriptedLoadableModule):
    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("Tiny")


class TinyWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.calls = []
        self.node = None

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        panel = slicer.util.loadUI(self.resourcePath("UI/Tiny.ui"))
        self.layout.addWidget(panel)
        self.ui = slicer.util.childWidgetVariables(panel)
        panel.setMRMLScene(slicer.mrmlScene)
        self.logic = TinyLogic()
        self.ui.runButton.connect("clicked(bool)", self.onRun)
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, lambda *_: self.calls.append("closing"))
        self.addObserver(scene, scene.EndCloseEvent, self.onClosed)
        self.bind()

    def bind(self):
        if self.node is not None:
            self.node.disconnectGui(self.tag)
        self.node = TinyParameterNode(self.logic.getParameterNode())
        self.tag = self.node.connectGui(self.ui)

    def onClosed(self, caller, event):
        self.calls.append("closed")

    def onRun(self):
        self.calls.append("run")

    def enter(self):
        self.calls.append("enter")

    def exit(self):
        self.calls.append("exit")

    def cleanup(self):
        self.calls.append("cleanup")
        self.removeObservers()
        self.node.disconnectGui(self.tag)


class TinyLogic(ScriptedLoadableModuleLogic):
    pass
"""

PANEL = """
<ui version="4.0"><class>Tiny</class>
<widget class="qMRMLWidget" name="Tiny"><layout class="QVBoxLayout" name="rows">
<item><widget class="ctkCollapsibleButton" name="inputs">
 <property name="text"><string>Inputs</string></property>
 <layout class="QFormLayout" name="form">
 <item row="0" column="1"><widget class="qMRMLNodeComboBox" name="inputSelector">
  <property name="nodeTypes"><stringlist><string>vtkMRMLScalarVolumeNode</string></stringlist>
  </property>
  <property name="noneEnabled"><bool>true</bool></property>
  <property name="SlicerParameterName" stdset="0"><string>inputVolume</string></property>
 </widget></item>
 <item row="1" column="1"><widget class="ctkSliderWidget" name="weightSlider">
  <property name="SlicerParameterName" stdset="0"><string>weight</string></property>
 </widget></item>
 <item row="2" column="1"><widget class="QSpinBox" name="roundsBox">
  <property name="SlicerParameterName" stdset="0"><string>rounds</string></property>
 </widget></item>
 <item row="3" column="1"><widget class="QCheckBox" name="liveBox">
  <property name="SlicerParameterName" stdset="0"><string>live</string></property>
 </widget></item>
 <item row="4" column="1"><widget class="QComboBox" name="modeBox">
  <property name="SlicerParameterName" stdset="0"><string>mode</string></property>
 </widget></item>
 <item row="5" column="1"><widget class="ctkPathLineEdit" name="folderLine">
  <property name="SlicerParameterName" stdset="0"><string>folder</string></property>
 </widget></item>
 </layout></widget></item>
<item><widget class="qMRMLSegmentsTableView" name="segments"/></item>
<item><widget class="QProgressBar" name="progress"/></item>
<item><widget class="QPushButton" name="runButton">
 <property name="text"><string>Run</string></property></widget></item>
<item><widget class="QLabel" name="status"/></item>
</layout></widget>
<connections><connection><sender>Tiny</sender><signal>mrmlSceneChanged(vtkMRMLScene*)</signal>
<receiver>inputSelector</receiver><slot>setMRMLScene(vtkMRMLScene*)</slot></connection>
<connection><sender>Tiny</sender><signal>mrmlSceneChanged(vtkMRMLScene*)</signal>
<receiver>segments</receiver><slot>setMRMLScene(vtkMRMLScene*)</slot></connection></connections>
</ui>
"""


@pytest.fixture
def write_module(tmp_path):
    """Write the module, perhaps changed, and return the path of its .py file."""

    def write(module: str = MODULE, panel: str = PANEL) -> Any:
        (tmp_path / "Resources" / "UI").mkdir(parents=True)
        (tmp_path / "Resources" / "UI" / "Tiny.ui").write_text(panel)
        (tmp_path / "Tiny.py").write_text(textwrap.dedent(module))
        return tmp_path / "Tiny.py"

    return write


@pytest.fixture
def tiny(slicer_app, scene, write_module):
    """The widget object of the loaded and selected module."""
    slicer_app.load_module(write_module())
    return slicer_app.select_module("Tiny")


def test_a_button_runs_its_slot(tiny):
    tiny.ui.runButton.click()
    assert tiny.calls == ["enter", "run"]


def test_leaving_and_unloading(slicer_app, tiny):
    slicer_app.unload_module("Tiny")
    assert tiny.calls == ["enter", "exit", "cleanup"]


def test_scene_close_sends_its_events(slicer_app, tiny):
    slicer_app.clear_scene()
    assert tiny.calls == ["enter", "closing", "closed"]


def test_parameters_have_their_defaults(tiny):
    node, mode = tiny.node, type(tiny.node.mode)
    got = (node.inputVolume, node.weight, node.rounds, node.live, node.mode, node.label, node.sizes)
    assert got == (None, 2.5, 3, True, mode.FAST, "b", [])


def test_a_widget_sets_its_parameter(tiny):
    tiny.ui.weightSlider.value = 7
    tiny.ui.roundsBox.value = 5
    tiny.ui.liveBox.click()
    tiny.ui.modeBox.currentIndex = 1
    tiny.ui.folderLine.currentPath = "/some/where"
    node = tiny.node
    got = (node.weight, node.rounds, node.live, node.mode.name, str(node.folder))
    assert got == (7.0, 5, False, "EXACT", "/some/where")


def test_a_parameter_sets_its_widget(slicer_app, tiny):
    volume = slicer_app.app.mrmlScene().AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    tiny.node.inputVolume = volume
    tiny.node.weight = 9.5
    assert tiny.ui.inputSelector.currentNode() is volume
    assert tiny.ui.weightSlider.value == 9.5
    assert (tiny.ui.weightSlider.minimum, tiny.ui.weightSlider.maximum) == (0, 10)


def test_a_disconnected_panel_keeps_still(tiny):
    tiny.node.disconnectGui(tiny.tag)
    tiny.ui.roundsBox.value = 8
    tiny.node.weight = 1.0
    assert (tiny.node.rounds, tiny.ui.weightSlider.value) == (3, 2.5)


@pytest.mark.parametrize(
    ("name", "value"),
    [("weight", 11.0), ("weight", "heavy"), ("label", "c"), ("rounds", 2.5), ("inputVolume", 3)],
)
def test_wrong_values_are_refused(tiny, name, value):
    with pytest.raises(ValueError, match=name):
        setattr(tiny.node, name, value)


def test_parameters_survive_the_scene_file(slicer_app, tiny, tmp_path):
    import slicer

    volume = slicer.util.addVolumeFromArray(np.zeros((2, 3, 4)), name="kept")
    tiny.node.inputVolume, tiny.node.weight, tiny.node.sizes = volume, 4.25, [3, 1]
    tiny.node.others = [volume]
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    slicer_app.clear_scene()
    assert tiny.node.inputVolume is None
    slicer.util.loadScene(str(tmp_path / "scene.mrb"))
    tiny.bind()
    assert (tiny.node.weight, tiny.node.sizes) == (4.25, [3, 1])
    assert tiny.node.inputVolume.GetName() == "kept"
    assert [node.GetName() for node in tiny.node.others] == ["kept"]
    assert tiny.ui.inputSelector.currentNode() is tiny.node.inputVolume


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (("clicked(bool)", "clickd(bool)"), "no signal clickd"),
        (("clicked(bool)", "clicked(QString)"), "no signal clicked"),
        (("self.ui.runButton.connect", "self.ui.goButton.connect"), "goButton"),
        (("self.logic = ", "self.ui.runButton.txet = 'x'; self.logic = "), "txet"),
        (("self.logic = ", "self.ui.progress.value = 'x'; self.logic = "), "value"),
        (
            ("self.logic = ", "self.ui.segments.setSegmentation(None); self.logic = "),
            "Segmentation",
        ),
    ],
)
def test_wrong_names_in_the_module_raise(slicer_app, scene, write_module, fault, message):
    with pytest.raises((AttributeError, TypeError), match=message):
        slicer_app.load_module(write_module(MODULE.replace(*fault)))


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (('class="QSpinBox"', 'class="QSpinningBox"'), "QSpinningBox"),
        (('name="noneEnabled"', 'name="nonEnabled"'), "nonEnabled"),
        (("<signal>mrmlSceneChanged(", "<signal>mrmlSceneChange("), "no signal mrmlSceneChange"),
        (("<slot>setMRMLScene(", "<slot>setScene("), "no slot setScene"),
        (("<string>rounds</string>", "<string>turns</string>"), "turns"),
        (('class="QSpinBox"', 'class="QToolButton"'), "no connector from QToolButton"),
    ],
)
def test_wrong_names_in_the_panel_raise(slicer_app, scene, write_module, fault, message):
    with pytest.raises((RuntimeError, AttributeError, ValueError), match=message):
        slicer_app.load_module(write_module(panel=PANEL.replace(*fault)))


def test_an_exception_in_a_slot_is_recorded(slicer_app, tiny):
    tiny.ui.runButton.connect("clicked()", lambda: 1 / 0)
    tiny.ui.runButton.click()
    assert [type(error) for error in slicer_app.errors] == [ZeroDivisionError]
    slicer_app.clear_records()


def test_an_exception_in_an_observer_or_thread_is_recorded(slicer_app, scene, capsys):
    import vtk

    tag = scene.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: 1 / 0)
    scene.Modified()
    scene.RemoveObserver(tag)
    thread = threading.Thread(target=lambda: {}["missing"])
    thread.start()
    thread.join()
    assert [type(error) for error in slicer_app.errors] == [ZeroDivisionError, KeyError]
    slicer_app.clear_records()


def test_a_dialog_is_answered_and_recorded(slicer_app, scene):
    import qt
    import slicer

    with slicer_app.expecting_dialog("Delete all", answer=qt.QMessageBox.Yes) as seen:
        assert slicer.util.confirmYesNoDisplay("Delete all points?")
    assert seen[0].text == "Delete all points?"
    with slicer_app.expecting_dialog("went wrong"):
        slicer.util.errorDisplay("It went wrong")
    with slicer_app.expecting_dialog("Open", answer="/tmp/x.nrrd"):
        assert qt.QFileDialog.getOpenFileName(None, "Open file") == "/tmp/x.nrrd"
    assert not slicer_app.records.unexpected_dialogs


def test_an_unexpected_dialog_is_noted(slicer_app, scene):
    import slicer

    assert not slicer.util.confirmOkCancelDisplay("Sure?")
    assert [dialog.text for dialog in slicer_app.records.unexpected_dialogs] == ["Sure?"]
    slicer_app.clear_records()


def test_waiting_for_a_thread(slicer_app, scene):
    import qt

    ticks: list[float] = []
    timer = qt.QTimer()
    timer.setInterval(5)
    timer.connect("timeout()", lambda: ticks.append(time.monotonic()))
    timer.start()
    worker = threading.Thread(target=time.sleep, args=(0.1,))
    worker.start()
    slicer_app.wait_until(lambda: not worker.is_alive(), timeout=5)
    timer.stop()
    assert len(ticks) > 3
    with pytest.raises(TimeoutError):
        slicer_app.wait_until(lambda: False, timeout=0.02)
