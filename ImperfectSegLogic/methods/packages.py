"""Which packages are there: 3D Slicer brings no torch, and nothing may fail for that."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence

NEEDED = ("torch", "monai", "safetensors")
"""What all that trains, and every engine with a network, needs."""


def absent_packages(names: Sequence[str] = NEEDED) -> list[str]:
    """Gives the packages that are not installed, or that an import hook forbids."""
    return [name for name in names if not _is_there(name)]


def packages_missing() -> str:
    """Tells which packages that a network needs are not installed, and how; empty if none."""
    missing = absent_packages()
    if not missing:
        return ""
    return (
        f"{', '.join(missing)}: not installed, but networks need it. Install it with: pip install"
        " 'imperfectseg[train]'"
    )


def _is_there(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ImportError:
        return False
