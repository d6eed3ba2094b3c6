"""The part of the sparse panel that completes a mask, and shows where it is unsure."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer

from ImperfectSegLib.OverlayNode import OverlayNode
from ImperfectSegLib.SparseCompletion import SOURCES
from ImperfectSegLib.SparseSession import SparseSession
from ImperfectSegLib.SparseTaken import MASK, POINTS, RECIST

NAMES = {
    "scribbles": "Scribbles (with points and slices)",
    "slices": "Annotated slices",
    "grid": "Points of the grid",
    "recist": "RECIST diameters",
}


class SparseCompletePart:
    """Completes on request, beside the window.

    Attributes:
        parameters: What the panel remembers; None while a scene is closed or read.
    """

    def __init__(self, ui: Any, session: SparseSession) -> None:
        """Takes the widgets and the session."""
        self._ui, self._session = ui, session
        self._overlay = OverlayNode()
        self._shown: tuple[Any, ...] = ()
        self.parameters: Any = None
        for kind in SOURCES:
            ui.sourceBox.addItem(NAMES[kind])
        ui.completeButton.connect("clicked(bool)", lambda _checked: self.complete())
        ui.cancelButton.connect("clicked(bool)", lambda _checked: session.cancel())
        session.listeners.append(self._onSession)

    @property
    def source(self) -> str:
        """From which marks; one of `SOURCES`."""
        return list(SOURCES)[max(int(self._ui.sourceBox.currentIndex), 0)]

    def complete(self) -> None:
        """Completes from the marks that are chosen."""
        if self._ui.completeButton.enabled:
            self._session.complete(self.source)
            self.update()

    def choose(self) -> None:
        """Chooses the source for the marks that there are, if there are none of the chosen one."""
        if self.parameters is None or self._session.segmentationNode is None:
            return
        there = self._there()
        if there and self.source not in there:
            self._ui.sourceBox.currentIndex = list(SOURCES).index(there[0])

    def update(self) -> None:
        """Brings the widgets and the overlay up to date."""
        ui, isBusy = self._ui, self._session.isComputing
        has = self._session.segmentationNode is not None and self._session.volumeNode is not None
        ui.completeButton.enabled = has and not isBusy
        ui.cancelButton.enabled = isBusy
        if not isBusy:
            ui.progressBar.value = 0
        self._draw()

    def aside(self) -> None:
        """Gives the views back for a moment, as while a scene is saved; `update` returns."""
        self._overlay.giveBack()
        self._shown = ()

    def forgetScene(self) -> None:
        """Lets go of a scene that is being closed."""
        self._overlay.forget()
        self._shown = ()

    def close(self) -> None:
        """Removes the overlay for good."""
        if self._overlay.node is not None and slicer.mrmlScene is not None:
            self._overlay.remove()

    def _there(self) -> list[str]:
        """Gives the sources that have marks, those that say most about this image first."""
        session = self._session
        strokes = bool(session.store.strokes())
        kinds = {
            MASK: strokes or bool(session.notes.slices),
            POINTS: session.notes.grid is not None and session.notes.grid.done > 0,
            RECIST: any(lesion.isComplete for lesion in session.store.lesions()),
        }
        there = [kind for kind, source in SOURCES.items() if kinds[source]]
        return there if strokes else [kind for kind in there if kind != "scribbles"]

    def _draw(self) -> None:
        known, completed = self.parameters, self._session.completed
        isWanted = known is not None and known.showUncertainty and completed is not None
        if not isWanted or self._session.volumeNode is None:
            self.close()
            self._shown = ()
            return
        assert completed is not None
        shown = (completed, known.overlayOpacity)
        if shown != self._shown:
            prediction = completed.prediction
            unsure = np.ascontiguousarray(prediction.entropy())
            volume, opacity = self._session.volumeNode, known.overlayOpacity
            self._overlay.show(unsure, prediction.region, volume, opacity)
            self._shown = shown

    def _onSession(self, what: str) -> None:
        if what == "prompts":
            self.choose()
        if what in ("answers", "back"):
            self.update()
