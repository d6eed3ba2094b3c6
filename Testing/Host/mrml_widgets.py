"""Look-alikes of the qMRML and qSlicer widgets that the project uses, on the real scene.

Names are those of the headers in Slicer: qMRMLSliderWidget.h (Libs/MRML/Widgets) and
qMRMLSegmentsTableView.h (Modules/Loadable/Segmentations/Widgets). ``CLASSES`` has them all.
"""

from __future__ import annotations

from typing import Any, ClassVar

import vtk
from PySide6 import QtCore, QtGui, QtWidgets
from PySide6.QtCore import Property, Qt, Signal

from .ctk_widgets import ctkSliderWidget
from .look_alike import Observing, Signals, stored
from .markups_widgets import qSlicerMarkupsPlaceWidget, qSlicerSimpleMarkupsWidget
from .mrml_widget import qMRMLWidget, qSlicerWidget
from .node_combo_box import qMRMLNodeComboBox


class qMRMLSliderWidget(ctkSliderWidget):
    """Units are left out: it shows the plain number."""

    _class_name = "qMRMLSliderWidget"
    quantity = stored(str, "quantity", "")
    unitAwareProperties = stored(int, "unitAwareProperties", 0)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._scene: Any = None

    def mrmlScene(self) -> Any:
        return self._scene

    def setMRMLScene(self, scene: Any) -> None:
        self._scene = scene


