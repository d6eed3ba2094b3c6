"""Draws the refine panel with its live preview in the Qt host.

The segments are made of the demo's tissue maps, cut roughly and with noise, as a small network
would. Menus, fonts and widget looks are the host's own; nodes, views and the method are real.

    python -m Testing.Host.refine_picture OUT.png [--method NAME]
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from . import application

app = application.start()

import slicer  # noqa: E402
import slicer.util  # noqa: E402

from ImperfectSegLogic import demo  # noqa: E402
from ImperfectSegLogic.data import read_volume  # noqa: E402

MODULES = Path(__file__).resolve().parents[2] / "ImperfectSegModule"
MODULE = "ImperfectSegRefine"
PATIENCE = 900.0  # seconds
CENTER = (20.0, -20.0, 18.0)  # RAS in mm
COLORS = 256  # The picture is to stay small.
TISSUES = (("Gray matter", "_gm_", (0.95, 0.6, 0.3)), ("White matter", "_wm_", (0.4, 0.75, 1.0)))


def main() -> None:
    """Turns the preview on, moves a slider, and draws the window."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("picture", type=Path)
    arguments.add_argument("--method", default="")
    options = arguments.parse_args()
    picture = options.picture.resolve()
    picture.parent.mkdir(parents=True, exist_ok=True)
    app.window.resize(1440, 1010)
    volume = slicer.util.loadVolume(str(demo.image_paths()[0]), {"name": "MNI152"})
    panel = app.load_module(MODULES / MODULE / f"{MODULE}.py")
    _rough_segments(volume)
    app.show_volume(volume, CENTER)
    app.select_module(MODULE)
    app.wait_until(lambda: panel.panel.method.isReady, timeout=PATIENCE)
    if options.method:
        panel.ui.methodBox.currentText = options.method
    _preview(panel)
    app.screenshot(picture)
    print(panel.ui.previewLabel.text)
    Image.open(picture).quantize(COLORS).save(picture, optimize=True)
    print(f"written: {picture}")


def _rough_segments(volume) -> None:
    """Adds tissues whose borders are a network's: blurred, and with noise."""
    from ImperfectSegLib import Bridge  # The module has made it known.

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Tissues")
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    rng = np.random.default_rng(0)
    chances = []
    for _name, mark, _color in TISSUES:
        array = read_volume(str(demo.image_paths()[1]).replace("_wm_", mark)).array
        chances.append(ndimage.gaussian_filter(array / array.max(), 1.5))
    blobs = [ndimage.gaussian_filter(rng.normal(0, 1, array.shape), 2.0) * 3 for _ in chances]
    likely = np.argmax(np.add(chances, blobs), axis=0)
    brain = np.max(chances, axis=0) > 0.4
    for n, (name, _mark, color) in enumerate(TISSUES):
        node.GetSegmentation().AddEmptySegment(name, name, color)
        geometry = Bridge.geometryFromNode(volume)
        Bridge.setSegmentMask(node, name, brain & (likely == n), geometry)
    node.GetDisplayNode().SetOpacity2DOutline(1.0)


def _preview(panel) -> None:
    panel.ui.livePreviewBox.click()
    app.wait_until(lambda: panel.panel.preview.answers, timeout=PATIENCE)
    panel.ui.certaintySlider.value = 0.65  # The first answer took as long as importing PyTorch.
    panel.panel.preview.look()
    app.wait_until(lambda: not panel.panel.preview.isComputing, timeout=PATIENCE)
    panel.panel.preview.look()
    app.process_events()


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # Taking PySide6 and VTK down in Python's own order can crash.
