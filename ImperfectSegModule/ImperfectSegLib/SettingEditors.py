"""Widgets in which one setting of a method is set, made from what its `Settings` class says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import qt

from ImperfectSegLogic.methods.settings import SettingField

FURTHEST = 1e9
"""Stands for no limit in a spin box."""


@dataclass(frozen=True)
class Editor:
    """A widget, how to read and to write it, and the signal with which it tells of changes."""

    field: SettingField
    widget: Any
    read: Callable[[], Any]
    write: Callable[[Any], None]
    signal: str

    @property
    def isLimited(self) -> bool:
        """Whether it is a number between two limits."""
        low, high, kind = self.field.low, self.field.high, self.field.kind
        isNumber = kind in (int, float) and not self.field.choices
        return isNumber and low is not None and high is not None and low < high

    def show(self, value: Any) -> None:
        """Shows a value.

        Raises:
            ValueError: If it is none of the choices, not within the limits, or of another kind.
        """
        field = self.field
        try:
            if field.choices and value not in field.choices:
                raise ValueError(value)
            self.write(value)
            isShown = isSame(self.read(), value)
        except (ValueError, TypeError):
            isShown = False
        if not isShown:
            allowed = ", ".join(map(str, field.choices)) or f"{field.low} to {field.high}"
            raise ValueError(f"{field.name}: got {value!r}, allowed is {allowed} ({field.text}).")


def editorOf(field: SettingField) -> Editor:
    """Makes the widget for one setting; it shows the default."""
    if field.choices:
        return _choiceEditor(field)
    makers = {bool: _boolEditor, int: _intEditor, float: _floatEditor, tuple: _tupleEditor}
    return makers.get(field.kind, _textEditor)(field)


def toolTip(field: SettingField) -> str:
    """Tells what a setting is, what is allowed, and its default."""
    told = [field.text]
    if field.low is not None or field.high is not None:
        low = "any" if field.low is None else f"{field.low:g}"
        high = "any" if field.high is None else f"{field.high:g}"
        told.append(f"Allowed: {low} to {high}.")
    return "\n".join([*told, f"Default: {asText(field.default)}"])


def isSame(value: Any, default: Any) -> bool:
    """Tells whether two values of a setting are the same; a tuple may be a list in a file."""
    return bool(tuple(value) == tuple(default) if isinstance(value, tuple) else value == default)


def asText(value: Any) -> str:
    """Gives a value as the command line takes it."""
    if isinstance(value, tuple):
        return "x".join(f"{number:g}" for number in value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _choiceEditor(field: SettingField) -> Editor:
    box = qt.QComboBox()
    for choice in field.choices:
        box.addItem(str(choice))
    box.currentIndex = field.choices.index(field.default)

    def write(value: Any) -> None:
        box.currentIndex = field.choices.index(value)

    def read() -> Any:
        return field.choices[box.currentIndex]

    return Editor(field, box, read, write, "currentIndexChanged(int)")


def _boolEditor(field: SettingField) -> Editor:
    box = qt.QCheckBox()
    box.checked = field.default

    def write(value: Any) -> None:
        box.checked = value

    return Editor(field, box, lambda: bool(box.checked), write, "toggled(bool)")


def _intEditor(field: SettingField) -> Editor:
    box = qt.QSpinBox()
    box.minimum = round(-FURTHEST if field.low is None else field.low)
    box.maximum = round(FURTHEST if field.high is None else field.high)
    box.value = field.default

    def write(value: Any) -> None:
        box.value = round(value)

    return Editor(field, box, lambda: int(box.value), write, "valueChanged(int)")


def _floatEditor(field: SettingField) -> Editor:
    box = qt.QDoubleSpinBox()
    low = -FURTHEST if field.low is None else field.low
    high = FURTHEST if field.high is None else field.high
    decimals = max(2, *(_decimals(x) for x in (low, high, field.default)))
    box.decimals = decimals
    box.minimum, box.maximum = low, high
    box.singleStep = min(10.0 ** (1 - decimals), 1.0)
    box.value = field.default
    exact = [float(field.default)]  # The box rounds what it is given.

    def write(value: Any) -> None:
        exact[0] = float(value)
        box.value = float(value)

    def read() -> float:
        shown = round(float(box.value), decimals)
        return exact[0] if shown == round(exact[0], decimals) else shown

    return Editor(field, box, read, write, "valueChanged(double)")


def _tupleEditor(field: SettingField) -> Editor:
    line = qt.QLineEdit()

    def write(value: Any) -> None:
        line.text = asText(tuple(value)).replace("x", " x ")

    def read() -> tuple[float, ...]:
        typed = line.text.replace(",", " x ").split("x")
        parts = [] if field.default == () and not line.text.strip() else typed
        try:
            return tuple(float(part) for part in parts)
        except ValueError:
            raise ValueError(
                f"{field.name}: got {line.text!r}, allowed are numbers with x between them, such as"
                f" {asText(field.default) or '1x2'} ({field.text})."
            ) from None

    write(field.default)
    return Editor(field, line, read, write, "editingFinished()")


def _textEditor(field: SettingField) -> Editor:
    line = qt.QLineEdit()
    line.text = str(field.default)

    def write(value: Any) -> None:
        line.text = str(value)

    return Editor(field, line, lambda: str(line.text), write, "editingFinished()")


def _decimals(number: float) -> int:
    return len(f"{number:.6f}".rstrip("0").partition(".")[2])
