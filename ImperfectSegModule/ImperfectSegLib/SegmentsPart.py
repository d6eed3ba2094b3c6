"""The part of the panel with the segments: which is selected, its lock, its threshold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer

from ImperfectSegLib.InteractiveLogic import InteractiveLogic
from ImperfectSegLib.InteractiveSession import InteractiveSession
from ImperfectSegLib.PromptStore import PromptStore
from ImperfectSegLib.SegmentTags import isLocked, setLocked, thresholdOf


class SegmentsPart:
    """Connects the widgets about segments with a session.

    Attributes:
        parameters: What the panel remembers; None while a scene is closed or read.
    """

    def __init__(
        self,
        ui: Any,
        logic: InteractiveLogic,
        session: InteractiveSession,
        onTools: Callable[[], None],
        onSelected: Callable[[], None],
    ) -> None:
        """Takes the widgets, who is told to lay tools down, and who when another is selected."""
        self._ui, self._logic, self._session = ui, logic, session
        self._dropTools, self._onSelected = onTools, onSelected
        self._isUpdating = False
        self.parameters: Any = None
        ui.addSegmentButton.connect("clicked(bool)", lambda _checked: self.add())
        ui.removeSegmentButton.connect("clicked(bool)", lambda _checked: self.remove())
        ui.lockCheckBox.connect("toggled(bool)", self._onLock)
        ui.thresholdSlider.connect("valueChanged(double)", self._onThreshold)
        ui.segmentsTable.connect(
            "selectionChanged(QItemSelection,QItemSelection)", lambda *_: self._onSelected()
        )

    @property
    def selectedId(self) -> str:
        """ID of the selected segment; empty when none is selected."""
        selected = self._ui.segmentsTable.selectedSegmentIDs()
        return selected[0] if selected else ""

    @property
    def isLocked(self) -> bool:
        """Whether the selected segment is locked."""
        node = self._session.segmentationNode
        return bool(node and self.selectedId) and isLocked(node, self.selectedId)

    def add(self) -> None:
        """Adds a segment, and a segmentation for it if there is none."""
        parameters = self.parameters
        if parameters.segmentation is None:
            node = slicer.mrmlScene.AddNewNodeByClass(
                "vtkMRMLSegmentationNode", f"{parameters.inputVolume.GetName()} segments"
            )
            node.CreateDefaultDisplayNodes()
            node.SetReferenceImageGeometryParameterFromVolumeNode(parameters.inputVolume)
            parameters.segmentation = node
        self._select(self._logic.addSegment(parameters.segmentation))

    def remove(self) -> None:
        """Removes the selected segment; its prompts go with it."""
        segmentation, segmentId = self.parameters.segmentation, self.selectedId
        self._dropTools()
        PromptStore(segmentation).removeSegment(segmentId)
        segmentation.GetSegmentation().RemoveSegment(segmentId)
        self.selectFirst()

    def show(self, segmentationNode: Any) -> None:
        """Lists the segments of a segmentation, and selects the first."""
        self._ui.segmentsTable.setSegmentationNode(segmentationNode)
        self.selectFirst()

    def selectFirst(self) -> None:
        """Selects the first segment, if there is one."""
        self._select(next(iter(self._ids()), ""))

    def step(self, by: int) -> None:
        """Selects a segment further down (1) or up (-1), and goes round at the end."""
        ids = self._ids()
        if ids:
            at = ids.index(self.selectedId) + by if self.selectedId in ids else 0
            self._select(ids[at % len(ids)])

    def shiftThreshold(self, by: float) -> None:
        """Moves the threshold of the selected segment."""
        slider = self._ui.thresholdSlider
        if slider.enabled:
            slider.value = min(max(slider.value + by, slider.minimum), slider.maximum)

    def update(self) -> None:
        """Brings the widgets up to date."""
        self._isUpdating = True
        ui, has, locked = self._ui, bool(self.selectedId), self.isLocked
        ui.lockCheckBox.enabled = ui.removeSegmentButton.enabled = has
        ui.lockCheckBox.checked = locked
        ui.thresholdSlider.enabled = has and not locked
        node = self._session.segmentationNode
        ui.thresholdSlider.value = thresholdOf(node, self.selectedId) if node and has else 0.5
        ui.addSegmentButton.enabled = self.parameters.inputVolume is not None
        self._isUpdating = False

    def _ids(self) -> list[str]:
        node = self._session.segmentationNode
        return list(node.GetSegmentation().GetSegmentIDs()) if node else []

    def _select(self, segmentId: str) -> None:
        self._ui.segmentsTable.setSelectedSegmentIDs([segmentId] if segmentId else [])
        self._onSelected()

    def _onLock(self, locked: bool) -> None:
        if self.selectedId and not self._isUpdating:
            setLocked(self._session.segmentationNode, self.selectedId, locked)
            self._dropTools()
            self._onSelected()

    def _onThreshold(self, threshold: float) -> None:
        if self.selectedId and not self._isUpdating:
            self._session.setThreshold(self.selectedId, round(threshold, 2))
