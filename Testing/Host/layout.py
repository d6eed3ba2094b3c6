"""Stands in for qSlicerLayoutManager and its view widgets.

The pictures come from the real offscreen views of ``views.py`` and are painted into plain widgets;
mouse and key events of those widgets go to the real interactors. The layout node is real.
Different from Slicer: one fixed arrangement of three slice views and a 3-D view, in whose place the
plot view is where the layout has one; any other layout is kept and ``layoutChanged`` is sent, but
looks the same. View controllers are a coloured bar without buttons.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import slicer
import vtk
from PySide6 import QtCore, QtGui, QtWidgets
from PySide6.QtCore import Property, Qt, Signal

from .look_alike import Signals
from .plots import qMRMLPlotWidget
from .views import OffscreenView, SliceView, ThreeDView

SLICES = {  # layout name -> orientation, colour of the bar
    "Red": ("Axial", "#f34a33"),
    "Green": ("Coronal", "#6eb04b"),
    "Yellow": ("Sagittal", "#edd54c"),
}
THREED_COLOR = "#7a7ad4"
START_SIZE = (300, 300)
FOUR_UP = 3
PLOT_LAYOUTS = {  # those in which vtkSlicerPlotsLogic finds a plot view
    getattr(slicer.vtkMRMLLayoutNode, f"SlicerLayout{name}View")
    for name in ("FourUpPlot", "FourUpPlotTable", "OneUpPlot", "ConventionalPlot")
} | {slicer.vtkMRMLLayoutNode.SlicerLayoutThreeOverThreePlotView}
BUTTONS = {
    Qt.MouseButton.LeftButton: "Left",
    Qt.MouseButton.RightButton: "Right",
    Qt.MouseButton.MiddleButton: "Middle",
}


class ViewWidget(QtWidgets.QWidget):
    """Paints an offscreen view and hands it mouse and keys; stands in for ctkVTKRenderView.

    ``qMRMLSliceView`` and ``qMRMLThreeDView`` are its subclasses.
    """

    def __init__(self, view: OffscreenView) -> None:
        super().__init__()
        self._view = view
        self.setMouseTracking(True)
        self.setMinimumSize(120, 120)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        view.managers.AddObserver(vtk.vtkCommand.UpdateEvent, lambda *_: self.update())

    def interactor(self) -> vtk.vtkRenderWindowInteractor:
        return self._view.interactor

    def renderWindow(self) -> vtk.vtkRenderWindow:
        return self._view.window

    def scheduleRender(self) -> None:
        self.update()

    def forceRender(self) -> None:
        self.repaint()

    def displayableManagerByClassName(self, class_name: str) -> Any:
        return self._view.displayable_manager(class_name)

    def setViewCursor(self, cursor: Any) -> None:
        self.setCursor(cursor)

    def unsetViewCursor(self) -> None:
        self.unsetCursor()

    def setDefaultViewCursor(self, cursor: Any) -> None:
        self.setCursor(cursor)

    def resizeEvent(self, _: QtGui.QResizeEvent) -> None:
        self._view.resize(max(self.width, 2), max(self.height, 2))

    def paintEvent(self, _: QtGui.QPaintEvent) -> None:
        pixels = self._view.image()
        rows, columns, _channels = pixels.shape
        image = QtGui.QImage(
            pixels.data, columns, rows, 3 * columns, QtGui.QImage.Format.Format_RGB888
        )
        QtGui.QPainter(self).drawImage(0, 0, image)

    def mousePressEvent(self, event: QtGui.QMouseEvent) -> None:
        self._mouse(event, f"{BUTTONS[event.button()]}ButtonPressEvent")

    def mouseReleaseEvent(self, event: QtGui.QMouseEvent) -> None:
        self._mouse(event, f"{BUTTONS[event.button()]}ButtonReleaseEvent")

    def mouseDoubleClickEvent(self, event: QtGui.QMouseEvent) -> None:
        self._mouse(event, f"{BUTTONS[event.button()]}ButtonDoubleClickEvent")

    def mouseMoveEvent(self, event: QtGui.QMouseEvent) -> None:
        self._mouse(event, "MouseMoveEvent")

    def wheelEvent(self, event: QtGui.QWheelEvent) -> None:
        way = "Forward" if event.angleDelta().y() > 0 else "Backward"
        self._mouse(event, f"MouseWheel{way}Event")

    def enterEvent(self, _: QtCore.QEvent) -> None:
        self._view.event("EnterEvent")

    def leaveEvent(self, _: QtCore.QEvent) -> None:
        self._view.event("LeaveEvent")

    def keyPressEvent(self, event: QtGui.QKeyEvent) -> None:
        key = QtGui.QKeySequence(event.key()).toString()
        self._view.press_key({"Esc": "Escape", "Del": "Delete"}.get(key, event.text() or key))

    def display_position(self, point: QtCore.QPointF) -> tuple[float, float]:
        """From Qt's coordinates (origin at the upper left) to VTK's (lower left)."""
        return point.x(), self.height - 1 - point.y()

    def _mouse(self, event: Any, name: str) -> None:
        modifiers = event.modifiers()
        self._view.event(
            name,
            self.display_position(event.position()),
            shift=bool(modifiers & Qt.KeyboardModifier.ShiftModifier),
            ctrl=bool(modifiers & Qt.KeyboardModifier.ControlModifier),
        )


class qMRMLSliceView(ViewWidget):
    _class_name = "qMRMLSliceView"

    def mrmlSliceNode(self) -> Any:
        return self._view.node

    def convertDeviceToXYZ(self, xy: Sequence[float]) -> list[float]:
        return [xy[0], xy[1], 0.0]

    def convertXYZToRAS(self, xyz: Sequence[float]) -> list[float]:
        return [float(x) for x in self._view.xy_to_ras(xyz[:2])]

    def convertRASToXYZ(self, ras: Sequence[float]) -> list[float]:
        return [*(float(x) for x in self._view.ras_to_xy(ras)), 0.0]


class qMRMLThreeDView(ViewWidget):
    _class_name = "qMRMLThreeDView"

    def mrmlViewNode(self) -> Any:
        return self._view.node

    def resetFocalPoint(self) -> None:
        self._view.reset()
        self.update()

    def resetCamera(self, *_: Any) -> None:
        self.resetFocalPoint()


class qMRMLSliceWidget(QtWidgets.QWidget):
    """A slice view under its coloured bar. ``view`` is the host's own handle for tests."""

    _class_name = "qMRMLSliceWidget"

    def __init__(self, name: str) -> None:
        super().__init__()
        orientation, color = SLICES[name]
        self._view = SliceView(name, orientation, START_SIZE)
        self._slice_view = qMRMLSliceView(self._view)
        _stack(self, f"{name[0]}   {orientation}", color, self._slice_view)

    view = property(lambda self: self._view)

    def sliceView(self) -> qMRMLSliceView:
        return self._slice_view

    def sliceLogic(self) -> Any:
        return self._view.logic

    def mrmlSliceNode(self) -> Any:
        return self._view.node

    def mrmlSliceCompositeNode(self) -> Any:
        return self._view.logic.GetSliceCompositeNode()

    def interactorStyle(self) -> Any:
        return self._view.style

    def fitSliceToBackground(self) -> None:
        self._view.logic.FitSliceToBackground()

    def setSliceOffsetValue(self, offset: float) -> None:
        self._view.logic.SetSliceOffset(offset)


