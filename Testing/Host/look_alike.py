"""Helpers for writing look-alikes of ctk and qMRML widgets.

A look-alike states its C++ class in ``_class_name`` and its signals, by their C++ signatures, in
``_signals`` (with a function that converts the argument, or None). Only what is written down
exists: any other property, method or signal raises, so that a slip cannot pass a test.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6 import QtCore

# C++ signature -> what converts its argument on the way to a slot, or None.
Signals = dict[str, "Callable[[Any], Any] | None"]


def stored(
    kind: Any, name: str, default: Any = None, changed: Callable[[Any], None] | None = None
) -> QtCore.Property:
    """A Qt property that only keeps its value, and calls ``changed(widget)`` when it is set."""
    key = f"_{name}_value"

    def read(self: Any) -> Any:
        return self.__dict__.get(key, default)

    def write(self: Any, value: Any) -> None:
        self.__dict__[key] = value
        if changed is not None:
            changed(self)

    return QtCore.Property(kind, read, write)


class Observing:
    """Observers of VTK objects that are taken off together, at the latest with the widget."""

    def _observe(self, target: Any, event: Any, callback: Callable[..., None]) -> None:
        if "_observations" not in self.__dict__:
            observations = self.__dict__["_observations"] = []
            self.destroyed.connect(lambda: _take_off(observations))
        self._observations.append((target, target.AddObserver(event, callback)))

    def _unobserve_all(self) -> None:
        _take_off(self.__dict__.get("_observations", []))


def _take_off(observations: list[tuple[Any, int]]) -> None:
    for target, tag in observations:
        target.RemoveObserver(tag)
    observations.clear()
