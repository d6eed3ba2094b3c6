"""Draws the train panel at work in the Qt host: a run that really runs, and what it predicts.

The data set is made of slabs of the demo's brain, most of whose slices are not annotated. Menus,
fonts and widget looks are the host's own; nodes, views, curves and the run are real.

    python -m Testing.Host.train_picture OUT.png [--steps N]
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

import slicer.util  # noqa: E402

from ImperfectSegLogic import demo  # noqa: E402
from ImperfectSegLogic.data import (  # noqa: E402
    UNLABELED,
    Dataset,
    DenseMask,
    SparseMask,
    Volume,
    read_volume,
)

MODULES = Path(__file__).resolve().parents[2] / "ImperfectSegModule"
MODULE = "ImperfectSegTrain"
PATIENCE = 3600.0  # seconds
LABELS = {1: "Gray matter", 2: "White matter"}
SLABS = {"slab1": slice(0, 70), "slab2": slice(95, 180), "slab3": slice(75, 90)}
SLICES_PER_ANNOTATED = 8
COLORS = 256  # The picture is to stay small.
CENTER = (20.0, -20.0, 18.0)  # RAS in mm


def main() -> None:
    """Makes the data set, trains in the panel, predicts a case, and draws the window."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("picture", type=Path)
    arguments.add_argument("--steps", type=int, default=400)
    options = arguments.parse_args()
    options.picture.parent.mkdir(parents=True, exist_ok=True)
    app.window.resize(1440, 1090)
    picture = options.picture.resolve()
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        dataset = make_dataset(Path("brains"))
        panel = app.load_module(MODULES / MODULE / f"{MODULE}.py")
        volume = _open_case(dataset, "MNI152")
        app.select_module(MODULE)
        app.wait_until(lambda: panel.training.isReady, timeout=PATIENCE)
        _train(panel, dataset.folder, options.steps)
        _predict(panel, volume)
        app.screenshot(picture)
    Image.open(picture).quantize(COLORS).save(picture, optimize=True)
    print(f"written: {picture}")


def make_dataset(folder: Path) -> Dataset:
    """Slabs of one brain: two with few annotated slices, one to validate, and all of it."""
    image, white = (read_volume(path) for path in demo.image_paths())
    gray = read_volume(str(demo.image_paths()[1]).replace("_wm_", "_gm_"))
    labels = np.where(gray.array > gray.array.max() / 2, 1, 0)
    labels[white.array > white.array.max() / 2] = 2
    dataset = Dataset.create(folder, LABELS, name="Brains")
    dataset.add_case("MNI152", image)
    for case, part in SLABS.items():
        matrix = image.ijk_to_ras.copy()
        matrix[:3, 3] += matrix[:3, 2] * part.start
        slab = Volume(image.array[part].copy(), matrix)
        dataset.add_case(case, slab)
        found = labels[part].astype(np.int32)
        if case == "slab3":
            dataset.annotate(case, DenseMask(found, slab.geometry), "atlas")
            continue
        sparse = np.full_like(found, UNLABELED)
        sparse[::SLICES_PER_ANNOTATED] = found[::SLICES_PER_ANNOTATED]
        dataset.annotate(case, SparseMask(sparse, slab.geometry), "zoe")
    dataset.set_splits({"train": ["slab1", "slab2"], "val": ["slab3"]})
    return dataset


def _open_case(dataset, case):
    from ImperfectSegLib import SceneDataset  # The module has made it known.

    volume, _segmentation = SceneDataset.loadCase(dataset, case)
    app.show_volume(volume, CENTER)
    return volume


def _train(panel, folder, steps) -> None:
    panel.ui.dataSetPath.currentPath = str(folder)
    app.wait_until(lambda: panel.ui.startButton.enabled, timeout=PATIENCE)
    panel.ui.nameEdit.text = "tissues"
    panel.ui.dimsBox.currentText = "2-D"
    panel.ui.stepsBox.value = steps
    panel.ui.methodsButton.collapsed = False
    panel.training.methods.choose("sparse-bokhorst2018")
    panel.ui.startButton.click()
    session = panel.training.session
    app.wait_until(lambda: not session.selected.isActive, timeout=PATIENCE)
    session.poll()
    print(panel.ui.runLabel.text)


def _predict(panel, volume) -> None:
    panel.ui.predictVolumeButton.click()
    app.wait_until(lambda: not panel.predicting.session.isRunning, timeout=PATIENCE)
    print(panel.ui.predictionLabel.text)
    slicer.util.getNode("* by *").GetDisplayNode().SetOpacity2DFill(0.4)
    app.show_volume(volume, CENTER)


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # Taking PySide6 and VTK down in Python's own order can crash.
