"""Tells whether the code of methods has changed in a way that could change what they do."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

PACKAGE = "ImperfectSegLogic"
ROOT = Path(__file__).resolve().parents[2]
"""The folder that the package is in."""
FOLLOWED = tuple(
    f"{PACKAGE}.{part}."
    for part in ("methods", "losses", "crf", "refinement", "completion", "measurement")
)
INTERFACES = frozenset(
    f"{PACKAGE}.methods.{name}" for name in ("base", "card", "catalog", "progress", "settings")
)
"""Say how methods are asked, not what they do: a new verb makes no measured number wrong."""
SUPERVISED = f"{PACKAGE}.methods.supervised"
"""The term that every training without a supervising method has."""
GROUPS = f"{PACKAGE}.methods.scarce.traditional_augmentation.groups"


def code_hash(
    modules: Iterable[str], root: Path = ROOT, followed: tuple[str, ...] = FOLLOWED
) -> str:
    """Gives a hash of modules and of those that they import.

    Comments, docstrings, formatting and cards do not matter; interfaces are left out.

    Args:
        modules: Full names.
        root: The folder that the package is in.
        followed: How the names of imported modules begin that count too; by default
            those in `FOLLOWED`.

    Raises:
        ValueError: If there is no such module.
    """
    whole = hashlib.sha256()
    for name in sorted(_closure(modules, root, followed)):
        whole.update(f"{name}\n{_told(_parsed(name, root))}\n".encode())
    return whole.hexdigest()[:16]


def modules_followed(
    modules: Iterable[str], followed: tuple[str, ...], root: Path = ROOT
) -> tuple[str, ...]:
    """Gives modules and those that they import, sorted; interfaces are left out.

    Args:
        modules: Full names.
        followed: How the names of imported modules begin that count too.
        root: The folder that the package is in.

    Raises:
        ValueError: If there is no such module.
    """
    return tuple(sorted(_closure(modules, root, followed)))


def _closure(modules: Iterable[str], root: Path, followed: tuple[str, ...]) -> set[str]:
    found: set[str] = set()
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name in found or name in INTERFACES:
            continue
        found.add(name)
        waiting += [one for one in _imported(name, root) if one.startswith(followed)]
    return found


def _imported(name: str, root: Path) -> Iterator[str]:
    for node in ast.walk(_parsed(name, root)):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module is not None, f"{name}: imports are absolute here"
            for one in node.names:
                inner = f"{node.module}.{one.name}"
                yield inner if _path(inner, root) else node.module


def _parsed(name: str, root: Path) -> ast.Module:
    path = _path(name, root)
    if path is None:
        raise ValueError(f"module {name}: there is none below {root}.")
    return ast.parse(path.read_text(encoding="utf-8"))


def _path(name: str, root: Path) -> Path | None:
    place = root.joinpath(*name.split("."))
    for path in (place.with_suffix(".py"), place / "__init__.py"):
        if path.is_file():
            return path
    return None


def _told(node: Any) -> str:
    """Gives a tree as text that is the same in all versions of Python, without what is for people.

    Fields that are empty are left out: newer versions have more of them.
    """
    if isinstance(node, list):
        return "[" + ",".join(_told(one) for one in node) + "]"
    if not isinstance(node, ast.AST):
        return repr(node)
    parts = []
    for field, value in ast.iter_fields(node):
        if field in ("ctx", "kind", "type_comment", "type_ignores"):
            continue
        kept = _code(value) if field == "body" and isinstance(value, list) else value
        if kept is not None and kept != []:
            parts.append(f"{field}={_told(kept)}")
    return f"{type(node).__name__}({','.join(parts)})"


def _code(body: list[Any]) -> list[Any]:
    return [one for one in body if not _is_text(one) and not _is_card(one)]


def _is_text(node: Any) -> bool:
    """Tells whether a statement is nothing but a text: a docstring, or one below an attribute."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _is_card(node: Any) -> bool:
    return isinstance(node, ast.Assign) and [
        one.id for one in node.targets if isinstance(one, ast.Name)
    ] == ["card"]
