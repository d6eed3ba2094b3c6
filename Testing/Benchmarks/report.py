"""What all benchmarks share: the command line, tables, files under Testing/output."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from rich.console import Console
from rich.table import Table

from Testing.Benchmarks.data import MissingDataError

OUTPUT = Path(__file__).parents[1] / "output"
CONSOLE = Console(width=None if sys.stdout.isatty() else 160)


def run(name: str, summary: str | None, measure: Callable[[argparse.Namespace], None]) -> None:
    """Reads the command line and measures; exit code 2 if data is missing."""
    try:
        measure(arguments_of(f"Testing.Benchmarks.{name}", summary))
    except MissingDataError as missing:
        CONSOLE.print(f"[red]{name}: {missing}[/red]")
        sys.exit(2)


def arguments_of(module: str, summary: str | None) -> argparse.Namespace:
    """Reads the command line that all measurements share."""
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=summary)
    parser.add_argument("--data", type=Path, help="folder with acdc/ and the others")
    parser.add_argument("--quick", action="store_true", help="a small part, to see that it runs")
    parser.add_argument("--split", default="test", choices=("train", "val", "test"))
    return parser.parse_args()


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Prints a table; numbers with two or three digits."""
    table = Table(title=title, title_justify="left")
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number < 2 else "right", no_wrap=number < 2)
    for row in rows:
        table.add_row(*[_text(value) for value in row])
    CONSOLE.print(table)


def save(name: str, result: dict[str, Any], folder: Path = OUTPUT) -> None:
    """Writes a result with where and on what it was measured, as JSON."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    text = json.dumps({"measured_on": _circumstances(), **result}, indent=1)
    path.write_text(text, encoding="utf-8")
    CONSOLE.print(f"Wrote {path}")


def save_figure(name: str, figure: plt.Figure, folder: Path = OUTPUT) -> None:
    """Writes a figure as PNG."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.png"
    figure.savefig(path, dpi=120, bbox_inches="tight")
    plt.close(figure)
    CONSOLE.print(f"Wrote {path}")


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.0f}" if value >= 100 else f"{value:.3g}" if value >= 1 else f"{value:.3f}"
    return str(value)


def _circumstances() -> dict[str, Any]:
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    return {
        "command": " ".join(sys.orig_argv[1:]),
        "commit": commit.stdout.strip(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "python": platform.python_version(),
    }
