"""Draws the effect in Segment Editor at work in the Qt host, for the README and for looking at it.

Segment Editor around the effect's options is a look-alike; views, segments, masking and undo are
Slicer's own.

    python -m Testing.Host.editor_picture Resources/Screenshots/segment_editor.png
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from . import application

app = application.start()

import numpy as np  # noqa: E402
import slicer  # noqa: E402
import slicer.util  # noqa: E402

from ImperfectSegLogic import demo  # noqa: E402

MODULES = Path(__file__).resolve().parents[2] / "ImperfectSegModule"
CLICK = demo.FIRST_CLICKS[0]


def main() -> None:
    """Clicks into the demo's brain, begins a scribble, and draws the window."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("picture", type=Path)
    picture = arguments.parse_args().picture
    picture.parent.mkdir(parents=True, exist_ok=True)
    app.window.resize(1500, 900)
    volume = slicer.util.loadVolume(str(demo.image_paths()[0]), {"name": "MNI152"})
    app.load_module(MODULES / "SegmentEditorImperfectSeg" / "SegmentEditorImperfectSeg.py")
    app.app.startupCompleted.emit()
    label, ras = CLICK
    editor = _segment_editor(volume, demo.NAMES[label])
    app.show_volume(volume, ras)
    view = app.slice_view("Red")
    view.click(view.ras_to_xy(ras))
    _wait(editor)
    _draw_half_a_scribble(view)
    segmentation = editor.segmentationNode()
    segmentation.CreateClosedSurfaceRepresentation()
    app.threed_view.node.SetBoxVisible(False)
    app.threed_view.node.SetAxisLabelsVisible(False)
    app.threed_view.reset()
    app.threed_view.renderer.GetActiveCamera().Zoom(1.5)
    app.screenshot(picture)
    view.event("LeftButtonReleaseEvent")
    _wait(editor)
    print(f"written: {picture}")


def _segment_editor(volume, name):
    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Segmentation")
    segmentation.CreateDefaultDisplayNodes()
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    segment = segmentation.GetSegmentation().AddEmptySegment("", name, (0.9, 0.7, 0.2))
    editor = slicer.qMRMLSegmentEditorWidget()
    editor.setMRMLScene(slicer.mrmlScene)
    editor.setMRMLSegmentEditorNode(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentEditorNode"))
    editor.setSegmentationNode(segmentation)
    editor.setSourceVolumeNode(volume)
    editor.setCurrentSegmentID(segment)
    app.window.show_panel(editor)
    editor.setActiveEffectByName("ImperfectSeg")
    app.process_events()
    return editor


def _draw_half_a_scribble(view) -> None:
    """On the other ventricle, "not this"; the button stays pressed, so that the trace is seen."""
    r, a, s = CLICK[1]
    path = [(-r + 2, a + 12 - 20 * part, s) for part in np.linspace(0, 1, 12)]
    view.event("LeftButtonPressEvent", view.ras_to_xy(path[0]), ctrl=True)
    for ras in path[1:]:
        view.move(view.ras_to_xy(ras), ctrl=True)


def _wait(editor) -> None:
    effect = editor.activeEffect().self()
    app.wait_until(lambda: not effect.session.isComputing, timeout=120)
    print(effect.ui.statusLabel.text)


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # Taking PySide6 and VTK down in Python's own order can crash.
