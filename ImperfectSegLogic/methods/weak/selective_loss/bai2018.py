"""Bai 2018: a recurrent network for sequences, and labels carried over to frames without any."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from torch import nn

from ImperfectSegLogic.data import (
    UNLABELED,
    Annotation,
    Dataset,
    DenseMask,
    Geometry,
    NoisyMask,
    SparseMask,
    Volume,
)
from ImperfectSegLogic.data.sample import Batch
from ImperfectSegLogic.methods.base import LossTerms, TrainingMethod
from ImperfectSegLogic.methods.card import MethodCard, Requires
from ImperfectSegLogic.methods.settings import setting
from ImperfectSegLogic.methods.supervised import Settings as SupervisedSettings
from ImperfectSegLogic.methods.supervised import Supervised
from ImperfectSegLogic.methods.weak.selective_loss.propagation import Labels, propagated
from ImperfectSegLogic.methods.weak.selective_loss.round_data import (
    annotation_of,
    with_annotations,
)
from ImperfectSegLogic.networks.build import build_network
from ImperfectSegLogic.networks.sequences import SequenceNetwork
from ImperfectSegLogic.training.orientation import canonical_turn
from ImperfectSegLogic.training.plan import TrainingPlan
from ImperfectSegLogic.training.players import Players

NAME = "bai2018"


@dataclass(frozen=True)
class Settings:
    """What a sequence is, how far labels are carried, what they count, how large the memory is.

    Attributes:
        frames: `cases` if frames are the cases of one subject in the order of their ids; `slices`
            if a case is a sequence and its first axis is time.
        radius: Frames at this distance in time, and farther ones, get no label; 1 carries none.
        power: A frame at distance d counts (1 - d / radius) to this power; 0 for all alike.
        hidden: Features of each memory, and of each frame.
        dice: Weight of the Dice loss beside cross-entropy, of densely labeled samples.
    """

    frames: str = setting("cases", "what frames are", choices=("cases", "slices"))
    radius: int = setting(5, "frames this far from an annotated one get no label", 1, 1000)
    power: float = setting(1.0, "how steeply frames count less with distance in time", 0.0, 100.0)
    hidden: int = setting(16, "features of the memory", 1, 512)
    dice: float = setting(1.0, "weight of the Dice loss of dense masks", 0.0, 100.0)


class RecurrentSequence(TrainingMethod):
    """Learns sequences of which few frames are annotated (bai2018recurrent; survey 5.2.1).

    Before training, each frame without a label gets those of the nearest annotated frames of its
    sequence by non-rigid registration. It counts the less, the farther away they are: that share of
    its voxels, drawn at random, keeps its labels, so that the loss is weighted whatever its terms.

    The network reads 3-D samples along their first axis, both ways: in time where a case is a
    sequence, as a cine series of one slice is (`frames` is `slices`). Where frames are cases (an
    end-diastolic and an end-systolic image), each is seen alone: in 2-D it is a sequence of one,
    for which the memory is but one more layer with gates; all that is gained comes from labels.

    Read as abstract, survey and the authors' published code only. Differs from those: registration
    is SimpleITK's demons; the whole network is trained at once, and its last layer sees features
    beside memories; Dice loss beside cross-entropy; the plan's network gives features.
    """

    card = MethodCard(
        name=NAME,
        paper=("bai2018recurrent",),
        table_row="Selective loss w/ and w/o mask completion",
        accepts=("DenseMask", "SparseMask"),
        requires=Requires.NOTHING,
        dims=(2, 3),
        claims="Labels carried over to the other frames raise Dice by 1 % over a U-Net that learns"
        " from annotated frames only.",
    )
    settings_type = Settings
    supervises = True

    def __init__(self, settings: Settings | None = None) -> None:
        """Takes the settings; the defaults if there are none."""
        super().__init__(settings)
        self._supervised = Supervised(SupervisedSettings(dice=self.settings.dice))

    def segmenter(self, plan: TrainingPlan) -> nn.Module:
        """Makes the plan's network in 2-D, for features of each frame, with the memories behind."""
        hidden, settings = self.settings.hidden, dict(plan.network_settings)
        settings.pop("flat_levels", None)  # Frames have no slice axis.
        frame = build_network(plan.network, 2, plan.channels, hidden, settings)
        return SequenceNetwork(frame, hidden, hidden, len(plan.labels) + 1)

    def loss(self, players: Players, batch: Batch) -> LossTerms:
        """Gives cross-entropy over labeled voxels, and Dice if a sample is dense."""
        return self._supervised.loss(players, batch)

    def before_rounds(self, players: Players, dataset: Dataset, folder: Path) -> Dataset:
        """Carries labels over to frames without any; see the class.

        Raises:
            ValueError: If the frames of a subject differ in their grids, or the first axis of a
                sequence would not be the first one of samples.
        """
        if self.settings.radius == 1:
            return dataset
        frames = self._of_cases if self.settings.frames == "cases" else self._of_slices
        return with_annotations(dataset, players, folder, frames(players, dataset))

    def _of_cases(
        self, players: Players, dataset: Dataset
    ) -> Iterator[tuple[str, Mapping[str, Annotation]]]:
        """Gives the annotations of all cases, which are the frames of their subjects."""
        for subject, cases in sequences_of(dataset, players.train_cases).items():
            said = [annotation_of(dataset, case, players.annotator) for case in cases]
            known = [labels_of(one) for one in said]
            images = [replace(dataset.image(case), name=case) for case in cases]
            found = self._propagated(images, known, subject)
            for case, image, before, labels in zip(cases, images, said, found, strict=True):
                after = before
                if labels is not None and labels_of(before) is None:
                    after = mask_of(labels, image.geometry)
                yield case, {} if after is None else {NAME: after}

    def _of_slices(
        self, players: Players, dataset: Dataset
    ) -> Iterator[tuple[str, Mapping[str, Annotation]]]:
        """Gives the annotations of all cases, whose slices along the first axis are the frames."""
        for case in players.train_cases:
            image, said = dataset.image(case), annotation_of(dataset, case, players.annotator)
            check_time_axis(image.geometry, case, players.plan.dims)
            whole = labels_of(said)
            if said is None or whole is None:
                yield case, {} if said is None else {NAME: said}
                continue
            images = [Volume(one[np.newaxis], image.ijk_to_ras, case) for one in image.array]
            known = [one[np.newaxis] if (one != UNLABELED).any() else None for one in whole]
            empty = np.full((1, *whole.shape[1:]), UNLABELED)
            found = [
                one if one is not None else empty for one in self._propagated(images, known, case)
            ]
            yield case, {NAME: mask_of(np.concatenate(found), image.geometry)}

    def _propagated(
        self, images: Sequence[Volume], known: Sequence[Labels | None], name: str
    ) -> list[Labels | None]:
        return propagated(images, known, self.settings.radius, self.settings.power, name)


