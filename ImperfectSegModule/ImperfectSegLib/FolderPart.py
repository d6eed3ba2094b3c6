"""The part of the refine panel that refines a whole folder, in a process of its own."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from ImperfectSegLib.Processes import PROGRESS_FILE, Processes
from ImperfectSegLib.ProfilePart import ProfilePart
from ImperfectSegLib.RefinerPart import RefinerPart
from ImperfectSegLib.RunFolders import lastWords
from ImperfectSegLib.Styles import ERROR_STYLE
from ImperfectSegLogic.refinement.profile import write_profile

POLL_MS = 200
LOG, PROFILE, PROGRESS = "log.txt", "profile.json", "progress.json"


class FolderPart:
    """Runs `imperfectseg refine` with the method and the settings of the panel."""

    def __init__(
        self, ui: Any, method: RefinerPart, profiles: ProfilePart, processes: Processes
    ) -> None:
        """Takes the widgets, who knows what is chosen, and who starts processes."""
        self._ui, self._method, self._profiles = ui, method, profiles
        self.processes = processes
        self._timer = qt.QTimer()
        self._timer.setInterval(POLL_MS)
        self._timer.connect("timeout()", self._poll)
        self._pid, self._folder = 0, Path()
        self._paths = (ui.predictionsPath, ui.imagesPath, ui.resultsPath)
        for path in self._paths:
            path.filters = type(path).Dirs
            path.connect("currentPathChanged(QString)", lambda _path: self.update())
        ui.runFolderButton.connect("clicked(bool)", lambda _checked: self.start())
        ui.cancelFolderButton.connect("clicked(bool)", lambda _checked: self.cancel())

    @property
    def isRunning(self) -> bool:
        """Whether a folder is being refined."""
        return bool(self._pid)

    def start(self) -> None:
        """Starts to refine; it goes on when 3D Slicer is closed."""
        source, images, target = (path.currentPath.strip() for path in self._paths)
        temporary = slicer.app.temporaryPath
        self._folder = Path(tempfile.mkdtemp(prefix="imperfectseg-refine-", dir=temporary))
        profile = self._folder / PROFILE
        arguments = ["refine", source, "--image", images, "--out", target]
        arguments += ["--profile", str(profile), "--certainty", f"{self._certainty():g}"]
        try:
            write_profile(self._profiles.profile(), profile)
            variables = {PROGRESS_FILE: str(self._folder / PROGRESS)}
            log = self._folder / LOG
            self._pid = self.processes.start(arguments, log, variables=variables)
        except (ValueError, OSError) as error:
            self._say(str(error), isError=True)
            return
        self._ui.folderBar.maximum = 0  # A bar without end until it is known how far it is.
        self._timer.start()
        self._say("Refining the folder; it goes on when 3D Slicer is closed.")

    def cancel(self) -> None:
        """Stops; what is refined already stays, and the next start goes on with the rest."""
        self.processes.end(self._pid)
        self._end()
        self._say("Stopped; what is refined already stays. Start again to go on.")

    def close(self) -> None:
        """Watches no longer."""
        self._end()
        self._timer.disconnect("timeout()", self._poll)

    def update(self) -> None:
        """Brings the buttons up to date."""
        isChosen = all(path.currentPath.strip() for path in self._paths)
        self._ui.runFolderButton.enabled = isChosen and self._method.isReady and not self.isRunning
        self._ui.cancelFolderButton.enabled = self.isRunning

    def _certainty(self) -> float:
        return float(self._ui.certaintySlider.value)

    def _poll(self) -> None:
        fraction = self._fraction()
        if fraction is not None:
            self._ui.folderBar.maximum = 100
            self._ui.folderBar.value = round(100 * fraction)
        if self.processes.isAlive(self._pid):
            return
        code = self.processes.exitCode(self._pid)
        self._end()
        told = lastWords(self._folder / LOG)
        self._say(told if code else _("Refined: ") + self._paths[2].currentPath, bool(code))

    def _end(self) -> None:
        self._timer.stop()
        self._pid = 0
        self._ui.folderBar.maximum, self._ui.folderBar.value = 100, 0

    def _fraction(self) -> float | None:
        try:
            said = json.loads((self._folder / PROGRESS).read_text(encoding="utf-8"))
            return float(said["fraction"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _say(self, text: str, isError: bool = False) -> None:
        self._ui.folderLabel.text = text
        self._ui.folderLabel.styleSheet = ERROR_STYLE if isError else ""
        self.update()
