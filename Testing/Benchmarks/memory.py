"""The largest memory of this process so far."""

from __future__ import annotations

import resource
import sys
from pathlib import Path


def peak_megabytes() -> float:
    """Gives the largest resident set in MB.

    Linux tells it of the process itself; what `getrusage` says there may be its parent's, which is
    inherited when a process is started.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        line = next(s for s in status.read_text("ascii").splitlines() if s.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024 / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6
