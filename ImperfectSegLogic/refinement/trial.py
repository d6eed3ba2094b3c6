"""One try of a calibration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Trial:
    """Settings of the searched refiner, as far as they are no defaults, and their mean Dice."""

    settings: Mapping[str, Any]
    score: float
