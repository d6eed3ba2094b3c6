"""How long the units of a queue took to annotate, and what was drawn in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.active.queue_contents import QueueContents
from ImperfectSegLogic.active.queue_items import Reading
from ImperfectSegLogic.active.unit import Unit
from ImperfectSegLogic.data import UNLABELED, DenseMask, SparseMask

MOST = 300
"""Annotations that are read, the newest ones: more would take long and say little more."""

LONGEST = 4 * 3600.0
"""Seconds beyond which somebody left a unit open, rather than worked on it."""


@dataclass(frozen=True, eq=False)
class TimedMask:
    """An annotation whose time is known.

    Attributes:
        unit: What was annotated.
        mask: Of the whole image.
        minutes: How long it took.
    """

    unit: Unit
    mask: SparseMask | DenseMask
    minutes: float

    def labels(self) -> NDArray[np.int32]:
        """Gives the labels of the whole image, 0 where nobody said anything."""
        return np.where(self.mask.labels == UNLABELED, 0, self.mask.labels).astype(np.int32)


def timed_masks(queue: QueueContents) -> list[TimedMask]:
    """Reads the newest annotations of a queue whose time was recorded and that are masks.

    Left out are units that were set aside since, files that are gone or damaged, annotations
    without a mask, such as points, and times of 0 or above `LONGEST`.

    Args:
        queue: The queue.

    Raises:
        OSError: If the queue itself cannot be read.
    """
    done = [
        (item.unit, reading)
        for item in queue.items()
        for reading in item.standing.readings
        if reading.done and 0 < (reading.seconds or 0) <= LONGEST and not item.standing.aside
    ]
    done.sort(key=lambda one: (-(one[1].ended or 0.0), one[0]))
    read = (_read(queue, unit, reading) for unit, reading in done[:MOST])
    return [one for one in read if one is not None]


def _read(queue: QueueContents, unit: Unit, reading: Reading) -> TimedMask | None:
    assert reading.seconds is not None
    try:
        version = queue.dataset.find_version(unit.case, reading.annotator, reading.version)
        mask = queue.dataset.read(unit.case, version) if version else None
        if not isinstance(mask, DenseMask | SparseMask):
            return None
        unit.slices(mask.geometry.shape)
    except (OSError, ValueError):
        return None
    return TimedMask(unit, mask, reading.seconds / 60)
