"""Can 2018: scribbles grown by random walks, a network with a CRF, certain labels taught again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from monai.losses.dice import DiceLoss
from numpy.typing import NDArray
from scipy.stats import ttest_ind_from_stats
from skimage.segmentation import random_walker
from torch import nn

from ImperfectSegLogic.data import UNLABELED, Dataset, SparseMask, Volume
from ImperfectSegLogic.data.sample import Batch
from ImperfectSegLogic.losses.label_probabilities import label_log_probabilities
from ImperfectSegLogic.methods.base import LossTerms, Term
from ImperfectSegLogic.methods.card import MethodCard, Requires
from ImperfectSegLogic.methods.scarce.crf.learned import Settings as CRFSettings
from ImperfectSegLogic.methods.scarce.crf.zheng2015 import CRFAsRNN
from ImperfectSegLogic.methods.settings import setting
from ImperfectSegLogic.methods.supervised import DENSE
from ImperfectSegLogic.methods.weak.selective_loss.relabeling import relabeled
from ImperfectSegLogic.networks.build import build_network
from ImperfectSegLogic.prediction.dropout import dropped
from ImperfectSegLogic.training.orientation import canonical_turn
from ImperfectSegLogic.training.plan import TrainingPlan
from ImperfectSegLogic.training.players import Players
from ImperfectSegLogic.training.preprocessing import Preprocessing


@dataclass(frozen=True)
class Settings(CRFSettings):
    """How scribbles grow and which predictions are certain; the CRF's settings as in `zheng2015`.

    Attributes:
        threshold: How probable the random walk must find a label for the scribble to grow there.
        edges: How much an edge of the image keeps a random walk back (beta).
        dropout: Share of features that the network drops, in place of its own.
        passes: Predictions of each image with dropout between rounds.
        certainty: How sure it must be that the first label is more probable than the second.
        dice: Weight of the Dice loss, over the labeled voxels where not all are.
    """

    threshold: float = setting(0.99, "probability from which a scribble grows", 0.5, 1.0)
    edges: float = setting(130.0, "how much edges keep a random walk back", 0.0, 1e6)
    dropout: float = setting(0.1, "share of features set to 0 at random", 0.01, 0.95)
    passes: int = setting(10, "predictions with dropout between rounds", 2, 1000)
    dice: float = setting(1.0, "weight of the Dice loss of labeled voxels", 0.0, 100.0)
    certainty: float = setting(0.95, "certainty of labels that are taught again", 0.5, 0.999999)


class GrownScribbles(CRFAsRNN):
    """Grows scribbles, trains a network with CRF-RNN on them, and again on what it is certain of.

    can2018learning, read as abstract, introduction and by the survey (5.2.1). Before the first
    round a random walk on each slice labels what it is sure of. Between rounds the network predicts
    each training image several times with dropout, and its labels are taught where it is certain;
    scribbles keep their labels. Growing without rounds is a run of one round.

    Here certain means that Welch's t-test tells the probabilities of the two most probable labels
    apart. Slices with scribbles of one label do not grow. Random walks run on images as they are
    prepared for the network. As in `zheng2015`, the network before the CRF has a loss of its own.
    Images with dense masks keep them. Grown scribbles label nearly all of the background and a part
    of what is small: beside cross-entropy there is Dice over labeled voxels, without which
    background wins everywhere.
    """

    card = MethodCard(
        name="sparse-can2018",
        paper=("can2018learning",),
        table_row="Selective loss w/ and w/o mask completion",
        accepts=("SparseMask", "PointGrid", "DenseMask"),
        requires=Requires.NOTHING,
        dims=(2,),
        claims="Dice rises by 3 % over training once on the grown scribbles.",
    )
    settings_type = Settings

    def __init__(self, settings: Settings | None = None) -> None:
        """Takes the settings; the defaults if there are none."""
        super().__init__(settings)
        self._dice = DiceLoss(
            include_background=False, to_onehot_y=True, batch=True, ignore_index=UNLABELED
        )

    def loss(self, players: Players, batch: Batch) -> LossTerms:
        """Gives the terms of `zheng2015`, and Dice over labeled voxels of what is not dense."""
        terms = super().loss(players, batch)
        chosen = [n for n, kind in enumerate(batch.kinds) if kind not in DENSE]
        if not chosen or not self.settings.dice or (batch.target[chosen] == UNLABELED).all():
            return terms
        log = label_log_probabilities(players.logits(batch), batch.looked_for)
        rows = torch.tensor(chosen, device=log.device)
        value = self._dice(log[rows].exp(), batch.target[rows].unsqueeze(1))
        return (*terms, Term("dice of labeled voxels", value, self.settings.dice))

    def network(self, plan: TrainingPlan) -> nn.Module:
        """Makes the plan's network with dropout."""
        known = {**plan.network_settings, "dropout": self.settings.dropout}
        return build_network(plan.network, plan.dims, plan.channels, len(plan.labels) + 1, known)

    def before_rounds(self, players: Players, dataset: Dataset, folder: Path) -> Dataset:
        """Gives the same cases with scribbles that have grown."""
        how, known = players.plan.preprocessing, self.settings

        def grow(volume: Volume, given: SparseMask, labels: tuple[int, ...]) -> SparseMask:
            return grown(volume, given, how, known.threshold, known.edges)

        return relabeled(players, dataset, folder, grow)

    def between_rounds(self, players: Players, dataset: Dataset, folder: Path) -> Dataset:
        """Gives the same cases with the labels that the network is certain of."""
        known, number = self.settings, iter(range(len(players.train_cases)))

        def relabel(volume: Volume, given: SparseMask, labels: tuple[int, ...]) -> SparseMask:
            seed, draws = (players.round, next(number)), []
            for n in range(known.passes):
                with dropped(players.segmenter, (*seed, n)):
                    draws.append(players.predict(volume).probabilities)
            every = (0, *players.plan.labels)
            found = certain_labels(_looked_for(np.stack(draws), every, labels), known.certainty)
            return _beside(given, np.where(found == UNLABELED, UNLABELED, np.array(every)[found]))

        return relabeled(players, dataset, folder, relabel)


