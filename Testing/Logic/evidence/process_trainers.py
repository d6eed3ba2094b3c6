"""Trainers for tests of processes; nothing here needs torch, so that processes start fast."""

from __future__ import annotations

import os
import signal
import time

from ImperfectSegLogic.methods.progress import CancelledError


def killed_trainer(training):
    """Ends its process, as the system does when memory runs out."""
    os.kill(os.getpid(), signal.SIGKILL)


def waiting_trainer(training):
    """Works until somebody makes the file `stop`, at most 20 seconds."""
    training.folder.mkdir(parents=True, exist_ok=True)
    (training.folder / "began").write_text(str(os.getpid()))
    for _ in range(1000):
        if (training.folder / "stop").exists():
            (training.folder / "stopped").touch()
            raise CancelledError("stopped")
        time.sleep(0.02)
    raise ValueError("nobody made the file stop")
