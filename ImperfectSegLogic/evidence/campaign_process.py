"""One campaign of an Evidence, or a training that campaigns share, on one thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from ImperfectSegLogic.active.pool_units import Division
from ImperfectSegLogic.active.simulation import Simulation, first_units, simulate, units_of
from ImperfectSegLogic.active.simulation_data import LabeledSet
from ImperfectSegLogic.active.simulation_results import Dice, Round
from ImperfectSegLogic.active.simulation_teaching import Teaching
from ImperfectSegLogic.active.simulation_work import Work
from ImperfectSegLogic.data import Dataset
from ImperfectSegLogic.data.datasets.files import make_folder, write_json
from ImperfectSegLogic.evidence.campaign_jobs import FORMAT, FULL, START, VERSION, CampaignJob
from ImperfectSegLogic.evidence.circumstances import circumstances
from ImperfectSegLogic.evidence.overlap import rounded_scores
from ImperfectSegLogic.evidence.sparse_annotations import OWNERS
from ImperfectSegLogic.evidence.used_methods import methods_of
from ImperfectSegLogic.methods.catalog import query_strategy
from ImperfectSegLogic.methods.progress import Progress
from ImperfectSegLogic.training.fingerprint import fingerprint

OVERLAP = 0.25
"""Of windows in tests, as in all Evidences."""
WINDOWS_AT_ONCE = 64
SECONDS_BETWEEN_NOTES = 0.5
Runner = Callable[[CampaignJob], None]


def prepare(job: CampaignJob, progress: Progress) -> None:
    """Makes what jobs share and no two may make at once: the robot's data set, and sizes of images.

    Raises:
        ValueError: If a mask is missing.
        OSError: If something cannot be read or written.
    """
    labeled = _labeled(job)
    data = labeled.linked(make_folder(job.work) / "data", progress)
    known = data.folder.parent / "fingerprints"
    fingerprint(labeled.dataset, labeled.train, labeled.annotator, known)


def run_campaign(job: CampaignJob) -> None:
    """Trains and asks as `simulate` does, and writes `campaign.json` at the end.

    Raises:
        ValueError: If data and settings do not allow to train, or the strategy cannot be asked.
        OSError: If something cannot be read or written.
        CancelledError: If somebody made the file `stop` in its folder.
    """
    torch.set_num_threads(1)
    folder = make_folder(job.folder)
    fresh = not (folder / "state.json").exists()
    began = time.monotonic()
    arm, plan = job.arm, job.plan
    simulation = Simulation(
        _labeled(job),
        {arm.name: query_strategy(arm.query, arm.query_settings)},
        Division(plan.units, plan.axis),
        plan.start,
        plan.per_round,
        plan.rounds,
        (job.seed,),
        {arm.name: job.version},
    )
    said = _run(job, simulation, _watched(folder))
    seconds = round(time.monotonic() - began, 1) if fresh else None
    known = {"format": FORMAT, "version": VERSION, "job": job.name, "seconds": seconds}
    where = {"circumstances": circumstances(job.device, __name__)}
    write_json(job.path, known | where | said, overwrite=True)


def _run(job: CampaignJob, simulation: Simulation, progress: Progress) -> dict[str, Any]:
    units = units_of(simulation)
    if job.part in (FULL, START):
        work = Work(simulation.labeled, _teaching(job), job.work, progress.part(0, 0))
        chosen = units if job.part == FULL else first_units(simulation, units, job.seed)
        return {"full": _content(work.trained(sorted(chosen), job.seed, progress))}
    (found,) = simulate(simulation, _teaching(job), job.work, progress)
    rounds = [_content(one) for one in found.rounds]
    return {"total": found.total, "full": _content(found.full), "rounds": rounds}


def _labeled(job: CampaignJob) -> LabeledSet:
    dataset = Dataset.open(job.dataset)
    return LabeledSet(dataset, job.train_cases, job.test_cases, annotator=OWNERS["masks"])


def _teaching(job: CampaignJob) -> Teaching:
    said = job.arm.training.items()
    decided: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in said}
    return Teaching(
        decided.pop("dims", None),
        decided,
        job.plan.models,
        device=job.device,
        overlap=OVERLAP,
        asked_in_flips=job.arm.flips,
        windows_at_once=WINDOWS_AT_ONCE,
        methods=methods_of(job.arm),
        rounds=job.arm.rounds,
    )


def _content(one: Round) -> dict[str, Any]:
    cases = {case: _rounded(dice) for case, dice in one.cases.items()}
    said = {"units": one.units, "voxels": one.voxels, "cases": cases}
    return said | {"new": one.new, "reasons": one.reasons}


def _rounded(dice: Dice) -> Mapping[str, float | None]:
    return rounded_scores({str(label): value for label, value in dice.items()})[0]


def _watched(folder: Path) -> Progress:
    """Gives a progress that is noted in `state.json`, and cancelled by a file `stop`."""
    last = -SECONDS_BETWEEN_NOTES

    def note(fraction: float, _: str) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < SECONDS_BETWEEN_NOTES:
            return
        last = now
        write_json(folder / "state.json", {"step": round(1000 * fraction), "of": 1000}, True)
        if (folder / "stop").exists():
            progress.cancel()

    progress = Progress(note)
    return progress
