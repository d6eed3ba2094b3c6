"""Stands in for qSlicerSegmentEditorScriptedEffect, the factory of effects, and their Python base.

Different from Slicer: a method of an effect that raises is recorded as an error; there are no
effects but those that are registered; the Python base has no conversions of coordinates.
"""

from __future__ import annotations

import importlib.util
import sys
import types
from pathlib import Path
from typing import Any

import slicer
from PySide6 import QtCore, QtGui
from PySide6.QtCore import Property

from .editor_effects import qSlicerSegmentEditorAbstractEffect
from .records import records


class qSlicerSegmentEditorScriptedEffect(qSlicerSegmentEditorAbstractEffect):
    """Hands on to the Python object whatever that has a method for."""

    _class_name = "qSlicerSegmentEditorScriptedEffect"

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._python: Any = None
        self._source = ""

    pythonSource = Property(str, lambda self: self._source)

    def self(this: qSlicerSegmentEditorScriptedEffect) -> Any:
        """Return the Python object of the effect's class."""
        return this._python

    def setPythonSource(self, path: str) -> bool:
        """Load a file as a module by the name of its folder, and make its class, as Slicer does."""
        source = Path(path)
        class_name = source.stem if source.stem.endswith("Effect") else f"{source.stem}Effect"
        module_name = source.parent.name
        module = sys.modules.setdefault(module_name, types.ModuleType(module_name))
        if not hasattr(module, class_name):
            spec = importlib.util.spec_from_file_location(module_name, source)
            module = importlib.util.module_from_spec(spec)
            sys.modules[module_name] = module
            spec.loader.exec_module(module)
        self._python = getattr(module, class_name)(self)
        self._source = path
        setattr(slicer, module_name, self._python)
        return True

    def activate(self) -> None:
        super().activate()
        self._call("activate")

    def deactivate(self) -> None:
        super().deactivate()
        self._call("deactivate")

    def updateGUIFromMRML(self) -> None:
        if self.active():
            self._call("updateGUIFromMRML")

    def updateMRMLFromGUI(self) -> None:
        self._call("updateMRMLFromGUI")

    def cleanup(self) -> None:
        self._call("cleanup")

    def helpText(self) -> str:
        return self._call("helpText") or ""

    def createCursor(self, widget: Any) -> Any:
        return self._call("createCursor", widget) or QtGui.QCursor()

    def _events(self, interactor: Any, event: int, widget: Any) -> bool:
        result = self._call("processInteractionEvents", interactor, event, widget)
        if result is not None and not isinstance(result, bool):
            error = TypeError("processInteractionEvents is expected to return a boolean")
            records.error(error, self.name)
        return result is True

    def _interaction_node_modified(self, node: Any) -> None:
        if hasattr(self._python, "interactionNodeModified"):
            self._call("interactionNodeModified", node)
        elif node.GetCurrentInteractionMode() != node.ViewTransform:
            self.selectEffect("")

    def _call(self, method: str, *values: Any) -> Any:
        """What raises or is not there counts as not there, as for qSlicerPythonCppAPI."""
        function = getattr(self._python, method, None)
        if function is None:
            return None
        return records.guarded(function, f"{self.name}.{method}")(*values)


class qSlicerSegmentEditorEffectFactory(QtCore.QObject):
    """Keeps one of each effect; editors work with copies."""

    _class_name = "qSlicerSegmentEditorEffectFactory"
    _the_one: Any = None

    def __init__(self) -> None:
        super().__init__()
        self._effects: list[Any] = []

    @classmethod
    def instance(cls) -> qSlicerSegmentEditorEffectFactory:
        if cls._the_one is None:
            cls._the_one = cls()
        return cls._the_one

    def registerEffect(self, effect: Any) -> bool:
        if not effect.name or effect.name in [known.name for known in self._effects]:
            return False
        self._effects.append(effect)
        return True

    def _copies(self) -> list[Any]:
        return [effect._call("clone") for effect in self._effects]


class AbstractScriptedSegmentEditorEffect:
    """Stands in for the base class in Slicer's Python package SegmentEditorEffects."""

    def __init__(self, scriptedEffect: Any) -> None:
        self.scriptedEffect = scriptedEffect

    def register(self) -> None:
        slicer.qSlicerSegmentEditorEffectFactory.instance().registerEffect(self.scriptedEffect)

    def cleanup(self) -> None:
        """Overridden to let go of observers and connections."""


def install() -> None:
    """Make the names importable from where Slicer has them."""
    wrapped = types.ModuleType("qSlicerSegmentationsEditorEffectsPythonQt", __doc__)
    wrapped.qSlicerSegmentEditorScriptedEffect = qSlicerSegmentEditorScriptedEffect
    python = types.ModuleType("SegmentEditorEffects", __doc__)
    python.AbstractScriptedSegmentEditorEffect = AbstractScriptedSegmentEditorEffect
    for module in (wrapped, python):
        sys.modules[module.__name__] = module
    for cls in (
        qSlicerSegmentEditorAbstractEffect,
        qSlicerSegmentEditorScriptedEffect,
        qSlicerSegmentEditorEffectFactory,
    ):
        setattr(slicer, cls.__name__, cls)
