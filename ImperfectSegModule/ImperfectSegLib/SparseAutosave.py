"""Keeps sparse annotations on disk as they are made: per annotator and case, with versions."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ImperfectSegLib.Autosave import Autosave, autosaveFolder
from ImperfectSegLib.AutosaveFile import EXTENSION, Kept
from ImperfectSegLib.PromptState import State
from ImperfectSegLib.SparseNotes import ATTRIBUTE
from ImperfectSegLib.SparseSession import SparseSession

OLDER = "Older"
KEPT_VERSIONS = 20


class SparseAutosave(Autosave):
    """Like that of the interactive panel, with notes; earlier versions of a file stay."""

    def __init__(
        self, session: SparseSession, tell: Callable[[str], None], annotator: Callable[[], str]
    ) -> None:
        """Takes the session, who shows what is wrong, and who knows who annotates."""
        self._annotator = annotator
        super().__init__(session, tell)
        self._session: SparseSession = session

    def folder(self) -> Path:
        """Gives the folder where the files are."""
        return autosaveFolder() / "Sparse"

    def prompts(self, segmentationNode: Any) -> State:
        """Gives the marks of a segmentation."""
        return self._session.store.state()

    def notes(self) -> tuple[str, str]:
        """Gives what was noted besides, and who annotates."""
        return self._session.segmentationNode.GetAttribute(ATTRIBUTE) or "", self._annotator()

    def fileName(self, imageName: str, token: str, segmentationNode: Any) -> str:
        """Gives the name of the file of an image, a segmentation and an annotator."""
        who = re.sub(r"[^A-Za-z0-9]+", "_", self._annotator()) or "_"
        return f"{imageName}-{token}-{segmentationNode.GetID()}-{who}{EXTENSION}"

    def write(self, kept: Kept, path: Path) -> None:
        """Writes a file in place of the last one, which is kept as an older version."""
        if not (path.exists() or kept.prompts or kept.marks or kept.layers):
            return  # Nothing was marked yet.
        if path.exists():
            older = path.parent / OLDER
            older.mkdir(exist_ok=True)
            known = self._older(path)
            number = int(known[0].suffixes[-1][1:]) + 1 if known else 1
            _copy(path, older / f"{path.name}.{number:06d}")
            for old in known[KEPT_VERSIONS - 1 :]:
                old.unlink(missing_ok=True)
        super().write(kept, path)

    def versions(self, path: Path) -> list[Path]:
        """Gives a file and its older versions, newest first."""
        return [path, *self._older(path)]

    def discard(self, path: Path) -> None:
        """Deletes a file for good, with its older versions."""
        for old in self._older(path):
            old.unlink(missing_ok=True)
        super().discard(path)

    def clean(self) -> None:
        """Deletes what this session has written, because it was saved or is not wanted."""
        super().clean()
        for old in (self.folder() / OLDER).glob(f"*-{self._lock.token}-*"):
            old.unlink(missing_ok=True)

    def _older(self, path: Path) -> list[Path]:
        return sorted((path.parent / OLDER).glob(f"{path.name}.*"), reverse=True)


def _copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # A file system without links.
        shutil.copyfile(source, target)
