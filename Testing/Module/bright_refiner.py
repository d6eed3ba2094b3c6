"""A refiner whose answers are known: what is bright belongs to the segments."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np

from ImperfectSegLogic.crf.refining import given
from ImperfectSegLogic.methods.base import Refiner
from ImperfectSegLogic.methods.card import MethodCard, Requires
from ImperfectSegLogic.methods.progress import Progress
from ImperfectSegLogic.methods.settings import setting

CHANCE = 0.8


@dataclass(frozen=True)
class Settings:
    """What counts as bright."""

    level: float = setting(50.0, "gray value from which on a voxel is bright", 0.0, 1000.0)
    rounds: int = setting(2, "how often", 1, 10)
    darker: str = setting("background", "what the dark is", choices=("background", "first"))
    scales: tuple[float, ...] = setting((1.0, 2.0), "any numbers", 0.1, 9.0)


class BrightRefiner(Refiner):
    """Bright voxels get the most probable segment, dark ones background.

    `hold()` makes all of them wait, reporting, until `release()` or a cancel.
    """

    card = MethodCard("bright", (), "", ("Click",), Requires.NOTHING, (2, 3), "Finds the bright.")
    settings_type = Settings
    going = threading.Event()
    shapes: list[tuple[int, ...]] = []  # noqa: RUF012
    ranges: list[tuple[float, float]] = []  # noqa: RUF012
    fail: Exception | None = None

    @classmethod
    def hold(cls) -> None:
        cls.going.clear()

    @classmethod
    def release(cls) -> None:
        cls.going.set()

    @classmethod
    def reset(cls) -> None:
        cls.release()
        cls.shapes.clear()
        cls.ranges.clear()
        cls.fail = None

    def refine(self, case, prediction, prompts=(), progress=None):
        progress = progress or Progress()
        known = given(case, prediction, prompts)
        self.shapes.append(known.image.shape[1:])
        self.ranges.append((float(case.volume.array.min()), float(case.volume.array.max())))
        step = 0
        while not self.going.wait(0.01):
            step += 1
            progress.report(min(step / 100, 0.9), "waiting")
        if self.fail:
            raise self.fail
        bright = known.image[0] >= self.settings.level
        best = known.probabilities[1:].argmax(axis=0) + 1
        channels = np.where(bright, best, 0)
        rest = (1 - CHANCE) / (len(prediction.labels) - 1)
        found = np.full_like(known.probabilities, rest)
        np.put_along_axis(found, channels[np.newaxis], CHANCE, axis=0)
        return known.answer(found, "bright", self.settings, ["looked at by hand"])
