"""The part of the sparse panel that offers what a crash has left, and older versions of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ImperfectSegLib.Autosave import Autosave, KeptSession
from ImperfectSegLib.AutosaveFile import Kept
from ImperfectSegLib.RestorePart import RestorePart, segmentsOf
from ImperfectSegLib.SparseAutosave import SparseAutosave
from ImperfectSegLib.SparseNotes import notesOf, writeNotes
from ImperfectSegLib.SparseSession import SparseSession
from ImperfectSegLib.SparseStore import SparseStore


class SparseRestore(RestorePart):
    """Restores marks, notes and segments."""

    noun = "marks"

    def __init__(self, ui: Any, session: SparseSession, say: Callable[[str, bool], None]) -> None:
        """Takes the widgets, the session, and who speaks."""
        self._versions: list[Path] = []
        super().__init__(ui, session, say)

    @property
    def annotator(self) -> str:
        """Who annotates."""
        return str(self.parameters.annotator) if self.parameters else ""

    def makeAutosave(self, session: KeptSession) -> Autosave:
        """Makes what keeps work."""
        assert isinstance(session, SparseSession)
        return SparseAutosave(session, self._onAutosave, lambda: self.annotator)

    def chosen(self, path: Path) -> Path:
        """Gives the version of the offered file that the user chose."""
        row = int(self._ui.restoreVersionBox.currentIndex)
        return self._versions[row] if 0 <= row < len(self._versions) else path

    def restored(self, kept: Kept) -> Any:
        """Gives a new segmentation with what was kept."""
        notes = notesOf(kept.marks)
        node = segmentsOf(kept, self._session.volumeNode)
        SparseStore(node).restore(kept.prompts)
        writeNotes(node, notes)
        if kept.annotator:
            self.parameters.annotator = kept.annotator
        return node

    def _offer(self, path: Path | None) -> None:
        super()._offer(path)
        autosave, box = self.autosave, self._ui.restoreVersionBox
        assert isinstance(autosave, SparseAutosave)
        self._versions = autosave.versions(path) if path is not None else []
        box.clear()
        for n, version in enumerate(self._versions):
            box.addItem(self._told(version, n))

    def _told(self, path: Path, number: int) -> str:
        try:
            kept = self.autosave.read(path)
        except (ValueError, OSError):
            return "cannot be read"
        grid = notesOf(kept.marks).grid
        points = f", {grid.done} points" if grid else ""
        by = f" by {kept.annotator}" if kept.annotator else ""
        which = "newest" if number == 0 else f"{number} before"
        return f"{which}{by}: {len(kept.prompts)} marks{points}, {kept.saved}"
