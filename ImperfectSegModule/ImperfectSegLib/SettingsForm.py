"""A form for the settings of a method, made from what its `Settings` dataclass says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import qt

from ImperfectSegLogic.methods.settings import SettingField

FURTHEST = 1e9
"""Stands for no limit in a spin box."""


@dataclass(frozen=True)
class _Editor:
    """One row of a form: its widget, and how to read it."""

    field: SettingField
    widget: Any
    read: Callable[[], Any]


class SettingsForm:
    """A widget with a row for each thing that can be set.

    Attributes:
        widget: The form.
    """

    def __init__(self, fields: Sequence[SettingField]) -> None:
        """Takes what `fields_of` gives for a `Settings` dataclass."""
        self.widget = qt.QWidget()
        layout = qt.QFormLayout(self.widget)
        layout.setContentsMargins(20, 0, 0, 6)
        self._editors = [_editor(field) for field in fields]
        for editor in self._editors:
            editor.widget.toolTip = _toolTip(editor.field)
            layout.addRow(f"{editor.field.name.replace('_', ' ')}:", editor.widget)

    @property
    def isEmpty(self) -> bool:
        """Whether there is nothing to set."""
        return not self._editors

    def values(self) -> dict[str, Any]:
        """Gives what differs from the defaults.

        Raises:
            ValueError: If numbers were typed that are none.
        """
        read = {editor.field.name: editor.read() for editor in self._editors}
        defaults = {editor.field.name: editor.field.default for editor in self._editors}
        return {name: value for name, value in read.items() if not _same(value, defaults[name])}

    def edit(self, name: str) -> Any:
        """Gives the widget in which something is set."""
        return next(editor.widget for editor in self._editors if editor.field.name == name)


def asArgument(name: str, values: Mapping[str, Any]) -> str:
    """Gives a method and its settings as the command line takes them."""
    said = ",".join(f"{key}={_text(value)}" for key, value in values.items())
    return f"{name}:{said}" if said else name


def _editor(field: SettingField) -> _Editor:
    if field.choices:
        return _choiceEditor(field)
    makers = {bool: _boolEditor, int: _intEditor, float: _floatEditor, tuple: _tupleEditor}
    return makers.get(field.kind, _textEditor)(field)


def _choiceEditor(field: SettingField) -> _Editor:
    box = qt.QComboBox()
    for choice in field.choices:
        box.addItem(str(choice))
    box.currentIndex = field.choices.index(field.default)
    return _Editor(field, box, lambda: field.choices[box.currentIndex])


def _boolEditor(field: SettingField) -> _Editor:
    box = qt.QCheckBox()
    box.checked = field.default
    return _Editor(field, box, lambda: bool(box.checked))


def _intEditor(field: SettingField) -> _Editor:
    box = qt.QSpinBox()
    box.minimum = round(-FURTHEST if field.low is None else field.low)
    box.maximum = round(FURTHEST if field.high is None else field.high)
    box.value = field.default
    return _Editor(field, box, lambda: int(box.value))


def _floatEditor(field: SettingField) -> _Editor:
    box = qt.QDoubleSpinBox()
    low = -FURTHEST if field.low is None else field.low
    high = FURTHEST if field.high is None else field.high
    decimals = max(2, *(_decimals(x) for x in (low, high, field.default)))
    box.decimals = decimals
    box.minimum, box.maximum = low, high
    box.singleStep = min(10.0 ** (1 - decimals), 1.0)
    box.value = field.default
    return _Editor(field, box, lambda: round(float(box.value), decimals))


def _tupleEditor(field: SettingField) -> _Editor:
    line = qt.QLineEdit()
    line.text = _text(field.default).replace("x", " x ")

    def read() -> tuple[float, ...]:
        try:
            return tuple(float(part) for part in line.text.replace(",", " x ").split("x"))
        except ValueError:
            raise ValueError(
                f"{field.name}: got {line.text!r}, allowed are numbers with x between them, such as"
                f" {_text(field.default)} ({field.text})."
            ) from None

    return _Editor(field, line, read)


def _textEditor(field: SettingField) -> _Editor:
    line = qt.QLineEdit()
    line.text = str(field.default)
    return _Editor(field, line, lambda: str(line.text))


def _toolTip(field: SettingField) -> str:
    told = [field.text]
    if field.low is not None or field.high is not None:
        low = "any" if field.low is None else f"{field.low:g}"
        high = "any" if field.high is None else f"{field.high:g}"
        told.append(f"Allowed: {low} to {high}.")
    return "\n".join([*told, f"Default: {_text(field.default)}"])


def _decimals(number: float) -> int:
    return len(f"{number:.6f}".rstrip("0").partition(".")[2])


def _same(value: Any, default: Any) -> bool:
    return bool(tuple(value) == tuple(default) if isinstance(value, tuple) else value == default)


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return "x".join(f"{number:g}" for number in value)
    return str(value).lower() if isinstance(value, bool) else str(value)
