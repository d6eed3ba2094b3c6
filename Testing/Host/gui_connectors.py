"""Which widgets can show which parameters, and how: slicer.parameterNodeWrapper's connectors.

The pairs are those of the table in Slicer's developer guide, parameter_nodes/gui_connection.md; any
other pair raises here as it does there. A checkable QToolButton, for one, cannot be bound.
"""

from __future__ import annotations

import enum
import pathlib
from collections.abc import Callable
from typing import Any

from PySide6 import QtWidgets

from .annotations import Choice, Decimals, Maximum, Minimum, SingleStep, WithinRange
from .ctk_widgets import (
    ctkCheckBox,
    ctkComboBox,
    ctkDoubleSpinBox,
    ctkPathLineEdit,
    ctkSliderWidget,
)
from .node_combo_box import qMRMLNodeComboBox
from .parameter_storage import is_node_class, split_annotation

INT_LIMIT = 2**31 - 1
FLOAT_LIMIT = 1e18
CHECKABLE = (QtWidgets.QCheckBox, ctkCheckBox, QtWidgets.QPushButton)
COMBO_BOXES = (QtWidgets.QComboBox, ctkComboBox)
INT_WIDGETS = (QtWidgets.QSlider, QtWidgets.QSpinBox)
FLOAT_WIDGETS = (QtWidgets.QDoubleSpinBox, ctkDoubleSpinBox, ctkSliderWidget)


class Connector:
    """Binds one widget: reads and writes one of its properties, and says when it changed."""

    def __init__(self, widget: Any, signal: str, prop: str) -> None:
        self.widget = widget
        self._signal = signal
        self._property = prop
        self._callback: Callable[[], None] | None = None

    def read(self) -> Any:
        return self.from_widget(getattr(self.widget, self._property))

    def write(self, value: Any) -> None:
        setattr(self.widget, self._property, self.to_widget(value))

    def from_widget(self, value: Any) -> Any:
        return value

    def to_widget(self, value: Any) -> Any:
        return value

    def on_changed(self, callback: Callable[[], None] | None) -> None:
        """Call back on every change of the widget; None: no more."""
        if self._callback is not None:
            self.widget.disconnect(self._signal, self._callback)
        self._callback = callback
        if callback is not None and self._signal:
            self.widget.connect(self._signal, callback)


class ChoiceConnector(Connector):
    """A combo box filled with the possible values."""

    def __init__(self, widget: Any, labelled: list[tuple[str, Any]]) -> None:
        super().__init__(widget, "currentIndexChanged(int)", "currentIndex")
        self._values = [value for _, value in labelled]
        widget.clear()
        for label, _ in labelled:
            widget.addItem(label)

    def from_widget(self, value: Any) -> Any:
        return self._values[value]

    def to_widget(self, value: Any) -> Any:
        return self._values.index(value)


class PathConnector(Connector):
    def from_widget(self, value: Any) -> Any:
        return pathlib.Path(value)

    def to_widget(self, value: Any) -> Any:
        return str(value)


class NodeConnector(Connector):
    def __init__(self, widget: Any) -> None:
        super().__init__(widget, "currentNodeChanged(vtkMRMLNode*)", "currentNode")

    def read(self) -> Any:
        return self.widget.currentNode()

    def write(self, value: Any) -> None:
        self.widget.setCurrentNode(value)


def create_connector(widget: Any, annotated: Any) -> Connector:
    """The connector of a widget to a parameter type, or RuntimeError if there is none."""
    kind, notes = split_annotation(annotated)
    cls = type(widget)
    if kind is bool and cls in CHECKABLE:
        if cls is QtWidgets.QPushButton:
            widget.checkable = True
        return Connector(widget, "toggled(bool)", "checked")
    if (kind is int and cls in INT_WIDGETS) or (kind is float and cls in FLOAT_WIDGETS):
        return _number_connector(widget, kind, notes)
    if cls in COMBO_BOXES and (kind in (int, float, str, bool) or _is_enum(kind)):
        return ChoiceConnector(widget, _choices(kind, notes))
    if kind is str and cls is QtWidgets.QLineEdit:
        return Connector(widget, "textChanged(QString)", "text")
    if kind is str and cls is QtWidgets.QTextEdit:
        return Connector(widget, "textChanged()", "plainText")
    if kind is str and cls is QtWidgets.QLabel:
        return Connector(widget, "", "text")
    if isinstance(kind, type) and issubclass(kind, pathlib.PurePath) and cls is ctkPathLineEdit:
        return PathConnector(widget, "currentPathChanged(QString)", "currentPath")
    if is_node_class(kind) and isinstance(widget, qMRMLNodeComboBox):
        return NodeConnector(widget)
    raise RuntimeError(f"no connector from {widget.className()} {widget.name!r} to {annotated}")


def _number_connector(widget: Any, kind: type, notes: tuple[Any, ...]) -> Connector:
    limit = INT_LIMIT if kind is int else FLOAT_LIMIT
    low, high = _bounds(notes, limit)
    unbounded = -limit in (low, high) or limit in (low, high)
    if unbounded and isinstance(widget, (QtWidgets.QSlider, ctkSliderWidget)):
        raise RuntimeError(f"{widget.className()} {widget.name!r} needs a parameter with a range")
    decimals, step = _first(notes, Decimals), _first(notes, SingleStep)
    if decimals is not None and kind is float:
        widget.decimals = decimals.value
    if step is not None:
        widget.singleStep = step.value
    widget.minimum, widget.maximum = low, high
    return Connector(widget, f"valueChanged({'int' if kind is int else 'double'})", "value")


def _bounds(notes: tuple[Any, ...], limit: float) -> tuple[float, float]:
    within = _first(notes, WithinRange)
    low, high = within or _first(notes, Minimum), within or _first(notes, Maximum)
    return low.minimum if low else -limit, high.maximum if high else limit


def _choices(kind: Any, notes: tuple[Any, ...]) -> list[tuple[str, Any]]:
    if _is_enum(kind):
        label = getattr(kind, "label", lambda member: member.name)
        return [(label(member), member) for member in kind]
    choice = _first(notes, Choice)
    if choice is None:
        raise RuntimeError(f"a combo box needs the Choice annotation on {kind}")
    return [(str(value), value) for value in choice.choices]


def _first(notes: tuple[Any, ...], kind: type) -> Any:
    return next((note for note in notes if isinstance(note, kind)), None)


def _is_enum(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, enum.Enum)
