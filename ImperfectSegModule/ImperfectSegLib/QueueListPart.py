"""The part of the queue panel that lists the items: picture, reason, score, state and annotator."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import qt
from slicer.i18n import tr as _

from ImperfectSegLib.QueuePictures import SIDE, QueuePictures
from ImperfectSegLib.QueueSession import QueueSession
from ImperfectSegLogic.active.queue_items import Item
from ImperfectSegLogic.active.unit import Unit
from ImperfectSegLogic.data.slices import AXIS_NAMES

COLUMNS = ("Item", "Score", "State")
LEFT, MINE, DONE, ASIDE, ALL = "Left", "Mine", "Done", "Skipped and flagged", "All"
FILTERS: Mapping[str, Callable[[Item, str], bool]] = {
    LEFT: lambda item, who: item.state in ("open", "leased"),
    MINE: lambda item, who: item.standing.reading(who) is not None,
    DONE: lambda item, who: item.state == "done",
    ASIDE: lambda item, who: bool(item.standing.aside),
    ALL: lambda item, who: True,
}
MOST_ROWS = 300
"""So many rows are shown; further ones come up as items are done, or are found by their names."""


class QueueListPart:
    """Fills the table; a double click opens an item.

    Attributes:
        pictures: Makes the thumbnails.
    """

    def __init__(self, ui: Any, session: QueueSession) -> None:
        """Takes the widgets and the session."""
        self._ui, self._session = ui, session
        self._shown: list[Item] = []
        self._isMarked = ""
        self.pictures = QueuePictures(self._onPictures)
        table = ui.itemsTable
        table.columnCount = len(COLUMNS)
        table.setHorizontalHeaderLabels(list(COLUMNS))
        table.iconSize = qt.QSize(SIDE, SIDE)
        table.verticalHeader().visible = False
        table.verticalHeader().defaultSectionSize = SIDE + 4
        header = table.horizontalHeader()
        header.setSectionResizeMode(0, qt.QHeaderView.Stretch)
        for column in (1, 2):
            header.setSectionResizeMode(column, qt.QHeaderView.ResizeToContents)
        ui.filterBox.addItems(list(FILTERS))
        ui.filterBox.connect("currentIndexChanged(int)", lambda _index: self.show())
        ui.searchEdit.connect("textChanged(QString)", lambda _text: self.show())
        table.connect("cellDoubleClicked(int,int)", lambda row, column: self._onOpen(row))

    @property
    def shown(self) -> list[Unit]:
        """The items in the table, from above."""
        return [item.unit for item in self._shown]

    def show(self, items: Sequence[Item] | None = None) -> None:
        """Shows how the items stand; by default as they were looked at last."""
        ui, session = self._ui, self._session
        isWanted, who = FILTERS[str(ui.filterBox.currentText)], session.annotator
        search = str(ui.searchEdit.text).strip().lower()
        found: list[Item] = []
        for item in session.items if items is None else items:
            if search and search not in item.unit.name().lower():
                continue
            if isWanted(item, who):
                found.append(item)
            if len(found) == MOST_ROWS:
                break
        table, before = ui.itemsTable, self._shown
        current = session.unit.name() if session.unit else ""
        table.rowCount = len(found)
        self._shown = found
        for row, item in enumerate(found):
            isSame = row < len(before) and before[row] == item
            if not isSame or item.unit.name() in (current, self._isMarked):
                self._fill(row, item, item.unit.name() == current)
        self._isMarked = current
        self._onPictures()

    def close(self) -> None:
        """Called when the module is closed for good."""
        self.pictures.close()

    def _fill(self, row: int, item: Item, isOpen: bool) -> None:
        reason = item.standing.why or item.reason
        score = "" if math.isnan(item.score) else f"{item.score:.3g}"
        who = ", ".join(reading.annotator for reading in item.standing.readings)
        state = _("in work") if isOpen else _(item.state)
        texts = (f"{unitText(item.unit)}\n{reason}", score, f"{state}\n{who}" if who else state)
        for column, text in enumerate(texts):
            cell = self._cell(row, column)
            cell.setText(text)
            cell.setToolTip(f"{item.unit.name()}: {reason}")
            font = cell.font()
            font.setBold(isOpen)
            cell.setFont(font)
        self._cell(row, 0).setIcon(qt.QIcon())

    def _cell(self, row: int, column: int) -> Any:
        cell = self._ui.itemsTable.item(row, column)
        if cell is None:
            cell = qt.QTableWidgetItem("")
            self._ui.itemsTable.setItem(row, column, cell)
        return cell

    def _onPictures(self) -> None:
        """Shows the pictures that there are, and makes more, first of what is in view."""
        desk = self._session.desk
        if desk is None or desk.queue is None:
            return
        model = desk.model
        for row, item in enumerate(self._shown):
            path = self.pictures.path(item.unit, model)
            cell = self._cell(row, 0)
            if path and cell.icon().isNull():
                cell.setIcon(qt.QIcon(path))
        first = max(int(self._ui.itemsTable.rowAt(0)), 0)
        units = self.shown
        self.pictures.make(desk, [*units[first:], *units[:first]])

    def _onOpen(self, row: int) -> None:
        if 0 <= row < len(self._shown):
            self._session.open(self._shown[row].unit)


def unitText(unit: Unit) -> str:
    """Names an item for people."""
    if unit.axis < 0:
        return unit.case
    across = "" if unit.axis == 0 else f" across {AXIS_NAMES[unit.axis]}"
    if not unit.start:
        return f"{unit.case}, slice {unit.index}{across}"
    row, column = unit.start
    return f"{unit.case}, slice {unit.index}{across}, patch at {row}, {column}"
