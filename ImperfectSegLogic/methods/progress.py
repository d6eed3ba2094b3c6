"""How long work tells how far it is, and how it is stopped."""

from __future__ import annotations

import threading
from collections.abc import Callable


class CancelledError(Exception):
    """Raised inside work that somebody cancelled; nothing was changed."""


class Progress:
    """A line between long work and whoever waits for it; safe to use from two threads.

    The work calls `report` often (at least every 100 ms); the waiting side calls `cancel`.
    """

    def __init__(self, listener: Callable[[float, str], None] | None = None) -> None:
        """Args: `listener` is called in the working thread with (fraction done, message)."""
        self._listener = listener
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        """Asks the work to stop at its next report."""
        self._cancelled.set()

    @property
    def is_cancelled(self) -> bool:
        """Whether somebody asked the work to stop."""
        return self._cancelled.is_set()

    def report(self, fraction: float, message: str = "") -> None:
        """Tells the fraction done, from 0 to 1.

        Raises:
            CancelledError: If somebody asked the work to stop.
        """
        if self._cancelled.is_set():
            raise CancelledError("cancelled")
        if self._listener is not None:
            self._listener(fraction, message)

    def part(self, start: float, stop: float) -> Progress:
        """Gives a progress whose 0 to 1 is `start` to `stop` of this one; cancelled with it."""
        return _Part(self, start, stop)


class _Part(Progress):
    def __init__(self, whole: Progress, start: float, stop: float) -> None:
        super().__init__()
        self._whole, self._start, self._stop = whole, start, stop

    def cancel(self) -> None:
        self._whole.cancel()

    @property
    def is_cancelled(self) -> bool:
        return self._whole.is_cancelled

    def report(self, fraction: float, message: str = "") -> None:
        self._whole.report(self._start + fraction * (self._stop - self._start), message)
