"""Keeps the items in work on disk, per annotator, and finds what a crash has left of them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from ImperfectSegLib.Autosave import Autosave, autosaveFolder
from ImperfectSegLib.AutosaveFile import EXTENSION, Kept, readKept
from ImperfectSegLib.RestorePart import restoredSegmentation
from ImperfectSegLib.SessionLock import tokenOf
from ImperfectSegLogic.active.unit import Unit

ENDING = f"-item{EXTENSION}"


class QueueItem(Protocol):
    """Whose item is kept.

    Attributes:
        listeners: Called with "segments" after these have changed.
        folder: The data set's folder.
        annotator: Who annotates.
    """

    listeners: list[Callable[[str], None]]
    folder: Path
    annotator: str

    @property
    def volumeNode(self) -> Any:
        """The image; None if there is none."""

    @property
    def segmentationNode(self) -> Any:
        """The segmentation; None if there is none."""

    @property
    def unit(self) -> Unit | None:
        """The item; None if none is open."""

    @property
    def seconds(self) -> float:
        """How long it has been in work."""


class QueueAutosave(Autosave):
    """A file per data set, item, annotator and session; it stays until the item is done with."""

    def __init__(self, session: QueueItem, tell: Callable[[str], None]) -> None:
        """Takes the session, and who shows what is wrong."""
        super().__init__(session, tell)
        self._item = session

    def folder(self) -> Path:
        """Gives the folder where the files are."""
        return autosaveFolder() / "Queue"

    def notes(self) -> tuple[str, str]:
        """Gives what is known of the item, and who annotates."""
        unit = self._item.unit
        said = {"unit": unit.name() if unit else "", "seconds": self._item.seconds}
        return json.dumps({**said, "folder": str(self._item.folder)}), self._item.annotator

    def fileName(self, imageName: str, token: str, segmentationNode: Any) -> str:
        """Gives the name of the file; the segmentation may be another one each time."""
        return f"{imageName}-{token}{ENDING}"

    def left(self, unit: Unit) -> Path | None:
        """Gives the newest file of an item that no other 3D Slicer at work here has."""
        files = [p for p in self._files(unit) if not self._isElsewhere(p)]
        return max(files, key=lambda path: path.stat().st_mtime, default=None)

    def leftAmong(self, units: Sequence[Unit]) -> list[Unit]:
        """Gives those of some items of which a session that has ended left something."""
        files = self._folder.glob(f"*{ENDING}")  # Not those that a crash left half written.
        keys = {p.name.split("-")[0] for p in files if not self._isElsewhere(p)}
        return [unit for unit in units if self._key(unit) in keys] if keys else []

    def isElsewhere(self, unit: Unit) -> bool:
        """Tells whether another 3D Slicer on this computer has an item open."""
        return any(map(self._isElsewhere, self._files(unit)))

    def drop(self, unit: Unit) -> None:
        """Deletes what was kept of an item, because it is saved or not wanted any more."""
        self._stop()
        self._masks = None
        for path in self._files(unit):
            if tokenOf(path) == self._lock.token:
                path.unlink(missing_ok=True)
            elif not self._isElsewhere(path):
                self.discard(path)

    def begin(self) -> None:
        """Writes an item that was just opened, beside the window."""
        self._stop()
        self._masks = None
        self._saveSegments()

    def settle(self) -> None:
        """Writes at once what is not on disk yet, and how long it took until now."""
        if self.isBusy:
            self.save()
        else:
            self._savePrompts()  # The voxels are packed already.

    def takeOver(self, path: Path) -> None:
        """Keeps anew what an earlier session has left, and then deletes that."""
        self.save()
        own = self._path()
        if own is not None and own.exists() and own != path:
            self.discard(path)

    def restored(self, path: Path) -> tuple[Any, Kept | None, str]:
        """Gives a segmentation with what a file kept, and the file; or why that cannot be read."""
        try:
            kept = readKept(path)
            return restoredSegmentation(kept, self._item.volumeNode), kept, ""
        except (ValueError, OSError) as error:
            return None, None, str(error)

    def close(self) -> None:
        """Called when the module is closed in order: what was in work stays for the next time."""
        self._stop()
        self._session.listeners.remove(self._onSession)
        self._lock.release()

    def _imageName(self) -> str:
        unit = self._item.unit
        return self._key(unit) if unit is not None else ""

    def _key(self, unit: Unit) -> str:
        known = f"{self._item.folder.resolve()}\n{unit.name()}\n{self._item.annotator}"
        case = re.sub(r"[^A-Za-z0-9]+", "_", unit.case)[:40]
        return f"{case}_{hashlib.blake2b(known.encode(), digest_size=12).hexdigest()}"

    def _files(self, unit: Unit) -> list[Path]:
        return list(self._folder.glob(f"{self._key(unit)}-*{ENDING}"))

    def _isElsewhere(self, path: Path) -> bool:
        token = tokenOf(path)
        return token != self._lock.token and self._lock.isAlive(token)


def secondsOf(kept: Kept) -> float:
    """Gives how long an item had been in work when it was kept."""
    try:
        return max(float(json.loads(kept.marks)["seconds"]), 0.0)
    except (ValueError, KeyError, TypeError):
        return 0.0
