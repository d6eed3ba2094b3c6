"""Cai 2018: from RECIST diameters to 3-D, a network and GrabCut teaching each other by slices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ImperfectSegLogic.data import (
    UNLABELED,
    Annotation,
    Dataset,
    Prediction,
    RecistMarks,
    SparseMask,
    Volume,
)
from ImperfectSegLogic.data.sample import Batch
from ImperfectSegLogic.methods.base import LossTerms, TrainingMethod
from ImperfectSegLogic.methods.card import MethodCard, Requires
from ImperfectSegLogic.methods.settings import setting
from ImperfectSegLogic.methods.supervised import Settings as SupervisedSettings
from ImperfectSegLogic.methods.supervised import Supervised
from ImperfectSegLogic.methods.weak.selective_loss.lesion_slices import (
    lesion_slices,
    lesion_window,
)
from ImperfectSegLogic.methods.weak.selective_loss.round_data import (
    annotation_of,
    with_annotations,
)
from ImperfectSegLogic.training.players import Players

NAME, MARKS = "cai2018", "recist"
BEYOND = 1.5
"""What is this many times farther than the ends of diameters is not in the lesion."""


@dataclass(frozen=True)
class Settings:
    """How far masks grow from round to round, and what the rest of their slices is.

    Attributes:
        start: What the first round learns: `grab-cut` masks of marked slices, or for comparison the
            `diameters`, with background from one and a half times their size on.
        step: Slices that each round adds to each side of the marked one.
        elsewhere: On segmented slices, farther than twice the diameters from where they cross:
            `unlabeled`, or `background` where every lesion of a marked slice is marked.
        dice: Weight of the Dice loss beside cross-entropy, of cases that are densely labeled.
    """

    start: str = setting(
        "grab-cut", "what the first round learns", choices=("grab-cut", "diameters")
    )
    step: int = setting(1, "slices added to each side per round", 1, 1000)
    elsewhere: str = setting(
        "unlabeled", "what is far from marks", choices=("unlabeled", "background")
    )
    dice: float = setting(1.0, "weight of the Dice loss of dense masks", 0.0, 100.0)


class GrownRecist(TrainingMethod):
    """Learns 3-D masks from diameters, slice by slice (cai2018accurate; survey 5.2.1).

    Before the first round GrabCut makes a mask of the two diameters on their slice, of which the
    network learns. After each round the network's probabilities on the next slices to each side
    are what GrabCut starts from there, and the masks of all slices are made anew; the next round
    learns from them, too. A lesion ends at the first slice on which nothing of the one before goes
    on. So there need to be as many rounds as the largest lesion has slices from its marked one,
    divided by `step`; with one round the network learns from marked slices only.

    Loss on what is labeled: inside the ellipse twice as large as the diameters, and around it if
    `elsewhere` says so. Cases with masks instead of marks stay as they are.

    Read as abstract and survey only. Differs from the paper: the network is the plan's and sees
    whole images, not lesions cut out around their marks; for GrabCut see `completion.grab_cut`.
    """

    card = MethodCard(
        name=NAME,
        paper=("cai2018accurate",),
        table_row="Selective loss w/ and w/o mask completion",
        accepts=("RecistMarks",),
        requires=Requires.NOTHING,
        dims=(2, 3),
        claims="Dice rises by 10 % over learning from the diameters alone; 0.92 on marked slices,"
        " 0.76 in 3-D.",
    )
    settings_type = Settings
    supervises = True

    def __init__(self, settings: Settings | None = None) -> None:
        """Takes the settings; the defaults if there are none."""
        super().__init__(settings)
        self._supervised = Supervised(SupervisedSettings(dice=self.settings.dice))

    def loss(self, players: Players, batch: Batch) -> LossTerms:
        """Gives cross-entropy over labeled voxels, and Dice if a sample is dense."""
        return self._supervised.loss(players, batch)

    def before_rounds(self, players: Players, dataset: Dataset, folder: Path) -> Dataset:
        """Makes masks of the marked slices.

        Raises:
            ValueError: If marks are not those of one lesion on one slice of their image, or an
                image has channels.
        """
        said = self._masks(players, dataset, 0)
        return with_annotations(dataset, players, folder, said)

    def between_rounds(self, players: Players, dataset: Dataset, folder: Path) -> Dataset:
        """Makes masks that reach `step` slices farther than those of the round before."""
        reach = (players.round + 1) * self.settings.step
        return with_annotations(dataset, players, folder, self._masks(players, dataset, reach))

    def _masks(
        self, players: Players, dataset: Dataset, reach: int
    ) -> Iterator[tuple[str, Mapping[str, Annotation]]]:
        """Gives the annotations of all cases, by who made them; the masks last, as they count."""
        for case in players.train_cases:
            kept = reach and MARKS in dataset.annotators(case)  # Beside the masks made of them.
            said = annotation_of(dataset, case, MARKS if kept else players.annotator)
            if not isinstance(said, RecistMarks):
                yield case, {} if said is None else {NAME: said}
                continue
            volume = dataset.image(case)
            volume.check_scalar()
            prediction = players.predict(volume) if reach else None
            yield case, {MARKS: said, NAME: self._mask(volume, said, prediction, reach)}

    def _mask(
        self, volume: Volume, said: RecistMarks, prediction: Prediction | None, reach: int
    ) -> SparseMask:
        """Gives the mask of all lesions of a case; where two overlap, the one marked last."""
        geometry = volume.geometry
        labels = np.full(geometry.shape, UNLABELED, dtype=np.int32)
        whole = None if prediction is None else prediction.full_probabilities()
        lesions = []
        for mark in said.marks:
            window = lesion_window(mark, geometry)
            chance = None
            if prediction is not None and whole is not None:
                chance = whole[prediction.labels.index(mark.label)]
            around = window.inside[0] | (self.settings.elsewhere == "background")
            if self.settings.start == "diameters" and not reach:
                found = {window.index: window.marked}
                around &= window.far[0] > BEYOND
            else:
                found = lesion_slices(volume, window, chance, reach)
            for at, inside in found.items():
                np.moveaxis(labels, window.axis, 0)[at][around] = 0
                lesions.append((mark.label, window.axis, at, inside[0]))
        for label, axis, at, inside in lesions:  # Last, as lesions may lie around one another.
            np.moveaxis(labels, axis, 0)[at][inside] = label
        return SparseMask(labels, geometry)
