"""What happens by itself while somebody is at a queue: time, leases, reading ahead, looking."""

from __future__ import annotations

from collections.abc import Callable

import qt
import slicer.util

from ImperfectSegLib.JobRunner import JobRunner
from ImperfectSegLib.QueueDesk import RENEW_S
from ImperfectSegLib.QueueSession import QueueSession
from ImperfectSegLib.QueueState import CONNECTED, DONE, OPENED
from ImperfectSegLogic.active.queue import LeaseLostError

TICK_MS = 1000
LOOK_S = 5
"""How often it is looked what others have done, while the module is open."""
AT_WORK = (
    "ImperfectSegQueue",
    "ImperfectSegInteractive",
    "ImperfectSegSparse",
    "ImperfectSegRefine",
    "SegmentEditor",
)
"""The modules in which items are annotated; in all others the time stands still."""


class QueueCare:
    """Ticks once a second.

    Attributes:
        ahead: The item that was read ahead; None if none was.
    """

    def __init__(
        self,
        session: QueueSession,
        say: Callable[[str, bool], None],
        onTick: Callable[[], None],
    ) -> None:
        """Takes the session, who speaks, and who is told of each tick."""
        self._session, self._say, self._onTick = session, say, onTick
        self.ahead: object = None
        self._isOpen, self._ticks, self._renewed = False, 0, 0.0
        self._ahead, self._renewing = JobRunner(), JobRunner()
        self._timer = qt.QTimer()
        self._timer.setInterval(TICK_MS)
        self._timer.connect("timeout()", self.tick)
        session.listeners.append(self._onSession)

    @property
    def isReading(self) -> bool:
        """Whether the next item is being read."""
        return self._ahead.isRunning

    def enter(self) -> None:
        """Called each time the user opens the module."""
        self._isOpen = True
        self._timer.start()
        if self._session.unit is not None:
            self._session.clock.resume()
        self._session.look()

    def exit(self) -> None:
        """Called each time the user opens another module; a tick finds out which one."""
        self._isOpen = False
        self._session.clock.pause()

    def close(self) -> None:
        """Called when the module is closed for good."""
        self._timer.stop()
        self._timer.disconnect("timeout()", self.tick)
        self._ahead.close()
        self._renewing.close()

    def tick(self) -> None:
        """Called once a second."""
        session = self._session
        self._ticks += 1
        if session.unit is not None:
            self._count()
            if self._ticks % round(RENEW_S * 1000 / TICK_MS) == 0:
                self.renew()
        if self._isOpen and self._ticks % round(LOOK_S * 1000 / TICK_MS) == 0:
            session.look()
        self._onTick()

    def renew(self) -> None:
        """Says that the annotator is still at work on the open item, wherever the user is."""
        desk, lease = self._session.desk, self._session.lease
        if desk is not None and lease is not None:
            self._renewing.start(
                lambda progress: desk.renew(lease), lambda _: None, self._onLost, lambda *_: None
            )

    def readAhead(self) -> None:
        """Reads the next item, so that it is there as soon as it is asked for."""
        desk = self._session.desk
        if desk is not None:
            self._ahead.start(
                lambda progress: desk.readAhead(), self._onAhead, self._onError, lambda *_: None
            )

    def _count(self) -> None:
        clock, module = self._session.clock, str(slicer.util.selectedModule())
        if module in AT_WORK:
            clock.resume()
        else:
            clock.pause()

    def _onAhead(self, unit: object) -> None:
        self.ahead = unit

    def _onError(self, error: Exception) -> None:
        """What cannot be read ahead is said when it is asked for."""
        if not isinstance(error, ValueError | OSError):
            raise error

    def _onLost(self, error: Exception) -> None:
        kept = ""
        if isinstance(error, LeaseLostError):
            kept = " What you annotate is kept; Done saves it as a version all the same."
        self._say(f"{error}{kept}", True)
        if not isinstance(error, ValueError | OSError):
            raise error

    def _onSession(self, what: str) -> None:
        if what == CONNECTED:
            self.ahead = None
        if what in (CONNECTED, OPENED, DONE):
            self.readAhead()
