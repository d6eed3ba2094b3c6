"""Someone who uses the sparse panel: tabs, buttons, keys, and drags in the views."""

from __future__ import annotations

import threading
from itertools import pairwise

import numpy as np
import pytest
import slicer
import slicer.util

from ImperfectSegLib import Bridge
from ImperfectSegLib.SparseStore import SparseStore
from ImperfectSegLogic.completion.completed import Completed, WantedSlice
from ImperfectSegLogic.data import Prediction, RecistMarks
from ImperfectSegLogic.data.prediction import Provenance
from Testing.Module.conftest import MODULES
from Testing.Module.interactive_person import makeVolume
from Testing.Module.shortcuts import press

MODULE = MODULES / "ImperfectSegSparse" / "ImperfectSegSparse.py"
PATIENCE = 60.0
INSIDE = (10.0, 12.0, 15.0)  # RAS in mm
ELSEWHERE = (-8.0, -6.0, 2.0)
TABS = ("scribbleTab", "sliceTab", "gridTab", "recistTab", "boxTab", "tagsTab")


class HalfCompleter:
    """Says that the first half of the columns is the lowest label; unsure in the middle."""

    def __init__(self):
        self.calls = []
        self.fail = None
        self.isFree = threading.Event()
        self.isFree.set()

    def __call__(self, case, kind, *, progress):
        self.calls.append((case, kind))
        while not self.isFree.wait(0.01):
            progress.report(0.3, "waiting")
        if self.fail is not None:
            raise self.fail
        shape = case.volume.geometry.shape
        chance = np.zeros(shape, dtype=np.float32)
        chance[..., : shape[2] // 2] = 0.9
        chance[..., shape[2] // 2 - 1] = 0.55
        prediction = Prediction(
            np.stack([1 - chance, chance]),
            (0, 1),
            case.volume.geometry.whole,
            case.volume.geometry,
            Provenance("half"),
        )
        wanted = (WantedSlice(0, 30, 0.8, "most uncertain"), WantedSlice(2, 5, 0.4, "next"))
        return Completed(prediction, wanted)


def checks(mark, geometry):
    """Stands in for the checks of the logic layer."""
    ends = np.concatenate([mark.long_axis, mark.short_axis])
    if not geometry.contains(geometry.to_index(ends)).all():
        raise ValueError("RECIST: an end is outside the image.")
    return (f"long axis {np.linalg.norm(np.diff(mark.long_axis, axis=0)):.0f} mm: measurable.",)


class Annotating:
    """Someone at the screen."""

    def __init__(self, host, real=False):
        self.host = host
        self.volume = makeVolume()
        host.show_volume(self.volume, INSIDE)
        self.completer = HalfCompleter()
        self.isReal = real
        self.opens_the_panel()

    def opens_the_panel(self):
        self.widget = self.host.load_module(MODULE)
        self.panel, self.ui = self.widget.panel, self.widget.ui
        if not self.isReal:
            self.widget.logic.completer = self.completer
            self.panel.lesions.checks = checks
        self.host.select_module("ImperfectSegSparse")

    @property
    def parameters(self):
        return self.widget._parameterNode

    @property
    def session(self):
        return self.panel.session

    @property
    def marks(self):
        return self.parameters.segmentation

    @property
    def store(self):
        return SparseStore(self.marks)

    @property
    def status(self):
        return self.ui.statusLabel.text

    @property
    def geometry(self):
        return Bridge.geometryFromNode(self.volume)

    @property
    def taken(self):
        return self.widget.logic.taken(self.volume, self.marks)

    @property
    def completed(self):
        return self.widget.logic.completedNode(self.marks)

    @property
    def share(self):
        self.host.wait_until(lambda: not self.panel.share.isBusy, PATIENCE)
        return self.panel.share.share

    def presses(self, name):
        button = getattr(self.ui, name)
        assert button.enabled, f"{name} cannot be pressed"
        button.click()
        self.host.process_events()

    def presses_key(self, key):
        """Presses a key that the module has made a shortcut."""
        press(self.host, key)

    def adds_segments(self, *names):
        for name in names:
            self.presses("addSegmentButton")
            segment = self.marks.GetSegmentation().GetSegment(self.panel.segments.selectedId)
            segment.SetName(name)
        self.selects(names[0])

    def idOf(self, name):
        return self.marks.GetSegmentation().GetSegmentIdBySegmentName(name)

    def selects(self, name):
        self.ui.segmentsTable.setSelectedSegmentIDs([self.idOf(name)])
        self.host.process_events()

    def opens(self, tab):
        self.ui.kindTabs.currentIndex = TABS.index(tab)
        self.host.process_events()

    def takes(self, button):
        if not getattr(self.ui, button).checked:
            self.presses(button)

    def drags(self, *places, view="Red"):
        """Drags through world positions in a view that is brought to the first one."""
        self.host.show_volume(self.volume, places[0])
        pane = self.host.slice_view(view)
        path = [pane.ras_to_xy(place) for place in places]
        steps = np.linspace(0, 1, 12)
        pane.drag([a + (b - a) * t for a, b in pairwise(path) for t in steps])
        self.host.process_events()

    def inView(self, place, right, up, view="Red"):
        """The position so many pixels right of a place and above it, on the view's slice."""
        self.host.show_volume(self.volume, place)
        pane = self.host.slice_view(view)
        return pane.xy_to_ras(pane.ras_to_xy(place) + np.array([right, up]))

    def scribbles(self, start=INSIDE, end=None, view="Red"):
        self.takes("scribbleButton")
        self.drags(start, self.inView(start, 60, 25, view) if end is None else end, view=view)

    def completes(self, wait=True):
        self.presses("completeButton")
        if wait:
            self.waits()

    def waits(self):
        self.host.wait_until(lambda: not self.session.isComputing, PATIENCE)
        self.host.process_events()

    def hands_over(self):
        self.presses("handOverButton")
        self.host.wait_until(lambda: not self.panel.handing.isBusy, PATIENCE)
        self.host.process_events()

    def mask(self, name, node=None):
        node = self.marks if node is None else node
        segmentId = node.GetSegmentation().GetSegmentIdBySegmentName(name)
        return Bridge.segmentMask(node, segmentId, self.geometry)

    def positionIn(self, view="Red"):
        matrix = slicer.util.arrayFromVTKMatrix(self.host.slice_view(view).node.GetSliceToRAS())
        return matrix[:3, 3]

    def lesion(self):
        annotation = self.taken.annotation("RECIST marks")
        assert isinstance(annotation, RecistMarks)
        return annotation.marks[0]


@pytest.fixture
def person(slicer_app, scene, tmp_path, monkeypatch):
    path = tmp_path / "settings" / "Slicer.ini"
    monkeypatch.setattr(slicer.app._core, "slicerUserSettingsFilePath", str(path))
    someone = Annotating(slicer_app)
    yield someone
    someone.completer.isFree.set()
    slicer_app.unload_module("ImperfectSegSparse")
