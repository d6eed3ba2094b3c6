"""The trainings of an Evidence: one per arm and seed, each known by all that it depends on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ImperfectSegLogic.data import Dataset
from ImperfectSegLogic.data.datasets.files import read_json, write_json
from ImperfectSegLogic.evidence.circumstances import circumstances
from ImperfectSegLogic.evidence.code_hash import code_hash
from ImperfectSegLogic.evidence.refined_arms import RefinedTest, refined_test
from ImperfectSegLogic.evidence.sparse_annotations import (
    annotate,
    annotator_of,
    first_frames,
    kept_slices,
)
from ImperfectSegLogic.evidence.spec import Arm, Evidence, hash_of
from ImperfectSegLogic.evidence.subsets import cases_of_patients

FORMAT, VERSION = "ImperfectSeg evidence training", 1
CaseScores = Mapping[str, float | None]
"""Of one case: by label, as text; None where neither the truth nor the prediction has the label."""


@dataclass(frozen=True)
class Training:
    """One training of an Evidence and its test.

    Attributes:
        arm: How to train.
        seed: Fixes which patients, which annotations, and all chance of the training.
        dataset: The data set's folder.
        annotator: Whose annotations.
        train_cases: Case ids.
        validation_cases: Case ids; none if the last weights are taken.
        test_cases: Case ids.
        folder: Of the run, and of `scores.json`.
        cache: Folder for prepared images, shared by all trainings.
        device: Where to train.
        clicks: Numbers of clicks to test after; those of all arms that share this training; none
            if it is tested by itself.
        refined: Tests with refiners; those of all arms that share this training.
        own: The one of them that is this arm's; None if it is tested unrefined.
    """

    arm: Arm
    seed: int
    dataset: str
    annotator: str
    train_cases: tuple[str, ...]
    validation_cases: tuple[str, ...]
    test_cases: tuple[str, ...]
    folder: Path
    cache: Path
    device: str = "auto"
    clicks: tuple[int, ...] = ()
    refined: tuple[RefinedTest, ...] = ()
    own: RefinedTest | None = None

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.arm.name}, seed {self.seed}"


@dataclass(frozen=True)
class Scored:
    """What a training gave.

    Attributes:
        dice: Of the test cases, by case and label.
        iou: The same.
        seconds: That the training took; None if it was interrupted.
        circumstances: Commit, hardware and versions.
        refined: Settings of refiners and what a search found; empty if unrefined.
    """

    dice: Mapping[str, CaseScores]
    iou: Mapping[str, CaseScores]
    seconds: float | None
    circumstances: Mapping[str, Any]
    refined: Mapping[str, Any] = field(default_factory=dict)

    def of(self, metric: str) -> Mapping[str, CaseScores]:
        """Gives the scores by `dice` or `iou`."""
        return self.dice if metric == "dice" else self.iou


Tested = tuple[Mapping[str, Any], Mapping[str, Any], float | None]
"""Dice, IoU and seconds; Dice and IoU by case, or by number of clicks, as text, and case."""
Trainer = Callable[[Training], Tested]
"""Trains and tests; goes on where an interrupted training stopped."""


def make_trainings(
    evidence: Evidence,
    dataset: Dataset,
    work: Path,
    modules: Mapping[str, tuple[str, ...]],
    progress: Callable[[float, str], None],
    device: str = "auto",
    refiners: Mapping[str, tuple[str, ...]] | None = None,
) -> list[Training]:
    """Says what is to be trained, and writes the annotations that it needs into the data set.

    Args:
        evidence: What is to be shown.
        dataset: Its data set.
        work: Folder for trainings and prepared images.
        modules: Those of each arm's methods, by the arm's name; their code is part of what a
            training is known by.
        progress: Called with the share that is done, from 0 to 1, and what is at hand.
        device: Where to train.
        refiners: Modules of each arm's refiners, by the arm's name; what they do is tested with the
            same network again.

    Raises:
        ValueError: If there are too few patients, or a mask is missing.
        OSError: If something cannot be read or written.
    """
    made = []
    pairs = [(arm, seed) for seed in evidence.seeds for arm in evidence.arms]
    for n, (arm, seed) in enumerate(pairs):
        progress(n / len(pairs), f"annotations of {arm.name}, seed {seed}")
        code = code_hash(modules[arm.name])
        found = _training(evidence, dataset, work, arm, seed, code, device)
        own = refined_test(evidence, dataset, arm, (refiners or {}).get(arm.name, ()))
        made.append(replace(found, own=own))
    shared: dict[Path, dict[str, RefinedTest]] = {one.folder: {} for one in made}
    for one in made:
        if one.own:
            shared[one.folder][one.own.known_by] = one.own
    return [replace(one, refined=tuple(shared[one.folder].values())) for one in made]


def _training(
    evidence: Evidence, dataset: Dataset, work: Path, arm: Arm, seed: int, code: str, device: str
) -> Training:
    data = evidence.data
    every = dataset.split(data.train)
    chosen = cases_of_patients(dataset, every, arm.patients, seed)
    if arm.annotation == "slices" and not arm.unlabeled:
        kept = kept_slices(dataset, chosen, arm.share, seed)
        chosen = tuple(case for case in chosen if case in kept)
    if arm.annotation == "frames":
        chosen = first_frames(dataset, chosen)
    bare = tuple(case for case in every if case not in chosen) if arm.unlabeled else ()
    validation = dataset.split(data.validation) if arm.validation else ()
    annotate(dataset, arm, seed, chosen, bare, validation)
    same = [one.clicks for one in evidence.arms if one.trained == arm.trained and one.clicks]
    clicks = tuple(sorted(set(same))) if arm.clicks else ()
    how = arm.trained | ({"clicks": clicks} if clicks else {})
    test = dataset.split(data.test)[: evidence.test_cases or None]
    known_by = [data.hash, how, seed, chosen, bare, validation, test, code]
    return Training(
        arm,
        seed,
        str(dataset.folder),
        annotator_of(arm, seed),
        (*chosen, *bare),
        validation,
        test,
        work / "trainings" / hash_of(known_by),
        work / "prepared",
        device,
        clicks,
    )


def is_done(training: Training) -> bool:
    """Tells whether a training is done, with all of its tests."""
    paths = [test.path(training.folder) for test in training.refined]
    return all(path.is_file() for path in (training.folder / "scores.json", *paths))


def scored(training: Training) -> Scored | None:
    """Reads what a training gave; None if it is not done."""
    path = training.folder / "scores.json"
    refined = training.own.path(training.folder) if training.own else path
    if not path.is_file() or not refined.is_file():
        return None
    said = read_json(path, FORMAT, VERSION)
    dice, iou = said["dice"], said["iou"]
    if training.clicks:
        dice, iou = (each[str(training.arm.clicks)] for each in (dice, iou))
    if training.own:
        tested = read_json(refined, FORMAT, VERSION)
        told = {key: tested[key] for key in ("settings", "calibration", "seconds_per_case")}
        both = said["circumstances"] | tested["circumstances"]
        return Scored(tested["dice"], tested["iou"], said["seconds"], both, told)
    return Scored(dice, iou, said["seconds"], said["circumstances"])


def train(training: Training, trainer: Trainer) -> None:
    """Trains, tests, and writes `scores.json`, and a file for each test with refiners."""
    if not (training.folder / "scores.json").is_file():
        _train(training, trainer)
    if training.refined:
        from ImperfectSegLogic.evidence.refined_test import write_refined_scores

        write_refined_scores(training)


def _train(training: Training, trainer: Trainer) -> None:
    dice, iou, seconds = trainer(training)
    said = {
        "format": FORMAT,
        "version": VERSION,
        "training": training.name,
        "seconds": seconds,
        "circumstances": circumstances(training.device),
        "dice": dice,
        "iou": iou,
    }
    write_json(training.folder / "scores.json", said, overwrite=True)
    # The checkpoint is three times as large as the model, and the training is done.
    (training.folder / "checkpoint.pt").unlink(missing_ok=True)
