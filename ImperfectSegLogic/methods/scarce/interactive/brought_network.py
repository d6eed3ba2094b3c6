"""A network that a user brings, with what has to be known to ask it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ImperfectSegLogic.data import Volume

if TYPE_CHECKING:  # 3D Slicer has no torch of its own.
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray
    from torch import nn

    from ImperfectSegLogic.training.preprocessing import Preprocessing


@dataclass(frozen=True, eq=False)
class BroughtNetwork:
    """A network and all that is needed to ask it.

    Attributes:
        network: From (sample, channel, *space) to logits (sample, label, *space), background first.
        name: What it is called in messages and predictions.
        preprocessing: How an image is turned, normalized and resampled first.
        patch: Voxels per axis of the windows that it looks through, 2 or 3 numbers.
        labels: The name of every label but 0, in the order of the network's output.
        multiple: Windows may be cut into tiles of a multiple of this many voxels per axis.
        weights_hash: Identifies the weights, for provenance.
        normalize: Normalizes the prepared image (channel, slice, row, column), where
            `preprocessing` cannot say how.
        keeps_spacing: Whether images keep their own spacing.
        exclusive: Whether a voxel has one label only; else labels may overlap, and the first
            channel of the logits is 0.
    """

    network: nn.Module
    name: str
    preprocessing: Preprocessing
    patch: tuple[int, ...]
    labels: Mapping[int, str]
    multiple: int
    weights_hash: str = ""
    normalize: Callable[[NDArray[np.float32]], NDArray[np.float32]] | None = None
    keeps_spacing: bool = False
    exclusive: bool = True

    @property
    def channels(self) -> int:
        """Values per voxel of the images that it takes."""
        return len(self.preprocessing.intensity)

    def prepare(self, volume: Volume) -> NDArray[np.float32]:
        """Gives the image as the network wants it, shape (channel, slice, row, column).

        Raises:
            ValueError: If the image has other channels, NaN, or a spacing that cannot be right.
        """
        preprocessing = self.preprocessing
        if self.keeps_spacing:
            from ImperfectSegLogic.training.orientation import canonical_turn

            turn = canonical_turn(volume.geometry, preprocessing.dims)
            preprocessing = replace(preprocessing, spacing=turn.of(volume.geometry.spacing))
        image = preprocessing.prepare(volume)
        return image if self.normalize is None else self.normalize(image)

    def check_labels(self, labels: set[int]) -> None:
        """Checks that the network knows the labels that prompts are about; 0 always is.

        Raises:
            ValueError: If it does not; the message names those that it knows.
        """
        unknown = sorted(labels - {0, *self.labels})
        if unknown:
            known = ", ".join(f"{number} ({name})" for number, name in self.labels.items())
            told = ", ".join(str(number) for number in unknown)
            raise ValueError(
                f"prompts: got label {told}, which {self.name} was not trained for; allowed are"
                f" {known}. Give the segment one of these numbers, or choose an engine that"
                " segments anything."
            )
