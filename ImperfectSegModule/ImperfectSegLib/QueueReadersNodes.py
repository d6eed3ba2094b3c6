"""The masks of an item's readers in the scene, as outlines, and what is drawn by hand from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import slicer

from ImperfectSegLib import Bridge
from ImperfectSegLib.QueueDesk import Opened
from ImperfectSegLib.QueueNodes import QueueNodes
from ImperfectSegLib.QueueProposal import Proposal
from ImperfectSegLib.QueueReaders import OpenedReadings
from ImperfectSegLib.QueueStart import Start
from ImperfectSegLib.SceneNodes import addHiddenNode, isInScene
from ImperfectSegLogic.active.disagreement import CONSENSUS
from ImperfectSegLogic.active.queue_items import Lease, Reading
from ImperfectSegLogic.data import Dataset, Geometry
from ImperfectSegLogic.data.segmentation import Color, distinct_color

COLORS: tuple[Color, ...] = (
    (0.90, 0.62, 0.00),
    (0.34, 0.71, 0.91),
    (0.94, 0.89, 0.26),
    (0.80, 0.47, 0.65),
    (0.00, 0.62, 0.45),
    (0.84, 0.37, 0.00),
)
"""Of readers in their order; those who see few colors can tell them apart (after Okabe and Ito)."""
LINE_WIDTH = 3
FAINT = 0.45
"""How strong outlines of other labels are than that in question."""


class ReadersNodes(QueueNodes):
    """What a comparison has in the scene; it is never an annotation of anybody.

    Attributes:
        outlines: The readers' masks; None if none are shown.
    """

    def __init__(self) -> None:
        super().__init__()
        self.outlines: Any = None

    def compare(self, dataset: Dataset, opened: OpenedReadings) -> None:
        """Shows the readers' masks, and the place where they disagree."""
        self._place(dataset, opened, _newOutlines())
        self.outlines, self.segmentationNode = self.segmentationNode, None
        _fillOutlines(self.outlines, dataset, opened)

    def edit(self, dataset: Dataset, opened: OpenedReadings, restored: Any = None) -> None:
        """Shows them with a segmentation that users change.

        Args:
            dataset: Where they are from.
            opened: The readers' masks, and what is started from.
            restored: A segmentation that was kept; otherwise one is made of the start.
        """
        self._place(dataset, opened, restored)
        name = f"{opened.item.unit.name()} by hand"
        self.segmentationNode.SetName(slicer.mrmlScene.GenerateUniqueName(name))
        self.outlines = _newOutlines()
        self.outlines.SetReferenceImageGeometryParameterFromVolumeNode(self.volumeNode)
        _fillOutlines(self.outlines, dataset, opened)

    def closeItem(self) -> None:
        """Removes outlines and what is drawn; the image stays."""
        outlines, self.outlines = self.outlines, None
        if isInScene(outlines):
            display = outlines.GetDisplayNode()
            slicer.mrmlScene.RemoveNode(outlines)
            slicer.mrmlScene.RemoveNode(display)
        super().closeItem()

    def release(self) -> Any:
        """Leaves what is drawn in the scene, as the user's own from now on, and gives it."""
        node, self.segmentationNode = self.segmentationNode, None
        self.closeItem()
        return node

    def forget(self) -> None:
        """Lets go of a scene that is being closed."""
        super().forget()
        self.outlines = None

    def _place(self, dataset: Dataset, opened: OpenedReadings, segmentationNode: Any) -> None:
        # What shows an item wants to know whose it is; the queue never hears of this lease.
        lease = Lease(opened.item, Reading(CONSENSUS, 0, 0.0, 0.0))
        proposal = Proposal(source=opened.source)
        item = Opened(lease, opened.volume, proposal, opened.start)
        self.show(dataset, item, segmentationNode)


def readerColors(readers: Mapping[str, Start]) -> dict[str, Color]:
    """Gives each reader a color."""
    return {
        name: COLORS[n] if n < len(COLORS) else distinct_color(n)
        for n, name in enumerate(sorted(readers))
    }


def _newOutlines() -> Any:
    """Adds a segmentation that nobody edits and that is not saved with the scene."""
    node = addHiddenNode(slicer.vtkMRMLSegmentationNode(), "Readers' masks")
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetSaveWithScene(False)
    display.SetVisibility2DFill(False)
    display.SetVisibility2DOutline(True)
    display.SetVisibility3D(False)
    display.SetSliceIntersectionThickness(LINE_WIDTH)
    return node


def _fillOutlines(node: Any, dataset: Dataset, opened: OpenedReadings) -> None:
    colors, logic = readerColors(opened.readers), slicer.vtkSlicerSegmentationsModuleLogic
    grid: Geometry = opened.volume.geometry
    wasModified = node.StartModify()
    for reader, read in opened.readers.items():
        for label, (region, mask) in read.parts.items():
            if label == 0:
                continue  # Background around all else would be an outline of the item's border.
            name = f"{reader}: {dataset.labels.get(label, label)}"
            segmentId = node.GetSegmentation().AddEmptySegment("", name, colors[reader])
            image = Bridge.modifierLabelmap(mask, region, grid, node)
            logic.SetBinaryLabelmapToSegment(image, node, segmentId, logic.MODE_REPLACE)
            strength = 1.0 if label == opened.label else FAINT
            node.GetDisplayNode().SetSegmentOpacity2DOutline(segmentId, strength)
    node.EndModify(wasModified)
