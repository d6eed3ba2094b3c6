"""Scoring a pool: how much longer each query strategy takes than bare inference of the same images.

The peer is `Predictor.predict`, once for each pass that a strategy is entitled to: its dropout
masks, or the models of its ensemble. The limit is 1.1 times bare inference for one pass and 1.05
times T passes for T; strategies that ask for gradients or ask no model have none. Models are
U-Nets as proposed, with random weights; images are slices of one window, where nothing is saved
by windows that overlap. Processor seconds, medians over rounds in which each strategy is measured
right after its peer; the ratio is the median of these pairs.
"""

from __future__ import annotations

import argparse
import functools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from statistics import median

import numpy as np
import torch
from scipy import ndimage

from ImperfectSegLogic.active.model_segmenter import ModelSegmenter
from ImperfectSegLogic.active.pool import Pool
from ImperfectSegLogic.active.unit import Unit
from ImperfectSegLogic.data import Volume
from ImperfectSegLogic.methods.catalog import query_strategies, training_method
from ImperfectSegLogic.networks.build import build_network
from ImperfectSegLogic.prediction.predictor import Predictor
from ImperfectSegLogic.training.model_file import TrainedModel
from ImperfectSegLogic.training.plan import TrainingPlan
from ImperfectSegLogic.training.preprocessing import ChannelIntensity
from Testing.Benchmarks.report import print_table, run, save

SIDE, SLICES, ROUNDS = 160, 10, 15
LABELS = {1: "first", 2: "second", 3: "third"}
PASSES, MODELS = 10, 4
ENSEMBLES = ("yang2017", "kuo2018")
NO_LIMIT = ("random", "zheng2019", "sourati2018", "sourati2019")
ONE_PASS, EACH_PASS = 1.1, 1.05


class Images:
    """Smooth noise of the size of a heart's short-axis images, made once."""

    labels = LABELS

    def __init__(self, cases: int) -> None:
        rng = np.random.default_rng(0)
        shape = (SLICES, SIDE, SIDE)
        smooth = functools.partial(ndimage.gaussian_filter, sigma=(0, 6, 6), output=np.float32)
        self._made = {
            f"case{n}": Volume(smooth(rng.normal(size=shape)), np.eye(4)) for n in range(cases)
        }

    def image(self, case: str) -> Volume:
        """Gives an image."""
        return self._made[case]

    def stamp(self, case: str) -> str:
        """Gives the same text for all."""
        return ""


@dataclass(frozen=True)
class Job:
    """What is measured.

    Attributes:
        peer: Name of the bare inference to compare with; empty for the peers themselves.
        passes: How many passes it is entitled to.
        limit: Times the peer's time that are allowed; None if there is no limit.
        work: Does it once.
    """

    peer: str
    passes: int
    limit: float | None
    work: Callable[[], object]


def plan_of() -> TrainingPlan:
    """Gives the plan of the models."""
    return TrainingPlan(
        dims=2,
        channels=1,
        labels=tuple(LABELS),
        spacing=(1.0, 1.0, 1.0),
        intensity=(ChannelIntensity(),),
        label_voxels=(1, 1, 1, 1),
        patch=(SIDE, SIDE),
        batch=2,
        network_settings={"dropout": 0.2},
    )


def model_of(seed: int, method: str = "") -> TrainedModel:
    """Makes a model with random weights, of the plan or of what a method makes of it."""
    torch.manual_seed(seed)
    plan = plan_of()
    network = training_method(method).segmenter(plan) if method else None
    if network is None:
        settings = dict(plan.network_settings)
        network = build_network(plan.network, 2, 1, len(LABELS) + 1, settings)
    return TrainedModel(
        network, plan.network, plan.network_settings, plan.preprocessing, plan.patch, LABELS
    )


