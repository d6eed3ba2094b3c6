"""What is done to an image before a network sees it, and how its answer gets back on the image."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.data import Geometry, Volume
from ImperfectSegLogic.training.intensity import ChannelIntensity, normalized
from ImperfectSegLogic.training.orientation import (
    SAME,
    Turn,
    canonical_grid,
    canonical_turn,
    slice_axis,
)
from ImperfectSegLogic.training.resampling import nearest, resized

__all__ = ("ChannelIntensity", "Preprocessing", "canonical_grid", "slice_axis")
FARTHEST = 32.0
"""An image whose spacing differs from the network's by more than this factor has a wrong one."""
Shape = tuple[int, int, int]
Spacing = tuple[float, float, float]


@dataclass(frozen=True)
class Preprocessing:
    """Turns, normalizes and resamples an image, in this order.

    Attributes:
        dims: 2 if the network sees slices, 3 if it sees volumes.
        spacing: Of prepared images in mm, (slice, row, column) after the canonical turn. Axes that
            differ from it by less than 1 % are left alone; in 2-D the slice axis always is.
        intensity: How gray values are normalized, one per channel.

    Raises:
        ValueError: If one of them is not allowed.
    """

    dims: int
    spacing: Spacing
    intensity: tuple[ChannelIntensity, ...] = (ChannelIntensity(),)

    def __post_init__(self) -> None:
        if self.dims not in (2, 3):
            raise ValueError(f"preprocessing: got {self.dims}-D, allowed are 2-D and 3-D.")
        good = len(self.spacing) == 3 and all(np.isfinite(n) and n > 0 for n in self.spacing)
        if not good or not self.intensity:
            raise ValueError(
                f"preprocessing: got spacing {self.spacing} and {len(self.intensity)} channels,"
                " allowed are three positive numbers in mm and at least one channel."
            )

    def prepare(self, volume: Volume) -> NDArray[np.float32]:
        """Prepares an image.

        Returns:
            Shape (channel, slice, row, column), bit by bit the same for all 48 orders of voxels.

        Raises:
            ValueError: If the image has other channels than the network, NaN or infinite voxels,
                or a spacing that cannot be right.
        """
        wanted = len(self.intensity)
        if volume.channels != wanted:
            raise ValueError(
                f"{volume.name}: got {volume.channels} channels, allowed are {wanted}: the network"
                " was trained with them. Choose an image with the same channels."
            )
        turn, shape = self._turn(volume.geometry), self._shape(volume.geometry, volume.name)
        whole = volume.array if volume.array.ndim == 4 else volume.array[np.newaxis]
        made = [
            resized(normalized(turn.apply(gray), said, volume.name), shape)
            for gray, said in zip(whole, self.intensity, strict=True)
        ]
        return made[0][np.newaxis] if wanted == 1 else np.stack(made)

    def prepare_labels(self, labels: NDArray[Any], geometry: Geometry) -> NDArray[Any]:
        """Puts labels on the prepared grid; each voxel gets the label of the nearest one.

        Args:
            labels: Whole numbers, shape (slice, row, column) of the image.
            geometry: The image's grid.

        Returns:
            Shape (slice, row, column) of the prepared image.

        Raises:
            ValueError: If the spacing cannot be right.
        """
        assert labels.shape == geometry.shape, (labels.shape, geometry.shape)
        return nearest(self._turn(geometry).apply(labels), self._shape(geometry))

    def prepared_shape(self, geometry: Geometry) -> Shape:
        """Gives the number of voxels (slice, row, column) of a prepared image.

        Raises:
            ValueError: If the spacing cannot be right.
        """
        return self._shape(geometry)

    def prepared_spacing(self, geometry: Geometry) -> Spacing:
        """Gives the spacing (slice, row, column) in mm of a prepared image.

        It differs a little from `spacing`, as the number of voxels is whole.

        Raises:
            ValueError: If the spacing cannot be right.
        """
        turn, made = self._turn(geometry), self._shape(geometry)
        old = zip(turn.of(geometry.spacing), turn.of(geometry.shape), made, strict=True)
        k, j, i = (spacing * before / after for spacing, before, after in old)
        return k, j, i

    def restore(self, probabilities: NDArray[np.float32], geometry: Geometry) -> NDArray[Any]:
        """Puts a network's answer on the image's own grid.

        Args:
            probabilities: Shape (label, slice, row, column) of the prepared image.
            geometry: The image's grid.

        Returns:
            Shape (label, slice, row, column) of the image. Without resampling a view, the same bit
            by bit; else interpolated linearly, so that sums over labels stay as they are.
        """
        turn = self._turn(geometry)
        if probabilities.shape[1:] == turn.of(geometry.shape):
            return turn.undo(probabilities)
        own = np.empty((len(probabilities), *geometry.shape), dtype=np.float32)
        for label, one in enumerate(probabilities):  # One by one: memory for one label more.
            own[label] = self.restore_map(one, geometry)
        return own

    def restore_map(self, values: NDArray[np.float32], geometry: Geometry) -> NDArray[Any]:
        """Puts one value per voxel, shape (slice, row, column), on the image's own grid."""
        assert values.shape == self._shape(geometry), (values.shape, geometry.shape)
        turn = self._turn(geometry)
        return turn.undo(resized(values, turn.of(geometry.shape)))

    def to_json(self) -> dict[str, Any]:
        """Gives all fields as plain values."""
        return dataclasses.asdict(self)

    @classmethod
    def of_json(cls, said: Mapping[str, Any]) -> Preprocessing:
        """Makes one of what `to_json` gave.

        Raises:
            ValueError: If something is missing or not allowed.
        """
        try:
            k, j, i = (float(n) for n in said["spacing"])
            intensity = tuple(ChannelIntensity(**one) for one in said["intensity"])
            return cls(int(said["dims"]), (k, j, i), intensity)
        except (KeyError, TypeError) as error:
            raise ValueError(
                f"preprocessing: got a damaged description ({type(error).__name__}: {error})."
            ) from error

    def _turn(self, geometry: Geometry) -> Turn:
        return canonical_turn(geometry, self.dims)

    def _shape(self, geometry: Geometry, name: str = "image") -> Shape:
        turn = self._turn(geometry)
        made = list(turn.of(geometry.shape))
        spacing = turn.of(geometry.spacing)
        for axis in range(3 - self.dims, 3):
            factor = spacing[axis] / self.spacing[axis]
            if not 1 / FARTHEST <= factor <= FARTHEST:
                raise ValueError(
                    f"{name}: got voxels {spacing[axis]:.4g} mm apart, the network was trained with"
                    f" {self.spacing[axis]:.4g} mm; allowed is a factor of {FARTHEST:g}. Check that"
                    " the image's spacing is right and in mm."
                )
            if max(factor, 1 / factor) > SAME:
                made[axis] = max(round(made[axis] * factor), 1)
        return made[0], made[1], made[2]
