"""What interactive segmenters with a network share: one forward pass per response, then a snap."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.data import Geometry, Prediction, Prompt, Provenance, Region
from ImperfectSegLogic.data.geometry import Index
from ImperfectSegLogic.methods.base import InteractiveSegmenter
from ImperfectSegLogic.methods.progress import Progress
from ImperfectSegLogic.methods.scarce.interactive.geodesic import Floats
from ImperfectSegLogic.methods.scarce.interactive.seeds import Seeds
from ImperfectSegLogic.methods.scarce.interactive.smoothing import Spacing
from ImperfectSegLogic.methods.scarce.interactive.snapping import snapped, with_seeds

if TYPE_CHECKING:  # 3D Slicer has no torch of its own.
    from torch import Tensor, nn


@dataclass(frozen=True, eq=False)
class Prepared:
    """What a network is to look at for one set of prompts, on a working grid of shape (k, j, i).

    Attributes:
        inputs: What the engine's `scores` gives to the network: float32, shape
            (anything, channel, *space); its space need not be the working grid.
        gray: Gray values of the image, about 0 to 1.
        seeds: Where a prompt says what a voxel is, the channel of its label, 0 for background;
            -1 elsewhere; int64.
        allowed: Which voxels each label may have, shape (label, k, j, i): all but where boxes
            forbid it; background is always allowed.
        spacing: Distance of neighboring voxels, in units of the shortest one of the image.
        region: The voxels of the image that the working grid covers.
        step: How many voxels of the image are one of the working grid, along k, j, i.
        labels: The label of each channel, 0 first.
        voxels: The prompts voxel by voxel, on the image's own grid.
        geometry: The image's own grid.
    """

    inputs: Tensor
    gray: Floats
    seeds: NDArray[np.int64]
    allowed: NDArray[np.bool_]
    spacing: Spacing
    region: Region
    step: Index
    labels: tuple[int, ...]
    voxels: Seeds
    geometry: Geometry


class NetworkEngine(InteractiveSegmenter):
    """An interactive segmenter whose answer is one forward pass of a network.

    What adapts a network to an image (Wang 2018a) works with any of them: it prepares once, copies
    `network`, trains the copy on `scores`, and finishes with the copy's answer.
    """

    network: nn.Module
    """In evaluation mode; `scores` is given this one or an adapted copy."""
    multiple: int = 16
    """Where memory runs out, the network's input is cut into tiles of a multiple of this many
    voxels; 0 if it cannot be cut, and only sees samples one by one."""

    @abstractmethod
    def prepare(
        self, prompts: Sequence[Prompt], previous: Prediction | None, progress: Progress
    ) -> Prepared:
        """Turns prompts into what the network looks at; raises as `respond` does."""

    @abstractmethod
    def scores(self, network: nn.Module, prepared: Prepared) -> Tensor:
        """Gives logarithms of probabilities, shape (label, k, j, i) of the working grid.

        Differentiable in the network's weights. On the CPU or the network's device.
        """

    @property
    def provenance(self) -> Provenance:
        """What stands in predictions."""
        return Provenance(self.card.name)

    def respond(
        self,
        prompts: Sequence[Prompt],
        previous: Prediction | None = None,
        progress: Progress | None = None,
    ) -> Prediction:
        """See `InteractiveSegmenter.respond`."""
        from ImperfectSegLogic.methods.scarce.interactive.network_running import probabilities_of

        progress = progress or Progress()
        progress.report(0.0, "reading prompts")
        prepared = self.prepare(prompts, previous, progress)
        progress.report(0.5, "asking the network")
        answer, notes = probabilities_of(self, self.network, prepared)
        progress.report(0.8, "snapping to the prompts")
        return self.finish(prepared, answer, progress, notes)

    def finish(
        self,
        prepared: Prepared,
        probabilities: Floats,
        progress: Progress,
        notes: Sequence[str] = (),
    ) -> Prediction:
        """Snaps an answer to prompts and edges and brings it to the image's own resolution.

        Args:
            prepared: What the network looked at.
            probabilities: Shape (label, k, j, i) of the working grid.
            progress: Cancels the work.
            notes: What to tell the user beside the answer.
        """
        return finished(prepared, probabilities, progress, self.provenance, notes)


def finished(
    prepared: Prepared,
    probabilities: Floats,
    progress: Progress,
    provenance: Provenance,
    notes: Sequence[str] = (),
) -> Prediction:
    """Does what `NetworkEngine.finish` does, for any engine."""
    kept = snapped(probabilities, prepared.seeds, prepared.allowed, prepared.gray, prepared.spacing)
    labels, region = prepared.labels, prepared.region
    full = with_seeds(
        kept,
        labels,
        prepared.voxels,
        region,
        prepared.step,
        lambda f: progress.report(0.9 + 0.1 * f, "full resolution"),
    )
    return Prediction(full, labels, region, prepared.geometry, provenance, tuple(notes))


def seed_channels(shape: Index, places: NDArray[np.int64], channels: NDArray[Any]) -> Any:
    """Gives a grid that is -1 but where seeds are: there, the channel of their label.

    Args:
        shape: Of the grid.
        places: Indices (k, j, i) of seeds, shape (N, 3). Where several seeds fall into one place,
            the last one counts.
        channels: One per seed.
    """
    grid = np.full(shape, -1, dtype=np.int64)
    grid[tuple(places.T)] = channels
    return grid
