"""Gorriz 2017, in training: what the network is most certain of teaches it, by its own masks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ImperfectSegLogic.active.pool import DatasetImages, Pool
from ImperfectSegLogic.active.pool_units import Division
from ImperfectSegLogic.active.training_segmenter import segmenter_of
from ImperfectSegLogic.active.unit import Unit, parse
from ImperfectSegLogic.data import UNLABELED, Annotation, Dataset, SparseMask
from ImperfectSegLogic.data.datasets.files import write_json
from ImperfectSegLogic.data.sample import Batch
from ImperfectSegLogic.methods.base import LossTerms, Ranking, TrainingMethod
from ImperfectSegLogic.methods.card import MethodCard, Requires
from ImperfectSegLogic.methods.scarce.active_learning.gorriz2017 import CostEffective
from ImperfectSegLogic.methods.scarce.active_learning.gorriz2017 import Settings as QuerySettings
from ImperfectSegLogic.methods.scarce.active_learning.measured import PASSES, ROW
from ImperfectSegLogic.methods.settings import setting
from ImperfectSegLogic.methods.supervised import Supervised
from ImperfectSegLogic.methods.weak.selective_loss.round_data import (
    annotation_of,
    with_annotations,
)
from ImperfectSegLogic.prediction.dropout import dropout_layers
from ImperfectSegLogic.training.players import Players

GIVEN, OWN = "given-by-annotators", "predicted-by-gorriz2017"
"""Whose annotations those of a round's data set are: of people, and with the network's masks."""
RECORD = "own_masks.json"
"""In a round's data set: which units have the network's masks, and how certain it was."""


@dataclass(frozen=True)
class Settings:
    """Which units teach by the network's masks.

    Attributes:
        units: `slice` or `volume`.
        axis: The array axis that slices lie across.
        passes: Dropout masks by which certainty is measured.
        certain: Units with own masks, as a share of the annotated ones.
    """

    units: str = setting("slice", "what is taught at a time", choices=("slice", "volume"))
    axis: int = setting(0, "array axis that slices lie across", 0, 2)
    passes: int = setting(10, PASSES, 2, 1000)
    certain: float = setting(1.0, "units to learn from own masks, per annotated unit", 0.0, 100.0)


class OwnMasks(TrainingMethod):
    """Adds units with the network's own masks between rounds (gorriz2017cost; survey 4.3.1).

    After each round the units that nobody labeled are measured as the query strategy `gorriz2017`
    does it, with MC dropout. The most certain ones in which something is found are taught in the
    next round with the masks that the network predicts without dropout. All are chosen anew after
    each round. The loss is the supervised one, and own masks count in it as those of people do.

    Own masks are never written into the data set: they are in one that the run's folder holds,
    under a name of their own beside what people drew, with a file that tells which units they are.

    Read as told by the survey. Units are those of cases that the run trains on; where an annotator
    was named, all of these have annotations. It needs two rounds or more, and dropout.
    """

    card = MethodCard(
        name="gorriz2017-own-masks",
        paper=("gorriz2017cost", "gal2016dropout"),
        table_row=ROW,
        accepts=("SparseMask", "DenseMask", "NoisyMask"),
        requires=Requires.EXPERT,
        dims=(2, 3),
        claims="Learns from its most certain predictions besides what was annotated.",
    )
    settings_type = Settings
    supervises = True

    def __init__(self, settings: Settings | None = None) -> None:
        """Takes the settings; the defaults if there are none."""
        super().__init__(settings)
        self._supervised = Supervised()
        own = self.settings
        self._query = CostEffective(QuerySettings(passes=own.passes, certain=own.certain))

    def loss(self, players: Players, batch: Batch) -> LossTerms:
        """Gives the supervised terms."""
        return self._supervised.loss(players, batch)

    def before_rounds(self, players: Players, dataset: Dataset, folder: Path) -> Dataset:
        """Gives the data as it is.

        Raises:
            ValueError: If there is one round only, or the network has no dropout.
        """
        name = self.card.name
        if players.rounds < 2:
            raise ValueError(
                f"{name}: got 1 round, allowed are 2 or more, as own masks are taught from the"
                " second one on. Train with --rounds 2, or simulate with --training-rounds 2."
            )
        if not dropout_layers(players.segmenter):
            raise ValueError(
                f"{name}: got {players.plan.network} without dropout, by which it measures how"
                " certain it is. Train with the network's setting dropout=0.2."
            )
        return dataset

    def between_rounds(self, players: Players, dataset: Dataset, folder: Path) -> Dataset:
        """Gives the same cases with the network's masks of the units that it is certain of."""
        given = {case: _given(dataset, case, players.annotator) for case in players.train_cases}
        pool = self._pool(dataset, given)
        segmenter = segmenter_of(players, dataset.labels)
        rng = np.random.default_rng(players.round)
        found = self._query.certain(pool, segmenter, len(pool.labeled), rng)
        made = with_annotations(
            dataset, players, folder, _annotated(players, dataset, given, found)
        )
        _write_record(made.folder, players, found, segmenter.identity)
        return made

    def _pool(self, dataset: Dataset, given: Mapping[str, Annotation | None]) -> Pool:
        division = Division(self.settings.units, self.settings.axis)
        unlabeled: list[Unit] = []
        labeled: list[Unit] = []
        for case, annotation in given.items():
            shape = dataset.record(case).geometry.shape
            known = _labeled(annotation, shape)
            for unit in division.units(case, shape):
                (labeled if known[unit.slices(shape)].any() else unlabeled).append(unit)
        return Pool(DatasetImages(dataset), unlabeled, labeled)


