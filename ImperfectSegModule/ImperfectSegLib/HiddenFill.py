"""Leaves of the user's segments only outlines, so that a preview below them is seen."""

from __future__ import annotations

from typing import Any

import slicer


class HiddenFill:
    """Turns off the fill of a segmentation in slice views, and on again as it was."""

    def __init__(self) -> None:
        self._displayId = ""

    def hide(self, segmentationNode: Any) -> None:
        """Leaves outlines only, of this segmentation and of no other; None for none."""
        display = segmentationNode.GetDisplayNode() if segmentationNode else None
        name = display.GetID() if display else ""
        if name == self._displayId:
            return
        self.giveBack()
        if display is not None and display.GetVisibility2DFill():
            display.SetVisibility2DFill(False)
            self._displayId = name

    def giveBack(self) -> None:
        """Turns the fill on again, unless nothing was turned off."""
        display = slicer.mrmlScene.GetNodeByID(self._displayId) if self._displayId else None
        if display is not None:
            display.SetVisibility2DFill(True)
        self._displayId = ""

    def forget(self) -> None:
        """Lets go of a scene that is being closed."""
        self._displayId = ""
