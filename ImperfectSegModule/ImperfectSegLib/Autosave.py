"""Keeps prompts and segments on disk as they are made, until the user saves or closes the scene."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import qt
import slicer

from ImperfectSegLib import Bridge
from ImperfectSegLib.AutosaveFile import (
    EXTENSION,
    Kept,
    KeptSegment,
    fingerprint,
    readKept,
    writeKept,
)
from ImperfectSegLib.AutosaveLeftovers import clearLeftovers
from ImperfectSegLib.JobRunner import JobRunner
from ImperfectSegLib.PromptState import State
from ImperfectSegLib.PromptStore import PromptStore
from ImperfectSegLib.SegmentCapture import Masks, captured, packed
from ImperfectSegLib.SegmentTags import isLocked, thresholdOf
from ImperfectSegLib.SessionLock import SessionLock, tokenOf
from ImperfectSegLogic.methods.progress import Progress

DELAY_MS = 200
"""Segments are written that long after they changed, once for many changes in a row."""


def autosaveFolder() -> Path:
    """Gives the folder beside 3D Slicer's settings where the files are."""
    return Path(slicer.app.slicerUserSettingsFilePath).parent / "ImperfectSeg" / "Autosave"


class KeptSession(Protocol):
    """Whose work is kept.

    Attributes:
        listeners: Called with "prompts" or "segments" after these have changed.
    """

    listeners: list[Callable[[str], None]]

    @property
    def volumeNode(self) -> Any:
        """The image; None if there is none."""

    @property
    def segmentationNode(self) -> Any:
        """The segmentation; None if there is none."""


