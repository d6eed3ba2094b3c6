"""Scripted module: annotate sparsely. The work is done by ImperfectSegLib and the logic."""

import sys
from pathlib import Path
from typing import Annotated, Any

import slicer
import slicer.util
from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper
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
from ImperfectSegLib.SparseLogic import SparseLogic  # noqa: E402
from ImperfectSegLib.SparsePanel import SparsePanel  # noqa: E402


class ImperfectSegSparse(ScriptedLoadableModule):
    """The module as Slicer's module list shows it."""

    def __init__(self, parent: Any) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("ImperfectSeg Sparse")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        parent.dependencies = []
        parent.contributors = ["ImperfectSeg developers"]
        parent.helpText = _(
            "Annotates a little of an image: scribbles, chosen slices, a grid of points, RECIST"
            " diameters, boxes, and tags. Shows how much is annotated and how evenly, completes the"
            " mask on request, and hands the case to a data set. Computes on this computer."
        )
        parent.acknowledgementText = _(
            'After the survey "Embracing Imperfect Datasets" by Tajbakhsh et al.'
        )


@parameterNodeWrapper
class ImperfectSegSparseParameterNode:
    """What the panel remembers, also in a saved scene.

    Attributes:
        inputVolume: The image to annotate.
        segmentation: What the marks belong to.
        annotator: Who annotates.
        scribbleWidth: Width of new scribbles in mm.
        squares: Whether short axes are kept at a right angle to the long ones.
        showUncertainty: Whether it is shown where a completed mask is unsure.
        overlayOpacity: How much that covers, from 0 to 1.
        dataset: The folder of the data set that gets the case.
        caseName: The name of the case; empty for that of the volume.
    """

    inputVolume: vtkMRMLScalarVolumeNode
    segmentation: vtkMRMLSegmentationNode
    annotator: str = "slicer"
    scribbleWidth: Annotated[float, WithinRange(0.0, 20.0)] = 2.0
    squares: bool = True
    showUncertainty: bool = True
    overlayOpacity: Annotated[float, WithinRange(0.0, 1.0)] = 0.5
    dataset: str = ""
    caseName: str = ""


class ImperfectSegSparseLogic(ScriptedLoadableModuleLogic, SparseLogic):
    """The same jobs without the panel: `taken`, `complete`."""

    def __init__(self) -> None:
        ScriptedLoadableModuleLogic.__init__(self)
        SparseLogic.__init__(self)

    def getParameterNode(self) -> ImperfectSegSparseParameterNode:
        """Gives the parameters of this module in the current scene."""
        return ImperfectSegSparseParameterNode(super().getParameterNode())


class ImperfectSegSparseWidget(PanelWidget):
    """The panel in Slicer."""

    def makeLogic(self) -> ImperfectSegSparseLogic:
        """Makes the module's logic."""
        return ImperfectSegSparseLogic()

    def makePanel(self) -> SparsePanel:
        """Makes the panel."""
        return SparsePanel(self.ui, self.logic)


class ImperfectSegSparseTest(ScriptedLoadableModuleTest):
    """Runs inside 3D Slicer (Reload and Test) and, outside of it, in the project's test host."""

    def runTest(self) -> None:
        """Takes strokes out of the scene."""
        slicer.mrmlScene.Clear()
        self.test_a_stroke_and_a_diameter_become_annotations()

    def test_a_stroke_and_a_diameter_become_annotations(self) -> None:
        """A scribble is a sparse mask; two crossing lines are a RECIST mark."""
        import numpy as np

        from ImperfectSegLib.SparseStore import SparseStore
        from ImperfectSegLib.SparseTaken import MASK, RECIST

        volume = slicer.util.addVolumeFromArray(np.zeros((20, 30, 40), np.int16))
        logic = ImperfectSegSparseLogic()
        segmentation = logic.newSegmentation(volume)
        segmentId = logic.addSegment(segmentation, "Ball")
        store = SparseStore(segmentation)
        store.addStroke(segmentId, [[5, 5, 5], [15, 5, 5]])
        store.addAxis(segmentId, [[5, 15, 5], [25, 15, 5]], "long", 1)
        store.addAxis(segmentId, [[15, 10, 5], [15, 20, 5]], "short", 1)
        taken = logic.taken(volume, segmentation)
        if (taken.annotation(MASK).labels == 1).sum() != 11:
            raise AssertionError("the stroke is not 11 voxels long")
        if len(taken.annotation(RECIST).marks) != 1:
            raise AssertionError("two axes are not one lesion")
