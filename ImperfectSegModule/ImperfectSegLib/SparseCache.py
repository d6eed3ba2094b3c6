"""Keeps what was read from markups nodes until they change: there may be hundreds of strokes."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, TypeVar

import vtk

T = TypeVar("T")


class SparseCache:
    """Holds values per node, and drops them at any event of the node."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[Any, int, dict[str, Any]]] = {}

    def get(self, node: Any, what: str, read: Callable[[Any], T]) -> T:
        """Gives a value of a node, read when it is not known yet.

        Args:
            node: The node.
            what: Which value.
            read: Reads it from the node.
        """
        values = self._values(node)
        if what not in values:
            value = read(node)
            values = self._values(node)  # Reading may have changed the node.
            values[what] = value
        found: T = values[what]
        return found

    def keep(self, nodes: Collection[Any]) -> None:
        """Lets go of all other nodes."""
        ids = {node.GetID() for node in nodes}
        for name in self._kept.keys() - ids:
            self._drop(name)

    def clear(self) -> None:
        """Lets go of all nodes."""
        self.keep(())

    def _values(self, node: Any) -> dict[str, Any]:
        name = node.GetID()
        if name in self._kept and self._kept[name][0] is not node:
            self._drop(name)
        if name not in self._kept:
            values: dict[str, Any] = {}
            changed = vtk.vtkCommand.AnyEvent
            tag = node.AddObserver(changed, lambda caller, event: values.clear())
            self._kept[name] = (node, tag, values)
        return self._kept[name][2]

    def _drop(self, name: str) -> None:
        node, tag, _ = self._kept.pop(name)
        node.RemoveObserver(tag)
