"""Sparse annotations in the scene at one moment, to compare and to bring back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ImperfectSegLib.ActionHistory import Snapshot
from ImperfectSegLib.SessionState import SessionState
from ImperfectSegLib.SparseNotes import SparseNotes, readNotes, writeNotes
from ImperfectSegLib.SparseStore import SparseStore

NOTHING = SparseNotes()


@dataclass(frozen=True)
class SparseSnapshot(Snapshot):
    """Marks in `prompts`, and what was noted besides.

    Attributes:
        notes: Annotated slices, the grid, and tags.
    """

    notes: SparseNotes = NOTHING


class SparseState(SessionState):
    """Takes marks and notes down, and makes them again what they were."""

    def __init__(self, store: Callable[[Any], SparseStore]) -> None:
        """Args: `store` gives the marks of a segmentation."""
        super().__init__()
        self._store = store

    @property
    def notes(self) -> SparseNotes:
        """What was noted when it was looked at last."""
        return self.now.notes if isinstance(self.now, SparseSnapshot) else NOTHING

    def look(self) -> None:
        """Takes down what was marked.

        Raises:
            ValueError: If the notes are damaged.
        """
        if self.node is None:
            self.now = SparseSnapshot()
            return
        self.now = SparseSnapshot(self._store(self.node).state(), notes=readNotes(self.node))

    def restore(self, snapshot: Snapshot) -> None:
        """Makes the scene what it was when the snapshot was taken."""
        assert isinstance(snapshot, SparseSnapshot)
        self.isRestoring = True
        try:
            self._store(self.node).restore(snapshot.prompts)
            writeNotes(self.node, snapshot.notes)
            self.look()
        finally:
            self.isRestoring = False
