"""Draws the sparse panel in the Qt host, with scribbles and the mask completed from them.

Menus, fonts and widget looks are the host's own; nodes, views and the method are real.

    python -m Testing.Host.sparse_picture OUT.png
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from . import application

app = application.start()

import slicer  # noqa: E402
import slicer.util  # noqa: E402

from ImperfectSegLogic import demo  # noqa: E402

MODULES = Path(__file__).resolve().parents[2] / "ImperfectSegModule"
MODULE = "ImperfectSegSparse"
PATIENCE = 900.0  # seconds
CENTER = (0.0, -20.0, 18.0)  # RAS in mm
COLORS = 256  # The picture is to stay small.
VENTRICLE, WHITE = "Ventricles", "White matter"
SIDES = (-1, 1)  # The brain is nearly the same at both.
STROKES = {  # R (at both sides) and A in mm, on the axial slice of the center
    VENTRICLE: [((6, 12), (4, 2), (4, -8)), ((13, -28), (18, -36), (23, -45))],
    WHITE: [((24, 24), (28, 0), (33, -25), (31, -48)), ((12, 40), (20, 32)), ((3, 22), (6, 26))],
    "background": [
        ((56, -45), (60, -20), (55, 10), (46, 30)),
        ((3, 36), (3, 50)),
        ((8, 64), (28, 56)),
        ((3, -55), (3, -85), (20, -92), (42, -75)),
        ((13, 3), (14, 13)),
        ((14, -16), (20, -14), (25, -4)),
        ((70, -60), (74, -10), (62, 40)),
    ],
}
SHADES = {VENTRICLE: (0.95, 0.75, 0.2), WHITE: (0.3, 0.7, 1.0)}


def main() -> None:
    """Scribbles, completes, and draws the window."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("picture", type=Path)
    picture = arguments.parse_args().picture.resolve()
    picture.parent.mkdir(parents=True, exist_ok=True)
    app.window.resize(1440, 1180)
    volume = slicer.util.loadVolume(str(demo.image_paths()[0]), {"name": "MNI152"})
    widget = app.load_module(MODULES / MODULE / f"{MODULE}.py")
    app.select_module(MODULE)
    app.show_volume(volume, CENTER)
    _scribble(widget)
    _complete(widget)
    app.wait_until(lambda: not widget.panel.share.isBusy, timeout=PATIENCE)
    app.process_events()
    app.screenshot(picture)
    print(widget.ui.statusLabel.text)
    Image.open(picture).quantize(COLORS).save(picture, optimize=True)
    print(f"written: {picture}")


def _scribble(widget) -> None:
    """Adds segments and draws strokes as the tool does."""
    for name, color in SHADES.items():
        widget.ui.addSegmentButton.click()
        segmentation = widget._parameterNode.segmentation.GetSegmentation()
        segment = segmentation.GetSegment(widget.panel.segments.selectedId)
        segment.SetName(name)
        segment.SetColor(*color)
    for name, strokes in STROKES.items():
        segment_id = segmentation.GetSegmentIdBySegmentName(name)
        widget.ui.segmentsTable.setSelectedSegmentIDs([segment_id])
        for stroke, side in itertools.product(strokes, SIDES):
            points = np.array([(side * r, a, CENTER[2]) for r, a in stroke], dtype=float)
            widget.panel.session.store.addStroke(segment_id, points, radius=1.0)
            widget.panel.promptsChanged()
    widget.ui.segmentsTable.setSelectedSegmentIDs(
        [segmentation.GetSegmentIdBySegmentName(VENTRICLE)]
    )


def _complete(widget) -> None:
    widget.ui.completeButton.click()
    app.wait_until(lambda: not widget.panel.session.isComputing, timeout=PATIENCE)
    completed = widget.logic.completedNode(widget._parameterNode.segmentation)
    if completed is not None:
        completed.GetDisplayNode().SetOpacity2DFill(0.3)
    app.process_events()


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # Taking PySide6 and VTK down in Python's own order can crash.
