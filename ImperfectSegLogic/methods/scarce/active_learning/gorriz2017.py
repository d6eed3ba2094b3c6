"""Gorriz 2017: dropout's entropy, away from the outlines; and what is certain teaches by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.segmentation import find_boundaries

from ImperfectSegLogic.active.measurements import Columns, Table
from ImperfectSegLogic.active.pool import Pool
from ImperfectSegLogic.active.segmenter import Segmenter
from ImperfectSegLogic.active.unit import Unit
from ImperfectSegLogic.data import Volume
from ImperfectSegLogic.methods.base import Ranking
from ImperfectSegLogic.methods.card import MethodCard, Requires
from ImperfectSegLogic.methods.progress import Progress
from ImperfectSegLogic.methods.scarce.active_learning.measured import (
    PASSES,
    ROW,
    MeasuredStrategy,
    falling,
    means,
    ranking,
)
from ImperfectSegLogic.methods.settings import setting


@dataclass(frozen=True)
class Settings:
    """How the batch is mixed.

    Attributes:
        passes: Dropout masks.
        random: Share of the batch that is drawn at random. The survey names none.
        certain: Units that `certain` gives, as a share of those asked for.
    """

    passes: int = setting(10, PASSES, 2, 1000)
    random: float = setting(0.5, "share of units that are drawn at random", 0.0, 1.0)
    certain: float = setting(1.0, "units to learn from own masks, per unit annotated", 0.0, 100.0)


class CostEffective(MeasuredStrategy):
    """Chooses uncertain and random units, and finds certain ones (gorriz2017cost; survey 4.3.1).

    The map is the entropy of the mean over dropout masks. Its mean over a unit is weighted by the
    distance in mm to the nearest predicted outline, as what is unsure far from outlines is worse
    than a blurred edge; where nothing is outlined, all voxels count alike. A batch is part the
    most uncertain units, part units at random. `certain` gives the units of lowest uncertainty in
    which something is found, to be trained on with their predicted masks: the training method
    `gorriz2017-own-masks` does that between two rounds.

    Read as told by the survey.
    """

    card = MethodCard(
        name="gorriz2017",
        paper=("gorriz2017cost", "gal2016dropout"),
        table_row=ROW,
        accepts=("slice", "patch", "volume"),
        requires=Requires.EXPERT,
        dims=(2, 3),
        claims="Reduces the annotation cost by 55 %.",
    )
    settings_type = Settings
    maps = ("entropy",)

    def measure(
        self, volume: Volume, units: Sequence[Unit], segmenter: Segmenter | None
    ) -> Columns:
        """Gives the weighted entropy, from 0 to 1, and the share of foreground."""
        look = self.look(volume, segmenter)
        labels = look.most_probable
        grid = volume.geometry
        places = [unit.slices(grid.shape) for unit in units]
        entropies = [
            np.average(look.maps["entropy"][place], weights=weights(labels[place], grid.spacing))
            for place in places
        ]
        found = means((labels > 0).astype(np.float32), units)
        return {"entropy": np.array(entropies), "foreground": found}

    def select(self, table: Table, known: Table, count: int, rng: np.random.Generator) -> Ranking:
        """Gives uncertain units, then random ones."""
        order = falling(table["entropy"], rng)
        uncertain = count - round(self.settings.random * count)
        lots = rng.choice(order[uncertain:], count - uncertain, replace=False)
        lots = lots[falling(table["entropy"][lots], rng)]
        rows = np.concatenate([order[:uncertain], lots])
        scores = table["entropy"][rows]

        def reason(n: int) -> str:
            return f"{'uncertain' if n < uncertain else 'at random'}; entropy {scores[n]:.4f}"

        return ranking(table, rows, scores, reason)

    def certain(
        self,
        pool: Pool,
        segmenter: Segmenter,
        count: int,
        rng: np.random.Generator,
        progress: Progress | None = None,
    ) -> Ranking:
        """Gives units to be trained on with their predicted masks, the most certain first.

        Args and errors are those of `rank`; `count` is how many units are annotated in this round.
        What `rank` measured is used again, if the pool keeps it.
        """
        table, _ = self.measured(pool, segmenter, progress)
        if not len(table):
            return Ranking((), ())
        found = np.flatnonzero(table["foreground"] > 0)  # An empty answer is certain, too.
        rows = found[falling(-table["entropy"][found], rng)]
        rows = rows[: round(self.settings.certain * count)]
        scores = -table["entropy"][rows]
        return ranking(table, rows, scores, lambda n: f"certain; entropy {-scores[n]:.4f}")


def weights(labels: NDArray[np.integer], spacing: Sequence[float]) -> NDArray[np.float64]:
    """Gives the distance of each voxel to the nearest outline, in mm; 1 where there is none.

    Args:
        labels: Of a unit, shape (slice, row, column).
        spacing: Of the image in mm, in the same order.
    """
    flat = tuple(axis for axis in range(3) if labels.shape[axis] == 1)
    shown = np.squeeze(labels, flat)
    outline = find_boundaries(shown, mode="thick") if shown.ndim else np.zeros((), bool)
    if not outline.any() or outline.all():
        return np.ones(labels.shape)
    sampling = [s for axis, s in enumerate(spacing) if axis not in flat]
    distance = ndimage.distance_transform_edt(~outline, sampling)
    return np.asarray(distance, dtype=np.float64).reshape(labels.shape)
