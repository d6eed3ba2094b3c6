"""What a crash of 3D Slicer leaves of work that is kept on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ImperfectSegLib.AutosaveFile import EXTENSION


def files(folder: Path) -> list[Path]:
    """The files in which work is kept."""
    return sorted(folder.glob(f"*{EXTENSION}"))


def crash(person: Any, session: Any) -> None:
    """The application goes without a word: nothing is closed, the system frees its locks."""
    autosave = session.autosave
    if autosave._lock._file is not None:
        autosave._lock._file.close()
        autosave._lock._file = None
    session.listeners.clear()
    session.leave = autosave.close = lambda: None
    person.closes_the_panel()
    person.host.clear_scene()
