"""Stands in for QUiLoader with Slicer's designer plugins, and is stricter.

Real Slicer warns and goes on when a .ui file names a class, property, signal or slot that does not
exist. Here each of them raises. A dynamic property must be marked ``stdset="0"``, as Qt Designer
marks it.
"""

from __future__ import annotations

import os
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

from PySide6 import QtCore, QtGui, QtUiTools, QtWidgets

from . import ctk_widgets, mrml_widgets

LOOK_ALIKES: dict[str, type] = {**ctk_widgets.CLASSES, **mrml_widgets.CLASSES}


class UiError(RuntimeError):
    """A .ui file uses something that the host does not know."""


class UiLoader(QtUiTools.QUiLoader):
    """``qt.QUiLoader``: makes widgets through Python, so that they have PythonQt's manners."""

    def createWidget(self, class_name: str, parent: Any = None, name: str = "") -> Any:
        if class_name == "Line":
            return self._made(QtWidgets.QFrame, parent, name)
        cls = LOOK_ALIKES.get(class_name) or getattr(QtWidgets, class_name, None)
        if cls is None:
            self._problems.append(f"unknown class {class_name}")
            cls = QtWidgets.QWidget
        return self._made(cls, parent, name)

    def createAction(self, parent: Any = None, name: str = "") -> Any:
        return self._made(QtGui.QAction, parent, name)

    def createActionGroup(self, parent: Any = None, name: str = "") -> Any:
        return self._made(QtGui.QActionGroup, parent, name)

    def load(self, source: Any, parent: Any = None) -> Any:
        """Make the widgets of a .ui file, or raise UiError."""
        self._objects: dict[str, Any] = {}
        self._problems: list[str] = []  # exceptions cannot pass through Qt's C++
        root = ElementTree.fromstring(_content(source))
        connections = root.find("connections")
        for element in (connections, root.find("customwidgets")):
            if element is not None:
                root.remove(element)
        widget = super().load(_buffer(root), parent)
        self._check_properties(root)
        if widget is None or self._problems:
            raise UiError("; ".join(self._problems) or self.errorString())
        widget._kept_by_loader = list(self._objects.values())
        self._connect(connections if connections is not None else [])
        return widget

    def _made(self, cls: type, parent: Any, name: str) -> Any:
        try:
            made = cls(parent) if parent is not None else cls()
        except Exception as error:
            self._problems.append(f"{cls.__name__} {name}: {error!r}")
            made = QtWidgets.QWidget(parent)
        made.setObjectName(name)
        self._objects[name] = made
        return made

    def _check_properties(self, root: ElementTree.Element) -> None:
        for element in root.iter("widget"):
            made = self._objects.get(element.get("name", ""))
            for entry in element.findall("property"):
                name = entry.get("name", "")
                if made is None or entry.get("stdset") == "0" or element.get("class") == "Line":
                    continue
                if made.metaObject().indexOfProperty(name) < 0:
                    where = f"{element.get('class')} {element.get('name')}"
                    self._problems.append(f"{where} has no property {name}")

    def _connect(self, connections: Any) -> None:
        for element in connections:
            sender, signal, receiver, slot = (
                element.findtext(key, "") for key in ("sender", "signal", "receiver", "slot")
            )
            for name in (sender, receiver):
                if name not in self._objects:
                    raise UiError(f"connection with unknown object {name}")
            method = getattr(self._objects[receiver], slot.split("(")[0], None)
            if method is None:
                raise UiError(f"{receiver} has no slot {slot}")
            self._objects[sender].connect(signal, method)


def _content(source: Any) -> bytes:
    if isinstance(source, (str, os.PathLike)):
        return Path(source).read_bytes()
    return bytes(source.readAll())


def _buffer(root: ElementTree.Element) -> QtCore.QBuffer:
    buffer = QtCore.QBuffer()
    buffer.setData(ElementTree.tostring(root))
    buffer.open(QtCore.QIODevice.OpenModeFlag.ReadOnly)
    return buffer
