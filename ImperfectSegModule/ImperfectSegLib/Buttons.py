"""How a panel's buttons do what they are for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def onClicks(actions: Mapping[Any, Callable[[], Any]]) -> None:
    """Has each button do something when it is clicked; whether it is checked does not matter."""
    for button, action in actions.items():
        button.connect("clicked(bool)", _ignoring(action))


def _ignoring(action: Callable[[], Any]) -> Callable[[bool], None]:
    def run(checked: bool) -> None:
        action()

    return run
