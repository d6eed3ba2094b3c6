"""The queue panel: puts its parts together, and shows what the session says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import qt
import slicer.util
from slicer.i18n import tr as _

from ImperfectSegLib.PackageInstaller import PackageInstaller
from ImperfectSegLib.PanelWidget import Panel
from ImperfectSegLib.Processes import Processes
from ImperfectSegLib.QueueAnnotator import rememberAnnotator
from ImperfectSegLib.QueueBar import QueueBar
from ImperfectSegLib.QueueBuildPart import QueueBuildPart
from ImperfectSegLib.QueueCare import QueueCare
from ImperfectSegLib.QueueItemPart import QueueItemPart
from ImperfectSegLib.QueueKeys import queueKeys
from ImperfectSegLib.QueueListPart import QueueListPart
from ImperfectSegLib.QueueReadersPart import QueueReadersPart
from ImperfectSegLib.QueueSession import QueueSession
from ImperfectSegLib.QueueTrainPart import QueueTrainPart
from ImperfectSegLib.Shortcuts import Shortcuts
from ImperfectSegLib.Styles import ERROR_STYLE
from ImperfectSegLogic.active.queue_items import Item

CONNECT_MS = 400
"""So long after the last letter of a name was typed it is asked whether there is such a queue."""


class QueuePanel(Panel):
    """Everything of the panel that is no business of Slicer's module classes.

    Attributes:
        session: What the user does.
        items: The part with the list.
        item: The part with the open item.
        bar: The open item while the user is in other modules.
        building: The part that makes queues.
        readers: The part with what several have read.
        training: The part that trains.
        care: What happens by itself.
        parameters: What the panel remembers; None while a scene is closed or read.
    """

    def __init__(self, ui: Any, processes: Processes, needed: Path) -> None:
        """Takes the widgets, who starts processes, and the list of needed packages."""
        self._ui = ui
        self.parameters: Any = None
        self._isBuilt, self._place = False, ("", "")
        ui.dataSetPath.filters = type(ui.dataSetPath).Dirs
        self.session = QueueSession(self)
        self.items = QueueListPart(ui, self.session)
        self.item = QueueItemPart(ui, self.session, self.say)
        self.bar = QueueBar(ui, self.session, self.item)
        self.readers = QueueReadersPart(ui, self.session, self)
        installer = PackageInstaller(needed)
        self.building = QueueBuildPart(ui, self.session, installer, self.update, self.say)
        self.training = QueueTrainPart(ui, self.session, self.building, processes, self.say)
        self.care = QueueCare(self.session, self.say, self._onTick)
        self.shortcuts = Shortcuts(queueKeys(ui, self.item, self.session))
        ui.shortcutsLabel.text = self.shortcuts.help() + self.bar.help()
        for button in (ui.trainButton, ui.shortcutsButton):
            button.collapsed = True
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(CONNECT_MS)
        self._timer.connect("timeout()", self.connectNow)
        ui.dataSetPath.connect("currentPathChanged(QString)", self._onPath)
        self._isBuilt = True
        self.sayAutosave("")

    def follow(self, parameters: Any) -> None:
        """Shows what the parameters say; None while there are none."""
        self.parameters = self.item.parameters = self.training.parameters = parameters
        if parameters is None:
            return
        if self._ui.dataSetPath.currentPath.strip() != parameters.dataSetFolder:
            self._ui.dataSetPath.currentPath = parameters.dataSetFolder
        self.session.isSparse = parameters.sparse
        if self._wanted() != self._place:
            self._timer.start()
        self.item.draw()
        self.update()

    def connectNow(self) -> None:
        """Goes to the queue that is chosen, if it is another one."""
        self._timer.stop()
        if self.parameters is not None and self._wanted() != self._place:
            self._place = self._wanted()
            self.items.pictures.forget()
            self.session.connect(*self._place)
            if self._place[1]:
                rememberAnnotator(self._place[1])

    def enter(self) -> None:
        """Called each time the user opens the module."""
        self.bar.hide()
        self.shortcuts.turnOn()
        self.building.enter()
        self.care.enter()

    def exit(self) -> None:
        """Called each time the user opens another module; the item stays open."""
        self.shortcuts.turnOff()
        self.care.exit()
        self.bar.show()

    def startClose(self) -> None:
        """To be called before a scene is closed: the open item is kept on disk."""
        self.session.leave()
        self.readers.work.leave()

    def forgetScene(self) -> None:
        """Lets go of a scene that is being closed."""
        self.session.nodes.forget()
        self.readers.work.nodes.forget()

    def endClose(self) -> None:
        """To be called when a scene was closed."""
        self.training.work.showAgain()
        self.update()

    def startSave(self) -> None:
        """To be called before a scene is saved."""
        self.session.nodes.overlay.giveBack()

    def endSave(self) -> None:
        """To be called after a scene was saved."""
        self.item.draw()

    def close(self) -> None:
        """Called when the module is closed for good; what is in work is kept."""
        self._timer.stop()
        self._timer.disconnect("timeout()", self.connectNow)
        self.session.leave()
        self.readers.close()
        self.session.nodes.closeImage()
        self.bar.close()
        self.care.close()
        self.items.close()
        self.building.close()
        self.training.work.close()
        self.session.close()

    # What is shown ----------------------------------------------------------------------------

    def say(self, text: str, isError: bool = False) -> None:
        """Shows a message, and the state of the session."""
        self._ui.statusLabel.text = _(text)
        self._ui.statusLabel.styleSheet = ERROR_STYLE if isError else ""
        self.bar.say(_(text), isError)
        self.update()

    def sayAutosave(self, problem: str) -> None:
        """Shows whether work is kept on disk."""
        kept = _("The open item is kept on disk until it is done.")
        self._ui.autosaveLabel.text = problem or kept
        self._ui.autosaveLabel.styleSheet = ERROR_STYLE if problem else ""

    def ask(self, text: str) -> bool:
        """Asks something that is answered with yes or no."""
        return bool(slicer.util.confirmYesNoDisplay(_(text)))

    def showItems(self, items: Sequence[Item]) -> None:
        """Shows how all items stand."""
        if not self._isBuilt:
            return
        ui, desk = self._ui, self.session.desk
        self.items.show(items)
        self.readers.show(items)
        progress = desk.progress if desk else None
        ui.progressLabel.text = progress.text if progress and progress.count else ""
        ui.sharesLabel.text = progress.asHtml() if progress else ""
        ui.progressBar.maximum = max(progress.count if progress else 0, 1)
        ui.progressBar.value = progress.states["done"] if progress else 0
        self.update()
        self.training.retrainIfDue()

    def update(self) -> None:
        """Brings the widgets up to date."""
        if self._isBuilt:
            self.item.update()
            self.bar.update()
            self.readers.update()
            self.training.update()

    # What the user does -----------------------------------------------------------------------

    def _onTick(self) -> None:
        self.item.updateTime()
        self.bar.updateTime()

    def _wanted(self) -> tuple[str, str]:
        known = self.parameters
        return known.dataSetFolder.strip(), known.annotator.strip()

    def _onPath(self, path: str) -> None:
        if self.parameters is not None and self.parameters.dataSetFolder != path.strip():
            self.parameters.dataSetFolder = path.strip()