def grown(
    volume: Volume, given: SparseMask, how: Preprocessing, threshold: float, edges: float
) -> SparseMask:
    """Labels what a random walk, slice by slice, is sure of.

    Args:
        volume: The image.
        given: Scribbles; they keep their labels.
        how: How the image is prepared; slices are those of the prepared image.
        threshold: Labels stay where they are more probable than this.
        edges: How much edges keep a random walk back.
    """
    image = how.prepare(volume)
    seeds = _seeds(given, how)
    values = np.unique(given.labels[given.labeled])
    spacing = how.prepared_spacing(volume.geometry)[1:]
    walked = np.zeros((len(values), *seeds.shape), dtype=np.float32)
    for k, slice_seeds in enumerate(seeds):
        there = np.flatnonzero(np.isin(values, slice_seeds))
        if len(there) < 2 or (slice_seeds != UNLABELED).all():
            continue
        ranks = np.searchsorted(values[there], slice_seeds) + 1
        walked[there, k] = random_walker(
            image[:, k],
            np.where(slice_seeds == UNLABELED, 0, ranks),
            beta=edges,
            mode="bf",
            return_full_prob=True,
            spacing=spacing,
            channel_axis=0,
        )
    restored = how.restore(walked, volume.geometry)
    sure = restored.max(axis=0, initial=0) > threshold
    found = values[restored.argmax(axis=0)] if len(values) else UNLABELED
    return _beside(given, np.where(sure, found, UNLABELED))


def _seeds(given: SparseMask, how: Preprocessing) -> NDArray[np.int64]:
    """Puts scribbles on the prepared grid; none of a line is lost between coarser voxels."""
    turned = canonical_turn(given.geometry, how.dims).apply(given.labels)
    shape = how.prepared_shape(given.geometry)
    found = [np.full(shape, UNLABELED, dtype=np.int64) for _ in range(2)]
    at = np.argwhere(turned != UNLABELED)
    to = ((at + 0.5) * shape / turned.shape).astype(np.int64)
    for seeds, order in zip(found, (slice(None), slice(None, None, -1)), strict=True):
        seeds[tuple(to[order].T)] = turned[tuple(at[order].T)]
    # A voxel that holds two labels shows the last one of each order.
    return np.where(found[0] == found[1], found[0], UNLABELED)


def certain_labels(draws: NDArray[np.float32], certainty: float) -> NDArray[np.int64]:
    """Gives the label of each voxel whose probability differs from that of all others for sure.

    Args:
        draws: Probabilities of several passes, shape (pass, label, *space), two labels or more.
        certainty: How sure Welch's t-test of the two most probable labels must be, 0 to 1.

    Returns:
        Index of the label or `UNLABELED`, shape (*space).
    """
    mean, sd, count = draws.mean(axis=0), draws.std(axis=0, ddof=1), len(draws)
    order = np.argsort(mean, axis=0)[-2:]
    (second, first), (sd_second, sd_first) = (
        np.take_along_axis(each, order, axis=0).astype(np.float64) for each in (mean, sd)
    )
    with np.errstate(divide="ignore", invalid="ignore"):  # Passes may agree to the last digit.
        test = ttest_ind_from_stats(first, sd_first, count, second, sd_second, count, False)
    return np.where(test.pvalue < 1 - certainty, order[1], UNLABELED)


def _looked_for(
    draws: NDArray[np.float32], every: tuple[int, ...], labels: tuple[int, ...]
) -> NDArray[np.float32]:
    """Makes labels that nobody looked for in a case a part of its background."""
    missing = [n for n, label in enumerate(every) if label and label not in labels]
    draws[:, 0] += draws[:, missing].sum(axis=1)
    draws[:, missing] = 0
    return draws


def _beside(given: SparseMask, found: NDArray[np.int64]) -> SparseMask:
    labels = np.where(given.labeled, given.labels, found).astype(np.int32)
    return SparseMask(labels, given.geometry)
