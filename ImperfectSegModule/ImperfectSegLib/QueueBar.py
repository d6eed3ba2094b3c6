"""A tool bar with the open item, so that it can be annotated in other modules and done there."""

from __future__ import annotations

from typing import Any

import qt
import slicer.util
from slicer.i18n import tr as _

from ImperfectSegLib.Buttons import onClicks
from ImperfectSegLib.QueueClock import timeText
from ImperfectSegLib.QueueItemPart import INTERACTIVE, QueueItemPart
from ImperfectSegLib.QueueListPart import unitText
from ImperfectSegLib.QueueSession import QueueSession
from ImperfectSegLib.QueueState import OPENED
from ImperfectSegLib.Shortcuts import Shortcut, Shortcuts
from ImperfectSegLib.Styles import ERROR_STYLE

QUEUE = "ImperfectSegQueue"
NAME = "ImperfectSegQueueBar"


class QueueBar:
    """Is there from when the queue's panel is left with an open item, until the user is back.

    Its buttons press those of the panel, and can be pressed when these can. The next item is opened
    in the module where the user is: Segment Editor or the interactive panel get its segmentation.

    Attributes:
        isShown: Whether it is there.
    """

    def __init__(self, ui: Any, session: QueueSession, item: QueueItemPart) -> None:
        """Takes the panel's widgets, the session, and what is done with the open item."""
        self._ui, self._session, self._item = ui, session, item
        self._isAdded = self.isShown = False
        self._bar = qt.QToolBar(_("ImperfectSeg queue"))
        self._bar.setObjectName(NAME)  # By which Slicer remembers where it was moved to.
        self._told, self._message = qt.QLabel(), qt.QLabel()
        self._told.margin = self._message.margin = 6
        self._done = _button(_("Done"), _("Save it as a new version"))
        self._next = _button(_("Next"), _("Open the next item here"))
        self._back = _button(_("Back"), _("Open the item done before here"))
        panel = _button(_("Queue"), _("Go back to the queue"))
        onClicks(
            {
                self._done: ui.doneButton.click,
                self._next: ui.nextButton.click,
                self._back: ui.backButton.click,
                panel: goToQueue,
            }
        )
        for widget in (self._told, self._done, self._next, self._back, panel, self._message):
            self._bar.addWidget(widget)
        self._shortcuts = Shortcuts(
            [
                Shortcut("Ctrl+Return", "done", self._done.click, self._done),
                Shortcut("Ctrl+Shift+N", "next item", self._next.click, self._next),
                Shortcut("Ctrl+Shift+B", "back to the item before", self._back.click, self._back),
                Shortcut("Ctrl+Shift+Q", "to the queue", panel.click, panel),
            ]
        )
        session.listeners.append(self._onSession)

    def help(self) -> str:
        """Lists its keys, as HTML."""
        return _("In other modules, while an item is open:") + self._shortcuts.help()

    def show(self) -> None:
        """Called when the user goes to another module; without an open item nothing is shown."""
        window = slicer.util.mainWindow()
        if self._session.unit is None or window is None:
            return
        if not self._isAdded:
            window.addToolBar(self._bar)
        self._isAdded = self.isShown = self._bar.visible = True
        self._shortcuts.turnOn()
        self.say("", False)
        self.update()

    def hide(self) -> None:
        """Called when the user is at the queue again."""
        self.isShown = self._bar.visible = False
        self._shortcuts.turnOff()

    def close(self) -> None:
        """Called when the module is closed for good."""
        self.hide()
        if self._isAdded:
            slicer.util.mainWindow().removeToolBar(self._bar)
        self._bar.deleteLater()

    def say(self, text: str, isError: bool) -> None:
        """Shows a message."""
        self._message.text = text
        self._message.styleSheet = ERROR_STYLE if isError else ""

    def update(self) -> None:
        """Brings it up to date; to be called after the panel's buttons are."""
        if self.isShown:
            self._done.enabled = self._ui.doneButton.enabled
            self._next.enabled = self._ui.nextButton.enabled
            self._back.enabled = self._ui.backButton.enabled
            self.updateTime()

    def updateTime(self) -> None:
        """Shows the open item, and how long it has been in work."""
        if not self.isShown:
            return
        unit, seconds = self._session.unit, self._session.seconds
        text = f"<b>{unitText(unit)}</b> {timeText(seconds)}" if unit else _("No item is open.")
        if self._told.text != text:
            self._told.text = text

    def _onSession(self, what: str) -> None:
        self.update()
        if what == OPENED and self.isShown:
            module = str(slicer.util.selectedModule())
            if module == "SegmentEditor":
                self._item.openEditor()
            elif module == INTERACTIVE:
                self._item.openInteractive()


def goToQueue() -> None:
    """Goes to the queue's panel."""
    slicer.util.selectModule(QUEUE)


def _button(text: str, toolTip: str) -> Any:
    button = qt.QPushButton(text)
    button.toolTip = toolTip
    return button