class qMRMLSegmentsTableView(qMRMLWidget, Observing):
    """The segments of a segmentation: visibility, colour, name.

    Left out: editing names and colours in the table, status and layer columns, filtering by status.
    """

    _class_name = "qMRMLSegmentsTableView"
    _signals: ClassVar[Signals] = {
        "selectionChanged(QItemSelection,QItemSelection)": None,
        "segmentAboutToBeModified(QString)": None,
    }
    selectionChanged = Signal(object, object)
    segmentAboutToBeModified = Signal(str)
    VISIBILITY_COLUMN, COLOR_COLUMN, NAME_COLUMN = range(3)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._node: Any = None
        self._ids: list[str] = []
        self._filling = False
        self._hidden: list[str] = []
        self._table = QtWidgets.QTableWidget(0, 3)
        self._style_table()
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._table)
        self._table.selectionModel().selectionChanged.connect(self._selection_changed)
        self._table.cellClicked.connect(self._cell_clicked)

    def children(self) -> list[QtCore.QObject]:
        return []

    def tableWidget(self) -> QtWidgets.QTableView:
        return self._table

    def segmentationNode(self) -> Any:
        return self._node

    def setSegmentationNode(self, node: Any) -> None:
        if node is self._node:
            return
        self._unobserve_all()
        self._node = node
        if node is not None:
            self._observe(node, vtk.vtkCommand.AnyEvent, self._on_node_event)
        self._update()

    def selectedSegmentIDs(self) -> list[str]:
        rows = self._table.selectionModel().selectedRows()
        return [self._ids[row.row()] for row in rows]

    def setSelectedSegmentIDs(self, segment_ids: list[str]) -> None:
        model, flag = self._table.selectionModel(), QtCore.QItemSelectionModel.SelectionFlag
        selection = QtCore.QItemSelection()
        for row in (self._ids.index(i) for i in segment_ids if i in self._ids):
            last = self._table.model().index(row, self.NAME_COLUMN)
            selection.select(self._table.model().index(row, 0), last)
        model.select(selection, flag.ClearAndSelect | flag.Rows)

    def clearSelection(self) -> None:
        self._table.clearSelection()

    def displayedSegmentIDs(self) -> list[str]:
        return list(self._ids)

    def rowForSegmentID(self, segment_id: str) -> int:
        return self._ids.index(segment_id) if segment_id in self._ids else -1

    def segmentIDForRow(self, row: int) -> str:
        return self._ids[row] if 0 <= row < len(self._ids) else ""

    def hideSegments(self) -> list[str]:
        return list(self._hidden)

    def setHideSegments(self, segment_ids: list[str]) -> None:
        self._hidden = list(segment_ids)
        self._update()

    def setSelectionMode(self, mode: int) -> None:
        self._table.setSelectionMode(QtWidgets.QAbstractItemView.SelectionMode(mode))

    def setHeaderVisible(self, visible: bool) -> None:
        self._table.horizontalHeader().setVisible(visible)

    def setVisibilityColumnVisible(self, visible: bool) -> None:
        self._table.setColumnHidden(self.VISIBILITY_COLUMN, not visible)

    def setColorColumnVisible(self, visible: bool) -> None:
        self._table.setColumnHidden(self.COLOR_COLUMN, not visible)

    selectionMode = Property(
        int, lambda self: self._table.property("selectionMode").value, setSelectionMode
    )
    segmentCount = Property(int, lambda self: len(self._ids))
    headerVisible = Property(
        bool, lambda self: not self._table.horizontalHeader().isHidden(), setHeaderVisible
    )
    visibilityColumnVisible = Property(
        bool,
        lambda self: not self._table.isColumnHidden(self.VISIBILITY_COLUMN),
        setVisibilityColumnVisible,
    )
    colorColumnVisible = Property(
        bool,
        lambda self: not self._table.isColumnHidden(self.COLOR_COLUMN),
        setColorColumnVisible,
    )
    opacityColumnVisible = stored(bool, "opacityColumnVisible", False)
    statusColumnVisible = stored(bool, "statusColumnVisible", False)
    layerColumnVisible = stored(bool, "layerColumnVisible", False)
    readOnly = stored(bool, "readOnly", False)
    filterBarVisible = stored(bool, "filterBarVisible", False)
    jumpToSelectedSegmentEnabled = stored(bool, "jumpToSelectedSegmentEnabled", False)
    useTerminologySelector = stored(bool, "useTerminologySelector", True)
    textFilter = stored(str, "textFilter", "", lambda self: self._update())

    def _style_table(self) -> None:
        table = self._table
        table.setHorizontalHeaderLabels(["", "", "Name"])
        table.verticalHeader().hide()
        table.horizontalHeader().setStretchLastSection(True)
        table.setColumnWidth(self.VISIBILITY_COLUMN, 28)
        table.setColumnWidth(self.COLOR_COLUMN, 28)
        table.setSelectionBehavior(QtWidgets.QAbstractItemView.SelectionBehavior.SelectRows)
        table.setEditTriggers(QtWidgets.QAbstractItemView.EditTrigger.NoEditTriggers)

    def _on_node_event(self, *_: Any) -> None:
        """Segments and display change in many ways; looking again is cheap."""
        if self._node is not None:
            self._update()

    def _rows(self) -> list[tuple[str, str, tuple[float, ...], bool]]:
        if self._node is None or self._node.GetSegmentation() is None:
            return []
        segmentation, display = self._node.GetSegmentation(), self._node.GetDisplayNode()
        rows = []
        for segment_id in segmentation.GetSegmentIDs():
            segment = segmentation.GetSegment(segment_id)
            if segment_id in self._hidden or self.textFilter not in segment.GetName():
                continue
            visible = bool(display is None or display.GetSegmentVisibility(segment_id))
            rows.append((segment_id, segment.GetName(), segment.GetColor(), visible))
        return rows

    def _update(self) -> None:
        rows = self._rows()
        if rows == self.__dict__.get("_last_rows"):
            return
        self._last_rows = rows
        selected = self.selectedSegmentIDs()
        self._ids = [row[0] for row in rows]
        self._filling = True
        self._table.setRowCount(len(rows))
        for number, row in enumerate(rows):
            self._fill_row(number, *row[1:])
        self.setSelectedSegmentIDs(selected)
        self._filling = False
        if self.selectedSegmentIDs() != selected:
            self.selectionChanged.emit(QtCore.QItemSelection(), QtCore.QItemSelection())

    def _fill_row(self, row: int, name: str, color: tuple[float, ...], visible: bool) -> None:
        eye = QtWidgets.QTableWidgetItem("\N{FISHEYE}" if visible else "\N{WHITE CIRCLE}")
        swatch = QtWidgets.QTableWidgetItem()
        swatch.setData(Qt.ItemDataRole.DecorationRole, QtGui.QColor.fromRgbF(*color))
        for column, item in enumerate((eye, swatch, QtWidgets.QTableWidgetItem(name))):
            self._table.setItem(row, column, item)

    def _selection_changed(self, *selections: Any) -> None:
        if not self._filling:
            self.selectionChanged.emit(*selections)

    def _cell_clicked(self, row: int, column: int) -> None:
        display = self._node.GetDisplayNode()
        if column == self.VISIBILITY_COLUMN and display is not None:
            segment_id = self._ids[row]
            display.SetSegmentVisibility(segment_id, not display.GetSegmentVisibility(segment_id))


CLASSES: dict[str, type] = {
    cls.__name__: cls
    for cls in (
        qMRMLWidget,
        qMRMLNodeComboBox,
        qMRMLSegmentsTableView,
        qMRMLSliderWidget,
        qSlicerMarkupsPlaceWidget,
        qSlicerSimpleMarkupsWidget,
        qSlicerWidget,
    )
}
