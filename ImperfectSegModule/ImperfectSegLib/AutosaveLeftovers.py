"""Clears away what crashes leave beside the files in which work is kept."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

from ImperfectSegLib.AutosaveFile import EXTENSION
from ImperfectSegLib.SessionLock import EXTENSION as LOCK
from ImperfectSegLib.SessionLock import SessionLock, tokenOf

AGE_S = 3600.0
"""Nobody writes a file for that long; a younger one may be another session's."""


def clearLeftovers(folder: Path, lock: SessionLock) -> None:
    """Deletes half-written files, and locks of sessions that have ended and have kept nothing.

    What was kept is never touched, nor what is younger than an hour.

    Args:
        folder: Where work is kept; need not be there.
        lock: This session's.
    """
    for path in _old(folder, f".*{EXTENSION}"):
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
    tokens = {tokenOf(path) for path in folder.glob(f"*-*{EXTENSION}")}
    for path in _old(folder, f"*{LOCK}"):
        if path.stem not in tokens and not lock.isAlive(path.stem):
            lock.remove(path.stem)


def _old(folder: Path, pattern: str) -> list[Path]:
    before = time.time() - AGE_S
    found = []
    for path in folder.glob(pattern):
        with contextlib.suppress(OSError):  # Another session may have cleared it.
            if path.stat().st_mtime < before:
                found.append(path)
    return found
