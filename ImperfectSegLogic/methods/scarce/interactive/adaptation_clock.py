"""How long an adaptation may go on."""

from __future__ import annotations

import time


class Clock:
    """How many network steps an adaptation may take: a number, or what fits into a time."""

    def __init__(self, steps: int, seconds: float) -> None:
        """Args: `seconds` does not count where `steps` is above 0."""
        self.steps = 0
        self._most, self._seconds = steps, seconds
        self._start = self._last = time.monotonic()
        self._slowest = self._reserve = 0.0

    @property
    def fraction(self) -> float:
        """The part that is used, from 0 to 1."""
        if self._most:
            return self.steps / self._most
        return min((time.monotonic() - self._start) / self._seconds, 1.0)

    def is_open(self) -> bool:
        """Whether there is room for one step more."""
        if self._most:
            return self.steps < self._most
        self._last = time.monotonic()
        return self._last - self._start + self._slowest + self._reserve < self._seconds

    def reserve(self, seconds: float) -> None:
        """Keeps time for what comes after the last step."""
        self._reserve = max(self._reserve, seconds)

    def count(self) -> None:
        """Counts a step that was begun when `is_open` was asked last."""
        self.steps += 1
        self._slowest = max(self._slowest, time.monotonic() - self._last)
