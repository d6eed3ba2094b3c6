"""The plot view of the host shows what is in the scene."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture
def chart(slicer_app, scene):
    """A chart with one blue curve, shown in the plot view."""
    import slicer.util

    table = scene.AddNewNodeByClass("vtkMRMLTableNode")
    points = [np.arange(5.0), np.arange(5.0) ** 2]
    slicer.util.updateTableFromArray(table, points, ["x", "y"])
    series = scene.AddNewNodeByClass("vtkMRMLPlotSeriesNode", "squares")
    series.SetAndObserveTableNodeID(table.GetID())
    series.SetXColumnName("x")
    series.SetYColumnName("y")
    series.SetPlotType(series.PlotTypeScatter)
    series.SetColor(0, 0, 1)
    series.SetLineWidth(4)
    made = scene.AddNewNodeByClass("vtkMRMLPlotChartNode")
    made.AddAndObservePlotSeriesNodeID(series.GetID())
    slicer.modules.plots.logic().ShowChartInLayout(made)
    slicer_app.process_events()
    yield made
    slicer.app.layoutManager().setLayout(3)


def blue(image: np.ndarray) -> int:
    return int(((image[..., 2] > 150) & (image[..., 0] < 80) & (image[..., 1] < 80)).sum())


def test_showing_a_chart_brings_the_plot_view_in_place_of_the_3d_view(slicer_app, chart):
    import slicer

    layout = slicer.app.layoutManager()
    assert layout.layout == slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpPlotView
    assert (layout.plotViewCount, layout.threeDWidget(0).visible) == (1, False)
    layout.setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
    assert (layout.plotViewCount, layout.plotWidget(0)) == (0, None)
    assert layout.threeDWidget(0).visible


def test_curves_are_drawn_and_follow_their_table(slicer_app, chart):
    import slicer.util

    view = slicer.app.layoutManager().plotWidget(0).view
    assert view.curves == {"squares": 5}
    assert blue(view.image()) > 50
    series = chart.GetNthPlotSeriesNode(0)
    more = [np.arange(9.0), np.arange(9.0)]
    slicer.util.updateTableFromArray(series.GetTableNode(), more, ["x", "y"])
    assert view.curves == {"squares": 9}
    chart.RemoveAllPlotSeriesNodeIDs()
    assert view.curves == {}
    assert blue(view.image()) == 0


def test_an_axis_has_the_range_of_the_chart_or_that_of_the_points(slicer_app, chart):
    import slicer

    view = slicer.app.layoutManager().plotWidget(0).view
    view.image()
    assert view.y_range[1] == pytest.approx(16, abs=4)
    chart.SetYAxisRangeAuto(False)
    chart.SetYAxisRange(-10.0, 60.0)
    view.image()
    assert view.y_range == (-10, 60)
    chart.SetYAxisRangeAuto(True)
    view.image()
    assert view.y_range[1] == pytest.approx(16, abs=4)


def test_a_closed_scene_leaves_an_empty_view(slicer_app, chart):
    import slicer

    view = slicer.app.layoutManager().plotWidget(0).view
    slicer_app.clear_scene()
    assert view.curves == {}
    view.image()
