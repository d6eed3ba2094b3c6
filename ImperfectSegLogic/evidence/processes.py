"""The processes in which trainings run: one thread each, and none outlives its parent."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from concurrent.futures import Executor, ProcessPoolExecutor
from typing import Any

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")


def processes(jobs: int) -> Executor:
    """Makes a pool of processes for trainings."""
    # `spawn` is the only way that is safe with torch's threads and GPUs.
    return ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), begin_process)


def begin_process() -> None:
    """Prepares a process of the pool: it ends with its parent, which alone hears Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.update(dict.fromkeys(THREADS, "1"))  # Before torch is loaded.
    parent = multiprocessing.parent_process()
    assert parent is not None
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: Any) -> None:
    parent.join()
    os._exit(1)  # Nothing else would end a training whose parent was killed.
