"""Shows over the image what is known about the result that was applied last."""

from __future__ import annotations

from typing import Any

import slicer

from ImperfectSegLib.OverlayNode import OverlayNode
from ImperfectSegLib.PreviewPainter import valuesOf
from ImperfectSegLib.RefineChoice import Refined


class RefinedOverlay:
    """Uncertainty or probability of the last result, as long as it is what the segments show.

    Attributes:
        last: The result; None if there is none, or it was taken back.
    """

    def __init__(self) -> None:
        self.last: Refined | None = None
        self._overlay = OverlayNode()

    def draw(self, parameters: Any, segmentId: str) -> None:
        """Draws what the parameters ask for, or nothing.

        Args:
            parameters: What the panel remembers; None while a scene is closed or read.
            segmentId: Whose probability is wanted.
        """
        values, last = None, self.last
        if parameters is not None and last is not None and not parameters.livePreview:
            kind, node = parameters.overlay, parameters.segmentation
            values = valuesOf(last.prediction, kind, node, segmentId)
        if values is None or last is None:
            self.remove()
            return
        region, opacity = last.prediction.region, parameters.overlayOpacity
        self._overlay.show(values, region, parameters.inputVolume, opacity)

    def aside(self) -> None:
        """Gives the views back for a moment, as while a scene is saved; `draw` returns."""
        self._overlay.giveBack()

    def forget(self) -> None:
        """Lets go of a scene that is being closed."""
        self._overlay.forget()
        self.last = None

    def remove(self) -> None:
        """Shows nothing."""
        if self._overlay.node is not None and slicer.mrmlScene is not None:
            self._overlay.remove()
