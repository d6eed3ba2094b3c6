"""Draws the queue panel at work in the Qt host: slices of a brain that a model asks for.

An annotator who knows the atlas does some slices, a model is trained on them in a process of its
own, and the queue is ranked by it; three times. Menus, fonts and widget looks are the host's own;
nodes, views, models, ranking and the learning curve are real.

    python -m Testing.Host.queue_picture OUT.png [--steps N]
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from . import application

app = application.start()

from ImperfectSegLogic import demo  # noqa: E402
from ImperfectSegLogic.data import Dataset, DenseMask, Volume, read_volume  # noqa: E402

MODULES = Path(__file__).resolve().parents[2] / "ImperfectSegModule"
MODULE = "ImperfectSegQueue"
PATIENCE = 3600.0  # seconds
LABELS = {1: "Gray matter", 2: "White matter"}
SLABS = {"brain1": slice(20, 68), "brain2": slice(96, 150), "brain3": slice(74, 90)}
VALIDATED = "brain3"
COUNTS = (2, 4, 8)  # So many slices are annotated before each training.
COLORS = 256  # The picture is to stay small.


def main() -> None:
    """Makes the data set, annotates and trains in the panel, and draws the window."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("picture", type=Path)
    arguments.add_argument("--steps", type=int, default=300)
    options = arguments.parse_args()
    options.picture.parent.mkdir(parents=True, exist_ok=True)
    app.window.resize(1440, 1180)
    picture = options.picture.resolve()
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        dataset, truth = make_dataset(Path("brains"))
        widget = app.load_module(MODULES / MODULE / f"{MODULE}.py")
        app.select_module(MODULE)
        app.wait_until(lambda: widget.panel.building.known.entries, timeout=PATIENCE)
        annotator = Annotator(widget, truth)
        annotator.connects(dataset.folder)
        annotator.makes_the_queue()
        for count in COUNTS:
            annotator.annotates(count)
            annotator.retrains(options.steps, "entropy")
        widget.ui.buildButton.collapsed, widget.ui.trainButton.collapsed = True, False
        widget.ui.curveButton.click()
        annotator.opens_the_next()
        app.screenshot(picture)
        print(widget.ui.statusLabel.text, widget.ui.curveLabel.text, sep="\n")
        widget.ui.putBackButton.click()
        annotator.rests()
    Image.open(picture).quantize(COLORS).save(picture, optimize=True)
    print(f"written: {picture}")


def make_dataset(folder: Path) -> tuple[Dataset, dict[str, np.ndarray]]:
    """Slabs of one brain, two to annotate and one to validate; and what the atlas says of them."""
    image, white = (read_volume(path) for path in demo.image_paths())
    gray = read_volume(str(demo.image_paths()[1]).replace("_wm_", "_gm_"))
    labels = np.where(gray.array > gray.array.max() / 2, 1, 0)
    labels[white.array > white.array.max() / 2] = 2
    dataset, truth = Dataset.create(folder, LABELS, name="Brains"), {}
    for case, part in SLABS.items():
        matrix = image.ijk_to_ras.copy()
        matrix[:3, 3] += matrix[:3, 2] * part.start
        slab = Volume(image.array[part].copy(), matrix)
        dataset.add_case(case, slab)
        truth[case] = labels[part].astype(np.int32)
    grid = dataset.record(VALIDATED).geometry
    dataset.annotate(VALIDATED, DenseMask(truth[VALIDATED], grid), "atlas")
    others = [case for case in SLABS if case != VALIDATED]
    dataset.set_splits({"train": others, "val": [VALIDATED]})
    return dataset, truth


class Annotator:
    """Someone who knows the atlas and presses the buttons."""

    def __init__(self, widget, truth) -> None:
        self._widget, self._truth = widget, truth
        self._panel, self._ui = widget.panel, widget.ui

    def connects(self, folder) -> None:
        self._widget._parameterNode.annotator = "anna"
        self._ui.dataSetPath.currentPath = str(folder)
        self._panel.connectNow()
        self.rests()

    def makes_the_queue(self) -> None:
        self._ui.unitsBox.currentText = "slice"
        self._ui.splitBox.currentText = "train"
        self._ui.makeButton.click()
        self._waits_for_the_round()

    def retrains(self, steps, strategy) -> None:
        self._ui.strategyBox.currentText = strategy
        options = f"--steps {steps} --dims 2 --validate-every {max(steps // 4, 1)}"
        self._widget._parameterNode.trainOptions = options
        self._ui.retrainButton.click()
        self._waits_for_the_round()

    def annotates(self, count) -> None:
        for _ in range(count):
            self.opens_the_next()
            self._draws()
            # As long as a person would take.
            self._panel.session.clock.start(float(np.random.default_rng(count).integers(60, 240)))
            self._ui.doneButton.click()
            self.rests()

    def opens_the_next(self) -> None:
        self._ui.nextButton.click()
        self.rests()
        node = self._panel.session.segmentationNode
        node.GetDisplayNode().SetOpacity2DFill(0.3)
        app.wait_until(self._has_pictures, timeout=PATIENCE)
        app.process_events()

    def rests(self) -> None:
        session, panel = self._panel.session, self._panel
        jobs = (session._work, session._looking, panel.care._ahead, panel.training.work._jobs)
        app.wait_until(lambda: not any(job.isRunning for job in jobs), timeout=PATIENCE)
        app.process_events()

    def _draws(self) -> None:
        from ImperfectSegLib import Bridge  # The module has made it known.

        session = self._panel.session
        unit, node = session.unit, session.segmentationNode
        grid = session.desk.dataset.record(unit.case).geometry
        for number, name in LABELS.items():
            mask = np.zeros(grid.shape, bool)
            mask[unit.index] = self._truth[unit.case][unit.index] == number
            segment_id = node.GetSegmentation().GetSegmentIdBySegmentName(name)
            Bridge.setSegmentMask(node, segment_id, mask, grid)

    def _has_pictures(self) -> bool:
        pictures, model = self._panel.items.pictures, self._panel.session.desk.model
        return all(pictures.path(unit, model) for unit in self._panel.items.shown[:8])

    def _waits_for_the_round(self) -> None:
        work = self._panel.training.work
        app.wait_until(lambda: not work.isActive, timeout=PATIENCE)
        self.rests()
        print(self._ui.roundLabel.text)


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # Taking PySide6 and VTK down in Python's own order can crash.
