"""The table of items that several have read, the worst agreement first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import qt
from slicer.i18n import tr as _

from ImperfectSegLib.QueueListPart import unitText
from ImperfectSegLib.QueueReaders import Compared
from ImperfectSegLogic.active.disagreement import Disagreement
from ImperfectSegLogic.active.unit import Unit

COLUMNS = ("Item", "Dice", "HD95\n(mm)", "Kappa", "Resolved")
ROW_HEIGHT = 40
"""Pixels for two lines of text: a panel is too narrow for item, label and readers in a row."""
MOST_ROWS = 300
"""So many rows are shown, the worst; `imperfectseg queue compare --json` tells of all."""


class ReadersTable:
    """Fills a QTableWidget, a row per item, label and two readers.

    Attributes:
        rows: What is shown, from above.
    """

    def __init__(
        self,
        table: Any,
        onSelected: Callable[[], None],
        onOpen: Callable[[Disagreement], None],
    ) -> None:
        """Takes the widget, and who is told of selections and double clicks."""
        self._table, self._onOpen = table, onOpen
        self.rows: list[Disagreement] = []
        self._shown: object = None
        table.columnCount = len(COLUMNS)
        table.setHorizontalHeaderLabels(list(COLUMNS))
        table.verticalHeader().visible = False
        table.verticalHeader().defaultSectionSize = ROW_HEIGHT
        header = table.horizontalHeader()
        header.setSectionResizeMode(0, qt.QHeaderView.Stretch)
        for column in range(1, len(COLUMNS)):
            header.setSectionResizeMode(column, qt.QHeaderView.ResizeToContents)
        table.connect("itemSelectionChanged()", onSelected)
        table.connect("cellDoubleClicked(int,int)", lambda row, column: self._onDoubleClick(row))

    @property
    def row(self) -> Disagreement | None:
        """The row that is selected; None if none is."""
        number = int(self._table.currentRow())
        return self.rows[number] if 0 <= number < len(self.rows) else None

    def show(
        self, compared: Compared | None, kept: frozenset[Unit], labels: Mapping[int, str]
    ) -> None:
        """Shows a comparison, unless it is shown already; the same row stays selected.

        Args:
            compared: The comparison; None if there is none.
            kept: Items that are drawn by hand, and not saved yet.
            labels: Names of labels.
        """
        if self._shown == (compared, kept):
            return
        before, self._shown = self.row, (compared, kept)
        wasBlocked = self._table.blockSignals(True)
        self.rows = list(compared.rows[:MOST_ROWS]) if compared else []
        self._table.rowCount = len(self.rows)
        for number, row in enumerate(self.rows):
            version = compared.version(row.unit) if compared else 0
            resolved = _("in work") if row.unit in kept else f"v{version}" if version else ""
            name = labels.get(row.label, str(row.label))
            for column, text in enumerate((*_texts(row, name), resolved)):
                self._set(number, column, text)
        self._select(before)
        self._table.blockSignals(wasBlocked)

    def _select(self, wanted: Disagreement | None) -> None:
        places = [_key(row) for row in self.rows]
        if wanted is not None and _key(wanted) in places:
            self._table.selectRow(places.index(_key(wanted)))
        else:
            self._table.setCurrentCell(-1, -1)

    def _set(self, row: int, column: int, text: str) -> None:
        cell = self._table.item(row, column)
        if cell is None:
            cell = qt.QTableWidgetItem("")
            self._table.setItem(row, column, cell)
        if cell.text() != text:
            cell.setText(text)
            cell.setToolTip(text)

    def _onDoubleClick(self, number: int) -> None:
        if 0 <= number < len(self.rows):
            self._onOpen(self.rows[number])


def _texts(row: Disagreement, label: str) -> tuple[str, ...]:
    numbers = (_number(row.dice, 3), _number(row.hd95, 1), _number(row.kappa, 3))
    return f"{unitText(row.unit)}\n{label}: {', '.join(row.readers)}", *numbers


def _key(row: Disagreement) -> tuple[object, ...]:
    return row.unit, row.readers, row.label


def _number(value: float, digits: int) -> str:
    return "-" if np.isnan(value) else f"{value:.{digits}f}"
