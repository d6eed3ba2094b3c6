"""Look-alikes of qMRMLWidget and qSlicerWidget: a widget that is told its scene."""

from __future__ import annotations

from typing import Any, ClassVar

from PySide6 import QtWidgets
from PySide6.QtCore import Signal

from .look_alike import Signals


class qMRMLWidget(QtWidgets.QWidget):
    _class_name = "qMRMLWidget"
    _signals: ClassVar[Signals] = {"mrmlSceneChanged(vtkMRMLScene*)": None}
    mrmlSceneChanged = Signal(object)

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._scene: Any = None

    def mrmlScene(self) -> Any:
        return self._scene

    def setMRMLScene(self, scene: Any) -> None:
        if scene is not self._scene:
            self._scene = scene
            self.mrmlSceneChanged.emit(scene)


class qSlicerWidget(qMRMLWidget):
    _class_name = "qSlicerWidget"
