"""Someone who looks at what several readers have read, and decides."""

from __future__ import annotations

import numpy as np
import pytest
import slicer

from ImperfectSegLib import Bridge
from ImperfectSegLogic.active.queue import Queue
from ImperfectSegLogic.active.unit import parse
from ImperfectSegLogic.data import Dataset, DenseMask, SparseMask
from Testing.Module.queue_person import GRID, SHAPE, Annotating, make

NAMES = ("case0@0:3", "case1@0:5", "case0@0:6", "case1@0:2")


def block(rows=(7, 15), columns=(6, 14), label=1):
    """Labels of a slice with a block."""
    made = np.zeros(SHAPE[1:], np.int32)
    made[slice(*rows), slice(*columns)] = label
    return made


GOOD, OFF, BAD = block(), block(rows=(8, 16)), block(rows=(11, 19))


def of_slice(name, labels):
    """An annotation with labels in a slice across the first axis, and nothing elsewhere."""
    made = np.full(SHAPE, -1, np.int32)
    made[parse(name).index] = labels
    return SparseMask(made, GRID)


def of_volume(labels):
    return DenseMask(labels, GRID)


def read(folder, name, masks, of=of_slice):
    """Annotators do an item, each in another process."""
    for annotator, labels in masks.items():
        queue = Queue(Dataset.open(folder))
        mask = of(name, labels) if of is of_slice else of(labels)
        queue.done(queue.take(parse(name), annotator), mask, seconds=60)


class Deciding(Annotating):
    """Someone at the screen, with the section open."""

    @property
    def work(self):
        return self.panel.readers.work

    def opens_the_section(self):
        self.ui.readersButton.collapsed = False
        self.rests()

    def rests(self):
        super().rests()
        work = self.work
        jobs = (work._reading, work._writing, work._comparing)
        self.waits(lambda: not any(j.isRunning for j in jobs) and not work.autosave.isBusy)
        super().rests()

    def looks(self):
        """As happens every few seconds."""
        self.session.look()
        self.rests()

    def disagreements(self):
        """What the table shows."""
        table = self.ui.readersTable
        return [
            tuple(table.item(row, column).text() for column in range(table.columnCount))
            for row in range(table.rowCount)
        ]

    def resolved(self):
        """What the table says of each item: how it is resolved."""
        return {row.unit.name(): told[-1] for row, told in self._told()}

    def _told(self):
        return zip(self.panel.readers.table.rows, self.disagreements(), strict=True)

    def selects(self, name):
        units = [row.unit.name() for row in self.panel.readers.table.rows]
        self.ui.readersTable.selectRow(units.index(name))
        self.host.process_events()

    def chooses(self, text):
        self.ui.readersByBox.currentText = text
        self.host.process_events()
        assert self.ui.readersByBox.currentText == text

    @property
    def choices(self):
        box = self.ui.readersByBox
        return [box.itemText(n) for n in range(box.count)]

    @property
    def outlines(self):
        """The masks that are shown as outlines, and their colors, by the names of segments."""
        node = self.work.nodes.outlines
        if node is None or not slicer.mrmlScene.IsNodePresent(node):
            return {}
        inside = node.GetSegmentation()
        return {
            inside.GetSegment(i).GetName(): (
                Bridge.segmentMask(node, i, GRID),
                tuple(round(c, 2) for c in inside.GetSegment(i).GetColor()),
            )
            for i in inside.GetSegmentIDs()
        }

    @property
    def hand(self):
        """The segmentation that is drawn by hand."""
        return self.work.segmentationNode

    def hand_mask(self, name):
        segmentId = self.hand.GetSegmentation().GetSegmentIdBySegmentName(name)
        return Bridge.segmentMask(self.hand, segmentId, GRID)

    def draws_by_hand(self, name, index=3, rows=slice(0, 3), columns=slice(0, 4), rests=True):
        """Gives a segment a block and nothing else, as an editor would."""
        segmentId = self.hand.GetSegmentation().GetSegmentIdBySegmentName(name)
        mask = np.zeros(SHAPE, bool)
        mask[index, rows, columns] = True
        Bridge.setSegmentMask(self.hand, segmentId, mask, GRID)
        if rests:
            self.host.process_events()
            self.rests()
        return mask

    def consensus(self, case, version=None):
        return self.saved(case, version, "consensus")


@pytest.fixture
def decider(slicer_app, scene, tmp_path, settings):
    """Two slices that two have read, one badly, one well; one that one has read; one free."""
    make(tmp_path / "set", NAMES, readings=2)
    read(tmp_path / "set", NAMES[0], {"bob": GOOD, "eve": OFF})
    read(tmp_path / "set", NAMES[1], {"bob": GOOD, "eve": BAD})
    read(tmp_path / "set", NAMES[2], {"bob": GOOD})
    someone = Deciding(slicer_app, tmp_path / "set")
    yield someone
    if "ImperfectSegQueue" in slicer_app.app.moduleManager().modulesNames():
        someone.rests()
        slicer_app.unload_module("ImperfectSegQueue")
