"""The table of runs in the panel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import qt

from ImperfectSegLib.RunFolders import RunStatus

COLUMNS = ("Model", "State", "Steps")


class RunsTable:
    """Fills a QTableWidget, one row per run, and tells which one the user selects."""

    def __init__(self, table: Any, onSelected: Callable[[str], None]) -> None:
        """Takes the widget, and who is told a run's name."""
        self._table, self._onSelected = table, onSelected
        self._names: list[str] = []
        table.columnCount = len(COLUMNS)
        table.setHorizontalHeaderLabels(list(COLUMNS))
        table.verticalHeader().visible = False
        table.horizontalHeader().stretchLastSection = True
        table.connect("itemSelectionChanged()", self._selectionChanged)

    def show(self, runs: Sequence[RunStatus], selected: str) -> None:
        """Shows runs, and which one is selected."""
        wasBlocked = self._table.blockSignals(True)
        self._names = [run.name for run in runs]
        self._table.rowCount = len(runs)
        for row, run in enumerate(runs):
            steps = f"{run.step} of {run.of}" if run.of else ""
            for column, text in enumerate((run.name, run.state, steps)):
                self._set(row, column, text)
        if selected in self._names:
            self._table.selectRow(self._names.index(selected))
        self._table.blockSignals(wasBlocked)

    def _set(self, row: int, column: int, text: str) -> None:
        item = self._table.item(row, column)
        if item is None:
            self._table.setItem(row, column, qt.QTableWidgetItem(text))
        else:
            item.setText(text)

    def _selectionChanged(self) -> None:
        row = self._table.currentRow()
        if 0 <= row < len(self._names):
            self._onSelected(self._names[row])
