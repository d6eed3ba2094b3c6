"""The folders of what was measured, one for each way to measure and model; old ones are removed."""

from __future__ import annotations

import contextlib
import hashlib
import math
import re
import shutil
from pathlib import Path

from ImperfectSegLogic.active.queue_files import now
from ImperfectSegLogic.data.datasets.files import visible

USED = ".used"
"""Its time tells when a folder was used last."""
KEPT = 86400.0
"""Seconds without use from which on what was measured with a former model is removed."""
NO_MODEL = "0" * 12
KEY = re.compile(r".+-([0-9a-f]{12})-[0-9a-f]{16}")
EARLIER_KEY = re.compile(r".+-[0-9a-f]{16}")
"""Of versions that did not name the model: their measurements are not used any more."""


def mark_used(folder: Path) -> None:
    """Notes that a folder is in use now; what can only be read is of use, too."""
    with contextlib.suppress(OSError):
        (folder / USED).write_bytes(b".")


def key_of(name: str, how: str, model: str | None) -> str:
    """Gives the name of the folder for one way to measure.

    Args:
        name: Of what measures.
        how: Another text for another way, whatever the model.
        model: Another text for another model; None if none is asked.
    """
    said = NO_MODEL if model is None else _hash(model)[: len(NO_MODEL)]
    return f"{name}-{said}-{_hash(how)[:16]}"


def remove_superseded(folder: Path, key: str) -> None:
    """Removes what was measured with other models than the one at hand, and not used for a day.

    Models that are asked by turns keep what was measured, and so do other processes at work. What
    was measured without a model stays. What cannot be removed stays, too: it does no harm.

    Args:
        folder: With a folder for each way to measure.
        key: The one that was used just now.
    """
    own = KEY.fullmatch(key)
    with contextlib.suppress(OSError):
        present = now(folder)
        for name in visible(folder):
            found = KEY.fullmatch(name)
            if found and own and own[1] != NO_MODEL:
                old = found[1] not in (NO_MODEL, own[1])
            else:
                old = not found and bool(EARLIER_KEY.fullmatch(name))
            if old and present - _last_used(folder / name) > KEPT:
                shutil.rmtree(folder / name, ignore_errors=True)


def _last_used(folder: Path) -> float:
    with contextlib.suppress(OSError):
        return max(path.stat().st_mtime for path in (folder, *folder.iterdir()))
    return math.inf  # Somebody else removes it.


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
