"""Fisher information: which units, together, teach a model most (Sourati 2018 and 2019)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.active.measurements import Columns, Table
from ImperfectSegLogic.active.segmenter import Segmenter
from ImperfectSegLogic.active.unit import Unit
from ImperfectSegLogic.data import Volume
from ImperfectSegLogic.methods.base import Ranking
from ImperfectSegLogic.methods.scarce.active_learning.measured import (
    MeasuredStrategy,
    falling,
    ranking,
)
from ImperfectSegLogic.methods.settings import setting

SMALLEST = 1e-300


@dataclass(frozen=True)
class Settings:
    """How the query distribution is found.

    Attributes:
        draws: Labelings that are drawn from the prediction, each of which gives a gradient.
        rounds: Of the optimization of the query distribution.
        ridge: What is added to the diagonal of the queried information, as a share of its mean
            in the pool.
    """

    draws: int = setting(4, "labelings drawn for each unit", 1, 100)
    rounds: int = setting(50, "rounds of the optimization", 1, 10_000)
    ridge: float = setting(0.01, "added to the diagonal, per information of the pool", 1e-6, 10.0)


class FisherStrategy(MeasuredStrategy):
    """Draws units by an optimized query distribution.

    Attributes:
        by_layer: Whether a gradient is reduced to one number per layer.
    """

    settings_type = Settings
    measured_by = ("draws",)
    by_layer: ClassVar[bool]

    def measure(
        self, volume: Volume, units: Sequence[Unit], segmenter: Segmenter | None
    ) -> Columns:
        """Gives short gradients."""
        assert segmenter is not None
        draws = self.settings.draws
        return {"gradients": segmenter.gradients(volume, units, draws, self.by_layer)}

    def select(self, table: Table, known: Table, count: int, rng: np.random.Generator) -> Ranking:
        """Draws without replacement by the query distribution."""
        own = self.settings
        chances = query_distribution(table["gradients"], own.rounds, own.ridge)
        # Gumbel's trick: the highest of these are a draw without replacement.
        lots = np.log(np.maximum(chances, SMALLEST)) + rng.gumbel(size=len(chances))
        rows = np.argsort(-lots, kind="stable")[:count]
        rows = rows[falling(chances[rows], rng)]
        scores = chances[rows]
        return ranking(table, rows, scores, lambda n: f"query probability {scores[n]:.3g}")


def query_distribution(
    gradients: NDArray[np.floating], rounds: int, ridge: float
) -> NDArray[np.float64]:
    """Gives with which probability each unit should be queried.

    It makes tr(I_q^-1 I_pool) small, where I_q is the Fisher information of units that are drawn by
    q and I_pool that of the pool: what is drawn should inform about what the pool is about. As the
    criterion is one of L-optimal design, the multiplicative algorithm lowers it in every round.

    Args:
        gradients: Shape (unit, draw, number).
        rounds: Of the algorithm.
        ridge: See `Settings`.
    """
    units, draws, length = gradients.shape
    flat = gradients.reshape(-1, length).astype(np.float32)
    size = np.sqrt((flat**2).mean(axis=0, dtype=np.float64))
    flat = flat[:, size > 0] / size[size > 0].astype(np.float32)  # Layers count alike.
    chances = np.full(units, 1 / units)
    if not flat.shape[1]:
        return chances
    pool = flat.T.astype(np.float64) @ flat / len(flat)
    values, axes = np.linalg.eigh(pool)
    root = axes * np.sqrt(np.maximum(values, 0))
    for _ in range(rounds):
        weighted = flat * np.repeat(chances / draws, draws)[:, None].astype(np.float32)
        queried = flat.T @ weighted + ridge * np.eye(flat.shape[1])
        toward = flat @ np.linalg.solve(queried, root).astype(np.float32)
        gain = (toward**2).sum(axis=1).reshape(units, draws).mean(axis=1, dtype=np.float64)
        chances *= np.sqrt(gain)
        chances /= chances.sum()
    return chances