def jobs_of(images: Images, units: list[Unit]) -> dict[str, Job]:
    """Gives all that is measured, peers first."""
    cases = sorted({unit.case for unit in units})
    one = Predictor([model_of(0)], device="cpu")
    several = Predictor([model_of(n) for n in range(MODELS)], device="cpu")
    noisy = Predictor([model_of(0, "mahapatra2018-noise")], device="cpu")

    def bare(predictor: Predictor) -> Callable[[], object]:
        return lambda: [predictor.predict(images.image(case)) for case in cases]

    def scoring(kind: type, predictor: Predictor) -> Callable[[], object]:
        strategy = kind()
        segmenter = ModelSegmenter(predictor)
        asked = strategy.measured if hasattr(strategy, "measured") else None
        if asked is None:
            rng = np.random.default_rng(0)
            return lambda: strategy.rank(Pool(images, units), segmenter, 1, rng)
        return lambda: asked(Pool(images, units), segmenter)

    masks = Predictor(one.models, replace(one.settings, mc_samples=PASSES), "cpu")
    noisy_masks = Predictor(noisy.models, replace(noisy.settings, mc_samples=PASSES), "cpu")
    jobs = {
        "bare, one pass": Job("", 1, None, bare(one)),
        f"bare, {MODELS} models": Job("", MODELS, None, bare(several)),
        f"bare, {PASSES} dropout masks": Job("", PASSES, None, bare(masks)),
        f"bare, {PASSES} masks, noise head": Job("", PASSES, None, bare(noisy_masks)),
    }
    peers = list(jobs)
    for kind in query_strategies():
        name, settings = kind.card.name, kind.settings_type
        ensemble, dropout = name in ENSEMBLES, hasattr(settings, "passes")
        peer = peers[1] if ensemble else peers[2] if dropout else peers[0]
        passes = jobs[peer].passes
        limit = None if name in NO_LIMIT else ONE_PASS if passes == 1 else EACH_PASS
        work = scoring(kind, several if ensemble else one)
        jobs[name] = Job(peer, passes, limit, work)
        if name == "mahapatra2018":
            jobs[f"{name}, noise head"] = Job(peers[3], PASSES, None, scoring(kind, noisy))
    return jobs


def seconds_of(jobs: Mapping[str, Job], rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Gives seconds of each job and its peer; the first round, which fills caches, is left out."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in jobs}
    for number in range(rounds + 1):
        for name, job in jobs.items():
            peer = seconds(jobs[job.peer].work) if job.peer else 0.0
            own = seconds(job.work)
            if number:
                found[name].append((own, peer))
    return found


def seconds(work: Callable[[], object]) -> float:
    """Gives the processor seconds of some work."""
    began = time.process_time()
    work()
    return time.process_time() - began


def measure(arguments: argparse.Namespace) -> None:
    """Measures all strategies."""
    cases = 1 if arguments.quick else 2
    units = [Unit(f"case{n}", 0, k) for n in range(cases) for k in range(SLICES)]
    jobs = jobs_of(Images(cases), units)
    rows, result = [], {}
    for name, each in seconds_of(jobs, 1 if arguments.quick else ROUNDS).items():
        job, own = jobs[name], median(one for one, _ in each)
        ratio = median(one / peer for one, peer in each) if job.peer else 1.0
        kept = None if job.limit is None else ratio <= job.limit
        result[name] = {
            "seconds": own, "peer": job.peer, "ratio": ratio, "limit": job.limit,
            "kept": kept,
        }  # fmt: skip
        told = "" if kept is None else "yes" if kept else "NO"
        limit = "" if job.limit is None else job.limit
        rows.append([name, job.peer, own / len(units) * 1000, ratio, limit, told])
    head = ["what", "compared with", "CPU ms a slice", "ratio", "limit", "kept"]
    print_table(f"Scoring {len(units)} slices of {SIDE} x {SIDE}", head, rows)
    save("query_overhead", {"slices": len(units), "side": SIDE, "runs": result})


if __name__ == "__main__":
    run("query_overhead", __doc__, measure)
