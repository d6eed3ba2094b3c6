"""What the widgets of all modules share: life cycle, parameters, and what the scene tells."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
import slicer.util

from Testing.Module.conftest import MODULES

NAMES = sorted(path.stem for path in MODULES.glob("ImperfectSeg*/ImperfectSeg*.py"))
CALLS = (
    *("enter", "exit", "close", "startClose", "forgetScene", "endClose"),
    *("startSave", "endSave"),
)


def recorder():
    """A panel that notes what it is told, and else does nothing."""
    from ImperfectSegLib.PanelWidget import Panel

    class Recorder(Panel):
        def __init__(self):
            self.told = []
            self.parameters = []

        def follow(self, parameters):
            self.told.append("follow" if parameters is not None else "follow none")
            self.parameters.append(parameters)

        def nodeAdded(self, node):
            self.told.append(f"added {node.GetName()}")

        def nodeRemoved(self, node):
            self.told.append(f"removed {node.GetName()}")

    for name in CALLS:
        setattr(Recorder, name, lambda self, name=name: self.told.append(name))
    return Recorder()


@pytest.fixture(params=NAMES)
def module(request, slicer_app, scene, tmp_path, monkeypatch):
    """A module whose panel is watched, from before anything has happened to it."""
    path = tmp_path / "settings" / "Slicer.ini"
    monkeypatch.setattr(slicer.app._core, "slicerUserSettingsFilePath", str(path))
    widget = slicer_app.load_module(MODULES / request.param / f"{request.param}.py")
    widget.panel.close()
    widget.panel = recorder()
    return widget


def test_every_panel_is_one_of_five():
    assert [name.removeprefix("ImperfectSeg") for name in NAMES] == [
        *("Interactive", "Queue", "Refine", "Sparse", "Train")
    ]


def test_opening_and_leaving_the_module_is_told(slicer_app, module):
    slicer_app.select_module(module.moduleName)
    slicer_app.app.moduleManager().select("")
    assert module.panel.told == ["enter", "exit"]


def test_a_change_of_the_parameters_is_told(module):
    module._parameterNode.parameterNode.Modified()
    assert module.panel.told == ["follow"]
    assert module.panel.parameters == [module._parameterNode]


def test_a_scene_that_is_closed_is_let_go_of_before_and_taken_up_after(slicer_app, module):
    node = module._parameterNode
    slicer_app.clear_scene()
    told = [what for what in module.panel.told if not what.startswith(("added", "removed"))]
    assert told[:3] == ["startClose", "follow none", "forgetScene"]
    assert told[3] == "follow"
    assert told[-1] == "endClose"
    assert module._parameterNode is not node


def test_while_a_scene_is_read_there_are_no_parameters(module, tmp_path):
    slicer.mrmlScene.StartState(slicer.vtkMRMLScene.SaveState)
    slicer.mrmlScene.EndState(slicer.vtkMRMLScene.SaveState)
    assert module.panel.told == ["startSave", "endSave"]
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    module.panel.told.clear()
    slicer.util.loadScene(str(tmp_path / "scene.mrb"))
    told = [what for what in module.panel.told if what.startswith("follow")]
    assert told[0] == "follow none"
    assert told[-1] == "follow"


def test_nodes_that_come_and_go_are_told(module):
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTextNode", "note")
    slicer.mrmlScene.RemoveNode(node)
    assert [what for what in module.panel.told if "note" in what] == ["added note", "removed note"]


def test_the_first_volume_is_chosen_where_the_module_wants_one(module):
    hidden = slicer.util.addVolumeFromArray(np.zeros((2, 3, 4)), name="hidden")
    hidden.SetHideFromEditors(True)
    volume = slicer.util.addVolumeFromArray(np.zeros((2, 3, 4)), name="shown")
    module.initializeParameterNode()
    parameters = module._parameterNode
    if "inputVolume" in parameters.allParameters:
        assert parameters.inputVolume is volume
    else:
        assert module.moduleName == "ImperfectSegQueue"


def test_a_module_that_is_unloaded_hears_nothing_any_more(slicer_app, module):
    panel, node = module.panel, module._parameterNode.parameterNode
    slicer_app.unload_module(module.moduleName)
    assert panel.told[-1] == "close"
    assert panel.told[0] == "exit"
    panel.told.clear()
    node.Modified()
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTextNode", "note")
    slicer_app.clear_scene()
    assert panel.told == []
