"""How long somebody was at work on one item."""

from __future__ import annotations

import time
from collections.abc import Callable


class QueueClock:
    """Counts seconds while it runs, by a clock that nobody can put back or forward."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """Takes what gives seconds since any moment."""
        self._now, self._counted = now, 0.0
        self._since: float | None = None

    @property
    def isRunning(self) -> bool:
        """Whether it counts."""
        return self._since is not None

    @property
    def seconds(self) -> float:
        """What it has counted."""
        return self._counted + (self._now() - self._since if self._since is not None else 0.0)

    def start(self, seconds: float = 0.0) -> None:
        """Counts on from a number of seconds."""
        self._counted, self._since = seconds, self._now()

    def pause(self) -> None:
        """Stops counting; what was counted stays."""
        self._counted, self._since = self.seconds, None

    def resume(self) -> None:
        """Counts on, unless it does so already."""
        if self._since is None:
            self._since = self._now()


def timeText(seconds: float) -> str:
    """Gives a time as people read it, such as 3:07 or 1:02:15."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
