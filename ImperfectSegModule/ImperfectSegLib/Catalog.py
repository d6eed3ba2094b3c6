"""Which methods there are, looked up in a process of its own.

Slicer need not have PyTorch, and importing it would stop the window for seconds:

    python -m ImperfectSegLib.Catalog FILE

writes as JSON what can be imported.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ImperfectSegLogic.data.datasets.files import write_json
from ImperfectSegLogic.methods import catalog
from ImperfectSegLogic.methods.settings import SettingField, fields_of

NEEDED = ("torch", "monai", "safetensors", "filelock", "rich")
"""What training needs and 3D Slicer does not bring."""
KINDS: Mapping[str, type] = {kind.__name__: kind for kind in (bool, int, float, str, tuple)}


@dataclass(frozen=True)
class CatalogEntry:
    """A method to choose.

    Attributes:
        name: As on its card.
        text: What is to know about it.
        dims: Numbers of image dimensions it works in.
        supervises: Whether it takes the place of the supervised term.
        fields: What can be set.
    """

    name: str
    text: str
    dims: tuple[int, ...]
    supervises: bool = False
    fields: tuple[SettingField, ...] = ()


@dataclass(frozen=True)
class Catalog:
    """What there is to choose from.

    Attributes:
        methods: Training methods.
        transforms: Sample transforms.
        missing: Packages that must be installed first.
        problem: Why nothing could be looked up; empty if all went well.
    """

    methods: tuple[CatalogEntry, ...] = ()
    transforms: tuple[CatalogEntry, ...] = ()
    missing: tuple[str, ...] = ()
    problem: str = ""


def lookUp() -> Catalog:
    """Gives what there is; imports PyTorch."""
    missing = []
    for name in NEEDED:
        try:
            importlib.import_module(name)
        except ImportError:
            missing.append(name)
    if missing:
        return Catalog(missing=tuple(missing))
    return Catalog(_entries(catalog.training_methods()), _entries(catalog.transforms()))


def readCatalog(path: Path) -> Catalog:
    """Reads what a process has looked up.

    Raises:
        OSError: If there is no such file.
        ValueError: If it is damaged.
    """
    said = json.loads(path.read_text(encoding="utf-8"))
    return Catalog(
        tuple(map(_entryOf, said["methods"])),
        tuple(map(_entryOf, said["transforms"])),
        tuple(said["missing"]),
    )


def main() -> None:
    """Writes the catalog into the file that was named."""
    write_json(Path(sys.argv[1]), toJson(lookUp()), overwrite=True)


def toJson(known: Catalog) -> dict[str, Any]:
    """Gives a catalog as plain values."""
    said = dataclasses.asdict(known)
    for entry in (*said["methods"], *said["transforms"]):
        for field in entry["fields"]:
            field["kind"] = field["kind"].__name__
    return said


def _entries(methods: Iterable[Any]) -> tuple[CatalogEntry, ...]:
    return tuple(
        CatalogEntry(
            method.card.name,
            f"{method.card.claims}\nNeeds: {method.card.requires.value}."
            f" Annotations: {', '.join(method.card.accepts)}.",
            method.card.dims,
            bool(getattr(method, "supervises", False)),
            fields_of(method.settings_type),
        )
        for method in methods
    )


def _entryOf(said: Mapping[str, Any]) -> CatalogEntry:
    fields = tuple(_fieldOf(field) for field in said["fields"])
    return CatalogEntry(said["name"], said["text"], tuple(said["dims"]), said["supervises"], fields)


def _fieldOf(said: Mapping[str, Any]) -> SettingField:
    kind, default = KINDS[said["kind"]], said["default"]
    known = {
        "kind": kind,
        "default": tuple(default) if kind is tuple else default,
        "choices": tuple(said["choices"]),
    }
    return SettingField(**{**said, **known})


if __name__ == "__main__":
    main()
