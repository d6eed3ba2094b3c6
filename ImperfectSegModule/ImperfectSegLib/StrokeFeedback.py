"""What is seen of a stroke while it is drawn with an effect of Segment Editor: a brush's trace."""

from __future__ import annotations

from typing import Any

import numpy as np
import vtk
from numpy.typing import NDArray

LEAST_RADIUS = 2.0
OPACITY = 0.6


class StrokeFeedback:
    """Discs along a stroke in one slice view, as wide as the stroke.

    Discs and not a line: many graphics drivers draw lines one pixel wide at most.

    Args:
        scriptedEffect: The effect, through which the discs get into the view.
        viewWidget: The slice view's widget.
        color: RGB, from 0 to 1.
        width: Of the stroke, in mm.
    """

    def __init__(
        self, scriptedEffect: Any, viewWidget: Any, color: tuple[float, ...], width: float
    ) -> None:
        self._effect, self._viewWidget, self._width = scriptedEffect, viewWidget, width
        self._ras: list[NDArray[np.float64]] = []
        self._points = vtk.vtkPoints()
        self._trace = vtk.vtkPolyData()
        self._trace.SetPoints(self._points)
        self._disc = vtk.vtkRegularPolygonSource()
        self._disc.SetNumberOfSides(24)
        glyphs = vtk.vtkGlyph2D()
        glyphs.SetInputData(self._trace)
        glyphs.SetSourceConnection(self._disc.GetOutputPort())
        mapper = vtk.vtkPolyDataMapper2D()
        mapper.SetInputConnection(glyphs.GetOutputPort())
        self.actor = vtk.vtkActor2D()
        self.actor.SetMapper(mapper)
        self.actor.GetProperty().SetColor(*color[:3])
        self.actor.GetProperty().SetOpacity(OPACITY)
        scriptedEffect.addActor2D(viewWidget, self.actor)

    def add(self, ras: NDArray[np.float64]) -> None:
        """Draws the trace on to a position in world RAS in mm."""
        self._ras.append(ras)
        self.update()

    def update(self) -> None:
        """Draws the trace anew, where it is in the view as that is now."""
        rasToXY = vtk.vtkMatrix4x4()
        xyToRas = self._viewWidget.mrmlSliceNode().GetXYToRAS()
        vtk.vtkMatrix4x4.Invert(xyToRas, rasToXY)
        pixel = float(np.linalg.norm([xyToRas.GetElement(row, 0) for row in range(3)]))
        radius = max(self._width / 2 / pixel, LEAST_RADIUS)
        self._disc.SetRadius(radius)
        self._points.Reset()
        last = None
        for ras in self._ras:
            xy = np.array(rasToXY.MultiplyPoint((*ras, 1.0))[:2])
            steps = 1 if last is None else max(int(np.ceil(np.abs(xy - last).max() / radius)), 1)
            start = xy if last is None else last
            for step in range(1, steps + 1):
                self._points.InsertNextPoint(*(start + (xy - start) * step / steps), 0.0)
            last = xy
        self._points.Modified()
        self._trace.Modified()
        self._effect.scheduleRender(self._viewWidget)

    def remove(self) -> None:
        """Takes the trace out of the view."""
        self._effect.removeActor2D(self._viewWidget, self.actor)
