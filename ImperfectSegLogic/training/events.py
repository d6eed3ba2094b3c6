"""What a training run tells while it works."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Kind = Literal["step", "validation", "note", "end"]


@dataclass(frozen=True)
class Event:
    """Something that happened in a training run.

    Attributes:
        kind: `step` carries losses, `validation` Dice; `note` is for people to read; `end` comes
            last.
        step: Steps done.
        of: Steps in all.
        values: Numbers by name, for curves.
        text: For people.
        time: Seconds since 1970.
    """

    kind: Kind
    step: int
    of: int
    values: Mapping[str, float] = field(default_factory=dict)
    text: str = ""
    time: float = field(default_factory=time.time)

    def to_json(self) -> dict[str, Any]:
        """Gives what a line of `events.jsonl` holds."""
        return asdict(self)


Listener = Callable[[Event], None]
"""Called in the training thread, at most a few times a second but for notes and validations."""
