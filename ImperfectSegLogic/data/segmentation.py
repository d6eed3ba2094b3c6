"""Named segments, overlapping or not, as 3D Slicer keeps them."""

from __future__ import annotations

import colorsys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.data.geometry import Geometry
from ImperfectSegLogic.data.volume import frozen_view

Color = tuple[float, float, float]

TISSUE = (
    "Segmentation category and type - 3D Slicer General Anatomy list~SCT^85756007^Tissue"
    "~SCT^85756007^Tissue~^^~Anatomic codes - DICOM master list~^^~^^"
)
"""The terminology entry that 3D Slicer gives to a new segment."""


def distinct_color(label: int) -> Color:
    """Gives a color, red-green-blue from 0 to 1, that differs well between neighboring labels."""
    return colorsys.hsv_to_rgb((0.13 + (label - 1) * 0.618034) % 1.0, 0.65, 0.95)


@dataclass(frozen=True)
class Segment:
    """One named structure.

    Attributes:
        id: Unique in its segmentation.
        name: What people read.
        label: Value of its voxels in its layer, 1 and up.
        layer: Which layer its voxels are in; segments of different layers may overlap.
        color: Red, green, blue from 0 to 1.
        terminology: 3D Slicer's serialized terminology entry.
        tags: Everything else that 3D Slicer stores about the segment.
    """

    id: str
    name: str
    label: int
    layer: int = 0
    color: Color = (0.5, 0.7, 0.4)
    terminology: str = TISSUE
    tags: Mapping[str, str] | None = None


@dataclass(frozen=True, eq=False)
class Segmentation:
    """Named segments on the grid of an image.

    Attributes:
        layers: Labels, shape (layer, slice, row, column), 0 background; a read-only view.
        geometry: The grid.
        segments: In the order in which they are shown.

    Raises:
        ValueError: If the layers do not fit the grid, or two segments share an id or a label and
            layer, or a segment names a layer that is not there.
    """

    layers: NDArray[Any]
    geometry: Geometry
    segments: tuple[Segment, ...]

    def __post_init__(self) -> None:
        if self.layers.ndim != 4 or self.layers.shape[1:] != self.geometry.shape:
            raise ValueError(
                f"segmentation: got layers of shape {self.layers.shape} for an image of"
                f" {self.geometry.shape} voxels, allowed is (layer, slice, row, column)."
            )
        places = [(s.layer, s.label) for s in self.segments]
        ids = [s.id for s in self.segments]
        if len(set(places)) < len(places) or len(set(ids)) < len(ids):
            raise ValueError(
                f"segmentation: segments {ids} at (layer, label) {places} are not unique."
            )
        if any(not 0 <= layer < len(self.layers) or label < 1 for layer, label in places):
            raise ValueError(
                f"segmentation: got segments at (layer, label) {places}, allowed are layers 0 to"
                f" {len(self.layers) - 1} and labels from 1."
            )
        object.__setattr__(self, "layers", frozen_view(self.layers))

    @classmethod
    def from_labels(
        cls, labels: NDArray[Any], geometry: Geometry, names: Mapping[int, str] | None = None
    ) -> Segmentation:
        """Makes one segment per label of a label map.

        Args:
            labels: Whole numbers, 0 background, shape (slice, row, column).
            geometry: The grid.
            names: Names of labels; a label named here becomes a segment even when it is empty.
        """
        values = sorted({int(v) for v in np.unique(labels)} | set(names or ()) - {0})
        segments = tuple(
            Segment(f"Segment_{v}", (names or {}).get(v, f"Segment_{v}"), v, 0, distinct_color(v))
            for v in values
            if v != 0
        )
        return cls(labels[np.newaxis], geometry, segments)

    def mask(self, segment_id: str) -> NDArray[np.bool_]:
        """Gives the voxels of one segment, shape (slice, row, column).

        Raises:
            ValueError: If there is no such segment.
        """
        for segment in self.segments:
            if segment.id == segment_id:
                return np.asarray(self.layers[segment.layer] == segment.label)
        raise ValueError(
            f"segment {segment_id!r} is not there; there are {[s.id for s in self.segments]}."
        )

    def label_map(self) -> NDArray[Any]:
        """Gives all segments in one array, shape (slice, row, column).

        Segments keep their labels; where two have the same, all are numbered from 1 in their order.

        Raises:
            ValueError: If two segments overlap, which one array cannot hold.
        """
        numbers = [s.label for s in self.segments]
        if len(set(numbers)) < len(numbers):
            numbers = list(range(1, len(numbers) + 1))
        one = np.zeros(self.geometry.shape, dtype=np.min_scalar_type(max(numbers, default=0)))
        for number, segment in zip(numbers, self.segments, strict=True):
            mask = self.mask(segment.id)
            if one[mask].any():
                raise ValueError(
                    f"segment {segment.name!r} overlaps another one, which a label map cannot hold."
                    " Save as .seg.nrrd instead."
                )
            one[mask] = number
        return one
