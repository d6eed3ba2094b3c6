"""The part of the queue panel with items that several have read: how far they agree, and whose."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from typing import Any

from slicer.i18n import tr as _

from ImperfectSegLib.Buttons import onClicks
from ImperfectSegLib.ComboBoxes import fillBox
from ImperfectSegLib.OtherModules import openSegmentEditor
from ImperfectSegLib.QueueListPart import unitText
from ImperfectSegLib.QueueReadersNodes import readerColors
from ImperfectSegLib.QueueReadersSession import ReadersSession
from ImperfectSegLib.QueueReadersTable import ReadersTable
from ImperfectSegLib.QueueSession import QueueSession
from ImperfectSegLib.QueueView import Speaker
from ImperfectSegLib.Styles import ERROR_STYLE
from ImperfectSegLogic.active.disagreement import CONSENSUS, STAPLE, Disagreement
from ImperfectSegLogic.active.queue_items import Item


class QueueReadersPart:
    """Fills the table, and connects the buttons.

    Attributes:
        work: Compares, shows and resolves.
        table: The items.
    """

    def __init__(self, ui: Any, session: QueueSession, speaker: Speaker) -> None:
        """Takes the widgets, the session, and who speaks and asks."""
        self._ui, self._session, self._speaker = ui, session, speaker
        self._by: list[str] = []
        self._isBuilt = False
        ui.readersButton.collapsed = True
        self.table = ReadersTable(ui.readersTable, self.update, self._onOpen)
        self.work = ReadersSession(session, self)
        work = self.work
        onClicks(
            {
                ui.readersCompareButton: self.compareOrStop,
                ui.readersShowButton: lambda: self._withRow(work.show),
                ui.resolveButton: lambda: self._withRow(lambda row: work.resolve(row, self.by)),
                ui.handButton: lambda: self._withRow(lambda row: work.edit(row, self.by)),
                ui.handEditorButton: self.openEditor,
                ui.handSaveButton: work.save,
                ui.handLeaveButton: self.leave,
                ui.handDiscardButton: work.discard,
            }
        )
        ui.readersButton.connect("contentsCollapsed(bool)", lambda _collapsed: self.show())
        ui.readersByBox.connect("currentIndexChanged(int)", lambda _index: self.update())
        self._isBuilt = True
        self.show()

    @property
    def by(self) -> str:
        """Whose masks are taken: `staple`, a reader, or the consensus there is."""
        number = int(self._ui.readersByBox.currentIndex)
        return self._by[number] if 0 <= number < len(self._by) else STAPLE

    def show(self, items: Sequence[Item] | None = None) -> None:
        """Follows how the items stand, while the section is open."""
        isOpen = not self._ui.readersButton.collapsed
        self.work.look(self._session.items if items is None else items, isOpen)

    def compareOrStop(self) -> None:
        """Compares anew, also what others have resolved; or stops that."""
        if self.work.isComparing:
            self.work.stop()
        else:
            self.work.compare(self._session.items)
        self.update()

    def openEditor(self) -> None:
        """Goes to Segment Editor with what is drawn by hand."""
        if self.work.unit is not None:
            openSegmentEditor(self.work.segmentationNode, self.work.volumeNode)

    def leave(self) -> None:
        """Removes what is shown; what is drawn by hand is kept, and By hand goes on with it."""
        if self.work.canLeave():
            self.work.leave()
            self.say("")

    def close(self) -> None:
        """Called when the module is closed for good."""
        self.work.close()

    # What the work shows ----------------------------------------------------------------------

    def say(self, text: str, isError: bool = False) -> None:
        """Shows a message, and the state of the work."""
        self._speaker.say(text, isError)
        self.update()

    def ask(self, text: str) -> bool:
        """Asks something that is answered with yes or no."""
        return self._speaker.ask(text)

    def tellProgress(self, fraction: float, name: str) -> None:
        """Shows how far the comparison is."""
        self._ui.readersLabel.text = _("Comparing") + f" {name} ({round(100 * fraction)} %)..."

    def update(self) -> None:
        """Brings the widgets up to date."""
        if not self._isBuilt:
            return
        ui, work = self._ui, self.work
        desk = self._session.desk
        self.table.show(work.compared, work.kept, desk.dataset.labels if desk else {})
        self._fillBy()
        row, isFree = self.table.row, not work.isBusy
        isHand = work.unit is not None
        ui.readersCompareButton.text = _("Stop") if work.isComparing else _("Compare again")
        ui.readersCompareButton.enabled = self._session.hasQueue
        for button in (ui.readersShowButton, ui.handButton):
            button.enabled = row is not None and isFree
        isReaders = self.by == STAPLE or (row is not None and self.by in self._readers(row))
        ui.resolveButton.enabled = row is not None and isFree and isReaders and not isHand
        for button in (ui.handSaveButton, ui.handDiscardButton):
            button.enabled = isHand and isFree
        ui.handEditorButton.enabled = isHand
        ui.handLeaveButton.enabled = work.opened is not None
        ui.readersOpenLabel.text = self._opened()
        if not work.isComparing:
            ui.readersLabel.text, isBad = self._told()
            ui.readersLabel.styleSheet = ERROR_STYLE if isBad else ""

    def _told(self) -> tuple[str, bool]:
        """Gives what the comparison is like, and whether something is wrong."""
        compared = self.work.compared
        if not self._session.hasQueue:
            return "", False
        if compared is None:
            return _("Not compared yet."), False
        if not compared.items:
            return _(
                "No item was read by two annotators yet. A queue is read doubly if it was made"
                " with 2 readers or more."
            ), False
        left = len(compared.rows) - len(self.table.rows)
        units = {row.unit for row in compared.rows}
        count = sum(1 for item in compared.items if compared.version(item.unit))
        text = _("{count} items were read by several, {resolved} of them resolved.").format(
            count=len(compared.items), resolved=count
        )
        silent = len(compared.items) - len(units) - len(compared.problems)
        text += f" {silent} " + _("have no label in any mask.") if silent > 0 else ""
        text += f" {left} " + _("better rows are not shown.") if left else ""
        problems = compared.problems
        if problems:
            more = f" ({len(problems) - 1} more)" if len(problems) > 1 else ""
            text += f" {problems[0]}{more}"
        return text, bool(problems)

    def _opened(self) -> str:
        """Gives what is shown, and who has which color, as rich text."""
        opened = self.work.opened
        if opened is None:
            return ""
        what = _("by hand") if self.work.unit is not None else _("shown")
        names = []
        for name, color in readerColors(opened.readers).items():
            code = "#" + "".join(f"{round(255 * part):02x}" for part in color)
            names.append(f'<span style="color:{code}">&#9632;</span> {html.escape(name)}')
        text = f"<b>{unitText(opened.item.unit)}</b> {what}: {' '.join(names)}"
        return f"{text}<br>{html.escape(self.work.problem)}" if self.work.problem else text

    # What is chosen ---------------------------------------------------------------------------

    def _fillBy(self) -> None:
        """Offers STAPLE and the readers of the selected item, and what it is resolved by."""
        row, compared = self.table.row, self.work.compared
        known = {STAPLE: "STAPLE"}
        if row is not None:
            known |= {name: name for name in self._readers(row) if name != STAPLE}
            version = compared.version(row.unit) if compared else 0
            if version and CONSENSUS not in known:
                known[CONSENSUS] = f"{CONSENSUS}, version {version}"
        chosen = self.by
        if list(known) != self._by:
            self._by = list(known)
            fillBox(self._ui.readersByBox, list(known.values()), known.get(chosen, "STAPLE"))

    def _readers(self, row: Disagreement) -> list[str]:
        """Gives who has read the item of a row; the row itself is of two of them."""
        compared = self.work.compared
        readings = compared.item(row.unit).standing.readings if compared else ()
        return sorted(reading.annotator for reading in readings if reading.done)

    def _withRow(self, action: Callable[[Disagreement], None]) -> None:
        row = self.table.row
        if row is not None:
            action(row)

    def _onOpen(self, row: Disagreement) -> None:
        if not self.work.isBusy:
            self.work.show(row)
