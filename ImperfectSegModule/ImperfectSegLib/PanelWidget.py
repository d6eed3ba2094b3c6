"""What the widgets of all modules share: life cycle, parameters, and what the scene tells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import slicer
import slicer.util
import vtk
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleWidget
from slicer.util import VTKObservationMixin

NEEDED = "requirements.txt"


class Panel:
    """What a panel does when something happens; all that it does not care for does nothing."""

    def follow(self, parameters: Any) -> None:
        """Shows what the parameters say; None while a scene is closed or read."""

    def enter(self) -> None:
        """Called each time the user opens the module."""

    def exit(self) -> None:
        """Called each time the user opens another module."""

    def close(self) -> None:
        """Called when the module is closed for good."""

    def startClose(self) -> None:
        """Called when a scene is about to be closed, while there still are parameters."""

    def forgetScene(self) -> None:
        """Lets go of a scene that is being closed."""

    def endClose(self) -> None:
        """Called when a scene was closed, once the parameters of the empty one are there."""

    def startSave(self) -> None:
        """Called before a scene is saved."""

    def endSave(self) -> None:
        """Called after a scene was saved."""

    def nodeAdded(self, node: Any) -> None:
        """Called when a node was added to the scene."""

    def nodeRemoved(self, node: Any) -> None:
        """Called when a node was removed from the scene."""


class PanelWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):  # type: ignore[misc]
    """The widget of a module: shows a panel and tells it of parameters and of the scene.

    A module's own class says which logic and which panel. It observes by `addObserver`, and all
    observers are taken off when it is closed.

    Attributes:
        ui: The widgets of the module's .ui file by their names.
        logic: The module's logic.
        panel: What the widgets do.
    """

    def __init__(self, parent: Any = None) -> None:
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self._parameterNode: Any = None
        self._guiTag: Any = None

    # What a module's own class says -----------------------------------------------------------

    def makeLogic(self) -> Any:
        """Makes the module's logic."""
        raise NotImplementedError

    def makePanel(self) -> Panel:
        """Makes the panel from `ui` and `logic`."""
        raise NotImplementedError

    def prepare(self, node: Any) -> None:
        """Changes parameters before the panel is connected to them; nothing by default."""

    def pickNodes(self, parameters: Any) -> None:
        """Chooses nodes of the scene where none is chosen: the first volume by default."""
        shown = shownVolumes()
        if parameters.inputVolume is None and shown:
            parameters.inputVolume = shown[0]

    # What Slicer calls ------------------------------------------------------------------------

    def setup(self) -> None:
        """Builds the panel."""
        ScriptedLoadableModuleWidget.setup(self)
        widget = slicer.util.loadUI(self.resourcePath(f"UI/{self.moduleName}.ui"))
        self.layout.addWidget(widget)
        self.ui = slicer.util.childWidgetVariables(widget)
        widget.setMRMLScene(slicer.mrmlScene)
        self.logic = self.makeLogic()
        self.panel = self.makePanel()
        self._observeScene()
        self.initializeParameterNode()

    def cleanup(self) -> None:
        """Called when the application closes or the module is reloaded."""
        self.panel.exit()
        self._connectParameterNode(None)
        self.panel.close()
        self.removeObservers()

    def enter(self) -> None:
        """Called each time the user opens the module."""
        self.initializeParameterNode()
        self.panel.enter()

    def exit(self) -> None:
        """Called each time the user opens another module; what is computed goes on."""
        self.panel.exit()

    # Parameters and scene ---------------------------------------------------------------------

    def initializeParameterNode(self) -> None:
        """Connects the panel to the scene's parameters, and chooses nodes where none is chosen."""
        node = self.logic.getParameterNode()
        known = self._parameterNode
        if known is None or known.parameterNode is not node.parameterNode:
            self._connectParameterNode(node)
        self.pickNodes(self._parameterNode)

    def requirementsFile(self) -> Path:
        """Gives the file that lists what networks need, which is the train module's.

        Installed, the resources of all modules lie in one folder.
        """
        installed = Path(self.resourcePath(NEEDED))
        beside = installed.parents[2] / "ImperfectSegTrain" / "Resources" / NEEDED
        return installed if installed.is_file() else beside

    def _observeScene(self) -> None:
        scene = slicer.mrmlScene
        for event, callback in {
            scene.StartCloseEvent: self._onStartClose,
            scene.EndCloseEvent: self._onEndClose,
            # While a scene is read, selectors know only some of its nodes and would choose anew.
            scene.StartImportEvent: lambda caller, event: self._connectParameterNode(None),
            scene.EndImportEvent: lambda caller, event: self.initializeParameterNode(),
            scene.StartSaveEvent: lambda caller, event: self.panel.startSave(),
            scene.EndSaveEvent: lambda caller, event: self.panel.endSave(),
            scene.NodeAddedEvent: self._onNodeAdded,
            scene.NodeRemovedEvent: self._onNodeRemoved,
        }.items():
            self.addObserver(scene, event, callback)

    def _connectParameterNode(self, node: Any) -> None:
        changed = vtk.vtkCommand.ModifiedEvent
        if self._parameterNode is not None:
            self._parameterNode.disconnectGui(self._guiTag)
            self.removeObserver(self._parameterNode.parameterNode, changed, self._onParameters)
        self._parameterNode = node
        if node is not None:
            self.prepare(node)
            self._guiTag = node.connectGui(self.ui)
            self.addObserver(node.parameterNode, changed, self._onParameters)
        self._onParameters()

    def _onParameters(self, caller: Any = None, event: Any = None) -> None:
        self.panel.follow(self._parameterNode)

    @vtk.calldata_type(vtk.VTK_OBJECT)  # type: ignore[untyped-decorator]
    def _onNodeAdded(self, caller: Any, event: Any, node: Any) -> None:
        if node is not None:
            self.panel.nodeAdded(node)

    @vtk.calldata_type(vtk.VTK_OBJECT)  # type: ignore[untyped-decorator]
    def _onNodeRemoved(self, caller: Any, event: Any, node: Any) -> None:
        if node is not None:
            self.panel.nodeRemoved(node)

    def _onStartClose(self, caller: Any, event: Any) -> None:
        self.panel.startClose()
        self._connectParameterNode(None)
        self.panel.forgetScene()

    def _onEndClose(self, caller: Any, event: Any) -> None:
        self.initializeParameterNode()
        self.panel.endClose()


def shownVolumes(kinds: tuple[str, ...] = ("vtkMRMLScalarVolumeNode",)) -> list[Any]:
    """Gives the volumes of exactly these classes that users can choose."""
    nodes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    return [n for n in nodes if n.GetClassName() in kinds and not n.GetHideFromEditors()]
