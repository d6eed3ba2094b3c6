"""Methods to choose from: a check box for each, with a form for its settings below it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import qt

from ImperfectSegLib.Catalog import CatalogEntry
from ImperfectSegLib.SettingsForm import SettingsForm, asArgument


class MethodList:
    """Fills a layout with methods; of those that supervise, one at most can be chosen."""

    def __init__(self, layout: Any) -> None:
        """Takes the layout of the place where they are to be."""
        self._layout = layout
        self._rows: list[tuple[CatalogEntry, Any, SettingsForm]] = []

    def fill(self, entries: Sequence[CatalogEntry]) -> None:
        """Shows these methods in place of those before."""
        for _entry, box, form in self._rows:
            for widget in (box, form.widget):
                self._layout.removeWidget(widget)
                widget.deleteLater()
        self._rows = []
        for entry in entries:
            self._add(entry)

    def choose(self, name: str, chosen: bool = True) -> SettingsForm:
        """Chooses a method, or no longer, and gives its form."""
        box, form = next((b, f) for entry, b, f in self._rows if entry.name == name)
        box.checked = chosen
        return form

    def chosen(self) -> list[str]:
        """Gives the chosen methods with their settings, as the command line takes them.

        Raises:
            ValueError: If a setting is not what it should be.
        """
        return [asArgument(e.name, form.values()) for e, box, form in self._rows if box.checked]

    def checkDims(self, dims: int | None) -> None:
        """Checks that the chosen methods work in 2-D or 3-D.

        Raises:
            ValueError: If one does not.
        """
        for entry, box, _form in self._rows:
            if box.checked and dims is not None and dims not in entry.dims:
                allowed = " or ".join(f"{n}-D" for n in entry.dims)
                raise ValueError(
                    f"{entry.name}: got {dims}-D, allowed is {allowed}. Change the dimensions, or"
                    " do not choose this method."
                )

    def _add(self, entry: CatalogEntry) -> None:
        box, form = qt.QCheckBox(entry.name), SettingsForm(entry.fields)
        box.toolTip = entry.text
        form.widget.visible = False
        self._layout.addWidget(box)
        self._layout.addWidget(form.widget)
        row = (entry, box, form)
        box.connect("toggled(bool)", lambda checked: self._onToggled(row, checked))
        self._rows.append(row)

    def _onToggled(self, row: tuple[CatalogEntry, Any, SettingsForm], checked: bool) -> None:
        entry, box, form = row
        form.widget.visible = checked and not form.isEmpty
        if checked and entry.supervises:
            for other, otherBox, _form in self._rows:
                if other.supervises and otherBox is not box:
                    otherBox.checked = False
