"""The baseline that every strategy has to beat: units at random."""

from __future__ import annotations

import numpy as np

from ImperfectSegLogic.active.pool import Pool
from ImperfectSegLogic.active.segmenter import Segmenter
from ImperfectSegLogic.methods.base import QueryStrategy, Ranking
from ImperfectSegLogic.methods.card import MethodCard, Requires
from ImperfectSegLogic.methods.progress import Progress
from ImperfectSegLogic.methods.scarce.active_learning.measured import ROW, check_count


class RandomChoice(QueryStrategy):
    """Chooses units at random, without looking at images (the baseline of settles2009active)."""

    card = MethodCard(
        name="random",
        paper=("settles2009active",),
        table_row=ROW,
        accepts=("volume", "slice", "patch"),
        requires=Requires.EXPERT,
        dims=(2, 3),
        claims="Is what all others have to beat.",
    )
    needs_segmenter = False

    def rank(
        self,
        pool: Pool,
        segmenter: Segmenter | None,
        count: int,
        rng: np.random.Generator,
        progress: Progress | None = None,
    ) -> Ranking:
        """See `QueryStrategy.rank`."""
        check_count(self.card.name, count)
        (progress or Progress()).report(0.0, "drawing")
        rows = rng.permutation(len(pool.units))[:count]
        names = tuple(pool.units[row].name() for row in rows)
        return Ranking(names, (0.0,) * len(names), ("at random",) * len(names))
