"""Stands in for ``slicer.parameterNodeWrapper``, written from Slicer's developer guide.

Different from the real one: only the types of ``parameter_storage`` and the widgets of
``gui_connectors``; values are read from the node each time instead of cached.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from typing import Any

import slicer.util
import vtk

from . import annotations
from .annotations import Default
from .gui_connectors import Connector, create_connector
from .parameter_storage import Parameter

PROPERTY_NAME = "SlicerParameterName"
RESERVED = {  # names that the real wrapper takes for itself
    "allParameters",
    "default",
    "isCached",
    "dataType",
    "getValue",
    "setValue",
    "connectGui",
    "connectParametersToGui",
    "disconnectGui",
    "StartModify",
    "EndModify",
    "AddObserver",
    "RemoveObserver",
    "Modified",
}


def parameterNodeWrapper(cls: type | None = None) -> Any:
    """Class decorator: turn annotations into typed parameters of a vtkMRMLScriptedModuleNode."""
    return _wrap if cls is None else _wrap(cls)


def _wrap(cls: type) -> type:
    parameters = {}
    for name, annotated in typing.get_type_hints(cls, include_extras=True).items():
        if name in RESERVED:
            raise ValueError(f"Cannot use reserved name '{name}' in a parameterNodeWrapper")
        assigned = Default(getattr(cls, name)) if hasattr(cls, name) else None
        parameters[name] = Parameter.from_annotation(name, annotated, assigned)
    members: dict[str, Any] = {name: _member(name) for name in parameters}
    members |= {"allParameters": parameters, "__module__": cls.__module__, "__doc__": cls.__doc__}
    return type(cls.__name__, (cls, ParameterNode), members)


def _member(name: str) -> property:
    return property(
        lambda self: self.getValue(name), lambda self, value: self.setValue(name, value)
    )


class ParameterNode:
    """Base of every class that ``parameterNodeWrapper`` makes."""

    allParameters: typing.ClassVar[dict[str, Parameter]] = {}
    _is_parameter_node_wrapper = True

    def __init__(self, parameterNode: Any, prefix: str | None = None) -> None:
        self.parameterNode = parameterNode
        self._prefix = prefix or ""
        self._bindings: dict[int, dict[str, Connector]] = {}
        self._observers: dict[int, int] = {}
        self._next_tag = 0
        self._updating = False
        for name, parameter in self.allParameters.items():
            if not parameter.storage.is_in(parameterNode, self._prefix + name):
                parameter.storage.write(parameterNode, self._prefix + name, parameter.default.value)

    def getValue(self, name: str) -> Any:
        """Read a parameter; one that is not there (a closed scene) gets its default first."""
        storage, key = self._parameter(name).storage, self._prefix + name
        if not storage.is_in(self.parameterNode, key):
            storage.write(self.parameterNode, key, self.default(name).value)
        return storage.read(self.parameterNode, key)

    def setValue(self, name: str, value: Any) -> None:
        parameter = self._parameter(name)
        parameter.validate(value)
        parameter.storage.write(self.parameterNode, self._prefix + name, value)

    def default(self, name: str) -> Default:
        return self._parameter(name).default

    def dataType(self, name: str) -> Any:
        return self._parameter(name).annotated

    def connectGui(self, gui: Any) -> int:
        """Bind all widgets that carry the dynamic property SlicerParameterName."""
        bound = {}
        for widget in _widgets(gui):
            name = widget.property(PROPERTY_NAME)
            if name:
                bound[name] = widget
        return self.connectParametersToGui(bound)

    def connectParametersToGui(self, mapping: dict[str, Any]) -> int:
        """Bind widgets by parameter name; return the tag for ``disconnectGui``."""
        connectors = {
            name: create_connector(widget, self._parameter(name).annotated)
            for name, widget in mapping.items()
        }
        tag, self._next_tag = self._next_tag, self._next_tag + 1
        self._bindings[tag] = connectors
        for name, connector in connectors.items():
            connector.write(self.getValue(name))
            connector.on_changed(self._reader(name, connector))
        self._observers[tag] = self.AddObserver(
            vtk.vtkCommand.ModifiedEvent, lambda *_: self._write_widgets(connectors)
        )
        return tag

    def disconnectGui(self, tag: int | None) -> None:
        for connector in self._bindings.pop(tag, {}).values():
            connector.on_changed(None)
        if tag in self._observers:
            self.RemoveObserver(self._observers.pop(tag))

    def StartModify(self) -> Any:
        return self.parameterNode.StartModify()

    def EndModify(self, was_modified: Any) -> Any:
        return self.parameterNode.EndModify(was_modified)

    def AddObserver(self, event: Any, callback: Callable[..., Any], priority: float = 0.0) -> int:
        return self.parameterNode.AddObserver(event, callback, priority)

    def RemoveObserver(self, tag: int) -> None:
        self.parameterNode.RemoveObserver(tag)

    def Modified(self) -> None:
        self.parameterNode.Modified()

    def _parameter(self, name: str) -> Parameter:
        if name not in self.allParameters:
            raise ValueError(f"no parameter {name!r}; there are {list(self.allParameters)}")
        return self.allParameters[name]

    def _reader(self, name: str, connector: Connector) -> Callable[[], None]:
        def read() -> None:
            if not self._updating:
                self.setValue(name, connector.read())

        return read

    def _write_widgets(self, connectors: dict[str, Connector]) -> None:
        if self._updating:
            return
        self._updating = True
        try:
            for name, connector in connectors.items():
                connector.write(self.getValue(name))
        finally:
            self._updating = False


def _widgets(gui: Any) -> list[Any]:
    """The widgets under a widget, or the attributes of a ``childWidgetVariables`` object."""
    if hasattr(gui, "isWidgetType"):
        return [w for w in slicer.util.findChildren(gui) if w.isWidgetType()]
    return list(vars(gui).values())


def module() -> types.ModuleType:
    """The module that module code imports as ``slicer.parameterNodeWrapper``."""
    made = types.ModuleType("slicer.parameterNodeWrapper", __doc__)
    for name in (
        *("Choice", "Decimals", "Default", "Maximum", "Minimum", "SingleStep"),
        *("Validator", "WithinRange"),
    ):
        setattr(made, name, getattr(annotations, name))
    made.parameterNodeWrapper = parameterNodeWrapper
    made.isParameterNodeWrapper = lambda x: getattr(x, "_is_parameter_node_wrapper", False)
    made.SlicerParameterNamePropertyName = PROPERTY_NAME
    made.__all__ = [name for name in vars(made) if not name.startswith("_")]
    return made
