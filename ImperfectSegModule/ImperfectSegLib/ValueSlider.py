"""A slider for a number that may be far larger than usual, with a box to type it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import qt

STEPS = 1000
BOX_WIDTH = 90
MIDDLE = 0.5
"""Where on the slider the usual value is."""


class ValueSlider:
    """Has the usual value in its middle, however far away the limits are.

    Attributes:
        widget: The slider and the box.
        box: Where the number is typed, between the limits.
        slider: Moves the number in the box.
    """

    def __init__(self, box: Any, usual: float, onChanged: Callable[[], None]) -> None:
        """Takes a spin box with limits and value, its usual value, and who is told of changes."""
        self.box, self._onChanged = box, onChanged
        self._power = _powerFor(float(box.minimum), float(box.maximum), usual)
        self._isFollowing = False
        self.widget = qt.QWidget()
        layout = qt.QHBoxLayout(self.widget)
        layout.setContentsMargins(0, 0, 0, 0)
        self.slider = qt.QSlider(qt.Qt.Horizontal)
        self.slider.minimum, self.slider.maximum = 0, STEPS
        box.maximumWidth = BOX_WIDTH  # Far limits would make it wider than the panel.
        layout.addWidget(self.slider, 1)
        layout.addWidget(box)
        self._follow()
        whole = isinstance(box, qt.QSpinBox)
        box.connect(f"valueChanged({'int' if whole else 'double'})", self._onBox)
        self.slider.connect("valueChanged(int)", self._onSlider)

    def _onSlider(self, position: int) -> None:
        if not self._isFollowing:
            low, high = float(self.box.minimum), float(self.box.maximum)
            value = low + (high - low) * (position / STEPS) ** self._power
            self._isFollowing = True
            self.box.value = round(value) if isinstance(self.box, qt.QSpinBox) else value
            self._isFollowing = False

    def _onBox(self, value: float) -> None:
        if not self._isFollowing:
            self._follow()
        self._onChanged()

    def _follow(self) -> None:
        low, high = float(self.box.minimum), float(self.box.maximum)
        part = (float(self.box.value) - low) / (high - low)
        self._isFollowing = True
        self.slider.value = round(STEPS * part ** (1 / self._power))
        self._isFollowing = False


def _powerFor(low: float, high: float, usual: float) -> float:
    """Gives the power of the slider's way that is the usual value's part of the range."""
    part = (usual - low) / (high - low)
    return math.log(part) / math.log(MIDDLE) if 0 < part < 1 else 1.0
