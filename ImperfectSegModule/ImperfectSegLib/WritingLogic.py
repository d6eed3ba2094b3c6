"""What logics share that read a volume and write segments: the volume read last, undo and redo."""

from __future__ import annotations

from typing import Any

from ImperfectSegLib import Bridge
from ImperfectSegLib.SegmentationWriter import SegmentationWriter
from ImperfectSegLogic.data import Volume


class WritingLogic:
    """Remembers the volume that was read last, and what was written into segmentations."""

    def __init__(self) -> None:
        self._volume: tuple[tuple[Any, ...], Volume] | None = None
        self._writer: SegmentationWriter | None = None

    @property
    def canUndo(self) -> bool:
        """Whether there is a write to take back."""
        return self._writer is not None and self._writer.canUndo

    @property
    def canRedo(self) -> bool:
        """Whether there is a write that was taken back."""
        return self._writer is not None and self._writer.canRedo

    def undo(self) -> None:
        """Takes back the last `write` that changed something.

        Raises:
            ValueError: If one of the segments has been locked since then.
        """
        if self._writer is not None and self._writer.canUndo:
            self._writer.undo()

    def redo(self) -> None:
        """Does again what `undo` took back last.

        Raises:
            ValueError: If one of the segments has been locked since then.
        """
        if self._writer is not None and self._writer.canRedo:
            self._writer.redo()

    def forget(self) -> None:
        """Lets go of everything that belongs to a scene that was closed."""
        self._writer = None
        self._volume = None

    def _readVolume(self, volumeNode: Any) -> Volume:
        if volumeNode is None:
            raise ValueError("no volume: choose one.")
        state = Bridge.volumeState(volumeNode)
        if self._volume is None or self._volume[0] != state:
            self._volume = (state, Bridge.volumeFromNode(volumeNode))
        return self._volume[1]
