"""Tests a network whose predictions are refined, with settings found on validation cases. Torch."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import torch

from ImperfectSegLogic.data import Case, Dataset
from ImperfectSegLogic.data.datasets.files import write_json
from ImperfectSegLogic.evidence.circumstances import circumstances
from ImperfectSegLogic.evidence.overlap import rounded_scores
from ImperfectSegLogic.evidence.refined_arms import RefinedTest
from ImperfectSegLogic.evidence.sparse_annotations import dense_of
from ImperfectSegLogic.evidence.training_process import WINDOWS
from ImperfectSegLogic.evidence.trainings import FORMAT, VERSION, Training
from ImperfectSegLogic.methods.catalog import refiner
from ImperfectSegLogic.methods.progress import Progress
from ImperfectSegLogic.prediction.predictor import Predictor
from ImperfectSegLogic.refinement.calibration import Search, calibrate
from ImperfectSegLogic.refinement.chain import Chain
from ImperfectSegLogic.refinement.known_cases import KnownCase, ReadCases, case_dice
from ImperfectSegLogic.refinement.profile import Step
from ImperfectSegLogic.refinement.search_space import search_space
from ImperfectSegLogic.refinement.trial_file import TrialFile

ROOM = 2**30
"""Bytes of predictions that are kept, for validation and for test cases."""
MODEL = "model.safetensors"


def write_refined_scores(training: Training) -> None:
    """Makes the refined tests of a training that are not done, and writes a file for each.

    Raises:
        ValueError: If a prediction or image does not suit a refiner.
        OSError: If something cannot be read or written.
        CancelledError: If somebody made the file `stop` in the run's folder.
    """
    torch.set_num_threads(1)
    dataset = Dataset.open(training.dataset)
    predictor = Predictor.load([training.folder / MODEL], WINDOWS, training.device)
    read = _reader(dataset, predictor)
    test_cases = ReadCases(training.test_cases, read, ROOM)
    validation: dict[tuple[str, ...], ReadCases] = {}
    for test in training.refined:
        if test.path(training.folder).is_file():
            continue
        names = test.validation_cases
        known = validation.setdefault(names, ReadCases(names, read, ROOM))
        chain, searched = _chain(training, test, known)
        said = _scores(training, chain, test_cases)
        settings = [asdict(step) for step in chain.profile.steps]
        found = {"settings": settings, "calibration": searched}
        write_json(test.path(training.folder), {**said, **found}, overwrite=True)
        _trials_of(training, test).remove()


def _reader(dataset: Dataset, predictor: Predictor) -> Callable[[str], KnownCase]:
    def read(name: str) -> KnownCase:
        image = dataset.image(name)
        prediction = predictor.predict(image).prediction
        truth = dense_of(dataset, name)
        return KnownCase(Case(image, name), prediction, truth, tuple(dataset.labels))

    return read


def _chain(training: Training, test: RefinedTest, cases: ReadCases) -> tuple[Chain, dict[str, Any]]:
    """Gives the refiners with their settings, searched if they are to be, and what came out."""
    steps = tuple(Step(one.name, dict(one.settings)) for one in test.refine)
    margin = test.margin or None
    if not test.calibrate:
        return Chain.of(steps, margin), {}
    first = refiner(steps[0].name, steps[0].settings)
    space = search_space(type(first), asdict(first.settings), tuple(steps[0].settings))
    search = Search(steps, space, test.calibrate, training.seed, margin)
    file = _trials_of(training, test)
    found = calibrate(search, cases, _progress(training), file.read(), file.add)
    dice = {"unrefined": found.unrefined, "at_start": found.start, "found": found.best.score}
    return found.chain(search), {"trials": len(found.trials), "validation_dice": dice}


def _trials_of(training: Training, test: RefinedTest) -> TrialFile:
    return TrialFile(test.path(training.folder).with_suffix(".trials.json"), test.known_by)


def _scores(training: Training, chain: Chain, cases: ReadCases) -> dict[str, Any]:
    dice, iou = {}, {}
    seconds = 0.0
    for case in cases:
        began = time.monotonic()
        found = chain.refine(case.case, case.prediction, (), _progress(training))
        seconds += time.monotonic() - began
        each = case_dice(found.full_labels(), case.truth, case.labels)
        scores = {str(n): score for n, score in each.items()}
        name = case.case.identifier
        dice[name], iou[name] = rounded_scores(scores)
    return {
        "format": FORMAT,
        "version": VERSION,
        "training": training.name,
        "seconds_per_case": round(seconds / max(len(cases), 1), 3),
        "circumstances": circumstances(training.device),
        "dice": dice,
        "iou": iou,
    }


def _progress(training: Training) -> Progress:
    """Gives a progress that is cancelled by the file `stop`, as trainings are."""

    def look(_: float, __: str) -> None:
        if (training.folder / "stop").exists():
            progress.cancel()

    progress = Progress(look)
    return progress
