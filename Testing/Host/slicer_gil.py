"""Run Qt's event loop without letting go of Python's global lock, as Slicer does.

PySide6 releases the lock while Qt waits and works, so Python threads run freely beside it. Slicer's
main thread keeps it: CTK starts Python (ctkAbstractPythonManager::initPythonQt) and never calls
PyEval_SaveThread, so a Python thread gets on only while Python code of the main thread gives the
lock away, for instance a QTimer slot in ``time.sleep``. Here Qt is called through ``ctypes.PyDLL``,
which keeps the lock. Linux only.
"""

from __future__ import annotations

import ctypes
from functools import cache
from pathlib import Path
from typing import Any

import PySide6
import shiboken6
from PySide6 import QtCore

_EXEC = "_ZN10QEventLoop4execE6QFlagsINS_17ProcessEventsFlagEE"
ALL_EVENTS = 0


def run_events(seconds: float) -> None:
    """Let Qt handle events for a while, as QApplication::exec does, with the lock held.

    Slots and observers written in Python still run; they give the lock away where they wait.
    """
    loop = QtCore.QEventLoop()
    timer = QtCore.QTimer()
    timer.setSingleShot(True)
    timer.timeout.connect(loop.quit)  # C++ to C++, no Python in between
    timer.start(int(seconds * 1000))
    _event_loop_exec()(shiboken6.getCppPointer(loop)[0], ALL_EVENTS)


@cache
def _event_loop_exec() -> Any:
    library = ctypes.PyDLL(str(Path(PySide6.__path__[0]) / "Qt" / "lib" / "libQt6Core.so.6"))
    function = library[_EXEC]
    function.argtypes, function.restype = [ctypes.c_void_p, ctypes.c_int], ctypes.c_int
    return function
