"""Adapts a copy of an interactive engine's network to the one image at hand (Wang 2018a)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from torch import nn

from ImperfectSegLogic.methods.progress import Progress
from ImperfectSegLogic.methods.scarce.interactive.adaptation_clock import Clock
from ImperfectSegLogic.methods.scarce.interactive.pupil import Pupil

if TYPE_CHECKING:
    from ImperfectSegLogic.methods.scarce.interactive.network_engine import NetworkEngine, Prepared
    from ImperfectSegLogic.methods.scarce.interactive.wang2018a import Settings

_STILL = 1e-3
"""Changed voxels, as part of those that are not background, with which nothing changes any more."""


def adapt_network(
    engine: NetworkEngine,
    network: nn.Module,
    prepared: Prepared,
    settings: Settings,
    clock: Clock,
    progress: Progress,
    keep: Callable[[nn.Module], None],
) -> None:
    """Alternates graph cuts and network steps until the time is used or nothing changes.

    Args:
        engine: Whose network it is.
        network: What to start from; stays as it is.
        prepared: What it looks at.
        settings: How to adapt.
        clock: How long; its `steps` tells afterwards how many there were.
        progress: Told after each step; cancels.
        keep: Given a copy that is as good on the seeds as `network`, or better, after each round.

    Raises:
        ValueError: If the network has no weights that can learn, or answers no finite numbers.
        CancelledError: If it was cancelled.
    """

    def report(_: float) -> None:
        progress.report(clock.fraction, f"adapting: {clock.steps} steps")

    report(0.0)
    pupil = Pupil(engine, network, prepared, settings, report)
    clock.reserve(pupil.seconds_to_look)
    before: NDArray[np.int64] | None = None
    while clock.is_open():
        learned, labels = pupil.has_learned(), pupil.cut(report)
        if before is not None and _is_still(before, labels) and not learned:
            break
        before = labels
        for _ in range(settings.steps_per_cut):
            if not clock.is_open():
                break
            pupil.step()
            clock.count()
            report(0.0)
        if pupil.look():
            keep(pupil.copied())
        elif pupil.goes_back():
            before = None
        else:
            break


def _is_still(before: NDArray[np.int64], labels: NDArray[np.int64]) -> bool:
    """Whether a graph cut found what the one before found."""
    most = _STILL * max(int(np.count_nonzero(labels)), 1)
    return bool(np.count_nonzero(before != labels) <= most)
