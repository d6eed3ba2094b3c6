"""Runs an Evidence of query strategies from the data folder to its result and plot."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path

from ImperfectSegLogic.data import Dataset
from ImperfectSegLogic.evidence.campaign_jobs import CampaignJob, is_done, make_jobs
from ImperfectSegLogic.evidence.campaign_plan import BASELINES
from ImperfectSegLogic.evidence.campaign_plot import write_campaign_plot
from ImperfectSegLogic.evidence.campaign_process import Runner, prepare
from ImperfectSegLogic.evidence.campaign_results import assemble_campaigns
from ImperfectSegLogic.evidence.data_sets import build
from ImperfectSegLogic.evidence.processes import processes
from ImperfectSegLogic.evidence.results import Result
from ImperfectSegLogic.evidence.running import Listener, run_jobs
from ImperfectSegLogic.evidence.spec import Evidence
from ImperfectSegLogic.evidence.study import StudyOptions, write_result
from ImperfectSegLogic.evidence.used_methods import check_about, modules_of
from ImperfectSegLogic.methods.progress import Progress

Pools = Callable[[int], Executor]


def run_campaigns(
    declared: Evidence,
    evidence: Evidence,
    options: StudyOptions,
    progress: Callable[[float, str], None],
    listener: Listener,
    runner: Runner,
    pools: Pools = processes,
) -> tuple[Result, Path]:
    """Runs the campaigns that are not done yet, seed by seed, and writes result and plot.

    What all campaigns of a seed share is trained first. With `options.partial` nothing is run:
    the result is that of the campaigns that are done, and stays in the work folder.

    Args:
        declared: The Evidence as its file declares it.
        evidence: The same, or a part of it; the result of a part stays in the work folder.
        options: Where and how.
        progress: Told how far the preparations are.
        listener: Told how far the campaigns are.
        runner: Runs a campaign, or a training that campaigns share.
        pools: Makes a place to run for a number of jobs at once; processes by default.

    Returns:
        The result and its file.

    Raises:
        ValueError: If something declared is not allowed, a campaign failed, or none is done.
        OSError: If data is missing, or something cannot be read or written.
    """
    modules = {arm.name: modules_of(arm) for arm in declared.arms}
    check_about(declared)
    dataset = build(evidence.data, options.data, options.work / "data", progress)
    shared, campaigns = make_jobs(evidence, dataset, options.work, modules, options.device)
    if options.partial:
        evidence, campaigns = _ended(evidence, campaigns)
    else:
        _run(shared, campaigns, options, progress, listener, runner, pools)
    return _written(declared, evidence, options, dataset, campaigns)


def _run(
    shared: Sequence[CampaignJob],
    campaigns: Sequence[CampaignJob],
    options: StudyOptions,
    progress: Callable[[float, str], None],
    listener: Listener,
    runner: Runner,
    pools: Pools,
) -> None:
    if options.overwrite:
        for job in (*shared, *campaigns):
            shutil.rmtree(job.folder, ignore_errors=True)
            shutil.rmtree(job.work, ignore_errors=True)
    if not all(map(is_done, (*shared, *campaigns))):
        for job in {job.work: job for job in shared}.values():
            prepare(job, Progress(progress))
    for what, jobs in (("trainings that campaigns share", shared), ("campaigns", campaigns)):
        run_jobs(jobs, runner, is_done, pools(options.jobs), options.jobs, listener, what)


def _written(
    declared: Evidence,
    evidence: Evidence,
    options: StudyOptions,
    dataset: Dataset,
    campaigns: Sequence[CampaignJob],
) -> tuple[Result, Path]:
    used = {arm.name: modules_of(arm) for arm in evidence.arms}
    result = assemble_campaigns(evidence, dataset, campaigns, used, options.measured)
    folder = options.folder if evidence == declared else options.work / "results"
    return result, write_result(result, folder, write_campaign_plot)


def _ended(
    evidence: Evidence, campaigns: Sequence[CampaignJob]
) -> tuple[Evidence, list[CampaignJob]]:
    """Gives what can be compared of the campaigns that are done.

    That is all arms with the seeds that are whole; if there is no such seed, those arms that are
    done for the seed that most are done for.
    """
    done = {(job.arm.name, job.seed) for job in campaigns if is_done(job)}
    names = [arm.name for arm in evidence.arms]
    seeds = [seed for seed in evidence.seeds if all((name, seed) in done for name in names)]
    if not seeds:
        counts = {seed: sum((name, seed) in done for name in names) for seed in evidence.seeds}
        seeds = [max(counts, key=lambda seed: counts[seed])]
    kept = tuple(arm for arm in evidence.arms if (arm.name, seeds[0]) in done)
    there = {arm.name for arm in kept}
    missing = [name for name in BASELINES if name not in there]
    if missing:
        raise ValueError(
            f"evidence {evidence.name}: got {len(done)} campaigns that are done, but none of"
            f" {', '.join(missing)} for seed {seeds[0]}, which the others are compared with. Run"
            " it without --partial first."
        )
    part = replace(
        evidence,
        seeds=tuple(seeds),
        arms=kept,
        headline=evidence.headline if evidence.headline in there else kept[0].name,
        targets=tuple(t for t in evidence.targets if {t.arm, t.over or t.arm} <= there),
    )
    return part, [job for job in campaigns if job.seed in seeds and job.arm.name in there]
