"""Annotations of parameters, as slicer.parameterNodeWrapper documents them.

Written from Slicer's developer guide (parameter_nodes/validators.md, defaults.md,
gui_connection.md). Left out: parameter packs, tuples, dicts, unions, Exclude, custom connectors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any


class Validator:
    """Base of annotations that refuse values."""

    def validate(self, value: Any) -> None:
        raise NotImplementedError


@dataclass(frozen=True)
class WithinRange(Validator):
    minimum: float
    maximum: float

    def validate(self, value: Any) -> None:
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"{value} is not within [{self.minimum}, {self.maximum}]")


@dataclass(frozen=True)
class Minimum(Validator):
    minimum: float

    def validate(self, value: Any) -> None:
        if value < self.minimum:
            raise ValueError(f"{value} is less than {self.minimum}")


@dataclass(frozen=True)
class Maximum(Validator):
    maximum: float

    def validate(self, value: Any) -> None:
        if value > self.maximum:
            raise ValueError(f"{value} is more than {self.maximum}")


class Choice(Validator):
    def __init__(self, choices: Iterable[Any]) -> None:
        self.choices = list(choices)

    def validate(self, value: Any) -> None:
        if value not in self.choices:
            raise ValueError(f"{value!r} is none of {self.choices}")


class Default:
    """The value of a parameter that the scene does not hold yet."""

    def __init__(self, value: Any = None, generator: Callable[[], Any] | None = None) -> None:
        self._value = value
        self._generator = generator

    @property
    def value(self) -> Any:
        return self._generator() if self._generator is not None else self._value


@dataclass(frozen=True)
class Decimals:
    """How many decimals the bound widget shows."""

    value: int


@dataclass(frozen=True)
class SingleStep:
    """The step of the bound widget."""

    value: float
