"""Scripted module: segment by pointing. The work is done by ImperfectSegLib and the logic."""

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

from ImperfectSegLib.InteractiveLogic import InteractiveLogic  # noqa: E402
from ImperfectSegLib.InteractivePanel import InteractivePanel  # noqa: E402
from ImperfectSegLib.OverlayPart import OVERLAYS  # noqa: E402
from ImperfectSegLib.PanelWidget import PanelWidget  # noqa: E402


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
        sliceOnly: Whether a prompt segments the slice that it lies in only.
        scribbleWidth: Width of new scribbles in mm.
        engine: Name of the engine; empty for the default one.
        engineModel: The file that some engines need.
        adapt: Whether the engine learns from the image.
        overlay: What lies over the image.
        overlayOpacity: How much it covers, from 0 to 1.
        limitToRegion: Whether the engine looks and writes within the region only.
        region: The region.
    """

    inputVolume: vtkMRMLScalarVolumeNode
    segmentation: vtkMRMLSegmentationNode
    autoUpdate: bool = True
    sliceOnly: bool = False
    scribbleWidth: Annotated[float, WithinRange(0.0, 20.0)] = 2.0
    engine: str = ""
    engineModel: str = ""
    adapt: bool = False
    overlay: Annotated[str, Choice(list(OVERLAYS))] = OVERLAYS[0]
    overlayOpacity: Annotated[float, WithinRange(0.0, 1.0)] = 0.5
    limitToRegion: bool = False
    region: vtkMRMLMarkupsROINode


class ImperfectSegInteractiveLogic(ScriptedLoadableModuleLogic, InteractiveLogic):
    """The same jobs without the panel: `addClick`, `segment`."""

    def __init__(self) -> None:
        ScriptedLoadableModuleLogic.__init__(self)
        InteractiveLogic.__init__(self)

    def getParameterNode(self) -> ImperfectSegInteractiveParameterNode:
        """Gives the parameters of this module in the current scene."""
        return ImperfectSegInteractiveParameterNode(super().getParameterNode())


class ImperfectSegInteractiveWidget(PanelWidget):
    """The panel in Slicer."""

    def makeLogic(self) -> ImperfectSegInteractiveLogic:
        """Makes the module's logic."""
        return ImperfectSegInteractiveLogic()

    def makePanel(self) -> InteractivePanel:
        """Makes the panel."""
        panel = InteractivePanel(self.ui, self.logic, self.requirementsFile())
        self.session, self.tools = panel.session, panel.tools.tools
        return panel

    @property
    def segmentId(self) -> str:
        """ID of the selected segment; empty when none is selected."""
        return self.panel.segments.selectedId


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
