"""Scripted module: segment by pointing. The work is done by ImperfectSegLib and the logic."""

import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import slicer
import slicer.util
import vtk
from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin

# Installed, everything lies in one folder. In a source tree that folder is two levels up.
for folder in (Path(__file__).resolve().parents[1], Path(__file__).resolve().parents[2]):
    if any(folder.glob("ImperfectSegL*/__init__.py")) and str(folder) not in sys.path:
        sys.path.append(str(folder))

from ImperfectSegLib.InteractiveLogic import InteractiveLogic  # noqa: E402
from ImperfectSegLib.InteractiveSession import InteractiveSession  # noqa: E402
from ImperfectSegLib.JobRunner import JobRunner  # noqa: E402
from ImperfectSegLib.PromptStore import PromptStore  # noqa: E402
from ImperfectSegLib.PromptTools import BOX, POINT, SCRIBBLE, PromptTools  # noqa: E402
from ImperfectSegLib.SegmentationWriter import isLocked, setLocked  # noqa: E402


class ImperfectSegInteractive(ScriptedLoadableModule):
    """The module as Slicer's module list shows it."""

    def __init__(self, parent: Any) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("ImperfectSeg Interactive")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        parent.dependencies = []
        parent.contributors = ["ImperfectSeg developers"]
        parent.helpText = _(
            "Segments by pointing: choose a volume, add a segment, click or scribble on what"
            " belongs to it and on what does not. Computes on this computer, without a download."
        )
        parent.acknowledgementText = _(
            'After the survey "Embracing Imperfect Datasets" by Tajbakhsh et al.'
        )


@parameterNodeWrapper
class ImperfectSegInteractiveParameterNode:
    """What the panel remembers, also in a saved scene.

    Attributes:
        inputVolume: The image to segment.
        segmentation: Where the result goes.
        autoUpdate: Whether to segment again after every prompt.
        scribbleWidth: Width of new scribbles in mm.
    """

    inputVolume: vtkMRMLScalarVolumeNode
    segmentation: vtkMRMLSegmentationNode
    autoUpdate: bool = True
    scribbleWidth: Annotated[float, WithinRange(0.0, 20.0)] = 2.0


class ImperfectSegInteractiveLogic(ScriptedLoadableModuleLogic, InteractiveLogic):
    """The same jobs without the panel: `addClick`, `segment`."""

    def __init__(self) -> None:
        ScriptedLoadableModuleLogic.__init__(self)
        InteractiveLogic.__init__(self)

    def getParameterNode(self) -> ImperfectSegInteractiveParameterNode:
        """Gives the parameters of this module in the current scene."""
        return ImperfectSegInteractiveParameterNode(super().getParameterNode())


class ImperfectSegInteractiveWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The panel: shows the session and passes on what the user does."""

    def __init__(self, parent: Any = None) -> None:
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic: ImperfectSegInteractiveLogic | None = None
        self._parameterNode: ImperfectSegInteractiveParameterNode | None = None
        self._guiTag: Any = None
        self._isUpdating = False

    # Life cycle -------------------------------------------------------------------------------

    def setup(self) -> None:
        """Builds the panel."""
        ScriptedLoadableModuleWidget.setup(self)
        panel = slicer.util.loadUI(self.resourcePath("UI/ImperfectSegInteractive.ui"))
        self.layout.addWidget(panel)
        self.ui = slicer.util.childWidgetVariables(panel)
        panel.setMRMLScene(slicer.mrmlScene)
        self.logic = ImperfectSegInteractiveLogic()
        self.session = InteractiveSession(self.logic, JobRunner(), self)
        self.tools = PromptTools(self.session.promptsChanged, self._updateButtons)
        self._toolButtons = {
            (POINT, True): self.ui.positivePointButton,
            (POINT, False): self.ui.negativePointButton,
            (SCRIBBLE, True): self.ui.positiveScribbleButton,
            (SCRIBBLE, False): self.ui.negativeScribbleButton,
            (BOX, True): self.ui.boxButton,
        }
        self._connectWidgets()
        self._observeScene()
        self.initializeParameterNode()

    def cleanup(self) -> None:
        """Called when the application closes or the module is reloaded."""
        self.tools.drop()
        self._connectParameterNode(None)
        self.session.forgetScene()
        self.removeObservers()

    def enter(self) -> None:
        """Called each time the user opens the module."""
        self.initializeParameterNode()

    def exit(self) -> None:
        """Called each time the user opens another module; a computation goes on."""
        self.tools.drop()

    def initializeParameterNode(self) -> None:
        """Connects the panel to the scene's parameters; without a volume, picks the first."""
        node = self.logic.getParameterNode()
        known = self._parameterNode
        if known is None or known.parameterNode is not node.parameterNode:
            self._connectParameterNode(node)
        nodes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
        volumes = [n for n in nodes if n.GetClassName() == "vtkMRMLScalarVolumeNode"]
        if self._parameterNode.inputVolume is None and volumes:
            self._parameterNode.inputVolume = volumes[0]

    def _connectWidgets(self) -> None:
        self.ui.addSegmentButton.connect("clicked(bool)", self.onAddSegment)
        self.ui.removeSegmentButton.connect("clicked(bool)", self.onRemoveSegment)
        self.ui.lockCheckBox.connect("toggled(bool)", self.onLock)
        self.ui.segmentsTable.connect(
            "selectionChanged(QItemSelection,QItemSelection)", self.onSegmentSelected
        )
        for (kind, positive), button in self._toolButtons.items():
            button.connect("clicked(bool)", partial(self.onTool, kind, positive))
        self.ui.applyButton.connect("clicked(bool)", lambda _checked: self.session.apply())
        self.ui.cancelButton.connect("clicked(bool)", lambda _checked: self.session.cancel())
        self.ui.undoButton.connect("clicked(bool)", lambda _checked: self.session.undo())
        self.ui.clearButton.connect("clicked(bool)", lambda _checked: self.session.clear())

    def _observeScene(self) -> None:
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self._onSceneStartClose)
        self.addObserver(scene, scene.EndCloseEvent, self._onSceneEndClose)
        # While a scene is read, selectors know only some of its nodes and would choose anew.
        disconnect, connect = self._connectParameterNode, self.initializeParameterNode
        self.addObserver(scene, scene.StartImportEvent, lambda *_: disconnect(None))
        self.addObserver(scene, scene.EndImportEvent, lambda *_: connect())
        self.addObserver(scene, scene.NodeAddedEvent, self._onNodeAdded)
        self.addObserver(scene, scene.NodeRemovedEvent, self._onNodeRemoved)
        for node in slicer.util.getNodesByClass("vtkMRMLMarkupsNode"):
            self._observeMarkups(node)
        interaction = slicer.app.applicationLogic().GetInteractionNode()
        changed = interaction.InteractionModeChangedEvent
        self.addObserver(interaction, changed, lambda node, _: self.tools.onInteractionMode(node))

    def _connectParameterNode(self, node: Any) -> None:
        changed = vtk.vtkCommand.ModifiedEvent
        if self._parameterNode is not None:
            self._parameterNode.disconnectGui(self._guiTag)
            self.removeObserver(self._parameterNode.parameterNode, changed, self._onParameters)
        self._parameterNode = node
        if node is not None:
            self._guiTag = node.connectGui(self.ui)
            self.addObserver(node.parameterNode, changed, self._onParameters)
            self._onParameters()

    # What the user works on -------------------------------------------------------------------

    @property
    def segmentId(self) -> str:
        """ID of the selected segment; empty when none is selected."""
        selected = self.ui.segmentsTable.selectedSegmentIDs()
        return selected[0] if selected else ""

    def onAddSegment(self, checked: bool = False) -> None:
        """Adds a segment, and a segmentation for it if there is none."""
        parameters = self._parameterNode
        if parameters.segmentation is None:
            node = slicer.mrmlScene.AddNewNodeByClass(
                "vtkMRMLSegmentationNode", f"{parameters.inputVolume.GetName()} segments"
            )
            node.CreateDefaultDisplayNodes()
            node.SetReferenceImageGeometryParameterFromVolumeNode(parameters.inputVolume)
            parameters.segmentation = node
        self.ui.segmentsTable.setSelectedSegmentIDs(
            [self.logic.addSegment(parameters.segmentation)]
        )
        self._updateButtons()

    def onRemoveSegment(self, checked: bool = False) -> None:
        """Removes the selected segment; its prompts go with it."""
        segmentation, segmentId = self._parameterNode.segmentation, self.segmentId
        self.tools.drop()
        PromptStore(segmentation).removeSegment(segmentId)
        segmentation.GetSegmentation().RemoveSegment(segmentId)
        self._selectFirstSegment()
        self._updateButtons()

    def onLock(self, locked: bool) -> None:
        """Locks or unlocks the selected segment."""
        if self.segmentId and not self._isUpdating:
            setLocked(self._parameterNode.segmentation, self.segmentId, locked)
            self.tools.drop()
            self._updateButtons()

    def onSegmentSelected(self, selected: Any = None, deselected: Any = None) -> None:
        """Goes on with the same tool on the segment now selected."""
        if self.tools.kind:
            self.onTool(self.tools.kind, self.tools.positive, True)
        self._updateButtons()

    def onTool(self, kind: str, positive: bool, take: bool) -> None:
        """Takes up or lays down a tool for the selected segment."""
        self.tools.drop()
        if take and self._canPrompt():
            segmentation = self._parameterNode.segmentation
            width = self._parameterNode.scribbleWidth
            self.tools.take(kind, positive, segmentation, self.segmentId, width)
        self._updateButtons()

    def _selectFirstSegment(self) -> None:
        segmentation = self._parameterNode.segmentation
        ids = segmentation.GetSegmentation().GetSegmentIDs() if segmentation else ()
        self.ui.segmentsTable.setSelectedSegmentIDs(list(ids[:1]))

    # What the panel shows ---------------------------------------------------------------------

    def say(self, text: str, isError: bool = False) -> None:
        """Shows a message and the state of the session."""
        self.ui.statusLabel.text = _(text)
        self.ui.statusLabel.styleSheet = "color: #c0392b" if isError else ""
        self._updateButtons()

    def showProgress(self, fraction: float) -> None:
        """Shows how far the computation is, from 0 to 1."""
        self.ui.progressBar.value = round(100 * fraction)

    def _canPrompt(self) -> bool:
        parameters = self._parameterNode
        chosen = bool(parameters and parameters.inputVolume and self.segmentId)
        return chosen and not isLocked(parameters.segmentation, self.segmentId)

    def _updateButtons(self) -> None:
        if self._parameterNode is None:
            return
        self._isUpdating = True
        computing, hasSegment = self.session.isComputing, bool(self.segmentId)
        for (kind, positive), button in self._toolButtons.items():
            button.enabled = self._canPrompt()
            button.checked = (kind, positive) == (self.tools.kind, self.tools.positive)
        self.ui.lockCheckBox.enabled = self.ui.removeSegmentButton.enabled = hasSegment
        self.ui.lockCheckBox.checked = hasSegment and isLocked(
            self._parameterNode.segmentation, self.segmentId
        )
        self.ui.addSegmentButton.enabled = self._parameterNode.inputVolume is not None
        self.ui.applyButton.enabled = self.session.hasPrompts and not computing
        self.ui.clearButton.enabled = self.session.hasPrompts
        self.ui.undoButton.enabled = self.session.canUndo
        self.ui.cancelButton.enabled = computing
        if not computing:
            self.ui.progressBar.value = 0
        self._isUpdating = False

    # What happens in the scene ----------------------------------------------------------------

    def _onParameters(self, caller: Any = None, event: Any = None) -> None:
        parameters = self._parameterNode
        self.session.volumeNode = parameters.inputVolume
        self.session.autoUpdate = parameters.autoUpdate
        self.tools.setWidth(parameters.scribbleWidth)
        if self.session.segmentationNode is not parameters.segmentation:
            self.tools.drop()
            self.session.workOn(parameters.segmentation)
            self.ui.segmentsTable.setSegmentationNode(parameters.segmentation)
            self._selectFirstSegment()
        self._updateButtons()

    def _onPrompts(self, caller: Any = None, event: Any = None) -> None:
        if not self.tools.isDrawing:
            self.session.promptsChanged()
            self._updateButtons()

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onNodeAdded(self, caller: Any, event: Any, node: Any) -> None:
        if node is not None and node.IsA("vtkMRMLMarkupsNode"):
            self._observeMarkups(node)

    def _observeMarkups(self, node: Any) -> None:
        defined, removed = node.PointPositionDefinedEvent, node.PointRemovedEvent
        for pointEvent in (defined, removed, node.PointEndInteractionEvent):
            if not self.hasObserver(node, pointEvent, self._onPrompts):
                self.addObserver(node, pointEvent, self._onPrompts)

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onNodeRemoved(self, caller: Any, event: Any, node: Any) -> None:
        if node is not None and node.IsA("vtkMRMLMarkupsNode"):
            self._onPrompts()

    def _onSceneStartClose(self, caller: Any, event: Any) -> None:
        self.tools.drop()
        self._connectParameterNode(None)
        self.session.forgetScene()

    def _onSceneEndClose(self, caller: Any, event: Any) -> None:
        self.ui.segmentsTable.setSegmentationNode(None)
        self.initializeParameterNode()
        self.say("")


