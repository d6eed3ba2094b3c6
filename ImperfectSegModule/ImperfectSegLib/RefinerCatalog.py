"""Which refiners there are, of those that can be imported; most need PyTorch.

    python -m ImperfectSegLib.RefinerCatalog FILE

writes them as JSON, in a process of its own, as `ImperfectSegLib.Catalog` does.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ImperfectSegLib.Catalog import Catalog, CatalogEntry, toJson
from ImperfectSegLogic.data.datasets.files import write_json
from ImperfectSegLogic.methods import catalog
from ImperfectSegLogic.methods.base import Refiner
from ImperfectSegLogic.methods.packages import absent_packages
from ImperfectSegLogic.methods.settings import fields_of, make_settings

MODULE = "ImperfectSegLib.RefinerCatalog"
NEEDED = ("torch",)
"""What most refiners import when they start to work."""


def lookUp() -> Catalog:
    """Gives the refiners that can be imported, and the packages that these or others lack."""
    entries, missing = [], absent_packages(NEEDED)
    for kind in _kinds():
        if isinstance(kind, ImportError):
            missing.append(str(kind.name))
            continue
        text = f"{kind.card.claims}\nWorks in {' and '.join(f'{n}-D' for n in kind.card.dims)}."
        fields = fields_of(kind.settings_type)
        entries.append(CatalogEntry(kind.card.name, text, kind.card.dims, fields=fields))
    return Catalog(methods=tuple(entries), missing=tuple(dict.fromkeys(missing)))


def makeRefiner(name: str, values: Mapping[str, Any]) -> Refiner:
    """Makes a refiner; others may lack what they need.

    Raises:
        ValueError: If there is none of that name, a setting is not allowed, or a package is not
            installed.
    """
    absent = ""
    known = []
    for kind in _kinds():
        if isinstance(kind, ImportError):
            absent = str(kind.name)
            continue
        known.append(kind.card.name)
        if kind.card.name == name:
            return kind(make_settings(kind.settings_type, values, name))
    if absent:
        raise ValueError(
            f"{name or 'no method'}: not there without the package {absent}. Install what is"
            " missing, or choose another method."
        )
    raise ValueError(f"refiner: got {name!r}, allowed are {', '.join(known) or 'none'}.")


def main() -> None:
    """Writes the refiners into the file that was named."""
    write_json(Path(sys.argv[1]), toJson(lookUp()), overwrite=True)


def _kinds() -> Iterator[type[Refiner] | ImportError]:
    for line in catalog.REFINERS:
        module, _, name = line.partition(":")
        try:
            yield getattr(importlib.import_module(f"{catalog.__package__}.{module}"), name)
        except ImportError as error:
            if error.name is None or error.name.startswith("ImperfectSeg"):
                raise  # Our own mistake.
            yield error


if __name__ == "__main__":
    main()
