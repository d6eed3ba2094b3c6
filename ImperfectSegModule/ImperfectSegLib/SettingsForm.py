"""A form for the settings of a method, made from what its `Settings` dataclass says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import qt

from ImperfectSegLib.SettingEditors import asText, editorOf, isSame, toolTip
from ImperfectSegLib.ValueSlider import ValueSlider
from ImperfectSegLogic.methods.settings import SettingField


class SettingsForm:
    """A widget with a row for each thing that can be set.

    Attributes:
        widget: The form.
    """

    def __init__(
        self, fields: Sequence[SettingField], onChanged: Callable[[], None] | None = None
    ) -> None:
        """Takes what `fields_of` gives for a `Settings` dataclass, and who is told of changes.

        Where somebody is told, numbers between limits get sliders, too.
        """
        self.widget = qt.QWidget()
        layout = qt.QFormLayout(self.widget)
        layout.setContentsMargins(20, 0, 0, 6)
        self._editors = {field.name: editorOf(field) for field in fields}
        self._sliders: dict[str, ValueSlider] = {}
        for name, editor in self._editors.items():
            row = editor.widget
            if onChanged is not None and editor.isLimited:
                self._sliders[name] = ValueSlider(row, editor.field.default, onChanged)
                row = self._sliders[name].widget
            elif onChanged is not None:
                row.connect(editor.signal, partial(_tell, onChanged))
            row.toolTip = editor.widget.toolTip = toolTip(editor.field)
            layout.addRow(f"{name.replace('_', ' ')}:", row)

    @property
    def isEmpty(self) -> bool:
        """Whether there is nothing to set."""
        return not self._editors

    def values(self) -> dict[str, Any]:
        """Gives what differs from the defaults.

        Raises:
            ValueError: If numbers were typed that are none.
        """
        read = {name: editor.read() for name, editor in self._editors.items()}
        defaults = {name: editor.field.default for name, editor in self._editors.items()}
        return {name: value for name, value in read.items() if not isSame(value, defaults[name])}

    def show(self, values: Mapping[str, Any]) -> None:
        """Shows values; what is not named gets its default.

        Raises:
            ValueError: If there is nothing of that name to set, or it cannot be that.
        """
        unknown = sorted(set(values) - set(self._editors))
        if unknown:
            allowed = ", ".join(self._editors) or "none"
            raise ValueError(f"settings: got {unknown[0]!r}, allowed are {allowed}.")
        before = {name: editor.read() for name, editor in self._editors.items()}
        try:
            for name, editor in self._editors.items():
                editor.show(values.get(name, editor.field.default))
        except ValueError:
            for name, editor in self._editors.items():
                editor.write(before[name])
            raise

    def edit(self, name: str) -> Any:
        """Gives the widget in which something is set."""
        return self._editors[name].widget

    def slider(self, name: str) -> ValueSlider:
        """Gives the slider with which a number is set."""
        return self._sliders[name]


def asArgument(name: str, values: Mapping[str, Any]) -> str:
    """Gives a method and its settings as the command line takes them."""
    said = ",".join(f"{key}={asText(value)}" for key, value in values.items())
    return f"{name}:{said}" if said else name


def _tell(onChanged: Callable[[], None], *_: Any) -> None:
    onChanged()
