"""The modules ``qt`` and ``ctk`` as Slicer's Python has them, put together from PySide6."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import slicer
from PySide6 import QtCore, QtGui, QtWidgets

from . import ctk_widgets, dialogs, mrml_widgets, pythonqt
from .ui_loader import UiLoader


class Settings(QtCore.QSettings):
    """``qt.QSettings()`` on a file of this process, never on the user's own settings."""

    def __init__(self, *_: Any) -> None:
        path = Path(slicer.app.temporaryPath) / "Slicer.ini"
        super().__init__(str(path), QtCore.QSettings.Format.IniFormat)


def install() -> None:
    """Make ``import qt`` and ``import ctk`` work, and qMRML widgets known as ``slicer.<name>``."""
    if "qt" in sys.modules:
        return
    pythonqt.install()
    dialogs.install()
    sys.modules["qt"] = _qt_module()
    ctk = sys.modules["ctk"] = types.ModuleType("ctk", "CTK look-alikes")
    vars(ctk).update(ctk_widgets.CLASSES)
    for name, cls in mrml_widgets.CLASSES.items():
        setattr(slicer, name, cls)


def _qt_module() -> types.ModuleType:
    qt = types.ModuleType("qt", "PySide6 with PythonQt's manners")
    for module in (QtCore, QtGui, QtWidgets):
        vars(qt).update({name: getattr(module, name) for name in dir(module) if name[0] == "Q"})
    vars(qt).update(QUiLoader=UiLoader, QSettings=Settings, Signal=QtCore.Signal)
    return qt
