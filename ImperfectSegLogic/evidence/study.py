"""Runs an Evidence from the data folder to its result and plot."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path

from ImperfectSegLogic.data.datasets.files import make_folder, write_json
from ImperfectSegLogic.evidence.campaign_plan import BASELINES
from ImperfectSegLogic.evidence.data_sets import build
from ImperfectSegLogic.evidence.plot import write_plot
from ImperfectSegLogic.evidence.processes import processes
from ImperfectSegLogic.evidence.results import Result, assemble
from ImperfectSegLogic.evidence.running import Listener, run_trainings
from ImperfectSegLogic.evidence.spec import FOLDER, Arm, Evidence
from ImperfectSegLogic.evidence.trainings import Trainer, make_trainings
from ImperfectSegLogic.evidence.used_methods import (
    check_about,
    methods_of,
    modules_of,
    refiner_modules_of,
    refiners_of,
    transforms_of,
)

QUICK_STEPS = 3
QUICK_CASES = 2
QUICK_TRIALS = 2
QUICK_ROUNDS = 2


@dataclass(frozen=True)
class StudyOptions:
    """Where and how an Evidence is run.

    Attributes:
        data: The data folder; nothing is written there.
        work: Folder for data sets, prepared images and trainings.
        folder: Where results go if the Evidence was run as it was declared.
        jobs: How many trainings at once.
        overwrite: Whether to train again what is done.
        device: Where to train: `auto`, `cpu`, `cuda`.
        command: With which it was started, for the result.
        partial: Whether to do nothing but to put together what is done, of campaigns.
    """

    data: Path
    work: Path
    folder: Path = FOLDER
    jobs: int = 1
    overwrite: bool = False
    device: str = "auto"
    command: str = ""
    partial: bool = False

    @property
    def measured(self) -> dict[str, object]:
        """What the result tells about them."""
        return {"command": self.command, "jobs": self.jobs, "threads_per_training": 1}


def run_study(
    declared: Evidence,
    evidence: Evidence,
    options: StudyOptions,
    progress: Callable[[float, str], None],
    listener: Listener,
    trainer: Trainer,
    pool: Executor | None = None,
) -> tuple[Result, Path]:
    """Trains and tests what is not done yet, and writes result and plot.

    Args:
        declared: The Evidence as its file declares it.
        evidence: The same, or a part of it; the result of a part stays in the work folder.
        options: Where and how.
        progress: Told how far the preparations are.
        listener: Told how far the trainings are.
        trainer: Trains and tests.
        pool: Where trainings run; processes by default.

    Returns:
        The result and its file.

    Raises:
        ValueError: If something declared is not allowed, or a training failed.
        OSError: If data is missing, or something cannot be read or written.
    """
    if options.partial:
        raise ValueError("--partial: got an Evidence of trainings, allowed are those of campaigns.")
    modules = {arm.name: modules_of(arm) for arm in declared.arms}
    refiners = {arm.name: refiner_modules_of(arm) for arm in declared.arms}
    check_about(declared)
    dataset = build(evidence.data, options.data, options.work / "data", progress)
    trainings = make_trainings(
        evidence, dataset, options.work, modules, progress, options.device, refiners
    )
    for training in trainings if options.overwrite else ():
        shutil.rmtree(training.folder, ignore_errors=True)
    run_trainings(trainings, trainer, pool or processes(options.jobs), options.jobs, listener)
    used = {arm.name: _told(arm) for arm in evidence.arms}
    every = {name: (*modules[name], *refiners[name]) for name in modules}
    result = assemble(evidence, dataset, trainings, every, used, options.measured)
    folder = options.folder if evidence == declared else options.work / "results"
    return result, write_result(result, folder, write_plot)


def write_result(result: Result, folder: Path, plot: Callable[[Result, Path], None]) -> Path:
    """Writes a result with its plot, and gives the former's path.

    Raises:
        ValueError: If matplotlib is not installed.
        OSError: If it cannot be written.
    """
    path = make_folder(folder) / f"{result['evidence']}.json"
    plot(result, path.with_suffix(".png"))
    write_json(path, result, overwrite=True)
    return path


def part_of(
    evidence: Evidence,
    seeds: Sequence[int] = (),
    arms: Sequence[str] = (),
    steps: int | None = None,
    quick: bool = False,
) -> Evidence:
    """Gives a part of an Evidence, or a shorter one, to look at.

    Args:
        evidence: As declared.
        seeds: Instead of its seeds.
        arms: Names of arms or series; their baselines come along. All if there are none.
        steps: Of each training, instead of the arms' own.
        quick: Whether to see only that it runs: one seed, 3 steps, 2 test cases,
            2 trials of a calibration, 2 rounds of campaigns.

    Raises:
        ValueError: If there is no such arm, or the number of steps is not allowed.
    """
    if steps is not None and steps < 1:
        raise ValueError(f"steps: got {steps}, allowed is 1 or more.")
    seeds = seeds or (evidence.seeds[:1] if quick else evidence.seeds)
    steps = steps or (QUICK_STEPS if quick else None)
    chosen = _chosen(evidence, arms) if arms else evidence.arms
    names = {arm.name for arm in chosen}
    if steps:
        chosen = tuple(replace(arm, training={**arm.training, "steps": steps}) for arm in chosen)
    if quick:
        chosen = tuple(replace(a, calibrate=min(a.calibrate, QUICK_TRIALS)) for a in chosen)
    plan = evidence.campaign
    return replace(
        evidence,
        seeds=tuple(seeds),
        arms=chosen,
        headline=evidence.headline if evidence.headline in names else chosen[0].name,
        targets=tuple(t for t in evidence.targets if {t.arm, t.over or t.arm} <= names),
        test_cases=QUICK_CASES if quick else evidence.test_cases,
        campaign=replace(plan, rounds=QUICK_ROUNDS) if plan and quick else plan,
    )


def _chosen(evidence: Evidence, wanted: Sequence[str]) -> tuple[Arm, ...]:
    named = {arm.name for arm in evidence.arms} | {arm.series for arm in evidence.arms}
    for name in wanted:
        if name not in named:
            evidence.arm(name)  # Raises.
    own = [arm for arm in evidence.arms if {arm.name, arm.series} & set(wanted)]
    names = {arm.name for arm in own} | {arm.baseline for arm in own}
    names |= set(BASELINES if evidence.campaign else ())
    return tuple(arm for arm in evidence.arms if arm.name in names)


def _told(arm: Arm) -> dict[str, object]:
    return {
        "annotation": arm.annotation,
        "share": arm.share,
        "methods": [[name, dict(said)] for name, said in methods_of(arm)],
        "transforms": [[name, dict(said)] for name, said in transforms_of(arm)],
        "training": dict(arm.training),
        **({"stride": arm.stride, "padding": arm.padding} if arm.annotation == "grid" else {}),
        **({"rounds": arm.rounds} if arm.rounds > 1 else {}),
        **({"clicks": arm.clicks} if arm.clicks else {}),
        **({"adapt": dict(arm.adapt)} if arm.adapt else {}),
        **(
            {"refine": [[name, dict(said)] for name, said in refiners_of(arm)]}
            if arm.refine
            else {}
        ),
        **({"calibrate": arm.calibrate} if arm.refine else {}),
        **({"margin": arm.margin} if arm.refine else {}),
    }
