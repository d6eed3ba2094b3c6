"""What boxes say about a working grid: where each label may be."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.data import Geometry, Region
from ImperfectSegLogic.data.geometry import Index
from ImperfectSegLogic.methods.scarce.interactive.rasterize import box_coordinates
from ImperfectSegLogic.methods.scarce.interactive.seeds import Seeds


class BoxLimits:
    """The boxes of all labels on one working grid."""

    def __init__(
        self, seeds: Seeds, geometry: Geometry, region: Region, shape: Index, step: Index
    ) -> None:
        """Takes the prompts, the image's grid, and the working grid as in `Prepared`."""
        self._seeds, self._geometry = seeds, geometry
        self._region, self._shape, self._step = region, shape, step

    def allowed(self) -> NDArray[np.bool_]:
        """Tells which voxels each label may have, shape (label, k, j, i); background all."""
        labels = (0, *self._seeds.segments)
        allowed = np.ones((len(labels), *self._shape), dtype=bool)
        for channel, label in enumerate(labels):
            for number, box in enumerate(self._seeds.boxes.get(label, ())):
                start, step = self._region.start, self._step
                parts = box_coordinates(box, self._geometry, start, self._shape, step)
                inside = np.all([np.abs(part) <= 1 + 1e-6 for part in parts], axis=0)
                allowed[channel] = inside if not number else allowed[channel] | inside
        return allowed
