"""The queue's files: rankings and what happened to every unit, each written once and never changed.

    queue/rankings/0001/ranking.json        what to annotate, most wanted first; the newest counts
    queue/events/UNIT~0001/event.json       a unit's first change of state, and how it stands then
    queue/events/UNIT~0002/event.json       its second, and so on

What is written is a folder that gets its name by a rename, which fails if there is one of that
name with something in it: of several processes exactly one wins, also on network shares that
know neither locks nor hard links, and nobody ever sees half of a change.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ImperfectSegLogic.active.unit import Unit, parse
from ImperfectSegLogic.data.datasets.files import new_folder, read_json, visible
from ImperfectSegLogic.data.safe_writing import explained

EVENT_FORMAT, RANKING_FORMAT, VERSION = "ImperfectSeg queue event", "ImperfectSeg ranking", 1
EVENT = re.compile(r"(.+)~(\d{4,})")
LEFT_OVER = 86400.0
"""Seconds after which a hidden file is one that a killed process left behind."""


def now(folder: Path) -> float:
    """Gives the time in seconds by the clock of the disk or server that the folder is on.

    The clocks of the machines that share a folder may differ and jump; this one is the same for
    all of them, and the one that the files' times come from.

    Raises:
        OSError: If nothing can be written there.
    """
    probe = folder / f".{secrets.token_hex(8)}.clock"
    try:
        os.close(os.open(probe, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        return probe.stat().st_mtime
    except OSError as error:
        raise explained(error, folder, probe) from error
    finally:
        with contextlib.suppress(OSError):
            probe.unlink()


def publish(target: Path, file: str, content: Mapping[str, Any]) -> bool:
    """Writes a JSON file in a new folder; True if it was this process that made the folder.

    Raises:
        OSError: If it cannot be written, as on a full disk; then there is no such folder.
    """
    token = secrets.token_hex(8)
    text = json.dumps({**content, "token": token}, indent=1, allow_nan=False, ensure_ascii=False)
    try:
        with new_folder(target) as made:
            (made / file).write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        # A server whose answer got lost is asked again, and then says that the name is taken.
        with contextlib.suppress(OSError, ValueError):
            if json.loads((target / file).read_text(encoding="utf-8"))["token"] == token:
                return True
        if isinstance(error, FileExistsError):
            return False
        raise
    return True


def event_folder(events: Path, unit: Unit, sequence: int) -> Path:
    """Gives where a unit's change of state is written; colons are not allowed in Windows' names."""
    return events / f"{unit.name().replace(':', '-')}~{sequence:04d}"


def last_events(events: Path) -> dict[Unit, int]:
    """Gives the number of the last change of every unit to which anything happened."""
    last: dict[str, int] = {}
    for name in visible(events):
        if match := EVENT.fullmatch(name):
            last[match[1]] = max(last.get(match[1], 0), int(match[2]))
    return {_unit_of(name): number for name, number in last.items()}


def _unit_of(name: str) -> Unit:
    case, at, place = name.partition("@")
    return parse(case + at + place.replace("-", ":"))


def read_event(events: Path, unit: Unit, sequence: int) -> dict[str, Any]:
    """Reads a unit's change of state.

    Raises:
        FileNotFoundError: If there was none of this number.
        ValueError: If the file is damaged.
    """
    path = event_folder(events, unit, sequence) / "event.json"
    return read_json(path, EVENT_FORMAT, VERSION)


def touch(events: Path, unit: Unit, sequence: int) -> None:
    """Notes that somebody is still at work on what an event began.

    Raises:
        OSError: If it cannot be written.
    """
    path = event_folder(events, unit, sequence) / "alive"
    try:
        # Not by setting the file's time, which some network shares take from this machine's clock.
        path.write_bytes(b".")
    except OSError as error:
        raise explained(error, path, path) from error


def touched(events: Path, unit: Unit, sequence: int) -> float:
    """Gives when an event was written or touched last, by the same clock as `now`.

    Raises:
        OSError: If the event is not there.
    """
    folder = event_folder(events, unit, sequence)
    written = (folder / "event.json").stat().st_mtime
    with contextlib.suppress(FileNotFoundError):
        return max(written, (folder / "alive").stat().st_mtime)
    return written


def sweep(folder: Path) -> None:
    """Removes what killed processes left behind a day ago or longer."""
    present = now(folder)
    for name in os.listdir(folder):  # noqa: PTH208
        path = folder / name
        with contextlib.suppress(OSError):
            if name.startswith(".") and present - path.stat().st_mtime > LEFT_OVER:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
