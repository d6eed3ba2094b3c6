"""The part of the panel that offers what a crash has left, to be restored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import slicer
from slicer.i18n import tr as _

from ImperfectSegLib import Bridge
from ImperfectSegLib.Autosave import Autosave, KeptSession
from ImperfectSegLib.AutosaveFile import Kept
from ImperfectSegLib.PromptStore import PromptStore
from ImperfectSegLib.SegmentTags import setLocked, setThreshold
from ImperfectSegLib.Styles import ERROR_STYLE
from ImperfectSegLogic.data import Geometry


class RestorePart:
    """Looks for kept work whenever another image is chosen, and never asks in a dialog.

    Attributes:
        autosave: Keeps work, and knows what is left of others.
        parameters: What the panel remembers; None while a scene is closed or read.
        noun: What people call that which is kept besides segments.
    """

    noun = "prompts"

    def __init__(self, ui: Any, session: KeptSession, say: Callable[[str, bool], None]) -> None:
        """Takes the widgets, the session, and who speaks."""
        self._ui, self._session, self._say = ui, session, say
        self._offered: Path | None = None
        self._looked: Any = None
        self.parameters: Any = None
        self.autosave = self.makeAutosave(session)
        ui.restoreBox.visible = False
        ui.restoreButton.connect("clicked(bool)", lambda _checked: self.restore())
        ui.discardButton.connect("clicked(bool)", lambda _checked: self.discard())
        self._onAutosave("")

    def makeAutosave(self, session: KeptSession) -> Autosave:
        """Makes what keeps work."""
        return Autosave(session, self._onAutosave)

    def chosen(self, path: Path) -> Path:
        """Gives which version of a file is to be restored."""
        return path

    def restored(self, kept: Kept) -> Any:
        """Gives a new segmentation with what was kept."""
        return restoredSegmentation(kept, self._session.volumeNode)

    def look(self) -> None:
        """Offers what is left of the image that is chosen now."""
        volume = self._session.volumeNode
        if volume is self._looked:
            return
        self._looked = volume
        self._offer(self.autosave.orphan() if volume is not None else None)

    def forgetScene(self) -> None:
        """Lets go of a scene that is closed in order: what was kept of it is deleted."""
        self.autosave.clean()
        self._looked = None
        self._offer(None)

    def restore(self) -> None:
        """Brings prompts and segments back, in a new segmentation."""
        path, parameters = self._offered, self.parameters
        if path is None or parameters is None:
            return
        try:
            kept = self.autosave.read(self.chosen(path))
            parameters.segmentation = self.restored(kept)
        except (ValueError, OSError) as error:
            self._say(str(error), True)
            return
        self.autosave.save()
        self.autosave.discard(path)
        self._offer(None)
        self._say(_("Restored what was kept at {time}.").format(time=kept.saved), False)

    def discard(self) -> None:
        """Deletes what is offered, and offers what is left besides."""
        if self._offered is not None:
            self.autosave.discard(self._offered)
        self._offer(self.autosave.orphan())

    def _offer(self, path: Path | None) -> None:
        self._offered = path
        self._ui.restoreBox.visible = path is not None
        if path is None:
            return
        try:
            kept = self.autosave.read(path)
            points = sum(
                1 if s.className.endswith("CurveNode") else len(s.points) for s in kept.prompts
            )
            text = _(
                "3D Slicer ended without saving. Of this image there are {count} {noun} and"
                " {segments} segments, kept at {time}."
            ).format(count=points, noun=self.noun, segments=len(kept.segments), time=kept.saved)
        except (ValueError, OSError) as error:
            text = str(error)
        self._ui.restoreLabel.text = text

    def _onAutosave(self, problem: str) -> None:
        kept = _("{noun} and segments are kept on disk until you save or close.")
        text = problem or kept.format(noun=self.noun.capitalize())
        self._ui.autosaveLabel.text = text
        self._ui.autosaveLabel.styleSheet = ERROR_STYLE if problem else ""
        if problem:
            self._say(problem, True)


def restoredSegmentation(kept: Kept, volumeNode: Any) -> Any:
    """Gives a new segmentation with the segments and prompts that were kept."""
    node = segmentsOf(kept, volumeNode)
    PromptStore(node).restore(kept.prompts)
    return node


def segmentsOf(kept: Kept, volumeNode: Any) -> Any:
    """Gives a new segmentation with the segments that were kept."""
    node = slicer.mrmlScene.AddNewNodeByClass(
        "vtkMRMLSegmentationNode", slicer.mrmlScene.GenerateUniqueName(kept.segmentationName)
    )
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(volumeNode)
    labels = [layer.labels() for layer in kept.layers]
    for segment in kept.segments:
        node.GetSegmentation().AddEmptySegment(segment.id, segment.name, segment.color)
        if segment.layer >= 0:
            layer = kept.layers[segment.layer]
            geometry = Geometry(labels[segment.layer].shape, np.array(layer.ijkToRas))
            mask = labels[segment.layer] == segment.value
            Bridge.setSegmentMask(node, segment.id, mask, geometry)
        setLocked(node, segment.id, segment.locked)
        setThreshold(node, segment.id, segment.threshold)
    return node
