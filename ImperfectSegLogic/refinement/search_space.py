"""Which numbers of a refiner's settings to search, and between which bounds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.methods.base import Refiner
from ImperfectSegLogic.methods.settings import SettingField, fields_of

SPREAD = 8.0
"""How many times smaller or larger than its start a number may become if nobody says otherwise."""


@dataclass(frozen=True)
class SearchedNumber:
    """A setting to search.

    Attributes:
        name: As in the settings.
        low: Lowest value; of a setting with several numbers, the lowest factor on its start.
        high: Highest value, or factor.
        logarithmic: Whether equal ratios count as equal steps.
        whole: Whether it is a whole number.
        numbers: The start of a setting with several numbers; empty of others.
    """

    name: str
    low: float
    high: float
    logarithmic: bool
    whole: bool = False
    numbers: tuple[float, ...] = ()

    def value(self, share: float) -> Any:
        """Gives the value at a share of the way from `low`, 0, to `high`, 1; four digits of it."""
        if self.logarithmic:
            found = self.low * (self.high / self.low) ** share
        else:
            found = self.low + (self.high - self.low) * share
        found = min(max(_digits(found), self.low), self.high)
        if self.numbers:
            return [_digits(number * found) for number in self.numbers]
        return round(found) if self.whole else found

    def share(self, value: Any) -> float:
        """Gives where a value is on the way from `low` to `high`, cut at 0 and 1."""
        found = value[0] / self.numbers[0] if self.numbers else float(value)
        found = min(max(found, self.low), self.high)
        if self.logarithmic:
            return math.log(found / self.low) / math.log(self.high / self.low)
        return (found - self.low) / (self.high - self.low)


Space = tuple[SearchedNumber, ...]


def values_at(space: Space, point: Sequence[float] | NDArray[np.float64]) -> dict[str, Any]:
    """Gives settings at a point of the unit cube."""
    return {one.name: one.value(float(share)) for one, share in zip(space, point, strict=True)}


def search_space(
    kind: type[Refiner],
    start: Mapping[str, Any],
    fixed: Sequence[str] = (),
    bounds: Mapping[str, tuple[float, float] | None] | None = None,
) -> Space:
    """Says what to search.

    Args:
        kind: The refiner's class.
        start: All of its settings; the search goes from an eighth to eight times of each.
        fixed: Names of settings that stay as they are.
        bounds: What to search instead of what the refiner wants, with bounds where they differ.

    Raises:
        ValueError: If there is no such setting, it is no number, there is nothing to search, or
            bounds are not allowed.
    """
    known = {one.name: one for one in fields_of(kind.settings_type)}
    unknown = [name for name in bounds or () if name not in known]
    if unknown:
        raise ValueError(
            f"{kind.card.name}: got {unknown[0]} to search, allowed are {', '.join(known)}."
        )
    if bounds:
        chosen = list(bounds)
    else:
        wanted = kind.searched or [n for n, one in known.items() if _is_searched(one, start)]
        chosen = [name for name in wanted if name not in fixed]
    if not chosen:
        raise ValueError(
            f"{kind.card.name}: got no number to search. Leave some settings out of the method, or"
            " name what to search."
        )
    limits = bounds or {}
    name = kind.card.name
    return tuple(_searched(name, known[n], start[n], limits.get(n)) for n in chosen)


def _is_searched(one: SettingField, start: Mapping[str, Any]) -> bool:
    numbers = start[one.name] if one.kind is tuple else (start[one.name],)
    return one.kind in (float, tuple) and bool(numbers) and all(n > 0 for n in numbers)


def _searched(
    method: str, one: SettingField, start: Any, bounds: tuple[float, float] | None
) -> SearchedNumber:
    several = one.kind is tuple
    if one.kind not in (int, float, tuple) or (several and not all(n > 0 for n in start)):
        raise ValueError(
            f"{method}, {one.name}: got it to search, which allowed are numbers only ({one.text})."
            " Give it with the method."
        )
    numbers = tuple(float(n) for n in start) if several else ()
    least, most = _limits(one, numbers)
    middle = 1.0 if several else float(start)
    if bounds is None and not middle > 0:
        raise ValueError(
            f"{method}, {one.name}: got it to search without bounds, but it starts at {middle:g}."
            f" Give bounds as {one.name}=LOW:HIGH."
        )
    low, high = bounds or (max(middle / SPREAD, least), min(middle * SPREAD, most))
    if not least <= low < high <= most:
        raise ValueError(
            f"{method}, {one.name}: got bounds {low:g} to {high:g}, allowed are two rising numbers"
            f" from {least:g} to {most:g} ({one.text})."
        )
    return SearchedNumber(one.name, low, high, low > 0, one.kind is int, numbers)


def _limits(one: SettingField, numbers: tuple[float, ...]) -> tuple[float, float]:
    low = -math.inf if one.low is None else float(one.low)
    high = math.inf if one.high is None else float(one.high)
    if not numbers:
        return low, high
    # Of factors; a hair inside, as products are rounded to four digits.
    return max(low / min(numbers), 1e-3) * 1.001, high / max(numbers) / 1.001


def _digits(value: float) -> float:
    return float(f"{value:.4g}")
