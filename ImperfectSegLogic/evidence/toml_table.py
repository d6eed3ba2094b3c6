"""Tables of TOML files, read key by key, so that a mistake is told with its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

NEEDED: Any = object()
"""Stands for "there is no default"."""


class Table:
    """A table of a TOML file; remembers which keys were asked for."""

    def __init__(self, content: Mapping[str, Any], where: str) -> None:
        """Takes the table and what to call it in messages."""
        self._left = dict(content)
        self.where = where

    def __contains__(self, key: str) -> bool:
        return key in self._left

    def text(self, key: str, default: str = NEEDED) -> str:
        """Takes a text.

        Raises:
            ValueError: If it is none, or not there although it is needed.
        """
        return str(self._take(key, (str,), "a text", default))

    def number(self, key: str, default: float = NEEDED) -> float:
        """Takes a number.

        Raises:
            ValueError: If it is none, or not there although it is needed.
        """
        return float(self._take(key, (int, float), "a number", default))

    def whole(self, key: str, default: int = NEEDED) -> int:
        """Takes a whole number.

        Raises:
            ValueError: If it is something else.
        """
        return int(self._take(key, (int,), "a whole number", default))

    def flag(self, key: str, default: bool) -> bool:
        """Takes true or false.

        Raises:
            ValueError: If it is something else.
        """
        return bool(self._take(key, (bool,), "true or false", default))

    def choice(self, key: str, allowed: Sequence[str], default: str) -> str:
        """Takes one of several texts.

        Raises:
            ValueError: If it is something else.
        """
        found = self.text(key, default)
        if found not in allowed:
            raise ValueError(
                f"{self.where}, {key}: got {found!r}, allowed are {', '.join(allowed)}."
            )
        return found

    def texts(self, key: str) -> tuple[str, ...]:
        """Takes a list of texts; none if it is not there.

        Raises:
            ValueError: If it is something else.
        """
        return tuple(self._list(key, str, "a list of texts", ()))

    def numbers(self, key: str, whole: bool = False) -> tuple[Any, ...]:
        """Takes a list of numbers that has to be there.

        Raises:
            ValueError: If it is something else.
        """
        kinds = (int,) if whole else (int, float)
        what = "a list of whole numbers" if whole else "a list of numbers"
        return tuple(self._list(key, kinds, what, NEEDED))

    def mapping(self, key: str) -> dict[str, Any]:
        """Takes a table as it is; an empty one if it is not there.

        Raises:
            ValueError: If it is something else.
        """
        return dict(self._take(key, (dict,), "a table", {}))

    def labels(self, key: str) -> dict[int, str]:
        """Takes names of labels by number.

        Raises:
            ValueError: If it is something else.
        """
        found = self.mapping(key)
        if not found or not all(n.isdigit() and isinstance(t, str) for n, t in found.items()):
            raise ValueError(f'{self.where}, {key}: got {found}, allowed is {{ 1 = "liver" }}.')
        return {int(number): name for number, name in found.items()}

    def table(self, key: str) -> Table:
        """Takes a table to be read in turn; an empty one if it is not there."""
        return Table(self.mapping(key), f"{self.where}, {key}")

    def tables(self, key: str) -> list[Table]:
        """Takes a list of tables; none if it is not there.

        Raises:
            ValueError: If it is something else.
        """
        found = self._list(key, dict, "a list of tables", ())
        return [Table(one, f"{self.where}, {key}[{n}]") for n, one in enumerate(found)]

    def only(self, keys: Sequence[str]) -> Table:
        """Takes some keys out, as a table of their own."""
        return Table({k: self._left.pop(k) for k in keys if k in self._left}, self.where)

    def rest(self) -> dict[str, Any]:
        """Takes all that is left."""
        left, self._left = self._left, {}
        return left

    def done(self) -> None:
        """Checks that nothing is left.

        Raises:
            ValueError: If there is a key that nobody asked for.
        """
        if self._left:
            raise ValueError(
                f"{self.where}: got {sorted(self._left)}, which mean nothing here. Check the"
                " spelling, or take them out."
            )

    def _list(self, key: str, kind: Any, what: str, default: Any) -> list[Any]:
        found = self._take(key, (list, tuple), what, default)
        if not all(isinstance(one, kind) and not isinstance(one, bool) for one in found):
            raise ValueError(f"{self.where}, {key}: got {found!r}, allowed is {what}.")
        return list(found)

    def _take(self, key: str, kinds: tuple[type, ...], what: str, default: Any) -> Any:
        if key not in self._left:
            if default is NEEDED:
                raise ValueError(f"{self.where}: has no `{key}`, which has to be {what}.")
            return default
        found = self._left.pop(key)
        if not isinstance(found, kinds) or (isinstance(found, bool) and bool not in kinds):
            raise ValueError(f"{self.where}, {key}: got {found!r}, allowed is {what}.")
        return found