def _given(dataset: Dataset, case: str, annotator: str | None) -> Annotation | None:
    """Reads what people said of a case, also where a round before this one has added to it."""
    names = dataset.annotators(case)
    if GIVEN in names:
        return annotation_of(dataset, case, GIVEN)
    return None if OWN in names else annotation_of(dataset, case, annotator)


def _labeled(annotation: Annotation | None, shape: tuple[int, int, int]) -> np.ndarray:
    """Gives which voxels are labeled; all if it is no mask, as nobody can tell."""
    if isinstance(annotation, SparseMask):
        return annotation.labeled
    return np.full(shape, annotation is not None)


def _annotated(
    players: Players, dataset: Dataset, given: Mapping[str, Annotation | None], found: Ranking
) -> Iterator[tuple[str, Mapping[str, Annotation]]]:
    units = [parse(name) for name in found.items]
    for case, annotation in given.items():
        said: dict[str, Annotation] = {} if annotation is None else {GIVEN: annotation}
        own = [unit for unit in units if unit.case == case]
        if own:
            said[OWN] = _with_own(players, dataset, case, annotation, own)
        yield case, said


def _with_own(
    players: Players,
    dataset: Dataset,
    case: str,
    annotation: Annotation | None,
    units: list[Unit],
) -> SparseMask:
    """Adds the predicted masks of some units; labels that nobody looked for are background."""
    volume, listed = dataset.image(case), dataset.record(case).labels
    prediction = players.predict(volume)
    values = np.array((0, *players.plan.labels), dtype=np.int32)
    if listed is not None:
        values[~np.isin(values, listed)] = 0
    predicted = values[prediction.probabilities.argmax(axis=0)]
    shape = volume.geometry.shape
    labels = np.full(shape, UNLABELED, dtype=np.int32)
    for unit in units:
        place = unit.slices(shape)
        labels[place] = predicted[place]
    if isinstance(annotation, SparseMask):
        labels = np.where(annotation.labeled, annotation.labels, labels).astype(np.int32)
    return SparseMask(labels, volume.geometry)


def _write_record(folder: Path, players: Players, found: Ranking, identity: str) -> None:
    content = {
        "made by": OwnMasks.card.name,
        "after round": players.round,
        "model": identity,
        "units": dict(zip(found.items, found.reasons, strict=True)),
    }
    write_json(folder / RECORD, content)
