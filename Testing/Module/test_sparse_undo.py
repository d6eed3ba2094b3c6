"""Undo and redo where much is marked: as much work as one mark is, and marks as they were."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
import vtk

from ImperfectSegLib import SparseStore
from Testing.Module.sparse_person import ELSEWHERE, INSIDE, person

__all__ = ["person"]

STROKES = 12
POINTS = 25


class Counted:
    """Counts what undo and redo do to the scene, to the marks, and to the panel."""

    def __init__(self, monkeypatch, panel):
        self.added, self.removed, self.read, self.updates, self.events = [], [], 0, 0, 0
        scene = slicer.mrmlScene
        self._tags = [
            scene.AddObserver(scene.NodeAddedEvent, self._onAdded),
            scene.AddObserver(scene.NodeRemovedEvent, self._onRemoved),
        ]
        self._monkeypatch = monkeypatch
        self._counts("read", SparseStore, "stateOf")
        self._counts("updates", panel.handing, "update")

    def stops(self):
        for tag in self._tags:
            slicer.mrmlScene.RemoveObserver(tag)

    def during(self, work):
        """Does something; gives how many nodes were added, removed and read, and updates."""
        self.added, self.removed, self.read, self.updates, self.events = [], [], 0, 0, 0
        work()
        return len(self.added), len(self.removed), self.read, self.updates

    def _counts(self, name, owner, what):
        real = getattr(owner, what)

        def counted(*given):
            setattr(self, name, getattr(self, name) + 1)
            return real(*given)

        self._monkeypatch.setattr(owner, what, counted)

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onAdded(self, caller, event, node):
        if node.IsA("vtkMRMLMarkupsNode"):
            self.added.append(node.GetID())
            node.AddObserver(node.PointAddedEvent, self._onPoints)

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onRemoved(self, caller, event, node):
        if node.IsA("vtkMRMLMarkupsNode"):
            self.removed.append(node.GetID())

    def _onPoints(self, caller, event):
        self.events += 1


@pytest.fixture
def counted(person, monkeypatch):
    person.adds_segments("liver", "spleen")
    for n in range(STROKES):
        along = np.linspace(0, 10, POINTS)[:, np.newaxis]
        line = np.array(INSIDE) + along * [1, 0.3, 0] - [0, n, 0]
        person.session.store.addStroke(person.idOf(("liver", "spleen")[n % 2]), line, radius=1.5)
        person.session.promptsChanged()
    found = Counted(monkeypatch, person.panel)
    yield found
    found.stops()


def test_one_undo_or_redo_touches_one_stroke_however_many_there_are(person, counted):
    before, session = person.store.state(), person.session
    for _round in range(2):  # What was brought back once is known again.
        for _step in range(4):
            added, removed, read, updates = counted.during(session.undo)
            assert (added, removed) == (0, 1)
            assert read == 0, "strokes that stay are not read again"
            assert updates <= 3
        for _step in range(4):
            added, removed, read, updates = counted.during(session.redo)
            assert (added, removed) == (1, 0)
            assert read <= 1
            assert updates <= 3
            assert counted.events <= 2, "views are told once, not at every point"
    assert set(person.store.state()) == set(before)


def test_strokes_that_others_took_the_place_of_come_back_all_the_same(person, counted):
    before, session = person.store.state(), person.session
    session.undo()
    lost = {s.nodeId for s in before} - {s.nodeId for s in person.store.state()}
    other = slicer.mrmlScene.AddNewNodeByClassWithID(
        "vtkMRMLMarkupsFiducialNode", "other", lost.pop()
    )
    session.redo()
    assert other.GetNumberOfControlPoints() == 0
    assert [s.points for s in person.store.state()] == [s.points for s in before]


def looks(node):
    """How a mark is drawn, and what it is called."""
    display = node.GetDisplayNode()
    return (
        node.GetName().split("_")[0],  # The scene numbers names that were there.
        display.GetCurveLineSizeMode(),
        display.GetLineDiameter(),
        display.GetLineThickness(),
        display.GetGlyphScale(),
        display.GetPointLabelsVisibility(),
        display.GetPropertiesLabelVisibility(),
        display.GetSelectedColor(),
    )


def test_marks_look_as_they_did_when_they_come_back(person):
    person.adds_segments("liver")
    person.scribbles()
    person.opens("recistTab")
    person.takes("axisButton")
    person.drags(INSIDE, person.inView(INSIDE, 90, 0))
    person.drags(person.inView(INSIDE, 40, -30), person.inView(INSIDE, 40, 30))
    person.opens("boxTab")
    person.takes("boxButton")
    person.drags(ELSEWHERE, person.inView(ELSEWHERE, 60, 50))
    before = {node.GetID(): looks(node) for node in person.store.nodes()}
    assert len(before) == 4
    for _step in range(4):
        person.presses("undoButton")
    assert person.store.nodes() == []
    for _step in range(4):
        person.presses("redoButton")
    assert {node.GetID(): looks(node) for node in person.store.nodes()} == before
