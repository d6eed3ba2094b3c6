"""The two kernels of a fully connected CRF, in millimeters and gray values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

Numbers = float | tuple[float, ...]
"""One number for all, or one per axis (k, j, i) or per channel."""


@dataclass(frozen=True)
class Smoothness:
    """Says that near voxels are alike: exp(-|p_i - p_j|^2 / (2 width^2)).

    The second kernel of Krähenbühl and Koltun (2011), equation 3 (`krahenbuhl2011efficient`).

    Attributes:
        weight: How much it counts, in units of energy.
        width: Standard deviation in mm, one number or one per axis in array order.

    Raises:
        ValueError: If the weight is negative, a width is not above 0, or one is not finite.
    """

    weight: float
    width: Numbers

    def __post_init__(self) -> None:
        _check_weight("smoothness", self.weight)
        _check_widths("smoothness, width", self.width, "mm")


@dataclass(frozen=True)
class Appearance:
    """Says that near voxels of like gray value are alike.

    The kernel is exp(-|p_i - p_j|^2 / (2 width^2) - |I_i - I_j|^2 / (2 contrast^2)), the first one
    of Krähenbühl and Koltun (2011), equation 3 (`krahenbuhl2011efficient`), there for colors.

    Attributes:
        weight: How much it counts, in units of energy.
        width: Standard deviation of positions in mm, one number or one per axis in array order.
        contrast: Standard deviation of gray values in the image's own units, one number or one per
            channel.

    Raises:
        ValueError: If the weight is negative, a width or contrast is not above 0, or one is not
            finite.
    """

    weight: float
    width: Numbers
    contrast: Numbers

    def __post_init__(self) -> None:
        _check_weight("appearance", self.weight)
        _check_widths("appearance, width", self.width, "mm")
        _check_widths("appearance, contrast", self.contrast, "gray values")


Kernel = Smoothness | Appearance


def per_axis(numbers: Numbers, count: int, what: str) -> tuple[float, ...]:
    """Gives one number per axis (or channel).

    Raises:
        ValueError: If there are neither one nor `count` numbers.
    """
    given = tuple(numbers) if isinstance(numbers, Sequence) else (numbers,)
    if len(given) not in (1, count):
        raise ValueError(f"{what}: got {len(given)} numbers {given}, allowed are 1 or {count}.")
    return tuple(float(n) for n in given) if len(given) == count else (float(given[0]),) * count


def _check_weight(kernel: str, weight: float) -> None:
    if not (math.isfinite(weight) and weight >= 0):
        raise ValueError(f"{kernel}, weight: got {weight}, allowed is 0 or more.")


def _check_widths(what: str, numbers: Numbers, unit: str) -> None:
    given = tuple(numbers) if isinstance(numbers, Sequence) else (numbers,)
    if not given or not all(math.isfinite(n) and n > 0 for n in given):
        raise ValueError(f"{what}: got {numbers}, allowed are numbers above 0 ({unit}).")
