"""All measurements in turn: `python -m Testing.Benchmarks --data DIR [--quick]`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from Testing.Benchmarks.report import CONSOLE, arguments_of

NAMES = (
    "interactive",
    "region_cost",
    "training_throughput",
    "training_scale",
    "training_resume",
    "crf",
    "recist",
    "completion",
    "query_selection",
    "queue_next",
    "queue_kills",
    "query_overhead",
)


def main() -> int:
    """Runs each measurement in a process of its own; gives the worst exit code."""
    arguments = arguments_of("Testing.Benchmarks", __doc__)
    if arguments.data is None or not arguments.data.is_dir():
        CONSOLE.print(
            f"[red]{arguments.data} is not there. Give the folder that holds acdc/, medscribble/,"
            " left_atrium/ and brats2013/ with --data DIR, or `make bench DATA=DIR`.[/red]"
        )
        return 2
    codes = []
    for name in NAMES:
        CONSOLE.rule(name)
        command = [sys.executable, "-m", f"Testing.Benchmarks.{name}", *sys.argv[1:]]
        codes.append(subprocess.run(command, cwd=Path.cwd(), check=False).returncode)
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
