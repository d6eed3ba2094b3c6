"""The part of the sparse panel with the segments: which is selected, and its lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ImperfectSegLib.PromptState import SEGMENT
from ImperfectSegLib.SegmentTags import isLocked, setLocked
from ImperfectSegLib.SparseLogic import SparseLogic
from ImperfectSegLib.SparseSession import SparseSession
from ImperfectSegLib.SparseStore import labelsOf


class SparseSegments:
    """Connects the widgets about segments with a session.

    Attributes:
        parameters: What the panel remembers; None while a scene is closed or read.
    """

    def __init__(
        self, ui: Any, logic: SparseLogic, session: SparseSession, onSelected: Callable[[], None]
    ) -> None:
        """Takes the widgets, who adds segments, the session, and who is told of the selection."""
        self._ui, self._logic, self._session = ui, logic, session
        self._onSelected, self._isUpdating = onSelected, False
        self.parameters: Any = None
        ui.addSegmentButton.connect("clicked(bool)", lambda _checked: self.add())
        ui.removeSegmentButton.connect("clicked(bool)", lambda _checked: self.remove())
        ui.lockCheckBox.connect("toggled(bool)", self._onLock)
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

    @property
    def isBackground(self) -> bool:
        """Whether what is selected says where none of the others is."""
        return self.selectedId != "" and self.selectedId == self.idOf(0)

    def nameOf(self, segmentId: str) -> str:
        """Gives the name of a segment."""
        inside = self._session.segmentationNode.GetSegmentation()
        return str(inside.GetSegment(segmentId).GetName())

    def colors(self) -> dict[int, tuple[float, ...]]:
        """Gives the color of each label."""
        node = self._session.segmentationNode
        if node is None:
            return {}
        inside = node.GetSegmentation()
        return {n: tuple(inside.GetSegment(s).GetColor()) for s, n in labelsOf(node).items()}

    def idOf(self, label: int) -> str:
        """Gives the segment of a label; empty if there is none."""
        node = self._session.segmentationNode
        found = {n: s for s, n in labelsOf(node).items()} if node else {}
        return found.get(label, "")

    def choose(self, label: int) -> None:
        """Selects the segment of a label, if there is one."""
        if self.idOf(label):
            self._select(self.idOf(label))

    def add(self) -> None:
        """Adds a segment, and a segmentation for it if there is none."""
        known = self.parameters
        if known.segmentation is None:
            known.segmentation = self._logic.newSegmentation(known.inputVolume)
        self._logic.ensureBackground(known.segmentation)
        self._select(self._logic.addSegment(known.segmentation))

    def remove(self) -> None:
        """Removes the selected segment; its marks go with it."""
        segmentId, node = self.selectedId, self._session.segmentationNode
        self._session.store.removeSegment(segmentId)
        node.GetSegmentation().RemoveSegment(segmentId)
        self._session.promptsChanged()
        self.selectFirst()

    def show(self, segmentationNode: Any) -> None:
        """Lists the segments of a segmentation, and selects the first that is not background."""
        self._ui.segmentsTable.setSegmentationNode(segmentationNode)
        self.selectFirst()

    def selectFirst(self) -> None:
        """Selects the first segment that is not background, if there is one."""
        self._select(self.idOf(1) or self.idOf(0))

    def step(self, by: int) -> None:
        """Selects a segment further down (1) or up (-1), and goes round at the end."""
        node = self._session.segmentationNode
        ids = list(node.GetSegmentation().GetSegmentIDs()) if node else []
        if ids:
            at = ids.index(self.selectedId) + by if self.selectedId in ids else 0
            self._select(ids[at % len(ids)])

    def update(self) -> None:
        """Brings the widgets up to date."""
        self._isUpdating = True
        ui, has = self._ui, bool(self.selectedId)
        ui.lockCheckBox.enabled = has
        ui.removeSegmentButton.enabled = has and not self.isLocked
        ui.lockCheckBox.checked = self.isLocked
        ui.addSegmentButton.enabled = self.parameters.inputVolume is not None
        self._isUpdating = False

    def _select(self, segmentId: str) -> None:
        self._ui.segmentsTable.setSelectedSegmentIDs([segmentId] if segmentId else [])
        self._onSelected()

    def _onLock(self, locked: bool) -> None:
        if self.selectedId and not self._isUpdating:
            setLocked(self._session.segmentationNode, self.selectedId, locked)
            for node in self._session.store.nodes():
                if node.GetAttribute(SEGMENT) == self.selectedId:
                    node.SetLocked(locked)  # Its handles cannot be dragged then.
            self._onSelected()
