"""One training of an Evidence with its test, on one thread, by `fit` and `predict`."""

from __future__ import annotations

import shutil
import time
from typing import Any

import torch

from ImperfectSegLogic.data import Dataset
from ImperfectSegLogic.evidence.clicked_test import scores_after_clicks
from ImperfectSegLogic.evidence.overlap import overlap, rounded_scores
from ImperfectSegLogic.evidence.sparse_annotations import dense_of
from ImperfectSegLogic.evidence.trainings import CaseScores, Tested, Training
from ImperfectSegLogic.evidence.used_methods import methods_of, transforms_of
from ImperfectSegLogic.prediction.predict import PredictionSettings, predict_labels
from ImperfectSegLogic.training.fingerprint import fingerprint
from ImperfectSegLogic.training.fit import fit
from ImperfectSegLogic.training.model_file import TrainedModel, load_model
from ImperfectSegLogic.training.plan import propose
from ImperfectSegLogic.training.run import RunDescription

WINDOWS = PredictionSettings(overlap=0.25)


def train_and_test(training: Training) -> Tested:
    """Trains by `fit`, from the checkpoint if there is one, and tests on the test cases.

    Raises:
        ValueError: If data or settings do not allow to train, or the loss became NaN.
        OSError: If something cannot be read or written.
        CancelledError: If somebody made the file `stop` in the run's folder.
    """
    torch.set_num_threads(1)
    dataset = Dataset.open(training.dataset)
    run = described(training, dataset)
    _make_way(training, run)
    fresh = not (training.folder / "checkpoint.pt").exists()
    began = time.monotonic()
    path = fit(run, training.folder, device=training.device, resume=True, cache=training.cache)
    seconds = time.monotonic() - began
    spent = round(seconds, 1) if fresh else None
    if training.clicks:
        return (*scores_after_clicks(path, training, dataset), spent)
    return (*test_scores(load_model(path), training, dataset), spent)


def described(training: Training, dataset: Dataset) -> RunDescription:
    """Says what `fit` is to do.

    Raises:
        ValueError: If a field of the training plan, a method or a setting is not allowed.
        OSError: If a case cannot be read.
    """
    arm = training.arm
    found = fingerprint(
        dataset, training.train_cases, training.annotator, training.cache / "fingerprints"
    )
    said = arm.training.items()
    decided: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in said}
    plan = propose(found, decided.pop("dims", None), None, **decided)
    return RunDescription(
        training.dataset,
        plan,
        training.train_cases,
        training.validation_cases,
        methods_of(arm),
        transforms_of(arm),
        training.annotator,
        training.seed,
        arm.rounds,
    )


def _make_way(training: Training, run: RunDescription) -> None:
    """Takes a run away that the training loop of today would not go on with."""
    if (training.folder / "run.json").exists():
        try:
            same = RunDescription.read(training.folder).identity == run.identity
        except ValueError:
            same = False
        if not same:
            shutil.rmtree(training.folder)


def test_scores(
    model: TrainedModel, training: Training, dataset: Dataset
) -> tuple[dict[str, CaseScores], dict[str, CaseScores]]:
    """Gives Dice and IoU of each test case and label."""
    each_dice: dict[str, CaseScores] = {}
    each_iou: dict[str, CaseScores] = {}
    for case in training.test_cases:
        truth = dense_of(dataset, case).labels
        found = predict_labels((model,), dataset.image(case), WINDOWS, device=training.device)
        scores = {str(n): overlap(found.mask.labels == n, truth == n) for n in dataset.labels}
        each_dice[case], each_iou[case] = rounded_scores(scores)
    return each_dice, each_iou
