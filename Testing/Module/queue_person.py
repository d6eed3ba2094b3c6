"""Someone who annotates from a queue: buttons, the list, and a pen in the scene."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

import numpy as np
import pytest
import slicer
import slicer.util

from ImperfectSegLib import Bridge
from ImperfectSegLogic.active.queue import Queue
from ImperfectSegLogic.data import Dataset, DenseMask, Geometry, Volume, write_volume
from ImperfectSegLogic.methods.base import Ranking
from Testing.Module.conftest import MODULES
from Testing.Module.shortcuts import press
from Testing.Module.train_person import FakeProcesses

MODULE = MODULES / "ImperfectSegQueue" / "ImperfectSegQueue.py"
PATIENCE = 90.0  # seconds; a machine may be busy with other things
SHAPE = (8, 24, 20)
ANGLE = np.radians(10)
MATRIX = np.array(
    [
        [-2 * np.cos(ANGLE), 2 * np.sin(ANGLE), 0, 20],
        [-2 * np.sin(ANGLE), -2 * np.cos(ANGLE), 0, 24],
        [0, 0, 5, -18],
        [0, 0, 0, 1],
    ]
)  # oblique and of thick slices
GRID = Geometry(SHAPE, MATRIX)
LABELS = {1: "liver", 2: "tumor"}
MODEL = "first"
SLICES = ("case0@0:3", "case1@0:5", "case0@0:6", "case1@0:2")


def image(seed: int) -> Volume:
    """Noise with a bright block."""
    voxels = np.random.default_rng(seed).integers(0, 100, SHAPE)
    voxels[2:7, 6:16, 5:15] += 200
    return Volume(voxels.astype(np.int16), MATRIX)


def proposed() -> np.ndarray:
    """What the model says of every case."""
    labels = np.zeros(SHAPE, np.uint8)
    labels[2:7, 7:15, 6:14] = 1
    labels[5, 9:12, 8:11] = 2
    return labels


def uncertain() -> np.ndarray:
    """Where the model is unsure."""
    values = np.zeros(SHAPE, np.float32)
    values[2:7, 6:8] = 0.9
    return values


def make(folder: Path, names=SLICES, cases=2, readings=1, predicted=True) -> Queue:
    """A data set with a queue that was ranked by a model, which has predicted all cases."""
    dataset = Dataset.create(folder, LABELS, name="Livers")
    for n in range(cases):
        dataset.add_case(f"case{n}", image(n))
        if predicted:
            predict(dataset, f"case{n}")
    scores = tuple(1.0 - n / 10 for n in range(len(names)))
    reasons = tuple(f"reason {n}" for n in range(len(names)))
    about = {"strategy": "entropy", "units": "slice", "axis": 0, "model": [MODEL]}
    return Queue.build(dataset, Ranking(tuple(names), scores, reasons), readings, about)


def predict(dataset: Dataset, case: str, model: str = MODEL) -> None:
    """Writes what a model predicted, with where it is unsure."""
    dataset.add_prediction(model, case, DenseMask(proposed(), GRID), overwrite=True)
    path = dataset.folder / "predictions" / model / f"{case}-entropy.nrrd"
    write_volume(Volume(uncertain(), MATRIX), path, overwrite=True)


@contextlib.contextmanager
def full_disk(monkeypatch):
    """While it lasts, nothing can be brought to the disk."""

    def full(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        yield


class Annotating:
    """Someone at the screen."""

    def __init__(self, host, folder, annotator="ann"):
        self.host, self.folder, self.annotator = host, Path(folder), annotator
        self.processes = FakeProcesses()
        self.opens_the_panel()

    def opens_the_panel(self, connect=True):
        self.widget = self.host.load_module(MODULE)
        self.panel, self.ui = self.widget.panel, self.widget.ui
        self.panel.training.work.processes = self.processes
        self.host.select_module("ImperfectSegQueue")
        self.waits(lambda: self.panel.building.known.entries)
        if connect:
            self.connects()

    def closes_the_panel(self):
        self.host.unload_module("ImperfectSegQueue")

    def connects(self, folder=None, annotator=None):
        self.parameters.annotator = annotator or self.annotator
        self.ui.dataSetPath.currentPath = str(folder or self.folder)
        self.panel.connectNow()
        self.rests()

    @property
    def parameters(self):
        return self.widget._parameterNode

    @property
    def session(self):
        return self.panel.session

    @property
    def status(self):
        return self.ui.statusLabel.text

    @property
    def open(self):
        """The name of the open item; empty if there is none."""
        unit = self.session.unit
        return unit.name() if unit else ""

    @property
    def dataset(self):
        return Dataset.open(self.folder)

    @property
    def queue(self):
        """The queue as another process sees it."""
        return Queue(self.dataset)

    def states(self):
        return {item.unit.name(): item.state for item in self.queue.items()}

    def readings(self, name):
        items = {item.unit.name(): item for item in self.queue.items()}
        return items[name].standing.readings

    def rests(self):
        """Waits until all that was begun has ended."""
        panel = self.panel

        def isQuiet():
            jobs = (self.session._work, self.session._looking, panel.care._ahead)
            isAtWork = any(job.isRunning for job in (*jobs, panel.training.work._jobs))
            return not (isAtWork or self.session.autosave.isBusy)

        self.waits(isQuiet)

    def waits(self, condition, timeout=PATIENCE):
        self.host.wait_until(condition, timeout)
        self.host.process_events()

    def presses(self, name):
        button = getattr(self.ui, name)
        assert button.enabled, f"{name} cannot be pressed"
        button.click()
        self.host.process_events()
        self.rests()

    def presses_key(self, key):
        press(self.host, key)
        self.rests()

    def rows(self):
        """What the list shows: names of items, scores, states."""
        table = self.ui.itemsTable
        return [
            tuple(table.item(row, column).text() for column in range(3))
            for row in range(table.rowCount)
        ]

    def double_clicks(self, name):
        row = [unit.name() for unit in self.panel.items.shown].index(name)
        self.ui.itemsTable.cellDoubleClicked.emit(row, 0)
        self.host.process_events()
        self.rests()

    def segment(self, name):
        inside = self.session.segmentationNode.GetSegmentation()
        return inside.GetSegmentIdBySegmentName(name)

    def mask(self, name):
        return Bridge.segmentMask(self.session.segmentationNode, self.segment(name), GRID)

    def draws(self, name, rows=slice(2, 6), columns=slice(2, 6), index=None):
        """Gives a segment a block in the open slice and nothing else, as an editor would."""
        mask = np.zeros(SHAPE, bool)
        mask[self.session.unit.index if index is None else index, rows, columns] = True
        Bridge.setSegmentMask(self.session.segmentationNode, self.segment(name), mask, GRID)
        self.host.process_events()

    def erases(self):
        empty = np.zeros(SHAPE, bool)
        for name in LABELS.values():
            Bridge.setSegmentMask(self.session.segmentationNode, self.segment(name), empty, GRID)

    def saved(self, case, version=None, annotator=None):
        """The labels of a version in the data set."""
        return self.dataset.case(case, annotator or self.annotator, version).annotation.labels

    def shown(self, view="Red"):
        """Where a slice view is, as a position in the image."""
        matrix = slicer.util.arrayFromVTKMatrix(self.host.slice_view(view).node.GetSliceToRAS())
        return GRID.to_continuous_index(matrix[:3, 3])


@pytest.fixture
def settings(slicer_app, tmp_path, monkeypatch):
    """Where what is kept on disk goes."""
    path = tmp_path / "settings" / "Slicer.ini"
    monkeypatch.setattr(slicer.app._core, "slicerUserSettingsFilePath", str(path))
    return path


@pytest.fixture
def person(slicer_app, scene, tmp_path, settings):
    make(tmp_path / "set")
    someone = Annotating(slicer_app, tmp_path / "set")
    yield someone
    if "ImperfectSegQueue" in slicer_app.app.moduleManager().modulesNames():
        someone.rests()
        slicer_app.unload_module("ImperfectSegQueue")
