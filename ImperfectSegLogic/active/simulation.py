"""Simulated campaigns of active learning: a robot annotates what a query strategy asks for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ImperfectSegLogic.active.pool_units import Division
from ImperfectSegLogic.active.simulation_data import LabeledSet
from ImperfectSegLogic.active.simulation_results import Campaign, Round
from ImperfectSegLogic.active.simulation_work import STREAM, Question, Teacher, Work
from ImperfectSegLogic.active.unit import Unit, parse
from ImperfectSegLogic.methods.base import QueryStrategy
from ImperfectSegLogic.methods.progress import Progress


@dataclass(frozen=True)
class Simulation:
    """What is simulated.

    Attributes:
        labeled: The data.
        division: What is annotated at a time.
        strategies: By what people call them.
        start: Units that are revealed at random before the first round, the same for all.
        per_round: Units that a strategy is asked for after each round but the last.
        rounds: Of training and scoring.
        seeds: Of which each fixes all chance of one campaign per strategy.
        versions: Of strategies, by name: another text makes it ask again what was asked before.

    Raises:
        ValueError: If a number is not allowed.
    """

    labeled: LabeledSet
    strategies: Mapping[str, QueryStrategy]
    division: Division = field(default_factory=Division)
    start: int = 10
    per_round: int = 10
    rounds: int = 5
    seeds: tuple[int, ...] = (0,)
    versions: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("start", "per_round", "rounds"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: got {getattr(self, name)}, allowed is 1 or more.")
        if not self.seeds or len(set(self.seeds)) < len(self.seeds) or min(self.seeds) < 0:
            raise ValueError(
                f"seeds: got {list(self.seeds)}, allowed are one or more from 0, each only once."
            )


def simulate(
    simulation: Simulation, teacher: Teacher, folder: Path, progress: Progress | None = None
) -> Iterator[Campaign]:
    """Runs campaigns; what is done in the folder already is not done again.

    For each seed, one network learns from all units, to compare with. Then each strategy gets its
    campaign: train from scratch, score, ask, reveal, and again. A training is known by all that it
    depends on, so that campaigns share those that are the same, such as the first one.

    Args:
        simulation: What to simulate.
        teacher: How to train.
        folder: Of the work; gets a data set that points to the images.
        progress: Told how far the work is; cancels it.

    Yields:
        Each campaign when it has ended.

    Raises:
        ValueError: If there are not more units than those to start with, a strategy cannot be
            asked, no test case has any label, or data and settings do not allow to train.
        OSError: If something cannot be read or written.
        CancelledError: If it was cancelled.
    """
    units = units_of(simulation)
    whole = progress or Progress()
    per_seed = 1 + len(simulation.strategies) * simulation.rounds
    share = 1 / (per_seed * len(simulation.seeds))
    parts = (whole.part(n * share, (n + 1) * share) for n in range(round(1 / share)))
    work = Work(simulation.labeled, teacher, folder, whole.part(0, 0))
    for seed in simulation.seeds:
        full = work.trained(units, seed, next(parts))
        for name in simulation.strategies:
            own = [next(parts) for _ in range(simulation.rounds)]
            rounds = _campaign(simulation, work, units, (name, seed), own)
            yield Campaign(name, seed, full, tuple(rounds), len(units))
    whole.report(1.0, "simulated")


def units_of(simulation: Simulation) -> list[Unit]:
    """Gives all units.

    Raises:
        ValueError: If there are not more than those to start with.
    """
    units = simulation.labeled.units(simulation.division)
    if len(units) <= simulation.start:
        raise ValueError(
            f"start: got {simulation.start} units, there are {len(units)} in all; allowed are fewer"
            " than that. Start with fewer, or choose smaller units."
        )
    return units


def first_units(simulation: Simulation, every: Sequence[Unit], seed: int) -> list[Unit]:
    """Gives the units that are revealed before the first round, the same for all strategies."""
    rows = np.random.default_rng([seed, STREAM]).permutation(len(every))[: simulation.start]
    return [every[row] for row in rows]


def _campaign(
    simulation: Simulation,
    work: Work,
    every: Sequence[Unit],
    which: tuple[str, int],
    parts: Sequence[Progress],
) -> Iterator[Round]:
    name, seed = which
    new = tuple(unit.name() for unit in first_units(simulation, every, seed))
    reasons: tuple[str, ...] = ("at the start",) * len(new)
    units: list[Unit] = []
    for number, part in enumerate(parts):
        units = sorted([*units, *map(parse, new)])
        done = work.trained(units, seed, part.part(0, 0.8))
        yield replace(done, number=number, new=new, reasons=reasons)
        if number + 1 == len(parts) or len(units) == len(every):
            return
        version = simulation.versions.get(name, "")
        strategy, count = simulation.strategies[name], simulation.per_round
        question = Question(name, strategy, count, number, version)
        found = work.asked(question, every, units, seed, part.part(0.8, 1))
        new, reasons = found.items, found.reasons
        if not new:  # A strategy's budget may be used up.
            return