class qMRMLThreeDWidget(QtWidgets.QWidget):
    """The 3-D view under its bar. ``view`` is the host's own handle for tests."""

    _class_name = "qMRMLThreeDWidget"

    def __init__(self, name: str) -> None:
        super().__init__()
        self._view = ThreeDView(name, START_SIZE)
        self._threed_view = qMRMLThreeDView(self._view)
        _stack(self, name, THREED_COLOR, self._threed_view)

    view = property(lambda self: self._view)

    def threeDView(self) -> qMRMLThreeDView:
        return self._threed_view

    def mrmlViewNode(self) -> Any:
        return self._view.node


class LayoutManager(QtCore.QObject):
    """Makes the views and finds them by name."""

    _class_name = "qSlicerLayoutManager"
    _signals: ClassVar[Signals] = {"layoutChanged(int)": None}
    layoutChanged = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self._layout = FOUR_UP
        self._slices = {name: qMRMLSliceWidget(name) for name in SLICES}
        self._threed = [qMRMLThreeDWidget("1")]
        self._node, self._plot = _layout_node(), qMRMLPlotWidget(_plot_view_node())
        self._node.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: self._follow_node())
        self._viewport = QtWidgets.QWidget()
        grid = QtWidgets.QGridLayout(self._viewport)
        grid.setSpacing(2)
        grid.setContentsMargins(0, 0, 0, 0)
        widgets = [self._slices["Red"], self._threed[0], self._slices["Green"]]
        for index, widget in enumerate([*widgets, self._slices["Yellow"]]):
            grid.addWidget(widget, index // 2, index % 2)
        grid.addWidget(self._plot, 0, 1)
        self._plot.hide()

    def viewport(self) -> QtWidgets.QWidget:
        return self._viewport

    def sliceViewNames(self) -> tuple[str, ...]:
        return tuple(self._slices)

    def sliceWidget(self, name: str) -> qMRMLSliceWidget | None:
        return self._slices.get(name)

    def threeDWidget(self, index: int) -> qMRMLThreeDWidget | None:
        return self._threed[index] if 0 <= index < len(self._threed) else None

    def plotWidget(self, index: int) -> qMRMLPlotWidget | None:
        return self._plot if index == 0 and self.plotViewCount else None

    def mrmlSliceLogics(self) -> Any:
        return slicer.app.applicationLogic().GetSliceLogics()

    def setLayout(self, layout: int) -> None:
        self._node.SetViewArrangement(layout)

    def _follow_node(self) -> None:
        layout = self._node.GetViewArrangement()
        if layout == slicer.vtkMRMLLayoutNode.SlicerLayoutNone:  # A closed scene keeps its layout.
            self._node.SetViewArrangement(self._layout)
            return
        if layout != self._layout:
            self._layout = layout
            self._plot.setVisible(layout in PLOT_LAYOUTS)
            self._threed[0].setVisible(layout not in PLOT_LAYOUTS)
            self.layoutChanged.emit(layout)

    def resetSliceViews(self) -> None:
        for widget in self._slices.values():
            widget.sliceLogic().FitSliceToBackground()

    def resetThreeDViews(self) -> None:
        for widget in self._threed:
            widget.threeDView().resetFocalPoint()

    layout = Property(int, lambda self: self._layout, setLayout)
    threeDViewCount = Property(int, lambda self: len(self._threed))
    plotViewCount = Property(int, lambda self: int(self._layout in PLOT_LAYOUTS))
    tableViewCount = Property(int, lambda self: 0)


def _layout_node() -> Any:
    """The real layout node, which knows all layouts by their numbers."""
    node = slicer.vtkMRMLLayoutNode()
    node.SetSingletonTag("vtkMRMLLayoutNode")
    for layout in range(node.SlicerLayoutInitialView, node.SlicerLayoutFinalView):
        node.AddLayoutDescription(layout, "<layout/>")
    node.SetViewArrangement(FOUR_UP)
    return slicer.mrmlScene.AddNode(node)


def _plot_view_node() -> Any:
    node = slicer.vtkMRMLPlotViewNode()
    node.SetSingletonTag("PlotView1")
    node.SetLayoutName("PlotView1")
    return slicer.mrmlScene.AddNode(node)


def _stack(parent: QtWidgets.QWidget, title: str, color: str, view: QtWidgets.QWidget) -> None:
    bar = QtWidgets.QLabel(f" {title}")
    bar.setStyleSheet(f"background: {color}; color: black")
    layout = QtWidgets.QVBoxLayout(parent)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(0)
    layout.addWidget(bar)
    layout.addWidget(view, 1)
