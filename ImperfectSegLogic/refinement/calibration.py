"""Finds a refiner's settings by a search on cases whose truth is known.

First the start itself, then points that fill the space evenly (Sobol's), then a simplex that walks
downhill from the best of them (Nelder and Mead's), both by SciPy. All is fixed by the seed, so that
a search that was stopped goes the same way again, and takes the scores that it knows.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.stats import qmc

from ImperfectSegLogic.methods.progress import Progress
from ImperfectSegLogic.refinement.chain import Chain
from ImperfectSegLogic.refinement.known_cases import KnownCase, mean_dice
from ImperfectSegLogic.refinement.profile import Step
from ImperfectSegLogic.refinement.search_space import Space, values_at
from ImperfectSegLogic.refinement.trial import Trial

EVEN_SHARE = 0.5
"""Share of the trials that fill the space evenly."""
FIRST_STEP = 0.15
"""Of the simplex, as a share of the way from the lowest to the highest value."""


@dataclass(frozen=True)
class Search:
    """What to search, and how long.

    Attributes:
        steps: Refiners; the first one's settings are searched, all others stay as they are.
        space: Which of its settings.
        trials: How many settings to try, the start included.
        seed: Fixes which points are tried.
        margin: As of a `Chain`.

    Raises:
        ValueError: If there are no trials.
    """

    steps: tuple[Step, ...]
    space: Space
    trials: int = 40
    seed: int = 0
    margin: float | None = None

    def __post_init__(self) -> None:
        if self.trials < 1:
            raise ValueError(f"trials: got {self.trials}, allowed is 1 or more.")


@dataclass(frozen=True)
class Calibrated:
    """What a search found.

    Attributes:
        unrefined: Mean Dice of the predictions as they are.
        start: Mean Dice with the settings that the search began with.
        best: The best trial, the first of equal ones.
        trials: All of them, in their order.
    """

    unrefined: float
    start: float
    best: Trial
    trials: tuple[Trial, ...]

    def chain(self, search: Search) -> Chain:
        """Gives the refiners with the settings that were found."""
        return _chain(search, self.best.settings)


@dataclass
class _Trials:
    """Tries settings, each once."""

    search: Search
    cases: Sequence[KnownCase]
    known: Mapping[str, float]
    progress: Progress
    listener: Callable[[Trial], None]
    made: dict[str, Trial] = field(default_factory=dict)

    def score(self, settings: Mapping[str, Any]) -> float:
        """Gives the mean Dice, of an earlier run where it is known."""
        key = key_of(settings)
        if key not in self.made:
            if len(self.made) >= self.search.trials:
                raise _EnoughError
            found = self.known.get(key)
            trial = Trial(settings, self._measured(settings) if found is None else found)
            self.made[key] = trial
            self.listener(trial)
        return self.made[key].score

    @property
    def best(self) -> Trial:
        return max(self.made.values(), key=lambda one: one.score)

    def _measured(self, settings: Mapping[str, Any]) -> float:
        chain = _chain(self.search, settings)
        n, of = len(self.made), self.search.trials
        best = f", best Dice {self.best.score:.4f}" if self.made else ""
        part = self.progress.part(n / of, (n + 1) / of)
        return mean_dice(self.cases, chain, part, f"trial {n + 1} of {of}{best}")


class _EnoughError(Exception):
    """Raised when all trials are made."""


def calibrate(
    search: Search,
    cases: Sequence[KnownCase],
    progress: Progress | None = None,
    known: Sequence[Trial] = (),
    listener: Callable[[Trial], None] = lambda trial: None,
) -> Calibrated:
    """Searches for the settings with the highest mean Dice.

    Args:
        search: What, and how long.
        cases: Predictions with their truth, at least one.
        progress: Told how far the search is; cancels it.
        known: Trials of an earlier run on the same cases, which are not made again.
        listener: Told each trial.

    Raises:
        ValueError: If a setting is not allowed, or a prediction or image does not suit.
        CancelledError: If it was cancelled.
    """
    assert cases
    progress = progress or Progress()
    progress.report(0.0, "scoring without refinement")
    unrefined = mean_dice(cases, None, Progress(), "")
    before = {key_of(one.settings): one.score for one in known}
    trials = _Trials(search, cases, before, progress, listener)
    first = dict(search.steps[0].settings)
    start = trials.score(first)
    try:
        for point in _even(search):
            trials.score(first | values_at(search.space, point))
        _walk(trials, first)
    except _EnoughError:
        pass
    return Calibrated(unrefined, start, trials.best, tuple(trials.made.values()))


def key_of(settings: Mapping[str, Any]) -> str:
    """Gives what settings are known by."""
    return json.dumps(dict(settings), sort_keys=True)


def _even(search: Search) -> NDArray[np.float64]:
    count = round(EVEN_SHARE * search.trials)
    drawn = qmc.Sobol(len(search.space), seed=search.seed)
    power = max(count - 1, 0).bit_length()
    return np.asarray(drawn.random_base2(power)[:count], dtype=np.float64)


def _walk(trials: _Trials, first: Mapping[str, Any]) -> None:
    space = trials.search.space
    kind = Chain.of(trials.search.steps).refiners[0]
    everything = {one.name: getattr(kind.settings, one.name) for one in space}
    settings = everything | dict(trials.best.settings)
    best = np.array([one.share(settings[one.name]) for one in space])
    simplex = np.tile(best, (len(space) + 1, 1))
    for n in range(len(space)):
        simplex[n + 1, n] += FIRST_STEP if best[n] + FIRST_STEP <= 1 else -FIRST_STEP

    def loss(point: NDArray[np.float64]) -> float:
        return -trials.score(dict(first) | values_at(space, np.clip(point, 0, 1)))

    # Calls for known points cost nothing and do not count: `trials` says when it is enough.
    options = {"initial_simplex": simplex, "xatol": 0.01, "fatol": 1e-5, "maxfev": 10_000}
    minimize(loss, best, method="Nelder-Mead", bounds=[(0, 1)] * len(space), options=options)


def _chain(search: Search, settings: Mapping[str, Any]) -> Chain:
    first = Step(search.steps[0].name, settings)
    return Chain.of((first, *search.steps[1:]), search.margin)
