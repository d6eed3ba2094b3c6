"""The part of the sparse panel that shows how much is annotated, and how evenly, as it changes."""

from __future__ import annotations

from typing import Any

import qt

from ImperfectSegLib.JobRunner import JobRunner
from ImperfectSegLib.SparseLogic import SparseLogic
from ImperfectSegLib.SparseSegments import SparseSegments
from ImperfectSegLib.SparseSession import SparseSession
from ImperfectSegLib.SparseShare import Share, shareOf, shareText

DELAY_MS = 100
"""It is counted that long after a change, once for many changes in a row."""


class SparseSharePart:
    """Counts beside the window.

    Attributes:
        share: What was counted last; None if nothing can be.
        isOpen: Whether the module is open; while it is not, nothing is counted.
    """

    def __init__(
        self, ui: Any, logic: SparseLogic, session: SparseSession, segments: SparseSegments
    ) -> None:
        """Takes the widgets, who takes marks out of the scene, the session, and the segments."""
        self._ui, self._logic, self._session, self._segments = ui, logic, session, segments
        self._jobs = JobRunner()
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(DELAY_MS)
        self._timer.connect("timeout()", self.count)
        self.share: Share | None = None
        self.isOpen = False
        session.listeners.append(self._onSession)

    @property
    def isBusy(self) -> bool:
        """Whether it is still to be counted."""
        return bool(self._timer.isActive()) or self._jobs.isRunning

    def setOpen(self, isOpen: bool) -> None:
        """To be called when the module is opened or left."""
        self.isOpen = isOpen
        if isOpen:
            self._timer.start()

    def count(self) -> None:
        """Counts now."""
        session = self._session
        if session.segmentationNode is None or session.volumeNode is None:
            self._jobs.cancel()
            self.share = None
            self._ui.shareLabel.text = "Nothing is annotated yet."
            return
        try:
            taken = self._logic.taken(session.volumeNode, session.segmentationNode)
        except ValueError as error:
            self._onError(error)
            return
        self._jobs.start(
            lambda progress: shareOf(taken),
            self._onShare,
            self._onError,
            lambda fraction, text: None,
        )

    def close(self) -> None:
        """Counts no longer."""
        self._timer.stop()
        self._timer.disconnect("timeout()", self.count)
        self._jobs.close()

    def _onShare(self, share: Share) -> None:
        self.share = share
        self._ui.shareLabel.text = shareText(share, self._segments.colors())

    def _onError(self, error: Exception) -> None:
        self.share = None
        self._ui.shareLabel.text = str(error)
        if not isinstance(error, ValueError):
            raise error  # Our own mistake: Slicer's error log gets the traceback.

    def _onSession(self, what: str) -> None:
        if self.isOpen and what in ("prompts", "segments", "back"):
            self._timer.start()
