"""The part of the sparse panel that lists lesions, with their diameters in mm and hints."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ImperfectSegLib import Bridge
from ImperfectSegLib.PromptChanges import joined
from ImperfectSegLib.SparseAxes import lengthOf
from ImperfectSegLib.SparseSegments import SparseSegments
from ImperfectSegLib.SparseSession import SparseSession
from ImperfectSegLib.SparseStore import Lesion, labelsOf
from ImperfectSegLib.SparseTaking import recistOf
from ImperfectSegLib.SparseViews import jumpTo
from ImperfectSegLogic.data import Geometry, Recist

Checks = Callable[[Recist, Geometry], tuple[str, ...]]
"""Gives what is to be said about a mark; raises ValueError where it cannot be used."""


def recistChecks(mark: Recist, geometry: Geometry) -> tuple[str, ...]:
    """Gives what the logic layer says about a mark.

    Raises:
        ValueError: If the mark cannot be used.
    """
    from ImperfectSegLogic.completion.recist_checks import check_recist, recist_hints

    check_recist(mark, geometry)
    return recist_hints(mark, geometry)


class SparseLesionsPart:
    """Lists the lesions; a press goes to one."""

    def __init__(
        self,
        ui: Any,
        session: SparseSession,
        segments: SparseSegments,
        checks: Checks = recistChecks,
    ) -> None:
        """Takes the widgets, the session, the segments, and who knows about diameters."""
        self._ui, self._session, self._segments, self.checks = ui, session, segments, checks
        self._shown: list[str] = []
        self._lesions: list[Lesion] = []
        ui.lesionsList.connect("itemClicked(QListWidgetItem*)", lambda _item: self.goTo())
        ui.lesionsList.connect("currentRowChanged(int)", lambda _row: self._showHints())
        ui.removeLesionButton.connect("clicked(bool)", lambda _checked: self.remove())
        session.listeners.append(self._onSession)

    @property
    def selected(self) -> Lesion | None:
        """The lesion that is selected; None if none is."""
        row = int(self._ui.lesionsList.currentRow)
        return self._lesions[row] if 0 <= row < len(self._lesions) else None

    def goTo(self) -> None:
        """Shows the selected lesion in all views."""
        lesion = self.selected
        if lesion is not None:
            jumpTo(np.mean(Bridge.definedPositions(lesion.long or lesion.short), axis=0))

    def remove(self) -> None:
        """Removes the selected lesion, as one action."""
        if self.selected is not None:
            self._session.removeLesion(self.selected)

    def update(self) -> None:
        """Lists what there is now."""
        node, ui = self._session.segmentationNode, self._ui
        self._lesions = self._session.store.lesions() if node is not None else []
        texts = [self._textOf(lesion) for lesion in self._lesions]
        if texts != self._shown:
            wasLonger = len(texts) < len(self._shown)
            row = int(ui.lesionsList.currentRow)
            self._shown = texts
            ui.lesionsList.clear()
            for text in texts:
                ui.lesionsList.addItem(text)
            ui.lesionsList.currentRow = min(row, len(texts) - 1) if wasLonger else len(texts) - 1
        self._showHints()

    def _onSession(self, what: str) -> None:
        if what in ("prompts", "back"):
            self.update()

    def _textOf(self, lesion: Lesion) -> str:
        sizes = " x ".join(
            f"{lengthOf(np.array(Bridge.definedPositions(node))):.1f}"
            for node in (lesion.long, lesion.short)
            if node is not None
        )
        return f"{lesion.number}: {self._segments.nameOf(lesion.segmentId)}, {sizes} mm"

    def _showHints(self) -> None:
        lesion, ui = self.selected, self._ui
        ui.removeLesionButton.enabled = lesion is not None
        text, isWrong = "", False
        if lesion is not None and not lesion.isComplete:
            text = "Now drag the short axis, across the long one."
        elif lesion is not None:
            try:
                label = labelsOf(self._session.segmentationNode)[lesion.segmentId]
                geometry = Bridge.geometryFromNode(self._session.volumeNode)
                hints = self.checks(recistOf(lesion, label), geometry)
                text = joined("", hints).strip() or "Measurable by RECIST 1.1."
            except ValueError as error:
                text, isWrong = str(error), True
        ui.hintsLabel.text = text
        ui.hintsLabel.styleSheet = "color: #c0392b" if isWrong else ""
