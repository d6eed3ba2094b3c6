"""What a run at work tells: events, state, time left; and whether somebody wants it to stop."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from ImperfectSegLogic.methods.progress import Progress
from ImperfectSegLogic.training.events import Event, Listener
from ImperfectSegLogic.training.run_folder import RunFolder

SECONDS_BETWEEN_EVENTS = 0.5


class Reporter:
    """Tells the run's folder and whoever listens."""

    def __init__(
        self,
        place: RunFolder,
        listener: Listener | None,
        progress: Progress | None,
        position: Callable[[], tuple[int, int]],
    ) -> None:
        """Takes who is told; `position` gives steps done and steps in all."""
        self._place, self._listener, self._progress = place, listener, progress
        self._position = position
        self._last_event = -float("inf")
        self._began, self._first = time.monotonic(), 0

    def begin(self) -> None:
        """Takes the time from here on: what was done before is not counted."""
        self._began, self._first = time.monotonic(), self._position()[0]

    def note(self, text: str) -> None:
        """Tells people something that they should know."""
        self._tell(Event("note", *self._position(), {}, text))

    def validation(self, scores: Mapping[str, float]) -> None:
        """Tells how good the network is on the validation cases."""
        self._tell(Event("validation", *self._position(), scores))

    def step(self, values: Mapping[str, float], is_last: bool) -> None:
        """Tells the losses of a step, at most twice a second but for the last of a round."""
        now = time.monotonic()
        if now - self._last_event < SECONDS_BETWEEN_EVENTS and not is_last:
            return
        self._last_event = now
        done, of = self._position()
        self._tell(Event("step", done, of, values))
        seconds = (now - self._began) / max(done - self._first, 1)
        self._place.set_state("running", done, of, seconds * (of - done))

    def preparing(self, fraction: float, case: str) -> None:
        """Tells which case is being prepared.

        Raises:
            CancelledError: If somebody cancelled.
        """
        self._place.set_state("running", *self._position(), None, f"preparing {case}")
        if self._progress:
            self._progress.report(0.0, f"preparing {case}")

    def end(self, state: str, text: str, scores: Mapping[str, float]) -> None:
        """Tells that the run is over for now."""
        self._tell(Event("end", *self._position(), dict(scores), text))
        self._place.set_state(state, *self._position(), None, text)

    @property
    def should_stop(self) -> bool:
        """Whether somebody cancelled, or made the file `stop`."""
        return self._place.should_stop or bool(self._progress and self._progress.is_cancelled)

    def share(self) -> None:
        """Tells the share that is done.

        Raises:
            CancelledError: If somebody cancelled in the meantime.
        """
        if self._progress:
            done, of = self._position()
            self._progress.report(done / of, f"step {done} of {of}")

    def _tell(self, event: Event) -> None:
        self._place.tell(event)
        if self._listener:
            self._listener(event)
