"""Draws a panel at work in the Qt host, for the README and for looking at it.

Menus, fonts and widget looks are the host's own; the views and what they show are Slicer's.

    python -m Testing.Host.panel_picture OUT.png
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from . import application

app = application.start()

import slicer.util  # noqa: E402

from ImperfectSegLogic import demo  # noqa: E402

MODULES = Path(__file__).resolve().parents[2] / "ImperfectSegModule"


def main() -> None:
    """Clicks through the demo's first prompts, shows the overlay and draws the window."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("picture", type=Path)
    picture = arguments.parse_args().picture
    picture.parent.mkdir(parents=True, exist_ok=True)
    app.window.resize(1500, 960)
    volume = slicer.util.loadVolume(str(demo.image_paths()[0]), {"name": "MNI152"})
    panel = app.load_module(MODULES / "ImperfectSegInteractive" / "ImperfectSegInteractive.py")
    app.select_module("ImperfectSegInteractive")
    app.show_volume(volume, demo.FIRST_CLICKS[0][1])
    for label, ras in demo.FIRST_CLICKS[:2]:
        _segment_by_click(panel, volume, demo.NAMES[label], ras)
    _show_overlay(panel)
    app.show_volume(volume, demo.FIRST_CLICKS[0][1])
    segments = slicer.util.getNode("*segments")
    segments.CreateClosedSurfaceRepresentation()
    segments.GetDisplayNode().SetOpacity2DFill(0.15)
    app.threed_view.node.SetBoxVisible(False)
    app.threed_view.node.SetAxisLabelsVisible(False)
    app.threed_view.reset()
    app.threed_view.renderer.GetActiveCamera().Zoom(1.5)
    app.screenshot(picture)
    print(f"written: {picture}")


def _segment_by_click(panel, volume, name, ras) -> None:
    panel.ui.addSegmentButton.click()
    segmentation = panel.ui.segmentationSelector.currentNode()
    segmentation.GetSegmentation().GetSegment(panel.segmentId).SetName(name)
    if not panel.ui.positivePointButton.checked:
        panel.ui.positivePointButton.click()
    app.show_volume(volume, ras)
    view = app.slice_view("Red")
    view.click(view.ras_to_xy(ras))
    app.wait_until(lambda: not panel.session.isComputing, timeout=300)
    print(f"{name}: {panel.ui.statusLabel.text}")


def _show_overlay(panel) -> None:
    """Lays the probability of the selected segment over the image, and opens that section."""
    panel.ui.overlayButton.collapsed = False
    panel.ui.overlayComboBox.currentIndex = 1
    panel.ui.overlayOpacitySlider.value = 0.6
    app.process_events()


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # Taking PySide6 and VTK down in Python's own order can crash.
