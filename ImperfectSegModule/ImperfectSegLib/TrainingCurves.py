"""Losses and validation Dice of a run as curves in Slicer's plot views."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import slicer
import slicer.util

from ImperfectSegLib.SceneNodes import isInScene, newUnsavedNode

MOST_POINTS = 4000
"""Of one curve; a curve that gets longer loses every other point. All are in `events.jsonl`."""
NOT_DRAWN = ("learning_rate",)
STEP, DICE = "step", "dice"
COLORS = (
    (0.12, 0.47, 0.71),
    (1.0, 0.5, 0.05),
    (0.58, 0.4, 0.74),
    (0.55, 0.34, 0.29),
    (0.89, 0.47, 0.76),
    (0.5, 0.5, 0.5),
)
MEAN_COLOR = (0.17, 0.63, 0.17)


class TrainingCurves:
    """A chart of one run, whose nodes are made when there is something to draw.

    The nodes are not saved with the scene: all is in the run's folder.
    """

    def __init__(self) -> None:
        self._labels: Mapping[int, str] = {}
        self._title = ""
        self._columns: dict[str, _Columns] = {}
        self._tables: dict[str, Any] = {}
        self._series: dict[tuple[str, str], Any] = {}
        self._chart: Any = None
        self._isDisplayed = False

    @property
    def chart(self) -> Any:
        """The chart node; None before there is something to draw."""
        return self._chart

    def begin(self, title: str, labels: Mapping[int, str]) -> None:
        """Turns to another run; curves of the one before go.

        Args:
            title: Of the chart.
            labels: The data set's labels, by whose names Dice is called.
        """
        for node in (*self._series.values(), *self._tables.values()):
            if isInScene(node):
                slicer.mrmlScene.RemoveNode(node)
        self._series, self._tables, self._columns = {}, {}, {}
        self._title, self._labels = title, labels
        if self._chart is not None:
            self._chart.SetTitle(title)

    def add(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Adds what a run has told."""
        changed = set()
        for event in events:
            kind, values = str(event.get("kind")), event.get("values")
            if kind in ("step", "validation") and isinstance(values, Mapping) and values:
                columns = self._columns.setdefault(kind, _Columns())
                columns.add(int(event.get("step") or 0), values)
                changed.add(kind)
        for kind in sorted(changed):
            self._draw(kind)

    def display(self) -> None:
        """Shows the chart in a layout with a plot view."""
        self._isDisplayed = True
        slicer.modules.plots.logic().ShowChartInLayout(self._ensureChart())

    def table(self, kind: str) -> Any:
        """Gives the table node with the points of `step` or `validation`; None if there is none."""
        return self._tables.get(kind)

    def _draw(self, kind: str) -> None:
        columns = self._columns[kind]
        chart = self._ensureChart()
        if not isInScene(self._tables.get(kind)):
            self._tables[kind] = newUnsavedNode("vtkMRMLTableNode", f"{self._title} {kind}")
        table = self._tables[kind]
        wasModified = chart.StartModify()
        names = [STEP, *columns.values]
        arrays = [np.array(columns.steps, float), *map(np.array, columns.values.values())]
        slicer.util.updateTableFromArray(table, arrays, names)
        for name in columns.values:
            # VTK calls a line of one point an error.
            if name not in NOT_DRAWN and len(columns.steps) > 1:
                self._ensureSeries(kind, name)
        chart.EndModify(wasModified)
        chart.Modified()  # Without it a view may stay empty when the same nodes are updated.

    def _ensureSeries(self, kind: str, name: str) -> None:
        if not isInScene(self._series.get((kind, name))):
            self._series[kind, name] = self._newSeries(kind, name)
        series = self._series[kind, name]
        series.SetAndObserveTableNodeID(self._tables[kind].GetID())
        if not self._chart.HasPlotSeriesNodeID(series.GetID()):
            self._chart.AddAndObservePlotSeriesNodeID(series.GetID())

    def _newSeries(self, kind: str, name: str) -> Any:
        series = newUnsavedNode("vtkMRMLPlotSeriesNode", self._legend(kind, name))
        series.SetXColumnName(STEP)
        series.SetYColumnName(name)
        series.SetPlotType(series.PlotTypeScatter)  # The type whose points have an x of their own.
        series.SetMarkerStyle(series.MarkerStyleNone)
        if kind == "step":
            number = sum(known == kind for known, _name in self._series)
            series.SetColor(*COLORS[number % len(COLORS)])
            series.SetLineWidth(2)
            return series
        isMean = name == DICE
        number = sum(known == kind for known, _name in self._series)
        series.SetColor(*(MEAN_COLOR if isMean else COLORS[-1 - number % len(COLORS)]))
        series.SetLineWidth(3 if isMean else 1)
        series.SetMarkerStyle(series.MarkerStyleCircle)
        series.SetMarkerSize(7 if isMean else 4)
        return series

    def _legend(self, kind: str, name: str) -> str:
        text = name.replace("_", " ")
        if kind == "step":
            return text if "loss" in text else f"{text} loss"
        label = name.removeprefix(f"{DICE} ")
        if label.isdigit():
            return f"Dice {self._labels.get(int(label), label)}"
        return "Dice (validation)" if name == DICE else text

    def _ensureChart(self) -> Any:
        if not isInScene(self._chart):
            self._chart = newUnsavedNode("vtkMRMLPlotChartNode", "Training")
            self._chart.SetTitle(self._title)
            self._chart.SetXAxisTitle("step")
            self._chart.SetYAxisTitle("loss, Dice")
            if self._isDisplayed:  # And was lost with a scene; the layout is left as it is.
                logic = slicer.app.applicationLogic()
                logic.GetSelectionNode().SetActivePlotChartID(self._chart.GetID())
                logic.PropagatePlotChartSelection()
        return self._chart


class _Columns:
    """Points of several curves over the same steps."""

    def __init__(self) -> None:
        self.steps: list[int] = []
        self.values: dict[str, list[float]] = {}

    def add(self, step: int, values: Mapping[str, Any]) -> None:
        """Adds a point; a run that was resumed goes through some steps once more."""
        while self.steps and self.steps[-1] >= step:
            self.steps.pop()
            for column in self.values.values():
                column.pop()
        for name in values:
            self.values.setdefault(str(name), [math.nan] * len(self.steps))
        self.steps.append(step)
        for name, column in self.values.items():
            column.append(float(values.get(name, math.nan)))
        if len(self.steps) > MOST_POINTS:
            self.steps = self.steps[1::2]
            self.values = {name: column[1::2] for name, column in self.values.items()}
