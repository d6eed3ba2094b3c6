"""What query strategies ask of a trained model. Without torch; see `active.model_segmenter`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.active.unit import Unit
from ImperfectSegLogic.data import Volume

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Look:
    """What a model says of an image.

    Attributes:
        probabilities: Mean over all passes, shape (label, slice, row, column), background first.
        maps: Uncertainties by name, from 0 (sure) to 1, shape (slice, row, column).
    """

    probabilities: Floats
    maps: Mapping[str, Floats] = field(default_factory=dict)

    @property
    def most_probable(self) -> NDArray[np.uint16]:
        """The place in `probabilities` of the highest one at each voxel; of equals, the first."""
        # As argmax along the first axis does, which takes a tenth of a network's time.
        highest = self.probabilities[0].copy()
        found = np.zeros(highest.shape, np.uint16)
        for place, own in enumerate(self.probabilities[1:], 1):
            np.maximum(found, (own > highest) * np.uint16(place), out=found)
            np.maximum(highest, own, out=highest)
        return found


class Segmenter(Protocol):
    """A model, or an ensemble of them, on whole images."""

    @property
    def labels(self) -> Mapping[int, str]:
        """The name of every label but 0."""

    @property
    def identity(self) -> str:
        """Another text for other weights, or for another way to apply them."""

    def check(self, maps: Sequence[str], samples: int) -> None:
        """Checks that `look` can be asked for this.

        Raises:
            ValueError: If MC dropout is asked of a network without dropout, or a map of several
                passes of one pass.
        """

    def look(self, volume: Volume, maps: Sequence[str], samples: int) -> Look:
        """Gives probabilities and uncertainties of an image.

        Args:
            volume: The image.
            maps: Names of `prediction.settings.UNCERTAINTIES`.
            samples: How many dropout masks to draw; 0 predicts without dropout.

        Raises:
            ValueError: If the model cannot segment the image.
        """

    def noise(self, volume: Volume) -> Floats | None:
        """Gives how far noise in the image spreads the probabilities, by one pass without dropout.

        That is the sum over labels of the variance of their probabilities, 0 to 1, shape (slice,
        row, column); see `networks.noisy_logits`. None if a model has no output for it.

        Raises:
            ValueError: If the model cannot segment the image.
        """

    def latent(self, volume: Volume, units: Sequence[Unit]) -> Floats:
        """Gives the mean of the deepest features over each unit, shape (unit, feature)."""

    def gradients(
        self, volume: Volume, units: Sequence[Unit], draws: int, by_layer: bool
    ) -> Floats:
        """Gives gradients of the log-likelihood of labels that are drawn from the prediction.

        They are divided by the square root of the unit's number of voxels, so that their mean
        square is the Fisher information of a voxel, whatever the size of the unit.

        Args:
            volume: The image.
            units: Parts of it.
            draws: How often labels are drawn.
            by_layer: Whether to give the mean over each layer's weights; else the whole gradient
                is projected at random on `model_gradients.SKETCH` numbers.

        Returns:
            Shape (unit, draw, number).
        """
