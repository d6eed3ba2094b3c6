"""The plot view: draws a chart of the scene, offscreen; stands in for qMRMLPlotWidget.

Table, series, chart and view nodes are real, and so is the code of VTK that draws the curves. The
way from nodes to curves is a look-alike of qMRMLPlotView: series of type line and scatter, with
color, width and line style. Left out: bars, markers, labels, log scales, zooming with the mouse.
"""

from __future__ import annotations

from typing import Any

import vtk
from PySide6 import QtGui, QtWidgets
from vtkmodules.util.numpy_support import vtk_to_numpy

LINE_TYPES = {"none": 0, "solid": 1, "dash": 2, "dot": 3, "dash-dot": 4, "dash-dot-dot": 5}
DRAWN_TYPES = ("Line", "Scatter")
BACKGROUND = (1.0, 0.99, 0.96)
BAR_COLOR = "#e1ba3c"
START_SIZE = (300, 300)


class PlotView:
    """An offscreen picture of the chart that a vtkMRMLPlotViewNode shows."""

    def __init__(self, node: Any, size: tuple[int, int]) -> None:
        self.node = node
        self.context = vtk.vtkContextView()
        self.context.GetRenderer().SetBackground(*BACKGROUND)
        self.window = self.context.GetRenderWindow()
        self.window.SetShowWindow(False)
        self.window.SetOffScreenRendering(1)
        self.window.SetSize(*size)
        self.chart = vtk.vtkChartXY()
        self.context.GetScene().AddItem(self.chart)

    def resize(self, width: int, height: int) -> None:
        self.window.SetSize(width, height)

    def image(self) -> Any:
        """Draw the chart as it is now; rows x columns x RGB, first row on top."""
        self._fill()
        self.context.Render()
        grabber = vtk.vtkWindowToImageFilter()
        grabber.SetInput(self.window)
        grabber.ReadFrontBufferOff()
        grabber.Update()
        picture = grabber.GetOutput()
        columns, rows, _ = picture.GetDimensions()
        pixels = vtk_to_numpy(picture.GetPointData().GetScalars())
        return pixels.reshape(rows, columns, 3)[::-1].copy()

    @property
    def curves(self) -> dict[str, int]:
        """How many points each drawn curve has, by its label in the legend."""
        self._fill()
        plots = [self.chart.GetPlot(n) for n in range(self.chart.GetNumberOfPlots())]
        return {plot.GetLabel(): plot.GetInput().GetNumberOfRows() for plot in plots}

    @property
    def y_range(self) -> tuple[float, float]:
        """From what to what value the axis at the left goes, in the picture drawn last."""
        axis = self.chart.GetAxis(vtk.vtkAxis.LEFT)
        return axis.GetMinimum(), axis.GetMaximum()

    def _fill(self) -> None:
        self.chart.ClearPlots()
        chart_node = self.node.GetPlotChartNode()
        self.chart.SetVisible(chart_node is not None)
        if chart_node is None:
            return
        self.chart.SetTitle((chart_node.GetTitleVisibility() and chart_node.GetTitle()) or "")
        self.chart.SetShowLegend(chart_node.GetLegendVisibility())
        for axis, title in ((0, chart_node.GetYAxisTitle()), (1, chart_node.GetXAxisTitle())):
            self.chart.GetAxis(axis).SetTitle(title or "")
            self.chart.GetAxis(axis).SetGridVisible(chart_node.GetGridVisibility())
        for number in range(chart_node.GetNumberOfPlotSeriesNodes()):
            self._add(chart_node.GetNthPlotSeriesNode(number))
        self._set_ranges(chart_node)
        self.chart.RecalculateBounds()

    def _set_ranges(self, chart_node: Any) -> None:
        y_axis, x_axis = (
            self.chart.GetAxis(vtk.vtkAxis.LEFT),
            self.chart.GetAxis(vtk.vtkAxis.BOTTOM),
        )
        for axis, is_auto, limits in (
            (y_axis, chart_node.GetYAxisRangeAuto(), chart_node.GetYAxisRange()),
            (x_axis, chart_node.GetXAxisRangeAuto(), chart_node.GetXAxisRange()),
        ):
            axis.SetBehavior(vtk.vtkAxis.AUTO if is_auto else vtk.vtkAxis.FIXED)
            if not is_auto:
                axis.SetRange(*limits)

    def _add(self, series: Any) -> None:
        kind = series.GetPlotTypeAsString(series.GetPlotType())
        table = series.GetTableNode().GetTable() if series.GetTableNode() else None
        columns = series.GetXColumnName(), series.GetYColumnName()
        if kind not in DRAWN_TYPES or table is None:
            return
        if not all(table.GetColumnByName(name) for name in columns):
            return
        plot = self.chart.AddPlot(vtk.vtkChart.LINE)
        plot.SetInputData(table, *columns)
        plot.SetLabel(series.GetName())
        plot.SetColorF(*series.GetColor())
        plot.SetWidth(series.GetLineWidth())
        style = series.GetLineStyleAsString(series.GetLineStyle())
        plot.GetPen().SetLineType(LINE_TYPES[style])


class qMRMLPlotView(QtWidgets.QWidget):
    """Paints the offscreen chart again whenever its node, chart or table changes."""

    _class_name = "qMRMLPlotView"

    def __init__(self, view: PlotView) -> None:
        super().__init__()
        self._view = view
        self._observed: tuple[Any, int] | None = None
        self.setMinimumSize(120, 120)
        changed = view.node.PlotChartNodeChangedEvent
        view.node.AddObserver(changed, lambda *_: self._follow())

    def mrmlPlotViewNode(self) -> Any:
        return self._view.node

    def fitToContent(self) -> None:
        self.update()

    def _follow(self) -> None:
        if self._observed is not None:
            self._observed[0].RemoveObserver(self._observed[1])
        chart = self._view.node.GetPlotChartNode()
        tag = chart and chart.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: self.update())
        self._observed = (chart, tag) if chart else None
        self.update()

    def resizeEvent(self, _: QtGui.QResizeEvent) -> None:
        self._view.resize(max(self.width, 2), max(self.height, 2))

    def paintEvent(self, _: QtGui.QPaintEvent) -> None:
        pixels = self._view.image()
        rows, columns, _channels = pixels.shape
        image = QtGui.QImage(
            pixels.data, columns, rows, 3 * columns, QtGui.QImage.Format.Format_RGB888
        )
        QtGui.QPainter(self).drawImage(0, 0, image)


class qMRMLPlotWidget(QtWidgets.QWidget):
    """The plot view under its bar. ``view`` is the host's own handle for tests."""

    _class_name = "qMRMLPlotWidget"

    def __init__(self, node: Any) -> None:
        super().__init__()
        self._view = PlotView(node, START_SIZE)
        self._plot_view = qMRMLPlotView(self._view)
        bar = QtWidgets.QLabel(" P")
        bar.setStyleSheet(f"background: {BAR_COLOR}; color: black")
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(bar)
        layout.addWidget(self._plot_view, 1)

    view = property(lambda self: self._view)

    def plotView(self) -> qMRMLPlotView:
        return self._plot_view

    def mrmlPlotViewNode(self) -> Any:
        return self._view.node
