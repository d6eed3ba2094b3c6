"""Zheng 2019: all at once and before any training, the units that stand for the others."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2, vq

from ImperfectSegLogic.active.features import (
    SIDE_2D,
    SIDE_3D,
    pictures,
    principal_components,
)
from ImperfectSegLogic.active.measurements import Columns, Table
from ImperfectSegLogic.active.pool import Pool
from ImperfectSegLogic.active.segmenter import Segmenter
from ImperfectSegLogic.active.unit import Unit
from ImperfectSegLogic.data import Volume
from ImperfectSegLogic.methods.base import Ranking
from ImperfectSegLogic.methods.card import MethodCard, Requires
from ImperfectSegLogic.methods.packages import packages_missing
from ImperfectSegLogic.methods.progress import Progress
from ImperfectSegLogic.methods.scarce.active_learning.coverage import cosine, drawn, max_cover
from ImperfectSegLogic.methods.scarce.active_learning.measured import (
    REFERENCES,
    ROW,
    MeasuredStrategy,
    ranking,
)
from ImperfectSegLogic.methods.settings import setting

LEARNED_SIDES = (32, 16)
"""Sides of the pictures that a variational auto-encoder learns of, in 2-D and 3-D."""
ROUNDS = 20
"""Of K-means; what changes after that changes little."""


@dataclass(frozen=True)
class Settings:
    """What features there are, and how many clusters.

    Attributes:
        features: `pca`, those of a linear auto-encoder, or `vae`, those of a variational one.
        components: Features of a unit: hidden units of the auto-encoder.
        steps: Of learning of the variational auto-encoder.
        clusters: Clusters of K-means, as a multiple of the units asked for.
        references: Units that are clustered, and that coverage is measured on, at most.
    """

    features: str = setting("pca", "auto-encoder: linear or variational", choices=("pca", "vae"))
    components: int = setting(32, "features: hidden units of the auto-encoder", 1, 1024)
    steps: int = setting(400, "steps of learning, of vae only", 1, 1_000_000)
    clusters: float = setting(2.0, "clusters, per unit chosen", 1.0, 100.0)
    references: int = setting(20_000, REFERENCES, 1, 10_000_000)


class RepresentativeAnnotation(MeasuredStrategy):
    """Chooses representatives once, without a model (zheng2019biomedical; survey 4.3.1).

    K-means finds clusters of features; the unit nearest to the middle of each is a candidate. Of
    these, those are chosen that cover all units best, by cosine similarity, greedily.

    With `features=vae` the features are those of a variational auto-encoder, which learns of small
    pictures of all units (`active.learned_features`), on the CPU. By default they are those of a
    linear one of smaller pictures (`active.features`): its optimum is known, so that it needs
    neither training nor torch, and a large pool is chosen from in seconds.

    Read as told by the survey. In the survey's Table 3 this row and that of mahapatra2018 are
    swapped: this one is the one-shot method.
    """

    card = MethodCard(
        name="zheng2019",
        paper=("zheng2019biomedical",),
        table_row=ROW,
        accepts=("patch", "slice", "volume"),
        requires=Requires.EXPERT,
        dims=(2, 3),
        claims="Chooses once and before any training, as well as yang2017 does in rounds.",
    )
    settings_type = Settings
    measured_by = ("features",)
    needs_segmenter = False

    def rank(
        self,
        pool: Pool,
        segmenter: Segmenter | None,
        count: int,
        rng: np.random.Generator,
        progress: Progress | None = None,
    ) -> Ranking:
        """See `QueryStrategy.rank`; what is measured is the same with any model."""
        return super().rank(pool, None, count, rng, progress)

    def measure(
        self, volume: Volume, units: Sequence[Unit], segmenter: Segmenter | None
    ) -> Columns:
        """Gives small pictures of the units."""
        sides = LEARNED_SIDES if self.settings.features == "vae" else (SIDE_2D, SIDE_3D)
        return {"pictures": pictures(volume, units, *sides)}

    def select(self, table: Table, known: Table, count: int, rng: np.random.Generator) -> Ranking:
        """Covers all units with some of the clusters' middles."""
        own = self.settings
        order = rng.permutation(len(table))  # So that among equal ones no case is favored.
        features = self._features(table, rng)[order]
        few = drawn(features, own.references, rng)
        middles = _middles(features, few, math.ceil(own.clusters * count), rng)
        if len(middles) < count:  # Where images are alike, clusters are few.
            others = np.setdiff1d(np.arange(len(table)), middles)
            middles = np.concatenate([middles, rng.permutation(others)[: count - len(middles)]])
        chosen, gains = max_cover(cosine(features[middles]), cosine(few), count)
        return ranking(
            table, order[middles[chosen]], gains, lambda n: f"stands for {gains[n]:.2%} of the pool"
        )

    def _features(self, table: Table, rng: np.random.Generator) -> NDArray[np.float32]:
        own, rows = self.settings, table["pictures"]
        if own.features == "pca":
            return principal_components(rows, own.components)
        if missing := packages_missing():
            raise ValueError(f"{self.card.name}, features: got vae, but {missing}")
        from ImperfectSegLogic.active.learned_features import learned_features

        flat, cube = LEARNED_SIDES
        space = (cube,) * 3 if table.units[0].axis < 0 else (flat,) * 2
        return learned_features(rows, space, own.components, own.steps, own.references, rng)


def _middles(
    features: NDArray[np.float32],
    few: NDArray[np.float32],
    clusters: int,
    rng: np.random.Generator,
) -> NDArray[np.intp]:
    """Gives the units that are nearest to the middles of clusters."""
    if clusters >= len(few):
        most = min(clusters, len(features))
        return np.sort(rng.choice(len(features), most, replace=False))
    start = few[np.sort(rng.choice(len(few), clusters, replace=False))]
    with warnings.catch_warnings():  # A cluster may lose all of its units; there are others.
        warnings.simplefilter("ignore", UserWarning)
        centers, _ = kmeans2(few, start, iter=ROUNDS, minit="matrix", missing="warn")
    cluster, distance = vq(features, centers)
    order = np.lexsort((distance, cluster))
    _, first = np.unique(cluster[order], return_index=True)
    return np.sort(order[first])
