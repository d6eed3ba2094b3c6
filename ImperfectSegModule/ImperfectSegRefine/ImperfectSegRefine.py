"""Scripted module: refine segmentations by the image. The work is done by ImperfectSegLib."""

import sys
from pathlib import Path
from typing import Annotated, Any

import slicer
import slicer.util
from slicer import vtkMRMLMarkupsROINode, vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode
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

from ImperfectSegLib.OverlayPart import OVERLAYS  # noqa: E402
from ImperfectSegLib.PanelWidget import PanelWidget, shownVolumes  # noqa: E402
from ImperfectSegLib.Processes import Processes  # noqa: E402
from ImperfectSegLib.RefineChoice import CERTAINTY  # noqa: E402
from ImperfectSegLib.RefineLogic import RefineLogic  # noqa: E402
from ImperfectSegLib.RefinePanel import RefinePanel  # noqa: E402


class ImperfectSegRefine(ScriptedLoadableModule):
    """The module as Slicer's module list shows it."""

    def __init__(self, parent: Any) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("ImperfectSeg Refine")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        parent.dependencies = []
        parent.contributors = ["ImperfectSeg developers"]
        parent.helpText = _(
            "Refines a segmentation, or the probabilities that a network stored, by the image: with"
            " conditional random fields that draw borders where the image has edges, and a clean-up"
            " of specks, gaps and holes. Shows what will come of it while sliders move."
        )
        parent.acknowledgementText = _(
            'After the survey "Embracing Imperfect Datasets" by Tajbakhsh et al.'
        )


@parameterNodeWrapper
class ImperfectSegRefineParameterNode:
    """What the panel remembers, also in a saved scene.

    Attributes:
        inputVolume: The image that was segmented.
        segmentation: What is refined, and where the result goes.
        probabilities: A file with stored probabilities to start from; empty for none.
        certainty: How sure the segments are, where there are no probabilities.
        steps: Method and settings, as JSON; empty for the first method as it is.
        keepPrompts: Whether prompted voxels keep the label they name.
        onlySelected: Whether only selected segments are changed.
        nearSegments: Whether only what is near to a segment is refined.
        margin: How near, in mm.
        livePreview: Whether slices in view are shown as they would become.
        previewOpacity: How much the preview covers, from 0 to 1.
        overlay: What lies over the image.
        overlayOpacity: How much it covers, from 0 to 1.
        limitToRegion: Whether only a region is changed.
        region: The region.
    """

    inputVolume: vtkMRMLScalarVolumeNode
    segmentation: vtkMRMLSegmentationNode
    probabilities: str = ""
    certainty: Annotated[float, WithinRange(0.51, 0.99)] = CERTAINTY
    steps: str = ""
    keepPrompts: bool = True
    onlySelected: bool = False
    nearSegments: bool = False
    margin: Annotated[float, WithinRange(0.0, 1000.0)] = 20.0
    livePreview: bool = False
    previewOpacity: Annotated[float, WithinRange(0.0, 1.0)] = 0.6
    overlay: Annotated[str, Choice(list(OVERLAYS))] = OVERLAYS[0]
    overlayOpacity: Annotated[float, WithinRange(0.0, 1.0)] = 0.5
    limitToRegion: bool = False
    region: vtkMRMLMarkupsROINode


class ImperfectSegRefineLogic(ScriptedLoadableModuleLogic, RefineLogic):
    """The same jobs without the panel: `refine`."""

    def __init__(self) -> None:
        ScriptedLoadableModuleLogic.__init__(self)
        RefineLogic.__init__(self)

    def getParameterNode(self) -> ImperfectSegRefineParameterNode:
        """Gives the parameters of this module in the current scene."""
        return ImperfectSegRefineParameterNode(super().getParameterNode())


class ImperfectSegRefineWidget(PanelWidget):
    """The panel in Slicer."""

    def makeLogic(self) -> ImperfectSegRefineLogic:
        """Makes the module's logic."""
        return ImperfectSegRefineLogic()

    def makePanel(self) -> RefinePanel:
        """Makes the panel."""
        return RefinePanel(self.ui, self.logic, Processes(), self.requirementsFile())

    def prepare(self, node: ImperfectSegRefineParameterNode) -> None:
        """A scene that was just opened computes nothing unasked."""
        node.livePreview = False

    def pickNodes(self, parameters: ImperfectSegRefineParameterNode) -> None:
        """Chooses the first volume, which may have colors, and the first segmentation."""
        volumes = shownVolumes(("vtkMRMLScalarVolumeNode", "vtkMRMLVectorVolumeNode"))
        segmentations = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
        if parameters.inputVolume is None and volumes:
            parameters.inputVolume = volumes[0]
        if parameters.segmentation is None and segmentations:
            parameters.segmentation = segmentations[0]


class ImperfectSegRefineTest(ScriptedLoadableModuleTest):
    """Runs inside 3D Slicer (Reload and Test) and, outside of it, in the project's test host."""

    def runTest(self) -> None:
        """Cleans up a ball with a speck and a hole; needs no PyTorch."""
        slicer.mrmlScene.Clear()
        self.test_a_clean_up_gives_a_ball_without_specks_and_holes()

    def test_a_clean_up_gives_a_ball_without_specks_and_holes(self) -> None:
        """The largest piece stays, its hole is filled, and one undo takes both back."""
        import numpy as np

        from ImperfectSegLib import Bridge
        from ImperfectSegLib.RefineChoice import RefineChoice, Step

        k, j, i = np.mgrid[:30, :30, :30]
        ball = (k - 15) ** 2 + (j - 15) ** 2 + (i - 15) ** 2 < 8**2
        rough = ball.copy()
        rough[15, 15, 15], rough[2, 2, 2] = False, True
        noise = np.random.default_rng(0).normal(0, 5, ball.shape)
        volume = slicer.util.addVolumeFromArray((100 * ball + noise).astype(np.float32))
        segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
        segmentId = segmentation.GetSegmentation().AddEmptySegment("", "Ball")
        geometry = Bridge.geometryFromNode(volume)
        Bridge.setSegmentMask(segmentation, segmentId, rough, geometry)
        logic = ImperfectSegRefineLogic()
        steps = (Step("clean-up", {"largest": 1, "holes": "fill"}),)
        logic.refine(volume, segmentation, RefineChoice(steps))
        if not np.array_equal(Bridge.segmentMask(segmentation, segmentId, geometry), ball):
            raise AssertionError("the ball was not cleaned up")
        logic.undo()
        if not np.array_equal(Bridge.segmentMask(segmentation, segmentId, geometry), rough):
            raise AssertionError("undo did not give back what was there")
