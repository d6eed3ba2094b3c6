"""Images of a data set that were read last, so that they need not be read again."""

from __future__ import annotations

from ImperfectSegLogic.active.pool import DatasetImages
from ImperfectSegLogic.data import Dataset, Volume

KEPT = 2
"""The one that somebody works on, and the one that comes next."""


class KeptImages:
    """Reads images, and keeps the last two; may be used by several threads."""

    def __init__(self, dataset: Dataset) -> None:
        """Takes the data set."""
        self._dataset = dataset
        self._images: dict[str, tuple[str, Volume]] = {}

    def has(self, case: str) -> bool:
        """Tells whether an image is kept, as it was when it was read."""
        return case in self._images

    def read(self, case: str) -> Volume:
        """Gives an image; it is read again if its file has changed.

        Raises:
            OSError: If it is gone.
            ValueError: If it is damaged.
        """
        stamp = DatasetImages(self._dataset).stamp(case)
        known = self._images.get(case)
        if known is None or known[0] != stamp:
            known = (stamp, self._dataset.image(case))
        kept = [(name, one) for name, one in self._images.items() if name != case]
        self._images = {**dict(kept[1 - KEPT :]), case: known}
        return known[1]

    def forget(self) -> None:
        """Keeps nothing of what was read until now."""
        self._images = {}
