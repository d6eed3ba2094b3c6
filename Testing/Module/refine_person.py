"""Someone who uses the refine panel: buttons, sliders and views."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import slicer
import slicer.util

from ImperfectSegLib import Bridge
from ImperfectSegLib.Catalog import Catalog, CatalogEntry, toJson
from ImperfectSegLib.RefinerCatalog import MODULE as LOOK_UP
from ImperfectSegLogic.methods.scarce.crf.clean_up import CleanUp
from ImperfectSegLogic.methods.settings import fields_of
from Testing.Module.bright_refiner import BrightRefiner
from Testing.Module.conftest import MODULES
from Testing.Module.refine_scene import (
    FIRST,
    addSegments,
    addVolume,
    makeBright,
    maskOf,
    place,
    smallBalls,
)
from Testing.Module.train_person import PATIENCE, FakeProcesses

MODULE = MODULES / "ImperfectSegRefine" / "ImperfectSegRefine.py"


def entryOf(kind):
    fields = fields_of(kind.settings_type)
    return CatalogEntry(kind.card.name, kind.card.claims, kind.card.dims, fields=fields)


CATALOG = Catalog(methods=(entryOf(BrightRefiner), entryOf(CleanUp)))


def make(name, values):
    """Stands in for `makeRefiner`."""
    if name == "clean-up":
        from ImperfectSegLib.RefinerCatalog import makeRefiner

        return makeRefiner(name, values)
    return makeBright(name, values)


class RefineProcesses(FakeProcesses):
    """Remembers what was started; nothing runs. Knows refiners."""

    def start(self, arguments, log, module="ImperfectSegLogic.cli", variables=None):
        if module == LOOK_UP:
            Path(arguments[0]).write_text(json.dumps(toJson(self.catalog)), encoding="utf-8")
            return next(self._pids)
        return super().start(arguments, log, module, variables)


class Refining:
    """Someone at the screen."""

    def __init__(self, host, processes=None) -> None:
        self.host = host
        self.processes = processes or RefineProcesses(CATALOG)
        self.volume = addVolume()
        self.node = addSegments(self.volume, *smallBalls())
        host.show_volume(self.volume, place(FIRST, self.volume))
        self.opens_the_panel()

    def opens_the_panel(self):
        self.panel = self.host.load_module(MODULE)
        self.parts = self.panel.panel
        self.parts.method.lookUp.processes = self.parts.folder.processes = self.processes
        self.panel.logic.work.make = make
        self.ui = self.panel.ui
        self.host.select_module("ImperfectSegRefine")
        self.host.wait_until(lambda: self.parts.method._catalog is not None, PATIENCE)
        self.host.process_events()

    @property
    def parameters(self):
        return self.panel._parameterNode

    @property
    def status(self):
        return self.ui.statusLabel.text

    @property
    def preview(self):
        return self.parts.preview

    def sets(self, name, value, method="bright"):
        self.parts.method.form(method).edit(name).value = value
        self.host.process_events()

    def presses(self, name):
        button = getattr(self.ui, name)
        assert button.enabled, f"{name} cannot be pressed"
        button.click()
        self.host.process_events()

    def applies(self):
        self.presses("applyButton")
        self.waits()

    def waits(self):
        self.host.wait_until(lambda: not self.parts.isComputing, PATIENCE)
        self.host.process_events()

    def looks(self):
        """Waits until the preview shows what is chosen now."""
        self.preview.look()
        self.host.wait_until(lambda: not self.preview.isComputing, PATIENCE)
        self.preview.look()
        self.host.wait_until(lambda: not self.preview.isComputing, PATIENCE)
        self.host.process_events()

    def mask(self, segmentId="a"):
        return maskOf(self.node, segmentId, self.volume)

    def composite(self, view="Red"):
        return slicer.app.layoutManager().sliceWidget(view).mrmlSliceCompositeNode()

    def shown(self, view="Red", layer="Label"):
        """The voxels of our volume in a layer of a view, and its node; None if there is none."""
        name = getattr(self.composite(view), f"Get{layer}VolumeID")()
        node = slicer.mrmlScene.GetNodeByID(name) if name else None
        if node is None or "ImperfectSeg" not in node.GetName():
            return None
        return slicer.util.arrayFromVolume(node)

    def shown_slice(self, view="Red"):
        """Region of the volume that the labels of a view cover."""
        node = slicer.mrmlScene.GetNodeByID(self.composite(view).GetLabelVolumeID())
        whole, part = (Bridge.geometryFromNode(n) for n in (self.volume, node))
        start = np.rint(whole.to_continuous_index(part.to_ras((0, 0, 0)))).astype(int)
        return tuple(slice(a, a + n) for a, n in zip(start, part.shape, strict=True))

    def goes_to(self, index):
        self.host.show_volume(self.volume, place(index, self.volume))

    def selects(self, *segmentIds):
        self.ui.segmentsTable.setSelectedSegmentIDs(list(segmentIds))
        self.host.process_events()


@pytest.fixture
def person(slicer_app, scene):
    BrightRefiner.reset()
    someone = Refining(slicer_app)
    yield someone
    BrightRefiner.reset()
    slicer_app.unload_module("ImperfectSegRefine")
