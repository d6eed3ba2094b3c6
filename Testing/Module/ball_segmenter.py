"""A segmenter whose answers are known: balls around prompts."""

from __future__ import annotations

import threading

import numpy as np

from ImperfectSegLogic.data import Click, Prediction, Provenance, Region, Scribble
from ImperfectSegLogic.methods.base import InteractiveSegmenter
from ImperfectSegLogic.methods.card import MethodCard, Requires


class BallSegmenter(InteractiveSegmenter):
    """Balls of 6 mm. `hold()` makes it wait, reporting, until `release()` or a cancel."""

    card = MethodCard("balls", (), "", ("Click", "Scribble", "Box"), Requires.NOTHING, (2, 3), "")
    radius = 6.0

    def __init__(self) -> None:
        self.cases = self.answers = 0
        self.fail: Exception | None = None
        self.onlyAround: float | None = None  # mm; the whole image by default
        self._going = threading.Event()
        self._going.set()
        self.geometry = None

    def hold(self) -> None:
        self._going.clear()

    def release(self) -> None:
        self._going.set()

    def set_case(self, case):
        self.cases += 1
        self.geometry = case.volume.geometry

    def respond(self, prompts, previous=None, progress=None):
        step = 0
        while not self._going.wait(0.01):
            step += 1
            progress.report(min(step / 100, 0.9), "waiting")
        if self.fail:
            raise self.fail
        self.answers += 1
        geometry = self.geometry
        places = geometry.to_ras(np.argwhere(np.ones(geometry.shape, bool)))
        labels = np.zeros(geometry.shape, int)
        for prompt in prompts:
            if isinstance(prompt, Click | Scribble):
                points = [prompt.position] if isinstance(prompt, Click) else prompt.points
                for point in points:
                    near = np.linalg.norm(places - point, axis=1) < self.radius
                    labels[near.reshape(geometry.shape)] = prompt.label if prompt.positive else 0
        values = (0, *sorted({p.label for p in prompts if p.label}))
        sure = np.stack([labels == v for v in values]).astype(np.float32)
        region = geometry.whole
        if self.onlyAround is not None:
            near = [np.linalg.norm(places - p.position, axis=1) < self.onlyAround for p in prompts]
            region = Region.around(np.argwhere(np.any(near, axis=0).reshape(geometry.shape)))
        sure = sure[(slice(None), *region.slices)]
        return Prediction(sure, values, region, geometry, Provenance("balls"))
