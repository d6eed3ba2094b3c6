"""Images with a noisy prediction of two bright balls, in 2-D and 3-D, for refiners."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from ImperfectSegLogic.data import Case, Prediction, Provenance, Region, Volume
from ImperfectSegLogic.methods.base import Refiner

LABELS = (0, 2, 5)
MATRIX = np.array([[0, -1.5, 0, 10], [1.0, 0, 0, -20], [0, 0, 2.0, 5], [0, 0, 0, 1]])
SHAPES = {2: (1, 20, 24), 3: (8, 16, 18)}


@dataclasses.dataclass(frozen=True, eq=False)
class Scene:
    """An image, its noisy prediction, and what is right."""

    case: Case
    prediction: Prediction
    truth: np.ndarray

    def with_image(self, array: np.ndarray) -> Scene:
        case = Case(Volume(array, self.case.volume.ijk_to_ras, "phantom"), "phantom")
        return dataclasses.replace(self, case=case)

    def with_probabilities(self, probabilities: np.ndarray, **changes) -> Scene:
        said = {"probabilities": probabilities, **changes}
        return dataclasses.replace(self, prediction=dataclasses.replace(self.prediction, **said))

    def cut(self, region: Region) -> Scene:
        values = self.prediction.probabilities[(slice(None), *region.slices)]
        return self.with_probabilities(values, region=region)

    def flipped(self, axis: int) -> Scene:
        found = self.with_image(np.flip(self.case.volume.array, axis).copy())
        values = np.flip(self.prediction.probabilities, axis + 1).copy()
        return found.with_probabilities(values)


def scene(dims: int, seed: int = 3) -> Scene:
    shape = SHAPES[dims]
    rng = np.random.default_rng(seed)
    place = np.stack(np.mgrid[: shape[0], : shape[1], : shape[2]])
    center = np.array([n // 2 for n in shape]).reshape(3, 1, 1, 1)
    truth = np.zeros(shape, dtype=np.int64)
    for label, shift, radius in ((2, (0, -4, -4), 4.2), (5, (0, 4, 5), 3.2)):
        moved = place - center - np.array(shift).reshape(3, 1, 1, 1)
        truth[(moved**2).sum(axis=0) < radius**2] = label
    gray = np.select([truth == 2, truth == 5], [100.0, 180.0], 20.0)
    image = (gray + rng.normal(0, 6, shape)).astype(np.float32)
    volume = Volume(image, MATRIX, "phantom")
    logits = np.stack([(truth == label) * 1.6 for label in LABELS]) + rng.normal(0, 1, (3, *shape))
    whole = np.exp(logits)
    whole = (whole / whole.sum(axis=0)).astype(np.float32)
    grid = volume.geometry
    source = Provenance("unet-2d", {"overlap": 0.5}, "abc123")
    prediction = Prediction(whole, LABELS, grid.whole, grid, source, ("a note",))
    return Scene(Case(volume, "phantom"), prediction, truth)


def scenes(kind: type[Refiner]) -> Iterator[Scene]:
    """Gives a scene for each number of dimensions that the card names."""
    for dims in kind.card.dims:
        yield scene(dims)
