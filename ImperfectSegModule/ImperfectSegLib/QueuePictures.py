"""Thumbnails of items: made beside the window, and kept as files as long as 3D Slicer runs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import slicer
from PIL import Image

from ImperfectSegLib.JobRunner import JobRunner
from ImperfectSegLib.QueueDesk import QueueDesk
from ImperfectSegLib.QueueProposal import predictionOf
from ImperfectSegLogic.active.pool import DatasetImages
from ImperfectSegLogic.active.unit import Unit
from ImperfectSegLogic.active.unit_picture import unit_picture
from ImperfectSegLogic.data import Volume
from ImperfectSegLogic.methods.progress import Progress

SIDE = 56
"""Pixels of a picture's longer side."""
AT_ONCE = 8
"""So many are made before they are shown, so that what the user looks at meanwhile comes first."""


class QueuePictures:
    """Makes the pictures that are asked for, those of the same case together."""

    def __init__(self, onMade: Callable[[], None]) -> None:
        """Takes who is told when there are new ones."""
        self._onMade = onMade
        self._jobs = JobRunner()
        self._known: dict[tuple[Unit, str], str] = {}
        self._folder = Path(slicer.app.temporaryPath) / "ImperfectSegQueue"

    def path(self, unit: Unit, model: str) -> str | None:
        """Gives the file of a picture; empty if it cannot be made, None if it is not made yet."""
        return self._known.get((unit, model))

    def make(self, desk: QueueDesk, units: Sequence[Unit]) -> None:
        """Makes some of the pictures that are missing, unless it is at work already."""
        model = desk.model
        wanted = [unit for unit in units if (unit, model) not in self._known][:AT_ONCE]
        if wanted and not self._jobs.isRunning:
            self._jobs.start(
                lambda progress: self._made(desk, wanted, model, progress),
                self._onDone,
                self._onError,
                lambda *_: None,
            )

    def forget(self) -> None:
        """Forgets all, as of another data set."""
        self._jobs.cancel()
        self._known = {}

    def close(self) -> None:
        """Called when the module is closed for good."""
        self._jobs.close()

    def _made(
        self, desk: QueueDesk, units: Sequence[Unit], model: str, progress: Progress
    ) -> dict[tuple[Unit, str], str]:
        self._folder.mkdir(parents=True, exist_ok=True)
        found: dict[tuple[Unit, str], str] = {}
        read: dict[str, tuple[Volume, Any]] = {}
        for number, unit in enumerate(sorted(units, key=lambda unit: unit.case)):
            progress.report(number / len(units), unit.name())
            try:
                if unit.case not in read:
                    proposal = predictionOf(desk.dataset, unit, model)
                    read = {unit.case: (desk.dataset.image(unit.case), proposal.labels)}
                volume, labels = read[unit.case]
                path = self._folder / f"{_key(desk, unit, model)}.png"
                if not path.exists():
                    Image.fromarray(unit_picture(volume, unit, labels, SIDE)).save(path)
                found[unit, model] = str(path)
            except (OSError, ValueError):  # Its case is gone or damaged, which the list will say.
                found[unit, model] = ""
        return found

    def _onDone(self, found: dict[tuple[Unit, str], str]) -> None:
        self._known |= found
        self._onMade()

    def _onError(self, error: Exception) -> None:
        raise error


def _key(desk: QueueDesk, unit: Unit, model: str) -> str:
    stamp = DatasetImages(desk.dataset).stamp(unit.case)
    number: Any = desk.queue.ranking().number if desk.queue else 0
    known = f"{desk.dataset.folder.resolve()}\n{unit.name()}\n{model}\n{number}\n{stamp}"
    return hashlib.blake2b(known.encode(), digest_size=12).hexdigest()
