"""The learning curve of a queue in Slicer's plot view: validation Dice against annotations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import slicer
import slicer.util

from ImperfectSegLib.QueueRounds import CurvePoint
from ImperfectSegLib.SceneNodes import isInScene, newUnsavedNode

ANNOTATIONS, DICE = "annotations", "dice"
COLOR = (0.17, 0.63, 0.17)


class QueueCurve:
    """A chart whose nodes are made when there is something to draw, and never saved."""

    def __init__(self) -> None:
        self.chart: Any = None
        self.table: Any = None
        self._series: Any = None
        self._points: tuple[CurvePoint, ...] = ()

    def show(self, points: Sequence[CurvePoint]) -> None:
        """Draws these points; nothing is made before there are two of them."""
        if tuple(points) == self._points and isInScene(self.table):
            return
        self._points = tuple(points)
        if len(points) < 2:  # VTK calls a line of one point an error.
            self.forget()
            return
        self._ensureNodes()
        wasModified = self.chart.StartModify()
        columns = ([p.annotations for p in points], [p.dice for p in points])
        arrays = [np.array(column, float) for column in columns]
        slicer.util.updateTableFromArray(self.table, arrays, [ANNOTATIONS, DICE])
        self.chart.EndModify(wasModified)
        self.chart.Modified()  # Without it a view may stay empty when the same nodes are updated.

    def display(self) -> None:
        """Shows the chart in a layout with a plot view."""
        if isInScene(self.chart):
            slicer.modules.plots.logic().ShowChartInLayout(self.chart)

    def forget(self) -> None:
        """Removes the chart."""
        for node in (self._series, self.chart, self.table):
            if isInScene(node):
                slicer.mrmlScene.RemoveNode(node)
        self.chart = self.table = self._series = None

    def _ensureNodes(self) -> None:
        if isInScene(self.chart) and isInScene(self.table) and isInScene(self._series):
            return
        self.forget()
        self.table = newUnsavedNode("vtkMRMLTableNode", "Learning curve points")
        series = self._series = newUnsavedNode("vtkMRMLPlotSeriesNode", "Dice (validation)")
        series.SetAndObserveTableNodeID(self.table.GetID())
        series.SetXColumnName(ANNOTATIONS)
        series.SetYColumnName(DICE)
        series.SetPlotType(series.PlotTypeScatter)  # The type whose points have an x of their own.
        series.SetMarkerStyle(series.MarkerStyleCircle)
        series.SetMarkerSize(8)
        series.SetLineWidth(3)
        series.SetColor(*COLOR)
        self.chart = newUnsavedNode("vtkMRMLPlotChartNode", "Learning curve")
        self.chart.SetTitle("Learning curve")
        self.chart.SetXAxisTitle("annotations")
        self.chart.SetYAxisTitle("Dice (validation)")
        self.chart.SetYAxisRangeAuto(False)  # Else noise of a percent would look like a change.
        self.chart.SetYAxisRange(0.0, 1.0)
        self.chart.AddAndObservePlotSeriesNodeID(series.GetID())
