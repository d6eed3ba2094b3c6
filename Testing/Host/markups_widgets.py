"""Look-alikes of the markups widgets.

Names are those of qSlicerMarkupsPlaceWidget.h and qSlicerSimpleMarkupsWidget.h in Slicer,
Modules/Loadable/Markups/Widgets. Which points are placed, and where, is decided by the real
interaction and selection nodes and by the real displayable managers. Left out: colour, visibility
and lock buttons, the menus behind the buttons, the table's context menu.
"""

from __future__ import annotations

from typing import Any, ClassVar

import slicer
import vtk
from PySide6 import QtCore, QtGui, QtWidgets
from PySide6.QtCore import Property, Signal

from .look_alike import Observing, Signals, stored
from .mrml_widget import qSlicerWidget


class qSlicerMarkupsPlaceWidget(qSlicerWidget, Observing):
    """A place button and a delete button for one markups node."""

    _class_name = "qSlicerMarkupsPlaceWidget"
    _signals: ClassVar[Signals] = {
        "activeMarkupsPlaceModeChanged(bool)": None,
        "activeMarkupsFiducialPlaceModeChanged(bool)": None,
    }
    activeMarkupsPlaceModeChanged = Signal(bool)
    activeMarkupsFiducialPlaceModeChanged = Signal(bool)
    ShowPlaceMultipleMarkupsOption, HidePlaceMultipleMarkupsOption = 0, 1
    ForcePlaceSingleMarkup, ForcePlaceMultipleMarkups = 2, 3

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(*([parent] if parent else []))
        self._node: Any = None
        self._placing = False
        self._place, self._delete = QtWidgets.QToolButton(), QtWidgets.QToolButton()
        self._place.setText("Place")
        self._place.setCheckable(True)
        self._delete.setText("Delete")
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._place)
        layout.addWidget(self._delete)
        self._place.clicked.connect(self.setPlaceModeEnabled)
        self._delete.clicked.connect(self.deleteLastPoint)
        self._update()

    def children(self) -> list[QtCore.QObject]:
        return []

    def setMRMLScene(self, scene: Any) -> None:
        super().setMRMLScene(scene)
        self._unobserve_all()
        if scene is not None:
            for node in (self.interactionNode(), self.selectionNode()):
                self._observe(node, vtk.vtkCommand.ModifiedEvent, lambda *_: self._update())
        self._update()

    def interactionNode(self) -> Any:
        return slicer.app.applicationLogic().GetInteractionNode()

    def selectionNode(self) -> Any:
        return slicer.app.applicationLogic().GetSelectionNode()

    def placeButton(self) -> QtWidgets.QToolButton:
        return self._place

    def deleteButton(self) -> QtWidgets.QToolButton:
        return self._delete

    def currentNode(self) -> Any:
        return self._node

    def currentMarkupsNode(self) -> Any:
        return self._node

    def setCurrentNode(self, node: Any) -> None:
        if node is not self._node and self._is_placing():
            self.setPlaceModeEnabled(False)
        self._node = node
        self._update()

    def setCurrentNodeActive(self, active: bool) -> None:
        if active and self._node is not None:
            selection = self.selectionNode()
            selection.SetReferenceActivePlaceNodeClassName(self._node.GetClassName())
            selection.SetActivePlaceNodeID(self._node.GetID())
        elif self._is_active():
            self.selectionNode().SetActivePlaceNodeID(None)

    def setPlaceModeEnabled(self, enabled: bool) -> None:
        interaction = self.interactionNode()
        if not enabled:
            if self._is_active():
                interaction.SetCurrentInteractionMode(interaction.ViewTransform)
        elif self._node is not None:
            self.setCurrentNodeActive(True)
            if self.placeMultipleMarkups == self.ForcePlaceMultipleMarkups:
                interaction.SetPlaceModePersistence(1)
            elif self.placeMultipleMarkups == self.ForcePlaceSingleMarkup:
                interaction.SetPlaceModePersistence(0)
            interaction.SetCurrentInteractionMode(interaction.Place)
        self._update()

    def setPlaceModePersistency(self, persistent: bool) -> None:
        self.interactionNode().SetPlaceModePersistence(int(persistent))

    def setPlaceMultipleMarkups(self, option: int) -> None:
        self.placeMultipleMarkups = option

    def setButtonsVisible(self, visible: bool) -> None:
        self._place.setVisible(visible)
        self._delete.setVisible(visible)

    def deleteLastPoint(self) -> None:
        if self._node is not None and self._node.GetNumberOfControlPoints() > 0:
            self._node.RemoveNthControlPoint(self._node.GetNumberOfControlPoints() - 1)

    def deleteAllPoints(self) -> None:
        if self._node is not None:
            self._node.RemoveAllControlPoints()

    def _is_active(self) -> bool:
        active = self.selectionNode().GetActivePlaceNodeID()
        return self._node is not None and active == self._node.GetID()

    def _is_placing(self) -> bool:
        mode = self.interactionNode().GetCurrentInteractionMode()
        return self._is_active() and mode == self.interactionNode().Place

    placeModeEnabled = Property(bool, _is_placing, setPlaceModeEnabled)
    currentNodeActive = Property(bool, _is_active, setCurrentNodeActive)
    placeModePersistency = Property(
        bool,
        lambda self: bool(self.interactionNode().GetPlaceModePersistence()),
        setPlaceModePersistency,
    )
    placeMultipleMarkups = stored(int, "placeMultipleMarkups", 0)
    buttonsVisible = Property(bool, lambda self: not self._place.isHidden(), setButtonsVisible)
    deleteAllControlPointsOptionVisible = stored(bool, "deleteAllControlPointsOptionVisible", True)
    unsetLastControlPointOptionVisible = stored(bool, "unsetLastControlPointOptionVisible", False)
    unsetAllControlPointsOptionVisible = stored(bool, "unsetAllControlPointsOptionVisible", False)
    defaultNodeColor = stored(QtGui.QColor, "defaultNodeColor")
    nodeColor = stored(QtGui.QColor, "nodeColor")

    def _update(self) -> None:
        placing = self._is_placing()
        self._place.setEnabled(self._node is not None)
        self._delete.setEnabled(self._node is not None)
        self._place.setChecked(placing)
        if placing != self._placing:
            self._placing = placing
            self.activeMarkupsPlaceModeChanged.emit(placing)
            self.activeMarkupsFiducialPlaceModeChanged.emit(placing)


