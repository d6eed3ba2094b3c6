"""The Qt tier: ``slicer.app`` with a main window, and modules loaded into it.

``start()`` gives the one ``TestApplication`` of the process. Modules are loaded and unloaded the
way qSlicerScriptedLoadableModule does it, panels are real Qt widgets (PySide6) with PythonQt's
manners, the scene and the views are real. Different from Slicer: no menus, toolbars, module list or
extension manager; the window is drawn offscreen.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import environment

environment.prepare()

import slicer  # noqa: E402
import slicer.util  # noqa: E402
from PySide6 import QtCore, QtWidgets  # noqa: E402
from PySide6.QtCore import Qt, Signal  # noqa: E402

from . import (  # noqa: E402
    editor_widget,
    mrml,
    qt_names,
    scripted_effects,
    slicer_gil,
    slicer_python,
)
from .layout import SLICES, LayoutManager  # noqa: E402
from .modules import ModuleManager  # noqa: E402
from .records import Records, records  # noqa: E402

WINDOW_SIZE = (1280, 800)
PANEL_WIDTH = 420
PUMP_INTERVAL = 0.005  # seconds between rounds of waiting
HELD_INTERVAL = 0.05  # the same with the global lock held; each round lets go of it once

_application: TestApplication | None = None


class GuiApplication(QtCore.QObject):
    """Stands in for qSlicerApplication; the windowless part is ``mrml.CoreApplication``."""

    aboutToQuit = Signal()
    startupCompleted = Signal()
    lastWindowClosed = Signal()

    def __init__(self, core: mrml.CoreApplication, qt_application: Any) -> None:
        super().__init__()
        self._core = core
        self._qt_application = qt_application
        self._layout_manager = LayoutManager()
        self._module_manager = ModuleManager()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_core"], name)

    def layoutManager(self) -> LayoutManager:
        return self._layout_manager

    def moduleManager(self) -> ModuleManager:
        return self._module_manager

    def processEvents(self, *_: Any) -> None:
        self._qt_application.processEvents()

    def startupEnvironment(self) -> QtCore.QProcessEnvironment:
        return QtCore.QProcessEnvironment.systemEnvironment()

    def settings(self) -> Any:
        return qt_names.Settings()

    userSettings = revisionUserSettings = settings

    def setOverrideCursor(self, cursor: Any) -> None:
        self._qt_application.setOverrideCursor(cursor)

    def restoreOverrideCursor(self) -> None:
        self._qt_application.restoreOverrideCursor()

    def clipboard(self) -> Any:
        return self._qt_application.clipboard()

    def palette(self) -> Any:
        return self._qt_application.palette()

    def mainWindow(self) -> Any:
        return slicer.util.mainWindow()

    def translate(self, context: str, text: str) -> str:
        return text


class MainWindow(QtWidgets.QMainWindow):
    """A module panel at the left, the views at the right."""

    def __init__(self, layout_manager: LayoutManager) -> None:
        super().__init__()
        self.setWindowTitle("ImperfectSeg test host (not 3D Slicer)")
        self.setCentralWidget(layout_manager.viewport())
        self._panel = QtWidgets.QScrollArea()
        self._panel.setWidgetResizable(True)
        self._panel.setMinimumWidth(PANEL_WIDTH)
        dock = QtWidgets.QDockWidget("Module")
        dock.setObjectName("PanelDockWidget")
        dock.setFeatures(QtWidgets.QDockWidget.DockWidgetFeature.NoDockWidgetFeatures)
        dock.setWidget(self._panel)
        self.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, dock)
        self.resize(*WINDOW_SIZE)

    def moduleSelector(self) -> Any:
        return slicer.app.moduleManager().selector

    def show_panel(self, panel: QtWidgets.QWidget | None) -> None:
        old = self._panel.takeWidget()
        if old is not None:
            old.hide()
        if panel is not None:
            self._panel.setWidget(panel)
            panel.show()


class TestApplication:
    """What a test uses: load and select modules, wait, look, ask what went wrong."""

    __test__ = False  # not a pytest class

    def __init__(self) -> None:
        environment.require()
        self._qt_application = QtWidgets.QApplication.instance() or QtWidgets.QApplication(
            sys.argv[:1]
        )
        core = mrml.boot()
        qt_names.install()
        slicer_python.install()
        scripted_effects.install()
        editor_widget.install()
        records.install_hooks()
        slicer.app = self.app = GuiApplication(core, self._qt_application)
        self.window = MainWindow(self.app.layoutManager())
        slicer.util.mainWindow = lambda verbose=True: self.window
        self.window.show()
        self.process_events()

    # True: waiting keeps Python's global lock, as Slicer's event loop does; see slicer_gil.py.
    hold_gil = False
    records: Records = records
    expecting_dialog = staticmethod(records.expecting_dialog)

    @property
    def errors(self) -> list[BaseException]:
        """Exceptions of slots, observers, Qt overrides and threads since ``clear_records``."""
        return records.errors

    @property
    def dialogs(self) -> list[Any]:
        """Modal dialogs since ``clear_records``, expected or not."""
        return records.dialogs

    def load_module(self, path: str | Path) -> Any:
        """Load a scripted module from its .py file; return its widget object (with ``ui``...)."""
        return self.app.moduleManager().load(Path(path)).widget

    def select_module(self, name: str) -> Any:
        """Leave the selected module (exit) and go to another (enter); return its widget object."""
        module = self.app.moduleManager().select(name)
        self.process_events()
        return module.widget if module else None

    def unload_module(self, name: str) -> None:
        self.app.moduleManager().unload(name)
        self.process_events()

    def unload_all(self) -> None:
        for name in self.app.moduleManager().modulesNames():
            self.unload_module(name)

    def slice_view(self, name: str) -> Any:
        """The offscreen view (``views.SliceView``) of a slice widget: click, drag, ras_to_xy."""
        return self.app.layoutManager().sliceWidget(name).view

    @property
    def threed_view(self) -> Any:
        return self.app.layoutManager().threeDWidget(0).view

    def show_volume(self, volume: Any, position: Any = None) -> None:
        """Show a volume in all slice views, at a RAS position."""
        for name in self.app.layoutManager().sliceViewNames():
            self.slice_view(name).show(volume, position)
        self.process_events()

    def process_events(self) -> None:
        self._qt_application.processEvents()
        QtCore.QCoreApplication.sendPostedEvents(None, QtCore.QEvent.Type.DeferredDelete.value)

    def wait_until(self, condition: Callable[[], Any], timeout: float = 10.0) -> Any:
        """Run the event loop until ``condition()`` is true and return it; or TimeoutError."""
        end = time.monotonic() + timeout
        while True:
            if self.hold_gil:
                slicer_gil.run_events(HELD_INTERVAL)
            else:
                self.process_events()
            value = condition()
            if value:
                return value
            if time.monotonic() > end:
                raise TimeoutError(f"not within {timeout} s: {getattr(condition, '__name__', '')}")
            if not self.hold_gil:
                time.sleep(PUMP_INTERVAL)

    def screenshot(self, path: str | Path) -> Path:
        """Draw the whole window, views rendered afresh, into a PNG file."""
        self.process_events()
        if not self.window.grab().save(str(path)):
            raise OSError(f"cannot write {path}")
        return Path(path)

    def clear_scene(self) -> Any:
        """Close the scene, let everybody react, and put the slice views straight."""
        scene = mrml.clear_scene()
        for name, (orientation, _) in SLICES.items():
            self.slice_view(name).node.SetOrientation(orientation)
        self.process_events()
        return scene

    def clear_records(self) -> None:
        records.clear()


def start() -> TestApplication:
    """Start the Qt tier once; later calls return the running application."""
    global _application
    if _application is None:
        _application = TestApplication()
    return _application
