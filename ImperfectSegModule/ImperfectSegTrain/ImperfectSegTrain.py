"""Scripted module: train on a data set and predict. The work is done by ImperfectSegLib."""

import sys
from pathlib import Path
from typing import Annotated, Any

import slicer
import slicer.util
from slicer import vtkMRMLScalarVolumeNode
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import Choice, WithinRange, parameterNodeWrapper
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
)

# Installed, everything lies in one folder. In a source tree that folder is two levels up.
for folder in (Path(__file__).resolve().parents[1], Path(__file__).resolve().parents[2]):
    if any(folder.glob("ImperfectSegL*/__init__.py")) and str(folder) not in sys.path:
        sys.path.append(str(folder))

from ImperfectSegLib.PanelWidget import PanelWidget  # noqa: E402
from ImperfectSegLib.TrainingChoice import AUGMENTATIONS, DIMS  # noqa: E402
from ImperfectSegLib.TrainPanel import TrainPanel  # noqa: E402
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


class ImperfectSegTrainWidget(PanelWidget):
    """The panel in Slicer."""

    def makeLogic(self) -> ImperfectSegTrainLogic:
        """Makes the module's logic."""
        return ImperfectSegTrainLogic()

    def makePanel(self) -> TrainPanel:
        """Makes the panel."""
        panel = TrainPanel(self.ui, self.requirementsFile())
        self.training, self.predicting = panel.training, panel.predicting
        return panel

    def prepare(self, node: ImperfectSegTrainParameterNode) -> None:
        """Takes the path of an earlier session, or of a scene closed, if there is no other."""
        if not node.dataSetFolder:
            node.dataSetFolder = self.ui.dataSetPath.currentPath


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
