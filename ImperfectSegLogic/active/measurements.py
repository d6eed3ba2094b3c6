"""What was measured of units, in files that are added to, so that work goes on where it stopped."""

from __future__ import annotations

import secrets
import time
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.active.measured_folders import mark_used
from ImperfectSegLogic.active.unit import Unit
from ImperfectSegLogic.data.datasets.files import make_folder, visible
from ImperfectSegLogic.data.safe_writing import replacing

NPZ = (".npz",)
SECONDS = 30.0
"""What was measured is written this often: a process that is killed loses no more."""
UNITS = 10_000
"""And when this many units wait."""
NAME, STAMP = "unit", "stamp"

Columns = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Table:
    """What was measured, one row per unit.

    Attributes:
        units: Sorted.
        columns: By name, shape (unit) or (unit, number).
    """

    units: tuple[Unit, ...]
    columns: Columns

    def __len__(self) -> int:
        return len(self.units)

    def __getitem__(self, name: str) -> NDArray[Any]:
        """Gives a column."""
        return self.columns[name]


class Measurements:
    """Rows by the names of units; in a folder if there is one, else in memory only.

    Each file holds what was measured within some seconds, and is whole or not there. Several
    processes can write to one folder; of two rows of one unit, the later one counts.
    """

    def __init__(self, folder: Path | None = None) -> None:
        """Reads what is there.

        Raises:
            ValueError: If a file is damaged.
            OSError: If the folder cannot be made.
        """
        self._folder = folder
        self._parts: list[Columns] = []
        self._rows: dict[str, tuple[int, int]] = {}
        self._waiting: list[Columns] = []
        self._since = time.monotonic()
        if folder is not None:
            make_folder(folder)
            mark_used(folder)
            for name in visible(folder):
                if name.endswith(NPZ):
                    self._take(_read(folder / name))

    def has(self, name: str, stamp: str) -> bool:
        """Tells whether a unit was measured in an image with this stamp."""
        place = self._rows.get(name)
        return place is not None and str(self._parts[place[0]][STAMP][place[1]]) == stamp

    def add(self, units: Sequence[Unit], stamp: str, columns: Columns) -> None:
        """Takes the rows of some units of one case.

        Raises:
            ValueError: If it was time to write, and rows have unlike numbers of columns, as of
                images with unlike numbers of channels.
            OSError: If it was time to write, and that failed.
        """
        assert all(len(one) == len(units) for one in columns.values()), columns
        names = np.array([unit.name() for unit in units])
        part = {NAME: names, STAMP: np.array([stamp] * len(units)), **columns}
        self._take(part)
        self._waiting.append(part)
        late = time.monotonic() - self._since > SECONDS
        if late or sum(len(one[NAME]) for one in self._waiting) >= UNITS:
            self.write()

    def write(self) -> None:
        """Writes what waits.

        Raises:
            ValueError: As for `add`.
            OSError: If it cannot be written; nothing is lost but the work since the last time.
        """
        if self._waiting and self._folder is not None:
            # Rising names: what was measured again counts, not what it was measured again for.
            name = f"{time.time_ns():020d}-{secrets.token_hex(4)}.npz"
            with replacing(self._folder / name, NPZ) as temporary:
                np.savez(temporary, **_joined(self._waiting))  # type: ignore[arg-type]
        self._waiting, self._since = [], time.monotonic()

    def table(self, units: Sequence[Unit]) -> Table:
        """Gives the rows of units, all of which were measured.

        Raises:
            ValueError: If they do not go together, as of images with unlike numbers of channels.
        """
        if not units:
            return Table((), {})
        places = np.array([self._rows[unit.name()] for unit in units])
        order = np.argsort(places[:, 0], kind="stable")
        # Only parts with these units: others may have been measured of another kind of unit.
        found = [
            {name: one[places[rows, 1]] for name, one in self._parts[places[rows[0], 0]].items()}
            for rows in np.split(order, np.flatnonzero(np.diff(places[order, 0])) + 1)
        ]
        back = np.argsort(order)
        columns = {name: one[back] for name, one in _joined(found).items()}
        del columns[NAME], columns[STAMP]
        return Table(tuple(units), columns)

    def _take(self, part: Columns) -> None:
        number = len(self._parts)
        self._parts.append(part)
        self._rows |= {str(name): (number, row) for row, name in enumerate(part[NAME])}


def _joined(parts: Sequence[Columns]) -> dict[str, NDArray[Any]]:
    for name in parts[0]:
        shapes = {part[name].shape[1:] for part in parts}
        if len(shapes) > 1:
            raise ValueError(
                f"units: got {name} of {' and '.join(map(str, sorted(shapes)))} numbers, allowed"
                " are as many for each unit. Choose images with as many channels."
            )
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _read(path: Path) -> Columns:
    try:
        with np.load(path, allow_pickle=False) as file:
            found = {name: file[name] for name in file.files}
        if len({len(one) for one in found.values()}) != 1 or not {NAME, STAMP} <= found.keys():
            raise ValueError("its columns do not go together")
        return found
    except (ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{path}: got a damaged file of measured units ({error}). Delete it; what it held is"
            " measured again."
        ) from error
