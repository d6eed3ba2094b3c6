"""What all commands share: the terminal, progress bars, and options for labels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from ImperfectSegLogic.methods.packages import absent_packages

console = Console()
errors = Console(stderr=True)


@contextmanager
def bar(title: str, time_left: bool = False) -> Iterator[Callable[[float, str], None]]:
    """Shows a progress bar that goes away at the end.

    Args:
        title: What is being done.
        time_left: Whether to tell how long it will still take, instead of how long it took.

    Yields:
        What to call with the share that is done, from 0 to 1, and what is at hand.
    """
    clock = TimeRemainingColumn() if time_left else TimeElapsedColumn()
    columns = (TextColumn("{task.description}"), BarColumn(), clock)
    hidden = not errors.is_terminal  # In a log file a bar is nothing but empty lines.
    with Bars(*columns, console=errors, transient=True, disable=hidden) as bars:
        task = bars.add_task(title, total=1.0)
        yield lambda fraction, text: bars.update(
            task, completed=fraction, description=plain(text) or title
        )


def need_torch() -> None:
    """Checks that what trains and predicts is installed.

    Raises:
        ValueError: If it is not.
    """
    missing = absent_packages()
    if missing:
        raise ValueError(
            f"{', '.join(missing)}: not installed, but training and trained models need it. Install"
            " it with: pip install 'imperfectseg[train]'"
        )


def named_labels(option: str, pairs: Sequence[str]) -> dict[int, str]:
    """Gives the names of labels that were typed as `1=liver 2=spleen`.

    Raises:
        ValueError: If one is not of this form.
    """
    names = {}
    for pair in pairs:
        number, _, name = pair.partition("=")
        if not number.isdigit() or int(number) < 1 or not name:
            raise ValueError(f"{option}: got {pair!r}, allowed is NUMBER=NAME, such as 1=liver.")
        names[int(number)] = name
    return names


def plain(text: object) -> str:
    """Gives a text that is printed as it is, brackets and all."""
    return str(text).replace("[", r"\[")
