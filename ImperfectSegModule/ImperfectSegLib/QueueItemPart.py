"""The part of the queue panel with the open item, and what is done with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer.util
from slicer.i18n import tr as _

from ImperfectSegLib.Buttons import onClicks
from ImperfectSegLib.OtherModules import openSegmentEditor
from ImperfectSegLib.QueueClock import timeText
from ImperfectSegLib.QueueListPart import unitText
from ImperfectSegLib.QueueSession import QueueSession
from ImperfectSegLib.QueueState import CLOSED, DONE, OPENED, SEGMENTS
from ImperfectSegLogic.active.queue_items import Reading

INTERACTIVE = "ImperfectSegInteractive"


class QueueItemPart:
    """Connects the buttons.

    Attributes:
        parameters: What the panel remembers; None while a scene is closed or read.
    """

    def __init__(self, ui: Any, session: QueueSession, say: Callable[[str, bool], None]) -> None:
        """Takes the widgets, the session, and who speaks."""
        self._ui, self._session, self._say = ui, session, say
        self.parameters: Any = None
        onClicks(
            {
                ui.nextButton: session.next,
                ui.doneButton: session.done,
                ui.skipButton: self.skip,
                ui.flagButton: self.flag,
                ui.putBackButton: session.putBack,
                ui.backButton: self.back,
                ui.editorButton: self.openEditor,
                ui.interactiveButton: self.openInteractive,
            }
        )
        session.listeners.append(self._onSession)

    def skip(self) -> None:
        """Sets the open item aside with the reason that was written."""
        self._session.skip(str(self._ui.reasonEdit.text))
        self._askReason()

    def flag(self) -> None:
        """Flags the open item with the reason that was written."""
        self._session.flag(str(self._ui.reasonEdit.text))
        self._askReason()

    def back(self) -> None:
        """Opens the item that this annotator did before the open one, or last."""
        earlier = self._earlier()
        if earlier:
            self._session.open(earlier[0][1])
        else:
            self._say(_("You have done nothing before in this queue."), True)

    def openEditor(self) -> None:
        """Goes to Segment Editor with the open item."""
        if self._session.unit is not None:
            openSegmentEditor(self._session.segmentationNode, self._session.volumeNode)

    def openInteractive(self) -> None:
        """Goes to the interactive panel with the open item."""
        if self._session.unit is None:
            return
        try:
            slicer.util.selectModule(INTERACTIVE)
            node = slicer.util.getModuleLogic(INTERACTIVE).getParameterNode()
        except (RuntimeError, AttributeError) as error:
            self._say(f"{INTERACTIVE}: cannot be opened ({error}).", True)
            return
        node.inputVolume = self._session.volumeNode
        node.segmentation = self._session.segmentationNode

    def draw(self) -> None:
        """Shows where the model is unsure, if that is wanted."""
        known = self.parameters
        if known is not None:
            self._session.nodes.showUncertainty(known.showUncertainty, known.overlayOpacity)

    def update(self) -> None:
        """Brings the widgets up to date."""
        ui, session = self._ui, self._session
        isOpen, isFree = session.unit is not None, not session.isBusy
        ui.nextButton.enabled = session.hasQueue and isFree
        for button in (ui.doneButton, ui.putBackButton):
            button.enabled = isOpen and isFree
        for widget in (ui.skipButton, ui.flagButton, ui.reasonEdit):
            widget.enabled = isOpen and isFree and not session.isReopened
        for button in (ui.editorButton, ui.interactiveButton):
            button.enabled = isOpen
        ui.backButton.enabled = session.hasQueue and isFree and bool(self._earlier())
        ui.uncertaintyBox.enabled = session.nodes.uncertainty is not None
        ui.itemLabel.text = self._told()
        self.updateTime()

    def updateTime(self) -> None:
        """Shows how long the open item has been in work."""
        session = self._session
        paused = "" if session.clock.isRunning else _(", paused")
        text = f"{timeText(session.seconds)}{paused}" if session.unit else ""
        if self._ui.timeLabel.text != text:
            self._ui.timeLabel.text = text

    def _told(self) -> str:
        session = self._session
        if session.lease is None:
            return _("No item is open.")
        item = session.lease.item
        again = _(", done before: becomes a new version") if session.isReopened else ""
        source = session.source or _("nothing")
        return f"<b>{unitText(item.unit)}</b>{again}<br>{item.reason}<br>{_('from')} {source}"

    def _earlier(self) -> list[tuple[float, Any]]:
        """Gives what this annotator did, the last first; before the open item, if it is of it."""
        session, who = self._session, self._session.annotator
        done: list[tuple[float, Any]] = []
        for item in session.items:
            reading: Reading | None = item.standing.reading(who)
            if reading is not None and reading.done:
                done.append((reading.ended or 0.0, item.unit))
        done.sort(key=lambda one: one[0], reverse=True)
        units = [unit for _ended, unit in done]
        return done[units.index(session.unit) + 1 :] if session.unit in units else done

    def _askReason(self) -> None:
        if self._session.unit is not None and not str(self._ui.reasonEdit.text).strip():
            self._ui.reasonEdit.setFocus()

    def _onSession(self, what: str) -> None:
        if what == SEGMENTS:  # Changes nothing that is shown here.
            return
        if what == OPENED:
            self.draw()
        if what == CLOSED:
            self._ui.reasonEdit.text = ""
        self.update()
        if what == DONE and self.parameters is not None and self.parameters.goOn:
            self._session.next()
