"""The part of the panel that shows probability or uncertainty over the image."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import slicer

from ImperfectSegLib.InteractiveSession import InteractiveSession
from ImperfectSegLib.OverlayNode import OverlayNode
from ImperfectSegLib.Requests import Answer
from ImperfectSegLogic.data import Prediction

OFF, PROBABILITY, UNCERTAINTY = "off", "probability", "uncertainty"
OVERLAYS = (OFF, PROBABILITY, UNCERTAINTY)


class OverlayPart:
    """Draws what the engine said about the selected segment, as long as it is switched on.

    Attributes:
        overlay: What lies over the image.
        parameters: What the panel remembers; None while a scene is closed or read.
    """

    def __init__(self, session: InteractiveSession, segmentId: Callable[[], str]) -> None:
        """Takes the session, and who tells which segment is selected."""
        self._session, self._segmentId = session, segmentId
        self.overlay = OverlayNode()
        self.parameters: Any = None
        self._shown: tuple[Any, ...] = ()
        session.listeners.append(self._onSession)

    def update(self) -> None:
        """Draws the newest answer, or nothing."""
        kind = self.parameters.overlay if self.parameters else OFF
        if kind == OFF:
            if self.overlay.node is not None:
                self.overlay.remove()
            self._shown = ()
            return
        answers, segmentId = self._session.answers, self._segmentId()
        newest = answers[-1] if answers else None
        opacity = self.parameters.overlayOpacity
        shown = (newest, kind, segmentId, opacity)
        if shown == self._shown:
            return
        self._shown = shown
        values = _values(newest, kind, segmentId)
        if newest is None or values is None or self._session.volumeNode is None:
            self.overlay.clear()
            return
        prediction = newest.prediction
        assert prediction is not None
        self.overlay.show(values, prediction.region, self._session.volumeNode, opacity)

    def aside(self) -> None:
        """Gives the views back for a moment, as while a scene is saved; `update` returns."""
        self.overlay.giveBack()
        self._shown = ()

    def forgetScene(self) -> None:
        """Lets go of a scene that is being closed."""
        self.overlay.forget()
        self._shown = ()

    def close(self) -> None:
        """Removes the overlay for good."""
        self._session.listeners.remove(self._onSession)
        if self.overlay.node is not None and slicer.mrmlScene is not None:
            self.overlay.remove()

    def _onSession(self, what: str) -> None:
        if what == "answers":
            self.update()


def _values(answer: Answer | None, kind: str, segmentId: str) -> Any:
    """Gives what to draw, on the answer's region; None if there is nothing to be said."""
    prediction = answer.prediction if answer else None
    if answer is None or prediction is None:
        return None
    if kind == UNCERTAINTY:
        return np.ascontiguousarray(prediction.entropy())
    return _probability(prediction, answer, segmentId)


def _probability(prediction: Prediction, answer: Answer, segmentId: str) -> Any:
    for label, known in answer.part.segmentIds.items():
        if known == segmentId and label in prediction.labels:
            channel = prediction.labels.index(label)
            return np.ascontiguousarray(prediction.probabilities[channel])
    return None
