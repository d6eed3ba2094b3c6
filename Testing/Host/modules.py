"""Stands in for qSlicerModuleManager and qSlicerScriptedLoadableModule.

Only the folder of the module's own file goes on ``sys.path``, as in Slicer; a module that needs its
neighbours must find them itself (on the desktop all folders of an extension's modules are there,
because each module adds its own).
"""

from __future__ import annotations

import importlib.util
import logging
import sys
import types
from pathlib import Path
from typing import Any, ClassVar

import slicer
import slicer.util
from PySide6 import QtCore, QtWidgets
from PySide6.QtCore import Signal

from .look_alike import Signals
from .mrml_widget import qMRMLWidget


class ModulePanel(qMRMLWidget):
    """Stands in for qSlicerScriptedLoadableModuleWidget: the panel that a scripted widget fills."""

    _class_name = "qSlicerScriptedLoadableModuleWidget"
    _python: Any = None

    def self(this: ModulePanel) -> Any:
        """Return the Python object of the module's Widget class."""
        return this._python


class ScriptedModule:
    """A loaded module, as ``slicer.modules.<name>``; the host's handle is ``widget``."""

    def __init__(self, path: Path) -> None:
        self.name = path.stem
        self.path = str(path)
        self.title = ""
        self.categories: list[str] = []
        self.dependencies: list[str] = []
        self.contributors: list[str] = []
        self.helpText = self.acknowledgementText = ""
        self.icon: Any = None
        self.hidden = False
        self.widgetRepresentationCreationEnabled = True
        self.instance: Any = None
        self.widget: Any = None
        self._representation: Any = None

    def widgetRepresentation(self) -> Any:
        """The panel, made when it is first asked for; None for a module without a Widget class."""
        if self._representation is None and self.widgetRepresentationCreationEnabled:
            self._make_panel()
        return self._representation

    def logic(self) -> Any:
        return getattr(self.widget, "logic", None)

    def _make_panel(self) -> None:
        python = sys.modules[self.name]
        panel = self._representation = ModulePanel()
        panel.setObjectName(f"{self.name}ModuleWidget")
        panel.setLayout(QtWidgets.QVBoxLayout())
        self.widget = getattr(python, f"{self.name}Widget")(panel)
        panel._python = self.widget
        setattr(slicer.modules, f"{self.name}Widget", self.widget)
        self.widget.setup()
        panel.layout().addStretch(1)
        panel.setMRMLScene(slicer.mrmlScene)

    def drop_panel(self) -> None:
        if self._representation is not None:
            self._representation.deleteLater()
            self._representation = self.widget = None


# slicer.util.getModuleLogic and getModuleWidget ask for these classes.
slicer.qSlicerScriptedLoadableModule = ScriptedModule
slicer.qSlicerScriptedLoadableModuleWidget = ModulePanel


class ModuleSelector:
    """Stands in for qSlicerModuleSelectorToolBar."""

    def __init__(self, manager: ModuleManager) -> None:
        self._manager = manager

    @property
    def selectedModule(self) -> str:
        return self._manager.selected

    def selectModule(self, name: str) -> None:
        self._manager.select(name)


class ModuleManager(QtCore.QObject):
    """Loads, selects and unloads scripted modules; knows the C++ modules by their logic only."""

    _class_name = "qSlicerModuleManager"
    _signals: ClassVar[Signals] = {
        "moduleLoaded(QString)": None,
        "moduleAboutToBeUnloaded(QString)": None,
        "moduleUnloaded(QString)": None,
    }
    moduleLoaded = Signal(str)
    moduleAboutToBeUnloaded = Signal(str)
    moduleUnloaded = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._modules: dict[str, ScriptedModule] = {}
        self._selected = ""
        self._selector = ModuleSelector(self)

    selected = property(lambda self: self._selected)
    selector = property(lambda self: self._selector)

    def module(self, name: str) -> Any:
        return self._modules.get(name) or getattr(slicer.modules, name.lower(), None)

    def modulesNames(self) -> list[str]:
        return list(self._modules)

    def factoryManager(self) -> Any:
        return types.SimpleNamespace(
            loadedModuleNames=self.modulesNames,
            registeredModuleNames=self.modulesNames,
            isLoaded=lambda name: name in self._modules,
        )

    def load(self, path: Path) -> ScriptedModule:
        """Import a module's file, make the module, its panel, and tell it the scene."""
        path = path.resolve()
        if path.stem in self._modules:
            return self._modules[path.stem]
        if not path.is_file():
            raise FileNotFoundError(f"no module file {path}")
        module = ScriptedModule(path)
        python = _import(path)
        self._modules[module.name] = module
        setattr(slicer.modules, module.name.lower(), module)
        try:
            module.instance = getattr(python, module.name)(module)
            setattr(slicer.modules, f"{module.name}Instance", module.instance)
            if not hasattr(python, f"{module.name}Widget"):
                module.widgetRepresentationCreationEnabled = False
            module.widgetRepresentation()
        except BaseException:
            self._disconnect_half_made(module)
            self._forget(module)
            raise
        self.moduleLoaded.emit(module.name)
        return module

    def select(self, name: str) -> ScriptedModule | None:
        """Leave the selected module and enter another; "" leaves all modules."""
        if name and name not in self._modules:
            raise RuntimeError(f"module {name!r} is not loaded; loaded: {self.modulesNames()}")
        if name == self._selected:
            return self._modules.get(name)
        if self._selected:
            _call(self._modules[self._selected].widget, "exit")
        self._selected = name
        module = self._modules.get(name)
        slicer.util.mainWindow().show_panel(module.widgetRepresentation() if module else None)
        if module is not None:
            _call(module.widget, "enter")
        return module

    def unload(self, name: str) -> None:
        """Leave the module, let it clean up, and forget it."""
        if self._selected == name:
            self.select("")
        module = self._modules[name]
        self.moduleAboutToBeUnloaded.emit(name)
        self._forget(module)
        self.moduleUnloaded.emit(name)

    def _disconnect_half_made(self, module: ScriptedModule) -> None:
        listener = getattr(module.widget, "_onModuleAboutToBeUnloaded", None)
        if listener is not None:
            self.disconnect("moduleAboutToBeUnloaded(QString)", listener)

    def _forget(self, module: ScriptedModule) -> None:
        module.drop_panel()
        del self._modules[module.name]
        sys.modules.pop(module.name, None)
        for attribute in (
            module.name.lower(),
            f"{module.name}Widget",
            f"{module.name}Instance",
        ):
            if hasattr(slicer.modules, attribute):
                delattr(slicer.modules, attribute)


def _import(path: Path) -> types.ModuleType:
    folder = str(path.parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be imported")
    python = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = python
    spec.loader.exec_module(python)
    return python


def _call(widget: Any, method: str) -> None:
    logging.debug("%s.%s()", type(widget).__name__, method)
    getattr(widget, method, lambda: None)()
