"""Draws a folder made by `imperfectseg demo`: three slices and a 3-D view, by Slicer's own code.

The files are read by Slicer's storage nodes and drawn by its displayable managers, offscreen; the
frame around the four views is ours.

    python -m Testing.Host.picture demo
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from . import mrml

mrml.boot()

import slicer  # noqa: E402
import slicer.util  # noqa: E402

from .views import SliceView, ThreeDView  # noqa: E402

SIZE = (560, 560)
CENTER = (-13.0, -22.0, 20.0)  # RAS in mm, inside the left lateral ventricle
SLICES = (("Red", "Axial"), ("Green", "Coronal"), ("Yellow", "Sagittal"))


def main() -> None:
    """Reads the folder, draws, and says where the picture is."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("folder", type=Path)
    folder = arguments.parse_args().folder
    print(f"written: {draw(folder)}")


def draw(folder: Path) -> Path:
    """Draws the demo in a folder into its `picture.png`."""
    volume = slicer.util.loadVolume(str(folder / "brain.nii.gz"))
    segmentation = slicer.util.loadSegmentation(str(folder / "brain.seg.nrrd"))
    _load_points(folder / "clicks.mrk.json", segmentation)
    segmentation.GetDisplayNode().SetOpacity2DFill(0.35)
    segmentation.CreateClosedSurfaceRepresentation()
    _see_through(segmentation, "White matter", 0.25)
    panes = [_slice_pane(name, orientation, volume) for name, orientation in SLICES]
    return _write(_framed([panes[0], _threed_pane(), panes[1], panes[2]]), folder / "picture.png")


def _load_points(path: Path, segmentation: Any) -> list[Any]:
    """Loads the clicks, each in the color of its segment; negative ones are crosses."""
    clicks = slicer.util.loadMarkups(str(path))
    for box in slicer.util.getNodesByClass("vtkMRMLMarkupsROINode"):
        display = box.GetDisplayNode()
        display.SetFillVisibility(False)
        display.SetHandlesInteractive(False)
        display.SetPointLabelsVisibility(False)
        display.SetPropertiesLabelVisibility(False)
        display.SetSelectedColor(1, 1, 1)
    positions = slicer.util.arrayFromMarkupsControlPoints(clicks, world=True)
    texts = [clicks.GetNthControlPointLabel(n) for n in range(len(positions))]
    slicer.mrmlScene.RemoveNode(clicks)
    return [
        _points_of_one_label(int(text), positions[[t == text for t in texts]], segmentation)
        for text in sorted(set(texts))
    ]


def _points_of_one_label(label: int, positions: np.ndarray, segmentation: Any) -> Any:
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode")
    node.CreateDefaultDisplayNodes()
    slicer.util.updateMarkupsControlPointsFromArray(node, positions, world=True)
    segment = segmentation.GetSegmentation().GetNthSegment(abs(label) - 1)
    display = node.GetDisplayNode()
    display.SetSelectedColor(segment.GetColor() if label > 0 else (1.0, 0.3, 0.3))
    display.SetGlyphType(display.Sphere3D if label > 0 else display.ThickCross2D)
    display.SetGlyphScale(3.0)
    display.SetPointLabelsVisibility(False)
    display.SliceProjectionOn()
    display.SetSliceProjectionUseFiducialColor(True)
    display.SetSliceProjectionOpacity(0.9)
    return node


def _see_through(segmentation: Any, name: str, opacity: float) -> None:
    segment = segmentation.GetSegmentation().GetSegmentIdBySegmentName(name)
    segmentation.GetDisplayNode().SetSegmentOpacity3D(segment, opacity)


def _slice_pane(name: str, orientation: str, volume: Any) -> np.ndarray:
    view = SliceView(name, orientation, SIZE)
    view.show(volume, CENTER)
    return view.image()


def _threed_pane() -> np.ndarray:
    view = ThreeDView("1", SIZE)
    view.node.SetBoxVisible(False)
    view.node.SetAxisLabelsVisible(False)
    view.reset()
    camera = view.renderer.GetActiveCamera()
    camera.Azimuth(-35)
    camera.Elevation(20)
    camera.Zoom(1.1)
    view.renderer.ResetCameraClippingRange()
    return view.image()


def _framed(panes: list[np.ndarray], gap: int = 4) -> np.ndarray:
    height, width = panes[0].shape[:2]
    whole = np.full((2 * height + gap, 2 * width + gap, 3), 30, dtype=np.uint8)
    for number, pane in enumerate(panes):
        top, left = (number // 2) * (height + gap), (number % 2) * (width + gap)
        whole[top : top + height, left : left + width] = pane
    return whole


def _write(picture: np.ndarray, path: Path) -> Path:
    from PIL import Image

    Image.fromarray(picture).save(path)
    return path


if __name__ == "__main__":
    main()
