"""Someone who uses the interactive panel: buttons, clicks and drags in the views."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
import slicer.util

from ImperfectSegLib import Bridge
from ImperfectSegLib.PromptStore import PromptStore
from Testing.Module.ball_segmenter import BallSegmenter
from Testing.Module.conftest import MODULE
from Testing.Module.shortcuts import press

SHAPE = (40, 44, 48)
INSIDE = (10.0, 12.0, 15.0)  # RAS in mm, where a click is well inside the image
ELSEWHERE = (-8.0, -6.0, 2.0)


def makeVolume(name="phantom"):
    angle = np.radians(10)
    matrix = np.eye(4)
    matrix[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    matrix[:3, :3] = matrix[:3, :3] @ np.diag([-1.0, -1.0, 1.5])
    matrix[:3, 3] = (28, 24, -25)
    voxels = np.random.default_rng(0).integers(0, 100, SHAPE).astype(np.int16)
    return slicer.util.addVolumeFromArray(voxels, ijkToRAS=matrix, name=name)


class Person:
    """Someone at the screen."""

    def __init__(self, host):
        self.host = host
        self.volume = makeVolume()
        host.show_volume(self.volume, INSIDE)
        self.panel = host.load_module(MODULE)
        host.select_module("ImperfectSegInteractive")
        self.engine = BallSegmenter()
        self.panel.logic.setEngine(self.engine)
        self.ui = self.panel.ui

    @property
    def segmentation(self):
        return slicer.util.getNodesByClass("vtkMRMLSegmentationNode")[0]

    @property
    def store(self):
        return PromptStore(self.segmentation)

    @property
    def status(self):
        return self.ui.statusLabel.text

    def adds_a_segment(self):
        self.ui.addSegmentButton.click()
        self.host.process_events()

    def takes(self, name):
        button = getattr(self.ui, name)
        if not button.checked:
            button.click()
        self.host.process_events()

    def clicks(self, ras, view="Red", wait=True):
        self.host.show_volume(self.volume, ras)
        pane = self.host.slice_view(view)
        pane.click(pane.ras_to_xy(ras))
        self.host.process_events()
        if wait:
            self.waits()

    def drags(self, start, end, view="Red"):
        self.host.show_volume(self.volume, start)
        pane = self.host.slice_view(view)
        a, b = pane.ras_to_xy(start), pane.ras_to_xy(end)
        pane.drag([a + (b - a) * t for t in np.linspace(0, 1, 12)])
        self.waits()

    def moves(self, number, ras):
        """Drags a point of the only point list."""
        (points,) = self.store.nodes()
        points.SetNthControlPointPositionWorld(number, *ras)
        points.InvokeEvent(points.PointEndInteractionEvent)
        self.waits()

    def waits(self):
        self.host.wait_until(lambda: not self.panel.session.isComputing, timeout=60)

    def notes(self):
        """What the descriptions of all control points say."""
        return {
            node.GetNthControlPointDescription(n)
            for node in self.store.nodes()
            for n in range(node.GetNumberOfDefinedControlPoints())
        }

    def presses(self, name):
        getattr(self.ui, name).click()
        self.host.process_events()

    def presses_key(self, key):
        """Presses a key that the module has made a shortcut."""
        press(self.host, key)

    def selects(self, number):
        ids = self.segmentation.GetSegmentation().GetSegmentIDs()
        self.ui.segmentsTable.setSelectedSegmentIDs([ids[number]])
        self.host.process_events()

    @property
    def geometry(self):
        return Bridge.geometryFromNode(self.volume)

    def mask(self, number=0):
        segmentId = self.segmentation.GetSegmentation().GetSegmentIDs()[number]
        return Bridge.segmentMask(self.segmentation, segmentId, self.geometry)

    def is_at(self, ras, number=0):
        return bool(self.mask(number)[tuple(self.geometry.to_index(ras))])


@pytest.fixture
def person(slicer_app, scene):
    someone = Person(slicer_app)
    yield someone
    someone.engine.release()
    slicer_app.unload_module("ImperfectSegInteractive")