class ImperfectSegInteractiveTest(ScriptedLoadableModuleTest):
    """Runs inside 3D Slicer (Reload and Test) and, outside of it, in the project's test host."""

    def runTest(self) -> None:
        """Segments a ball from two clicks."""
        slicer.mrmlScene.Clear()
        self.test_two_clicks_segment_a_ball()

    def test_two_clicks_segment_a_ball(self) -> None:
        """A click inside and one outside find a bright ball in the dark."""
        import numpy as np

        k, j, i = np.mgrid[:40, :40, :40]
        ball = (k - 20) ** 2 + (j - 20) ** 2 + (i - 20) ** 2 < 10**2
        noise = np.random.default_rng(0).normal(0, 5, ball.shape)
        volume = slicer.util.addVolumeFromArray((100 * ball + noise).astype(np.float32))
        segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
        logic = ImperfectSegInteractiveLogic()
        logic.addClick(segmentation, "Ball", [20, 20, 20])
        logic.addClick(segmentation, "Ball", [3, 3, 3], positive=False)
        logic.segment(volume, segmentation)
        segmentId = segmentation.GetSegmentation().GetSegmentIdBySegmentName("Ball")
        found = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, segmentId, volume) > 0
        dice = 2 * (found & ball).sum() / (found.sum() + ball.sum())
        if dice < 0.95:
            raise AssertionError(f"the ball was found with a Dice of {dice:.2f} only")
