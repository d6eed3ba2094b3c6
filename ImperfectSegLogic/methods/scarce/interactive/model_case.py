"""An image as a trained network and the user's prompts see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.data import Volume
from ImperfectSegLogic.methods.scarce.interactive.asked import prompted_region, slices_apart
from ImperfectSegLogic.methods.scarce.interactive.box_limits import allowed_by_boxes
from ImperfectSegLogic.methods.scarce.interactive.geodesic import Report
from ImperfectSegLogic.methods.scarce.interactive.model_grid import ModelGrid, ModelWindow
from ImperfectSegLogic.methods.scarce.interactive.pointed import (
    Pointed,
    pointed_at,
    with_guesses,
)
from ImperfectSegLogic.methods.scarce.interactive.prior_hints import gray_of
from ImperfectSegLogic.methods.scarce.interactive.seeds import Seeds
from ImperfectSegLogic.methods.scarce.interactive.settings import Settings
from ImperfectSegLogic.methods.scarce.interactive.window import Window, Windows

if TYPE_CHECKING:  # 3D Slicer has no torch of its own.
    from ImperfectSegLogic.training.model_file import TrainedModel

MOST_VOXELS = 500_000
"""Answers in larger regions are snapped to edges at lower resolution."""


class ModelCase:
    """One image, prepared for a network and for snapping.

    Attributes:
        volume: The image.
        image: As the network wants it, shape (channel, slice, row, column).
        grid: How voxels of both belong together.
    """

    def __init__(self, model: TrainedModel, volume: Volume, divisors: Sequence[int]) -> None:
        """Prepares an image.

        Args:
            model: Says how.
            volume: The image.
            divisors: By what each axis of a window must be divisible.

        Raises:
            ValueError: If the image has other channels than the network, NaN or infinite voxels,
                one value only, or a spacing that cannot be right.
        """
        gray, self.volume = gray_of(volume), volume
        self.image = model.preprocessing.prepare(volume)
        shape = (self.image.shape[1], self.image.shape[2], self.image.shape[3])
        self.grid = ModelGrid(volume.geometry, shape, model.patch, divisors)
        flat = len(model.patch) == 2
        self._slices = self.grid.turn.order[0] if flat else None
        chosen = Settings.for_one_slice() if flat else Settings()
        settings = replace(chosen, most_voxels=MOST_VOXELS)
        if self._slices is not None:
            gray = slices_apart(gray, self._slices)
        self._windows = Windows(gray, settings)

    def window(self, view: ModelWindow, seeds: Seeds, report: Report) -> Window:
        """Gives the part of the image that a window of the network covers."""
        first = self.grid.window_around(prompted_region(seeds.first(), self.volume.geometry))
        return self._windows.at(self.grid.region_of(view), self.grid.region_of(first), report)

    def allowed(self, window: Window, seeds: Seeds) -> NDArray[np.bool_]:
        """Tells which voxels each label may have, by boxes; shape (label, k, j, i)."""
        k, j, i = window.gray.shape
        return allowed_by_boxes(
            seeds, self.volume.geometry, window.region.start, (k, j, i), window.step
        )

    def pointed(
        self, seeds: Seeds, allowed: NDArray[np.bool_], window: Window, view: ModelWindow
    ) -> list[Pointed]:
        """Tells what prompts say about each segment in a window of the network."""
        last = np.array(self.volume.geometry.shape) - 1

        def of_image(places: NDArray[np.int64]) -> NDArray[np.int64]:
            return self.grid.places(places) - np.array(view.start)

        def of_working_grid(places: NDArray[np.int64]) -> NDArray[np.int64]:
            step = np.array(window.step)
            middle = places * step + step // 2 + np.array(window.region.start)
            return of_image(np.minimum(middle, last))

        return [
            with_guesses(one, allowed[n], self._slices, of_working_grid)
            if one.label in seeds.boxes
            else one
            for n, one in enumerate(pointed_at(seeds, of_image), start=1)
        ]