class qSlicerSimpleMarkupsWidget(qSlicerWidget, Observing):
    """A place widget over a table of the points of one markups node; without its node selector."""

    _class_name = "qSlicerSimpleMarkupsWidget"
    _signals: ClassVar[Signals] = {
        "markupsNodeChanged()": None,
        "updateFinished()": None,
    }
    markupsNodeChanged = Signal()
    updateFinished = Signal()
    nodeSelectorVisible = stored(bool, "nodeSelectorVisible", True)
    optionsVisible = stored(bool, "optionsVisible", True)
    defaultNodeColor = stored(QtGui.QColor, "defaultNodeColor")

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(*([parent] if parent else []))
        self._node: Any = None
        self._place_widget = qSlicerMarkupsPlaceWidget()
        self._table = QtWidgets.QTableWidget(0, 4)
        self._table.setHorizontalHeaderLabels(["Label", "R", "A", "S"])
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._place_widget)
        layout.addWidget(self._table)

    def children(self) -> list[QtCore.QObject]:
        return []

    def markupsPlaceWidget(self) -> qSlicerMarkupsPlaceWidget:
        return self._place_widget

    def tableWidget(self) -> QtWidgets.QTableWidget:
        return self._table

    def setMRMLScene(self, scene: Any) -> None:
        super().setMRMLScene(scene)
        self._place_widget.setMRMLScene(scene)

    def currentNode(self) -> Any:
        return self._node

    def setCurrentNode(self, node: Any) -> None:
        if node is self._node:
            return
        self._unobserve_all()
        self._node = node
        self._place_widget.setCurrentNode(node)
        if node is not None:
            for event in (
                node.PointAddedEvent,
                node.PointRemovedEvent,
                node.PointModifiedEvent,
                node.PointPositionDefinedEvent,
            ):
                self._observe(node, event, lambda *_: self._update())
        self._update()
        self.markupsNodeChanged.emit()

    def _update(self) -> None:
        count = self._node.GetNumberOfDefinedControlPoints() if self._node is not None else 0
        self._table.setRowCount(count)
        for row in range(count):
            position = self._node.GetNthControlPointPositionVector(row)
            texts = [self._node.GetNthControlPointLabel(row), *(f"{x:.2f}" for x in position)]
            for column, text in enumerate(texts):
                self._table.setItem(row, column, QtWidgets.QTableWidgetItem(text))
        self.updateFinished.emit()
