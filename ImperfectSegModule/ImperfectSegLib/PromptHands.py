"""Whose hand is on the prompts: who answers them when they change."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

_hands: list[str] = []


@contextmanager
def answeredElsewhere() -> Iterator[None]:
    """Tells everybody who watches prompts that whoever changes them now also answers them."""
    _hands.append("elsewhere")
    try:
        yield
    finally:
        _hands.pop()


def isAnsweredElsewhere() -> bool:
    """Whether the change of prompts that is under way is answered by whoever makes it."""
    return bool(_hands)
