"""Asks Slicer's Python, beside the window, which methods there are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import qt
import slicer

from ImperfectSegLib.Catalog import Catalog, readCatalog
from ImperfectSegLib.Processes import Processes
from ImperfectSegLib.RunFolders import lastWords

POLL_MS = 200
MODULE = "ImperfectSegLib.Catalog"


class MethodLookUp:
    """Looks up the catalog in a process of its own, which may import PyTorch."""

    def __init__(
        self, processes: Processes, onFound: Callable[[Catalog], None], module: str = MODULE
    ) -> None:
        """Takes who starts processes, who is told what was found, and what to run."""
        self.processes, self._onFound, self._module = processes, onFound, module
        self._target = Path(slicer.app.temporaryPath) / f"{module.rpartition('.')[2]}.json"
        self._pid = 0
        self._timer = qt.QTimer()
        self._timer.setInterval(POLL_MS)
        self._timer.connect("timeout()", self._poll)

    def start(self) -> None:
        """Begins to look, unless it is looking already.

        Raises:
            OSError: If no process can be started.
        """
        if self._pid:
            return
        log = self._target.with_suffix(".log")
        for file in (self._target, log):
            file.unlink(missing_ok=True)
        self._pid = self.processes.start([str(self._target)], log, self._module)
        self._timer.start()

    def close(self) -> None:
        """Stops waiting."""
        self._timer.stop()
        self._pid = 0

    def _poll(self) -> None:
        if self.processes.isAlive(self._pid):
            return
        self.close()
        try:
            found = readCatalog(self._target)
        except (OSError, ValueError, KeyError, TypeError):
            found = Catalog(problem=lastWords(self._target.with_suffix(".log")))
        self._onFound(found)