def sequences_of(dataset: Dataset, cases: Sequence[str]) -> dict[str, list[str]]:
    """Gives the frames of each subject in the order of their ids; a case without one is alone."""
    found: dict[str, list[str]] = defaultdict(list)
    for case in sorted(cases):
        found[dataset.record(case).subject or case].append(case)
    return found


def labels_of(annotation: Annotation | None) -> Labels | None:
    """Gives the labels of a mask; None if it is none, or nothing in it is labeled."""
    if not isinstance(annotation, DenseMask | SparseMask):
        return None
    return annotation.labels if bool((annotation.labels != UNLABELED).any()) else None


def mask_of(labels: Labels, geometry: Geometry) -> SparseMask | NoisyMask:
    """Gives a mask that is sparse only if something is unlabeled."""
    return (SparseMask if bool((labels == UNLABELED).any()) else NoisyMask)(labels, geometry)


def check_time_axis(geometry: Geometry, case: str, dims: int) -> None:
    """Checks that the first axis of a case, time, is the first one of 3-D samples.

    Raises:
        ValueError: If it is not.
    """
    if canonical_turn(geometry, dims).order[0] != 0:
        raise ValueError(
            f"case {case}: got a grid whose first axis, time, is not turned to be the slice axis of"
            f" a {dims}-D network; allowed is one that runs from feet to head in 3-D, or with the"
            " largest spacing in 2-D. Store sequences with the direction matrix of no rotation."
        )
