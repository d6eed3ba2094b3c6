"""Tests a network that needs prompts: its engine, and the robot user's clicks on every object."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.data import Case, Click, Dataset, Volume
from ImperfectSegLogic.evidence.overlap import Scores, overlap, rounded_scores
from ImperfectSegLogic.evidence.sparse_annotations import dense_of
from ImperfectSegLogic.evidence.trainings import Training
from ImperfectSegLogic.methods.base import InteractiveSegmenter
from ImperfectSegLogic.methods.catalog import interactive_segmenter
from ImperfectSegLogic.methods.scarce.interactive import wang2018a
from ImperfectSegLogic.methods.scarce.interactive.network_engine import NetworkEngine
from ImperfectSegLogic.methods.scarce.interactive.robot_user import next_click
from ImperfectSegLogic.methods.scarce.interactive.wang2018a import BIFSeg
from ImperfectSegLogic.methods.settings import make_settings
from ImperfectSegLogic.training.model_file import load_model
from ImperfectSegLogic.training.orientation import canonical_turn

ByClicks = dict[str, dict[str, Scores]]
"""Scores by number of clicks, as text, then case, then label."""
Mask = NDArray[np.bool_]


def scores_after_clicks(
    model: Path, training: Training, dataset: Dataset
) -> tuple[ByClicks, ByClicks]:
    """Gives Dice and IoU of each test case and label after some numbers of clicks.

    Each label that a case has is an object that the robot user clicks on; in each slice by itself
    where the network was trained on slices. It sees the mask after each click, and the next one
    goes into the largest error. Labels that a case has not are None.

    Args:
        model: The model's file.
        training: Says which cases, and after how many clicks.
        dataset: The data set, with masks.
    """
    trained = load_model(model)
    engine = _engine(trained.engine, model, training.arm.adapt)
    in_slices = len(trained.patch) == 2
    dice: ByClicks = {str(n): {} for n in training.clicks}
    iou: ByClicks = {str(n): {} for n in training.clicks}
    for case in training.test_cases:
        truth = dense_of(dataset, case).labels
        found = _found(
            engine, dataset.image(case), truth, tuple(dataset.labels), training, in_slices
        )
        for count in training.clicks:
            scores = {
                str(n): overlap(found[n, count], truth == n) if (truth == n).any() else None
                for n in dataset.labels
            }
            dice[str(count)][case], iou[str(count)][case] = rounded_scores(scores)
    return dice, iou


def _engine(name: str, model: Path, adapt: Mapping[str, Any]) -> InteractiveSegmenter:
    """Makes the engine that uses a model, adapting to each image if the arm says so."""
    engine = interactive_segmenter(name, model)
    if not adapt:
        return engine
    if not isinstance(engine, NetworkEngine):
        raise ValueError(
            f"evidence: got `adapt` for the engine {name}; allowed are engines whose answer is one"
            " pass of a network. Take it out."
        )
    return BIFSeg(engine, adapting(adapt))


def adapting(said: Mapping[str, Any]) -> wang2018a.Settings:
    """Gives how BIFSeg is to adapt, before each answer.

    Raises:
        ValueError: If a setting is not allowed.
    """
    found = make_settings(wang2018a.Settings, {"adapts_first": True, **said}, BIFSeg.card.name)
    assert isinstance(found, wang2018a.Settings)
    return found


def _found(
    engine: InteractiveSegmenter,
    volume: Volume,
    truth: NDArray[Any],
    labels: tuple[int, ...],
    training: Training,
    in_slices: bool,
) -> dict[tuple[int, int], Mask]:
    """Gives the mask of each label after each number of clicks."""
    empty = np.zeros(truth.shape, dtype=bool)
    found = {(label, count): empty.copy() for label in labels for count in training.clicks}
    for part, at in _parts(volume, in_slices):
        if not truth[at].any():
            continue
        engine.set_case(Case(part))
        for label in labels:
            masks = _after_clicks(engine, part, truth[at] == label, label, training.clicks)
            for count, mask in zip(training.clicks, masks, strict=True):
                found[label, count][at] = mask
    return found


def _parts(volume: Volume, in_slices: bool) -> Iterator[tuple[Volume, tuple[slice, ...]]]:
    """Gives the image as a whole, or its slices, and where they are in it."""
    if not in_slices:
        yield volume, (slice(None),) * 3
        return
    axis = canonical_turn(volume.geometry, 2).order[0]
    for k in range(volume.geometry.shape[axis]):
        corner = [0, 0, 0]
        corner[axis] = k
        at = [slice(None)] * 3
        at[axis] = slice(k, k + 1)
        matrix = volume.ijk_to_ras.copy()
        matrix[:3, 3] = volume.geometry.to_ras(np.array(corner))
        where = (slice(None),) * (volume.array.ndim - 3) + tuple(at)
        yield Volume(volume.array[where], matrix, volume.name), tuple(at)


def _after_clicks(
    engine: InteractiveSegmenter, volume: Volume, truth: Mask, label: int, counts: Sequence[int]
) -> list[Mask]:
    """Gives the mask after each of some numbers of clicks, in rising order; empty if no truth."""
    found, clicks = np.zeros(truth.shape, dtype=bool), list[Click]()
    masks = []
    for number in range(1, max(counts) + 1):
        click = next_click(found, truth, volume.geometry, label) if truth.any() else None
        if click is not None:
            clicks.append(click)
            found = engine.respond(clicks).full_labels() == label
        if number in counts:
            masks.append(found)
    return masks
