"""The part of the sparse panel that says what is in the image, or on a slice, without a place."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any

from ImperfectSegLib.Requests import Place
from ImperfectSegLib.SparseNotes import SparseNotes
from ImperfectSegLib.SparseSegments import SparseSegments
from ImperfectSegLib.SparseSession import SparseSession
from ImperfectSegLib.SparseSlicesPart import textOfPlace
from ImperfectSegLib.SparseStore import labelsOf

CHOICES = {"not said": None, "is there": True, "is not there": False}


class SparseTagsPart:
    """Tags the image and the slice in view for the selected segment."""

    def __init__(
        self,
        ui: Any,
        session: SparseSession,
        segments: SparseSegments,
        place: Callable[[], Place | None],
    ) -> None:
        """Takes the widgets, the session, the segments, and who knows the slice in view."""
        self._ui, self._session, self._segments = ui, session, segments
        self._place, self._isUpdating = place, False
        for box in (ui.imageTagBox, ui.sliceTagBox):
            box.addItems(list(CHOICES))
        changed = "currentIndexChanged(int)"
        ui.imageTagBox.connect(changed, lambda index: self._tag(None, index))
        ui.sliceTagBox.connect(changed, lambda index: self._tag(self._place(), index, True))

    def update(self) -> None:
        """Brings the widgets up to date."""
        self._isUpdating = True
        ui, segmentId, place = self._ui, self._segments.selectedId, self._place()
        node, notes = self._session.segmentationNode, self._session.notes
        can = bool(node and segmentId) and labelsOf(node).get(segmentId, 0) > 0
        ui.imageTagBox.enabled = can and not self._segments.isLocked
        ui.sliceTagBox.enabled = ui.imageTagBox.enabled and place is not None
        ui.imageTagBox.currentIndex = _indexOf(notes.tagsOf(None).get(segmentId))
        known = notes.tagsOf(place).get(segmentId) if place else None
        ui.sliceTagBox.currentIndex = _indexOf(known)
        ui.sliceTagLabel.text = f"{textOfPlace(place)}:" if place else "On this slice:"
        ui.tagsLabel.text = self._summary(notes, labelsOf(node) if node else {})
        self._isUpdating = False

    def _tag(self, place: Place | None, index: int, isSlice: bool = False) -> None:
        if self._isUpdating or index < 0 or (isSlice and place is None):
            return
        said = list(CHOICES.values())[index]
        self._session.note(self._session.notes.tagged(place, self._segments.selectedId, said))

    def _summary(self, notes: SparseNotes, labels: dict[str, int]) -> str:
        lines = []
        for segmentId, label in labels.items():
            if not label:
                continue
            on = [dict(tags).get(segmentId) for _, tags in notes.sliceTags]
            whole = list(CHOICES)[_indexOf(notes.tagsOf(None).get(segmentId))]
            name = html.escape(self._segments.nameOf(segmentId))
            slices = (
                f"; slices with it: {on.count(True)}, without: {on.count(False)}"
                if {*on} - {None}
                else ""
            )
            lines.append(f"{name}: {whole}{slices}")
        return "<br>".join(lines)


def _indexOf(said: bool | None) -> int:
    return list(CHOICES.values()).index(said)
