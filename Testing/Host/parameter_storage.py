"""How typed parameters lie in a vtkMRMLScriptedModuleNode.

Values are parameters or node references of a real node, so they survive scene save and load, and
a node reference follows the node. The text of lists is JSON here; real Slicer writes another form,
so a scene saved by the host is not meant to be opened by the wrapper of real Slicer.
"""

from __future__ import annotations

import enum
import json
import pathlib
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import slicer

from .annotations import Default, Validator


@dataclass(frozen=True)
class Parameter:
    """One annotated member of a parameter node class."""

    name: str
    annotated: Any  # the type as written
    storage: Storage
    validators: tuple[Validator, ...]
    default: Default

    @classmethod
    def from_annotation(cls, name: str, annotated: Any, assigned: Default | None) -> Parameter:
        kind, notes = split_annotation(annotated)
        storage = storage_for(kind)
        written = next((n for n in notes if isinstance(n, Default)), None)
        default = assigned or written or Default(generator=storage.empty)
        validators = tuple(n for n in notes if isinstance(n, Validator))
        return cls(name, annotated, storage, validators, default)

    def validate(self, value: Any) -> None:
        if not isinstance(value, self.storage.accepted):
            raise ValueError(
                f"{self.name} takes {self.storage.accepted}, not {type(value).__name__} {value!r}"
            )
        for validator in self.validators:
            try:
                validator.validate(value)
            except ValueError as error:
                raise ValueError(f"{self.name}: {error}") from None


class Storage:
    """A type that is written as one string parameter."""

    def __init__(
        self,
        accepted: Any,
        empty: Callable[[], Any],
        read: Callable[[str], Any],
        write: Callable[[Any], str] = str,
    ) -> None:
        self.accepted = accepted
        self.empty = empty
        self.from_text = read
        self.to_text = write

    def is_in(self, node: Any, name: str) -> bool:
        return name in node.GetParameterNames()

    def read(self, node: Any, name: str) -> Any:
        return self.from_text(node.GetParameter(name))

    def write(self, node: Any, name: str, value: Any) -> None:
        node.SetParameter(name, self.to_text(value))


class NodeStorage(Storage):
    """A MRML node, held as a node reference; a parameter marks that it was set."""

    def __init__(self, node_class: type) -> None:
        super().__init__((node_class, type(None)), lambda: None, str)

    def is_in(self, node: Any, name: str) -> bool:
        return node.GetNodeReferenceID(name) is not None

    def read(self, node: Any, name: str) -> Any:
        return node.GetNodeReference(name)

    def write(self, node: Any, name: str, value: Any) -> None:
        node.SetNodeReferenceID(name, value.GetID() if value is not None else None)


class NodeListStorage(Storage):
    """A list of MRML nodes, held as numbered references of one role."""

    def __init__(self) -> None:
        super().__init__(list, list, str)

    def is_in(self, node: Any, name: str) -> bool:
        return node.GetNumberOfNodeReferences(name) > 0

    def read(self, node: Any, name: str) -> Any:
        count = node.GetNumberOfNodeReferences(name)
        return [node.GetNthNodeReference(name, index) for index in range(count)]

    def write(self, node: Any, name: str, value: Any) -> None:
        node.RemoveNodeReferenceIDs(name)
        for referenced in value:
            node.AddNodeReferenceID(name, referenced.GetID())


def split_annotation(annotated: Any) -> tuple[Any, tuple[Any, ...]]:
    """``Annotated[int, a, b]`` -> ``int, (a, b)``."""
    if typing.get_origin(annotated) is typing.Annotated:
        kind, *notes = typing.get_args(annotated)
        return kind, tuple(notes)
    return annotated, ()


def is_node_class(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, slicer.vtkMRMLNode)


def storage_for(kind: Any) -> Storage:
    """The storage of a type, or TypeError for one that the host does not know."""
    if typing.get_origin(kind) is list:
        return _list_storage(split_annotation(typing.get_args(kind)[0])[0])
    if is_node_class(kind):
        return NodeStorage(kind)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return Storage(kind, lambda: next(iter(kind)), lambda t: kind[t], lambda v: v.name)
    if isinstance(kind, type) and issubclass(kind, pathlib.PurePath):
        return Storage(pathlib.PurePath, kind, kind)
    if kind not in _PLAIN:
        raise TypeError(f"the test host cannot store parameters of type {kind}")
    return _PLAIN[kind]


def _list_storage(item: Any) -> Storage:
    if is_node_class(item):
        return NodeListStorage()
    one = storage_for(item)
    return Storage(
        list,
        list,
        lambda text: [one.from_text(t) for t in json.loads(text)],
        lambda values: json.dumps([one.to_text(v) for v in values]),
    )


_PLAIN: dict[Any, Storage] = {
    int: Storage(int, int, int),
    float: Storage((float, int), float, float, lambda value: repr(float(value))),
    bool: Storage(bool, bool, lambda text: text == "True"),
    str: Storage(str, str, str),
}
