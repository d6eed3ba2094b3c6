"""Tells files of a 3D Slicer that is running from those of one that has ended without warning."""

from __future__ import annotations

import contextlib
import importlib
import secrets
import sys
from pathlib import Path
from typing import IO, Any

EXTENSION = ".lock"


class SessionLock:
    """A file that is locked as long as this process lives; the system itself gives it free.

    Attributes:
        token: The name of this session in names of files.
    """

    def __init__(self, folder: Path) -> None:
        """Takes the folder; nothing is written before `hold`."""
        self.token = secrets.token_hex(6)
        self._folder = folder
        self._file: IO[bytes] | None = None

    def hold(self) -> None:
        """Makes the file and locks it, unless that is done already.

        Raises:
            OSError: If it cannot be written.
        """
        if self._file is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            file = self._path(self.token).open("wb")
            _lock(file)
            self._file = file

    def release(self) -> None:
        """Removes the file."""
        if self._file is not None:
            self._file.close()
            self._file = None
            self.remove(self.token)

    def isAlive(self, token: str) -> bool:
        """Tells whether the process that has a token lives."""
        if token == self.token:
            return True
        try:
            with self._path(token).open("r+b") as file:
                _lock(file)
        except FileNotFoundError:
            return False
        except OSError:
            return True
        return False

    def remove(self, token: str) -> None:
        """Removes what a session has left."""
        with contextlib.suppress(OSError):
            self._path(token).unlink(missing_ok=True)

    def _path(self, token: str) -> Path:
        return self._folder / f"{token}{EXTENSION}"


def tokenOf(path: Path) -> str:
    """Gives the token of the session that wrote a file, from its name: `KEY-TOKEN-...`."""
    return path.name.split("-")[1]


def _lock(file: IO[bytes]) -> None:
    """Locks a file for this process, or raises OSError if another one has locked it."""
    if sys.platform == "win32":
        windows: Any = importlib.import_module("msvcrt")
        windows.locking(file.fileno(), windows.LK_NBLCK, 1)
        return
    posix: Any = importlib.import_module("fcntl")
    posix.flock(file.fileno(), posix.LOCK_EX | posix.LOCK_NB)
