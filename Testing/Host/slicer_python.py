"""Stand-ins for the parts of Slicer's Python layer that slicer-core leaves out.

Written from what Slicer documents, for what this project's modules use: the four base classes of a
scripted module, ``slicer.i18n`` without translations, and ``slicer.parameterNodeWrapper``. Left
out: the Reload & Test section of developer mode, self-test screenshots, ``slicer.cli``,
``slicer.packaging``.
"""

from __future__ import annotations

import importlib
import logging
import sys
import types
import unittest
from pathlib import Path
from typing import Any

import slicer
import slicer.util
from PySide6 import QtGui, QtWidgets

from . import parameter_node

NODE_CLASS = "vtkMRMLScriptedModuleNode"
BASE_CLASSES = (
    "ScriptedLoadableModule",
    "ScriptedLoadableModuleWidget",
    "ScriptedLoadableModuleLogic",
    "ScriptedLoadableModuleTest",
)


def install() -> None:
    """Make ``slicer.ScriptedLoadableModule``, ``.parameterNodeWrapper``, ``.i18n`` importable."""
    scripted = types.ModuleType("slicer.ScriptedLoadableModule", __doc__)
    scripted.__all__ = list(BASE_CLASSES)
    for name in BASE_CLASSES:
        setattr(scripted, name, globals()[name])
    i18n = types.ModuleType("slicer.i18n")
    i18n.tr = lambda text: text
    i18n.translate = lambda context, text, disambiguation=None, n=-1: text
    i18n.getContext = lambda source_file: Path(source_file).stem
    for module in (scripted, i18n, parameter_node.module()):
        sys.modules[module.__name__] = module
        setattr(slicer, module.__name__.split(".")[1], module)


def _resource(module_file: str, name: str) -> str:
    return str(Path(module_file).parent / "Resources" / name)


class ScriptedLoadableModule:
    """Describes a module; ``parent`` is what the host shows of it in lists and help."""

    def __init__(self, parent: Any) -> None:
        self.parent = parent
        self.moduleName = type(self).__name__
        parent.title = ""
        parent.categories, parent.dependencies, parent.contributors = [], [], []
        parent.helpText = parent.acknowledgementText = ""
        for extension in (".svg", ".png"):
            icon = Path(self.resourcePath(f"Icons/{self.moduleName}{extension}"))
            if icon.is_file():
                parent.icon = QtGui.QIcon(str(icon))
                break

    def resourcePath(self, filename: str) -> str:
        return _resource(self.parent.path, filename)

    def getDefaultModuleDocumentationLink(self, docPage: str | None = None) -> str:
        return f"<p>See the documentation of {docPage or self.moduleName}.</p>"

    def runTest(self, msec: int = 100, **kwargs: Any) -> None:
        module = importlib.import_module(type(self).__module__)
        test = getattr(module, f"{self.moduleName}Test")()
        test.messageDelay = msec
        test.runTest(**kwargs)


class ScriptedLoadableModuleWidget:
    """The panel of a module; ``parent`` is a qMRMLWidget with an empty vertical layout."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__()
        self.moduleName = type(self).__name__.removesuffix("Widget")
        self.developerMode = False
        self.parent = parent or self._own_parent()
        self.layout = self.parent.layout()
        if not parent:
            self.setup()
            self.parent.show()
        slicer.app.moduleManager().connect(
            "moduleAboutToBeUnloaded(QString)", self._onModuleAboutToBeUnloaded
        )

    def resourcePath(self, filename: str) -> str:
        return _resource(slicer.util.modulePath(self.moduleName), filename)

    def setup(self) -> None:
        """Overridden to make the widgets."""

    def cleanup(self) -> None:
        """Overridden to let go of observers and the like, just before the module is unloaded."""

    def onReload(self) -> None:
        raise NotImplementedError("the test host does not reload modules; load it afresh")

    def _onModuleAboutToBeUnloaded(self, moduleName: str) -> None:
        if moduleName == self.moduleName:
            self.cleanup()
            slicer.app.moduleManager().disconnect(
                "moduleAboutToBeUnloaded(QString)", self._onModuleAboutToBeUnloaded
            )

    def _own_parent(self) -> Any:
        parent = slicer.qMRMLWidget()
        parent.setLayout(QtWidgets.QVBoxLayout())
        parent.setMRMLScene(slicer.mrmlScene)
        return parent


class ScriptedLoadableModuleLogic:
    """Work without widgets; finds or makes the parameter node of its module."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__()
        self.moduleName = type(self).__name__.removesuffix("Logic")
        self.isSingletonParameterNode = True

    def getParameterNode(self) -> Any:
        if self.isSingletonParameterNode:
            found = slicer.mrmlScene.GetSingletonNode(self.moduleName, NODE_CLASS)
        else:
            found = next(iter(self.getAllParameterNodes()), None)
        if found is None:
            found = slicer.mrmlScene.AddNode(self.createParameterNode())
        # Closing the scene takes the attributes of singletons away.
        found.SetAttribute("ModuleName", self.moduleName)
        return found

    def getAllParameterNodes(self) -> list[Any]:
        nodes = slicer.util.getNodesByClass(NODE_CLASS)
        return [node for node in nodes if node.GetAttribute("ModuleName") == self.moduleName]

    def createParameterNode(self) -> Any:
        """Make a parameter node that is not in the scene yet."""
        node = slicer.mrmlScene.CreateNodeByClass(NODE_CLASS)
        node.UnRegister(None)
        if self.isSingletonParameterNode:
            node.SetSingletonTag(self.moduleName)
        node.SetAttribute("ModuleName", self.moduleName)
        node.SetName(slicer.mrmlScene.GenerateUniqueName(self.moduleName))
        return node

    def resourcePath(self, filename: str) -> str:
        return _resource(slicer.util.modulePath(self.moduleName), filename)


class ScriptedLoadableModuleTest(unittest.TestCase):
    """A module's self test; run by ``runTest`` or by unittest."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.messageDelay = 100

    def delayDisplay(self, message: str, **_: Any) -> None:
        logging.info(message)
        slicer.app.processEvents()

    def runTest(self, **_: Any) -> None:
        """Overridden to run the tests of the module one by one."""