class Autosave:
    """Writes a file per image and segmentation; it never fails, it tells.

    Prompts are on disk when the session has told of them; the voxels of segments, which more
    prompts would change anyway, follow a moment later beside the window.
    """

    def __init__(self, session: KeptSession, tell: Callable[[str], None]) -> None:
        """Takes the session, and who shows what is wrong; an empty text if nothing is."""
        self._session, self._tell = session, tell
        self._folder = self.folder()
        self._lock = SessionLock(self._folder)
        clearLeftovers(self._folder, self._lock)
        self._jobs = JobRunner()
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(DELAY_MS)
        self._timer.connect("timeout()", self._saveSegments)
        self._writing = threading.Lock()
        self._node: Any = None
        self._masks: Masks | None = None
        self._serial = 0
        self._known: tuple[tuple[Any, ...], str] | None = None
        session.listeners.append(self._onSession)

    def folder(self) -> Path:
        """Gives the folder where the files are."""
        return autosaveFolder()

    @property
    def isBusy(self) -> bool:
        """Whether something is still to be written."""
        return bool(self._timer.isActive()) or self._jobs.isRunning

    def orphan(self) -> Path | None:
        """Gives the newest file for the image that a session which has crashed left behind."""
        name = self._imageName()
        files = [p for p in self._folder.glob(f"{name}-*{EXTENSION}") if name]
        lost = [p for p in files if not self._lock.isAlive(tokenOf(p))]
        return max(lost, key=lambda path: path.stat().st_mtime, default=None)

    def discard(self, path: Path) -> None:
        """Deletes a file for good, as well as its session's lock if that has no other file."""
        path.unlink(missing_ok=True)
        token = tokenOf(path)
        if not list(self._folder.glob(f"*-{token}-*{EXTENSION}")):
            self._lock.remove(token)

    def read(self, path: Path) -> Kept:
        """Reads a file; see `readKept` for what it raises."""
        return readKept(path)

    def clean(self) -> None:
        """Deletes what this session has written, because it was saved or is not wanted."""
        self._stop()
        for path in self._folder.glob(f"*-{self._lock.token}-*{EXTENSION}"):
            path.unlink(missing_ok=True)
        self._masks = None

    def close(self) -> None:
        """Deletes all, for the module is closed in order."""
        self._session.listeners.remove(self._onSession)
        self.clean()
        self._lock.release()

    def save(self) -> None:
        """Writes prompts and segments at once, in the calling thread."""
        self._stop()
        try:
            self._masks = packed(captured(self._session.segmentationNode))
            self._write()
        except (OSError, ValueError) as error:
            self._tell(f"Autosave is off: {error}")

    def write(self, kept: Kept, path: Path) -> None:
        """Writes a file; see `writeKept` for what it raises."""
        writeKept(kept, path)

    def prompts(self, segmentationNode: Any) -> State:
        """Gives the prompts of a segmentation."""
        return PromptStore(segmentationNode).state()

    def notes(self) -> tuple[str, str]:
        """Gives the marks besides and the annotator, see `Kept`."""
        return "", ""

    def fileName(self, imageName: str, token: str, segmentationNode: Any) -> str:
        """Gives the name of the file of an image and a segmentation."""
        return f"{imageName}-{token}-{segmentationNode.GetID()}{EXTENSION}"

    def _onSession(self, what: str) -> None:
        node = self._session.segmentationNode
        if node is not self._node:
            self._stop()
            self._node, self._masks = node, None
        if node is None:
            return
        if what == "prompts":
            self._savePrompts()
        elif what == "segments":
            self._timer.start()

    def _savePrompts(self) -> None:
        if self._masks is None:
            self.save()
            return
        try:
            self._write()
        except (OSError, ValueError) as error:
            self._tell(f"Autosave is off: {error}")

    def _saveSegments(self) -> None:
        if self._session.segmentationNode is None or self._path() is None:
            return
        self._serial += 1
        serial = self._serial
        try:
            layers, kept = captured(self._session.segmentationNode), self._kept()
        except ValueError as error:
            self._tell(f"Autosave is off: {error}")
            return
        path = self._path()

        def work(progress: Progress) -> None:
            masks = packed(layers)
            with self._writing:
                if serial == self._serial:
                    self._masks = masks
                    self._writeTo(path, kept)

        self._jobs.start(
            work,
            lambda done: self._tell(""),
            lambda error: self._tell(f"Autosave is off: {error}"),
            lambda fraction, text: None,
        )

    def _write(self) -> None:
        path = self._path()
        if path is not None:
            with self._writing:
                self._writeTo(path, self._kept())
            self._tell("")

    def _writeTo(self, path: Any, kept: Kept) -> None:
        layers, places = self._masks or ((), {})
        empty = (-1, 0)
        segments = tuple(
            replace(s, layer=places.get(s.id, empty)[0], value=places.get(s.id, empty)[1])
            for s in kept.segments
        )
        self._lock.hold()
        self.write(replace(kept, segments=segments, layers=layers), path)

    def _kept(self) -> Kept:
        node, volume = self._session.segmentationNode, self._session.volumeNode
        inside = node.GetSegmentation()
        segments = tuple(
            KeptSegment(
                name,
                inside.GetSegment(name).GetName(),
                tuple(inside.GetSegment(name).GetColor()),
                isLocked(node, name),
                thresholdOf(node, name),
            )
            for name in inside.GetSegmentIDs()
        )
        saved = time.strftime("%Y-%m-%d %H:%M")
        prompts = self.prompts(node)
        return Kept(volume.GetName(), node.GetName(), saved, segments, prompts, (), *self.notes())

    def _path(self) -> Path | None:
        name = self._imageName()
        node = self._session.segmentationNode
        if not name or node is None:
            return None
        return self._folder / self.fileName(name, self._lock.token, node)

    def _imageName(self) -> str:
        volume = self._session.volumeNode
        if volume is None or volume.GetImageData() is None:
            return ""
        try:
            state = Bridge.volumeState(volume)
            if self._known is None or self._known[0] != state:
                self._known = (state, fingerprint(Bridge.volumeView(volume)))
        except ValueError:
            return ""
        return self._known[1]

    def _stop(self) -> None:
        self._timer.stop()
        self._jobs.cancel()
        with self._writing:
            self._serial += 1
