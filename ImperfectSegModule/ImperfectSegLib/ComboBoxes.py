"""Fills combo boxes, and chooses in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def fillBox(box: Any, texts: Sequence[str], chosen: str) -> None:
    """Offers these texts in place of those before; nobody is told."""
    wasBlocked = box.blockSignals(True)
    box.clear()
    box.addItems(list(texts))
    box.currentIndex = list(texts).index(chosen) if chosen in texts else 0
    box.blockSignals(wasBlocked)


def chooseInBox(box: Any, text: str) -> None:
    """Chooses a text, if it is offered."""
    row = int(box.findText(text))
    if row >= 0:
        box.currentIndex = row
