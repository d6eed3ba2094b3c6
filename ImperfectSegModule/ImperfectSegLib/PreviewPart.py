"""The part of the refine panel that shows, while sliders move, what slices in view would become."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from ImperfectSegLib import Bridge
from ImperfectSegLib.HiddenFill import HiddenFill
from ImperfectSegLib.JobRunner import JobRunner
from ImperfectSegLib.PreviewPainter import PreviewPainter, colorsOf
from ImperfectSegLib.PromptStore import PromptStore
from ImperfectSegLib.RefineChoice import Refined, RefineResponse
from ImperfectSegLib.RefineLogic import RefineLogic
from ImperfectSegLib.RefineTaking import segmentsState
from ImperfectSegLib.RefineView import RefineView
from ImperfectSegLib.Requests import Place
from ImperfectSegLib.SlicesInView import ViewedSlice, alignViews, slicesInView
from ImperfectSegLib.Styles import ERROR_STYLE

LOOK_MS = 50


class PreviewPart:
    """Looks twenty times a second whether something has changed, and computes beside the window.

    A computation is never stopped for a newer one, so that something moves while a slider moves;
    the newest state comes last.
    """

    def __init__(self, ui: Any, logic: RefineLogic, view: RefineView) -> None:
        """Takes the widgets, who computes, and who knows what is chosen."""
        self._ui, self._logic, self._view = ui, logic, view
        self._jobs, self._painter, self._fill = JobRunner(), PreviewPainter(), HiddenFill()
        self._timer = qt.QTimer()
        self._timer.setInterval(LOOK_MS)
        self._timer.connect("timeout()", self.look)
        self._isAside = False
        self._asked: Any = None
        self._drawn: Any = None
        self._answers: dict[Place, Refined] = {}
        ui.alignButton.connect("clicked(bool)", lambda _checked: self._align())
        ui.alignBox.visible = False
        self._say("")

    @property
    def isOn(self) -> bool:
        """Whether slices are shown as they would become."""
        return bool(self._timer.isActive())

    @property
    def isComputing(self) -> bool:
        """Whether slices are being computed."""
        return self._jobs.isRunning

    @property
    def answers(self) -> dict[Place, Refined]:
        """What slices would become, those that were in view last."""
        return self._answers

    def follow(self) -> None:
        """Turns on or off as the parameters say."""
        isWanted = bool(self._view.parameters and self._view.parameters.livePreview)
        if isWanted and not self.isOn:
            self._timer.start()
        elif not isWanted and self.isOn:
            self.stop()

    def stop(self) -> None:
        """Shows nothing any more."""
        self._timer.stop()
        self._jobs.cancel()
        self._painter.layers.remove()
        self._fill.giveBack()
        self._asked = self._drawn = None
        self._answers = {}
        self._ui.alignBox.visible = False
        self._say("")

    def aside(self) -> None:
        """Gives the views back for a moment, as while a scene is saved."""
        self._isAside = True
        self._painter.layers.remove()
        self._fill.giveBack()
        self._drawn = None

    def back(self) -> None:
        """Shows again what was shown before `aside`."""
        self._isAside = False
        self.look()

    def forgetScene(self) -> None:
        """Lets go of a scene that is being closed."""
        self._painter.layers.forget()
        self._fill.forget()
        self.stop()

    def close(self) -> None:
        """Stops for good."""
        if slicer.mrmlScene is not None:
            self.stop()
        self._timer.disconnect("timeout()", self.look)

    def look(self) -> None:
        """Computes and draws what has changed since the last look."""
        known = self._view.parameters
        if not self.isOn or self._isAside or known is None or known.inputVolume is None:
            return
        try:
            views = slicesInView(Bridge.geometryFromNode(known.inputVolume))
            if not self.isComputing:
                self._ask(views)
        except ValueError as error:
            self._fail(error)
            return
        self._draw(views)

    # What is computed -------------------------------------------------------------------------

    def _ask(self, views: tuple[ViewedSlice, ...]) -> None:
        known = self._view.parameters
        places = {one.place for one in views if one.place is not None}
        asked = (places, self._state())
        if asked == self._asked:
            return
        self._asked = asked
        choice = self._view.choice()
        request = self._logic.request(known.inputVolume, known.segmentation, choice, places)
        self._jobs.start(
            lambda progress: self._logic.respond(request, progress),
            self._onDone,
            self._fail,
            lambda fraction, text: None,
        )

    def _state(self) -> Any:
        """Gives a value that changes whenever slices would become something else."""
        known = self._view.parameters
        node = known.segmentation
        choice = replace(self._view.choice(), limit=None)
        markups = PromptStore(node).nodes() if node else ()
        return (
            choice,
            self._view.region.state(),
            Bridge.volumeState(known.inputVolume),
            node.GetID() if node else "",
            segmentsState(node) if node else (),
            [(one.GetID(), one.GetMTime()) for one in markups],
        )

    def _onDone(self, response: RefineResponse) -> None:
        self._answers = {r.part.place: r for r in response.refined if r.part.place is not None}
        self._drawn = None
        count = sum(refined.changed for refined in response.refined)
        told = _("Slices in view: {count} voxels would change; computed in {seconds:.2f} s.")
        self._say(told.format(count=count, seconds=response.seconds))
        self.look()

    def _fail(self, error: Exception) -> None:
        self._answers, self._drawn = {}, None
        self._painter.layers.remove()
        self._fill.giveBack()
        self._say(str(error) or type(error).__name__, isError=True)
        if not isinstance(error, ValueError | OSError | ImportError):
            raise error  # Our own mistake: Slicer's error log gets the traceback.

    # What is shown ----------------------------------------------------------------------------

    def _draw(self, views: tuple[ViewedSlice, ...]) -> None:
        known, selected = self._view.parameters, self._view.selectedId()
        look = (known.overlay, known.overlayOpacity, known.previewOpacity, selected)
        drawn = ([(one.name, one.place) for one in views], look, colorsOf(known.segmentation))
        if drawn == self._drawn:
            return
        self._drawn = drawn
        self._fill.hide(known.segmentation)
        oblique = [one.name for one in views if one.isOblique]
        self._ui.alignBox.visible = bool(oblique)
        text = _("{names}: oblique to the volume, so without preview.")
        self._ui.alignLabel.text = text.format(names=", ".join(oblique))
        for one in views:
            answer = self._answers.get(one.place) if one.place else None
            self._painter.draw(one.name, answer, known, selected)

    def _align(self) -> None:
        if self._view.parameters and self._view.parameters.inputVolume:
            alignViews(self._view.parameters.inputVolume)
            self.look()

    def _say(self, text: str, isError: bool = False) -> None:
        self._ui.previewLabel.text = text
        self._ui.previewLabel.styleSheet = ERROR_STYLE if isError else ""
        self._ui.previewLabel.visible = bool(text)
