"""Scripted module: train on a data set and predict. The work is done by ImperfectSegLib."""

import sys
from pathlib import Path
from typing import Annotated, Any

import ctk
import slicer
import slicer.util
import vtk
from slicer import vtkMRMLScalarVolumeNode
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import Choice, WithinRange, parameterNodeWrapper
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

from ImperfectSegLib.PackageInstaller import PackageInstaller  # noqa: E402
from ImperfectSegLib.PredictPart import PredictPart  # noqa: E402
from ImperfectSegLib.Processes import Processes  # noqa: E402
from ImperfectSegLib.TrainingChoice import AUGMENTATIONS, DIMS  # noqa: E402
from ImperfectSegLib.TrainPart import TrainPart  # noqa: E402
from ImperfectSegLogic.networks.settings import NETWORKS  # noqa: E402


class ImperfectSegTrain(ScriptedLoadableModule):
    """The module as Slicer's module list shows it."""

    def __init__(self, parent: Any) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("ImperfectSeg Train")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        parent.dependencies = []
        parent.contributors = ["ImperfectSeg developers"]
        parent.helpText = _(
            "Trains a network on a data set folder with few, sparse or rough annotations, in a"
            " process of its own that goes on when 3D Slicer is closed; predicts with it."
        )
        parent.acknowledgementText = _(
            'After the survey "Embracing Imperfect Datasets" by Tajbakhsh et al.'
        )


@parameterNodeWrapper
class ImperfectSegTrainParameterNode:
    """What the panel remembers, also in a saved scene.

    Attributes:
        dataSetFolder: The data set's folder; empty if none was chosen.
        modelName: Of the next model.
        network: Of the next model.
        dims: Of the next model.
        steps: Of the next model.
        augment: Group of transforms for the next model.
        inputVolume: The open case to predict.
        uncertainty: Whether to add a volume with the uncertainty.
    """

    dataSetFolder: str
    modelName: str = "model"
    network: Annotated[str, Choice(list(NETWORKS))] = NETWORKS[0]
    dims: Annotated[str, Choice(list(DIMS))] = "auto"
    steps: Annotated[int, WithinRange(1, 1_000_000)] = 2000
    augment: Annotated[str, Choice(list(AUGMENTATIONS))] = "none"
    inputVolume: vtkMRMLScalarVolumeNode
    uncertainty: bool = False


class ImperfectSegTrainLogic(ScriptedLoadableModuleLogic):
    """Holds the parameters; from Python, `imperfectseg train` does the same without a panel."""

    def getParameterNode(self) -> ImperfectSegTrainParameterNode:
        """Gives the parameters of this module in the current scene."""
        return ImperfectSegTrainParameterNode(super().getParameterNode())


class ImperfectSegTrainWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The panel: scene and parameters; its two parts do the rest."""

    def __init__(self, parent: Any = None) -> None:
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic: ImperfectSegTrainLogic | None = None
        self._parameterNode: ImperfectSegTrainParameterNode | None = None
        self._guiTag: Any = None

    def setup(self) -> None:
        """Builds the panel."""
        ScriptedLoadableModuleWidget.setup(self)
        panel = slicer.util.loadUI(self.resourcePath("UI/ImperfectSegTrain.ui"))
        self.layout.addWidget(panel)
        self.ui = slicer.util.childWidgetVariables(panel)
        self.ui.dataSetPath.filters = ctk.ctkPathLineEdit.Dirs
        panel.setMRMLScene(slicer.mrmlScene)
        self.logic = ImperfectSegTrainLogic()
        installer = PackageInstaller(Path(self.resourcePath("requirements.txt")))
        self.predicting: PredictPart | None = None
        processes = Processes()
        self.training = TrainPart(self.ui, processes, installer, self._onChanged)
        self.predicting = PredictPart(self.ui, processes, self.training)
        self._observeScene()
        self.initializeParameterNode()

    def cleanup(self) -> None:
        """Called when the application closes or the module is reloaded; training goes on."""
        self._connectParameterNode(None)
        self.training.close()
        self.predicting.session.close()
        self.removeObservers()

    def enter(self) -> None:
        """Called each time the user opens the module."""
        self.initializeParameterNode()
        self.training.enter()

    def exit(self) -> None:
        """Called each time the user opens another module; curves stay live."""

    def initializeParameterNode(self) -> None:
        """Connects the panel to the scene's parameters; without a volume, picks the first."""
        node = self.logic.getParameterNode()
        known = self._parameterNode
        if not node.dataSetFolder:  # The path of an earlier session, or of a scene closed.
            node.dataSetFolder = self.ui.dataSetPath.currentPath
        if known is None or known.parameterNode is not node.parameterNode:
            self._connectParameterNode(node)
        nodes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
        volumes = [n for n in nodes if n.GetClassName() == "vtkMRMLScalarVolumeNode"]
        if self._parameterNode.inputVolume is None and volumes:
            self._parameterNode.inputVolume = volumes[0]

    def _observeScene(self) -> None:
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self._onSceneStartClose)
        self.addObserver(scene, scene.EndCloseEvent, self._onSceneEndClose)
        # While a scene is read, selectors know only some of its nodes and would choose anew.
        disconnect, connect = self._connectParameterNode, self.initializeParameterNode
        self.addObserver(scene, scene.StartImportEvent, lambda *_: disconnect(None))
        self.addObserver(scene, scene.EndImportEvent, lambda *_: connect())

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

    def _onParameters(self, caller: Any = None, event: Any = None) -> None:
        self.training.follow(self._parameterNode)
        self.predicting.follow(self._parameterNode)

    def _onChanged(self) -> None:
        if self.predicting is not None:
            self.predicting.update()

    def _onSceneStartClose(self, caller: Any, event: Any) -> None:
        self._connectParameterNode(None)
        self.predicting.session.forgetScene()

    def _onSceneEndClose(self, caller: Any, event: Any) -> None:
        self.initializeParameterNode()
        self.training.session.showAgain()
        self.predicting.update()


class ImperfectSegTrainTest(ScriptedLoadableModuleTest):
    """Runs inside 3D Slicer (Reload and Test) and, outside of it, in the project's test host."""

    def runTest(self) -> None:
        """Watches a run that ended."""
        slicer.mrmlScene.Clear()
        self.test_a_run_folder_becomes_curves()

    def test_a_run_folder_becomes_curves(self) -> None:
        """What a run has told stands in the tables of a chart; needs no PyTorch."""
        from ImperfectSegLib.TrainingCurves import TrainingCurves

        curves = TrainingCurves()
        curves.begin("test", {1: "liver"})
        for step in (10, 20):
            loss, dice = {"cross_entropy": 1.0 / step}, {"dice": 0.01 * step, "dice 1": 0.5}
            curves.add([{"kind": "step", "step": step, "of": 20, "values": loss}])
            curves.add([{"kind": "validation", "step": step, "of": 20, "values": dice}])
        points = slicer.util.arrayFromTableColumn(curves.table("validation"), "dice")
        if list(points) != [0.1, 0.2]:
            raise AssertionError(f"the curve has the points {list(points)}")
        if curves.chart.GetNumberOfPlotSeriesNodes() != 3:
            raise AssertionError("the chart has not three curves")
