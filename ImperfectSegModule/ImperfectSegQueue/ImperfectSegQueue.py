"""Scripted module: annotate what is worth it. The work is done by ImperfectSegLib and the logic."""

import sys
from pathlib import Path
from typing import Annotated, Any

import slicer
import slicer.util
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
from ImperfectSegLib.Processes import Processes  # noqa: E402
from ImperfectSegLib.QueueAnnotator import lastAnnotator  # noqa: E402
from ImperfectSegLib.QueuePanel import QueuePanel  # noqa: E402

NEEDED = "queue-requirements.txt"
"""Installed, the resources of all modules lie in one folder: names are not to be alike."""


class ImperfectSegQueue(ScriptedLoadableModule):
    """The module as Slicer's module list shows it."""

    def __init__(self, parent: Any) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("ImperfectSeg Queue")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        parent.dependencies = []
        parent.contributors = ["ImperfectSeg developers"]
        parent.helpText = _(
            "Tells annotators of a data set what is worth annotating next, as a query strategy and"
            " a model say, and opens it with the model's proposal. Several people work in one"
            " folder, without a server; retrains as annotations come in."
        )
        parent.acknowledgementText = _(
            'After the survey "Embracing Imperfect Datasets" by Tajbakhsh et al.'
        )


@parameterNodeWrapper
class ImperfectSegQueueParameterNode:
    """What the panel remembers, also in a saved scene.

    Attributes:
        dataSetFolder: The data set's folder; empty if none was chosen.
        annotator: Who annotates.
        sparse: Whether voxels of no segment are unlabeled, and not background.
        goOn: Whether the next item is opened when one is done.
        showUncertainty: Whether it is shown where the model is unsure.
        overlayOpacity: How much that covers, from 0 to 1.
        trainOptions: As for `imperfectseg train`.
        retrainEvery: After so many annotations a model is trained; 0 for never by itself.
    """

    dataSetFolder: str
    annotator: str
    sparse: bool = False
    goOn: bool = False
    showUncertainty: bool = True
    overlayOpacity: Annotated[float, WithinRange(0.0, 1.0)] = 0.4
    trainOptions: str = "--steps 1000"
    retrainEvery: Annotated[int, WithinRange(0, 100_000)] = 0


class ImperfectSegQueueLogic(ScriptedLoadableModuleLogic):
    """Holds the parameters; from Python, `imperfectseg queue` does the same without a panel."""

    def getParameterNode(self) -> ImperfectSegQueueParameterNode:
        """Gives the parameters of this module in the current scene."""
        return ImperfectSegQueueParameterNode(super().getParameterNode())


class ImperfectSegQueueWidget(PanelWidget):
    """The panel in Slicer."""

    def makeLogic(self) -> ImperfectSegQueueLogic:
        """Makes the module's logic."""
        return ImperfectSegQueueLogic()

    def makePanel(self) -> QueuePanel:
        """Makes the panel."""
        return QueuePanel(self.ui, Processes(), Path(self.resourcePath(NEEDED)))

    def prepare(self, node: ImperfectSegQueueParameterNode) -> None:
        """Takes path and name of an earlier session, or of a scene closed, if there are none."""
        if not node.dataSetFolder:
            node.dataSetFolder = self.ui.dataSetPath.currentPath
        if not node.annotator:
            node.annotator = self.ui.annotatorEdit.text or lastAnnotator()

    def pickNodes(self, parameters: ImperfectSegQueueParameterNode) -> None:
        """Chooses nothing: the queue brings its images."""


class ImperfectSegQueueTest(ScriptedLoadableModuleTest):
    """Runs inside 3D Slicer (Reload and Test) and, outside of it, in the project's test host."""

    def runTest(self) -> None:
        """Annotates a slice from a queue."""
        slicer.mrmlScene.Clear()
        self.test_a_slice_is_opened_annotated_and_done()

    def test_a_slice_is_opened_annotated_and_done(self) -> None:
        """What was drawn in a slice is a new version in the data set; needs no PyTorch."""
        import tempfile

        import numpy as np

        from ImperfectSegLib import Bridge
        from ImperfectSegLib.QueueDesk import QueueDesk
        from ImperfectSegLib.QueueNodes import QueueNodes
        from ImperfectSegLib.QueueTaking import takeItem
        from ImperfectSegLogic.active.queue import Queue
        from ImperfectSegLogic.data import Dataset, Volume
        from ImperfectSegLogic.methods.base import Ranking

        nodes = QueueNodes()
        with tempfile.TemporaryDirectory() as made:
            dataset = Dataset.create(Path(made) / "set", {1: "liver"})
            dataset.add_case("one", Volume(np.zeros((4, 6, 8), np.int16), np.eye(4)))
            Queue.build(dataset, Ranking(("one@0:2",), (1.0,), ("first",)))
            desk = QueueDesk(dataset.folder, "tester")
            opened = desk.next()
            nodes.show(dataset, opened)
            mask = np.zeros((4, 6, 8), bool)
            mask[2, 1:4, 2:6] = True
            segmentation = nodes.segmentationNode
            segmentId = segmentation.GetSegmentation().GetNthSegmentID(0)
            Bridge.setSegmentMask(segmentation, segmentId, mask, opened.volume.geometry)
            unit = opened.lease.unit
            taken = takeItem(dataset, unit, nodes.volumeNode, segmentation, False)
            version = desk.done(opened.lease, taken.annotation, 1.0)
            labels = dataset.case("one", "tester", version).annotation.labels
            states = [item.state for item in desk.look()]
        nodes.closeItem()
        nodes.closeImage()
        if states != ["done"]:
            raise AssertionError(f"the queue has the states {states}")
        if not np.array_equal(labels == 1, mask) or not (labels[[0, 1, 3]] == -1).all():
            raise AssertionError("the data set has not what was drawn in the slice")
