"""Runs long work beside the window, so that a click never freezes it."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import Any

import qt

from ImperfectSegLogic.methods.progress import CancelledError, Progress

POLL_MS = 5
YIELD_S = 0.01
"""Slicer's event loop holds Python's lock (CTK never gives it away), so threads stand still while
nothing happens in the window. A timer that sleeps lends it to them; 10 ms are not felt."""


class JobRunner:
    """Runs one job at a time in a thread; all callbacks come in the GUI thread.

    Starting a job cancels the one before it, whose callbacks then never come. The work must not
    touch MRML, Qt or VTK objects.
    """

    def __init__(self) -> None:
        self._timer = qt.QTimer()
        self._timer.setInterval(POLL_MS)
        self._timer.connect("timeout()", self._poll)
        self._messages: queue.Queue[tuple[Progress, str, Any]] = queue.Queue()
        self._current: Progress | None = None
        self._callbacks: dict[str, Callable[..., None]] = {}

    @property
    def isRunning(self) -> bool:
        """Whether a job is under way."""
        return self._current is not None

    def start(
        self,
        work: Callable[[Progress], Any],
        onDone: Callable[[Any], None],
        onError: Callable[[Exception], None],
        onProgress: Callable[[float, str], None],
    ) -> None:
        """Starts `work`, which is told to report its progress to its argument.

        Args:
            work: Called in a thread.
            onDone: Called with what the work returned.
            onError: Called with what the work raised.
            onProgress: Called with the fraction done and a message.
        """
        self.cancel()
        progress = Progress(
            lambda fraction, text: self._messages.put((progress, "progress", (fraction, text)))
        )
        self._current = progress
        self._callbacks = {"done": onDone, "error": onError, "progress": lambda m: onProgress(*m)}
        threading.Thread(target=self._run, args=(work, progress), daemon=True).start()
        self._timer.start()

    def cancel(self) -> None:
        """Stops the job at its next report; none of its callbacks comes any more."""
        if self._current is not None:
            self._current.cancel()
        self._current = None
        self._timer.stop()

    def close(self) -> None:
        """Stops the job, and keeps no connection that would keep the runner alive."""
        self.cancel()
        self._timer.disconnect("timeout()", self._poll)

    def _run(self, work: Callable[[Progress], Any], progress: Progress) -> None:
        try:
            self._messages.put((progress, "done", work(progress)))
        except CancelledError:
            pass
        except Exception as error:
            self._messages.put((progress, "error", error))

    def _poll(self) -> None:
        time.sleep(YIELD_S)
        while not self._messages.empty():
            progress, kind, value = self._messages.get()
            if progress is not self._current:
                continue  # Of a job that was cancelled.
            if kind != "progress":
                self._current = None
                self._timer.stop()
            self._callbacks[kind](value)
