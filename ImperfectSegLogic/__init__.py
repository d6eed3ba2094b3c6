"""ImperfectSeg's logic layer: no Qt, no slicer, no vtk."""

__version__ = "0.1.0"
