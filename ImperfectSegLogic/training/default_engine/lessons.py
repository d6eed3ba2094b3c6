"""What the default engine learns from: prompts on synthetic images, and what they should give."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from ImperfectSegLogic.data import Case, Prediction, Prompt
from ImperfectSegLogic.methods.progress import Progress
from ImperfectSegLogic.methods.scarce.interactive.geodesic import Floats
from ImperfectSegLogic.methods.scarce.interactive.prompted_unet import (
    Looked,
    PromptedUNet,
    joined,
)
from ImperfectSegLogic.methods.scarce.interactive.resolution import averaged
from ImperfectSegLogic.synthetic.tasks import synthetic_task
from ImperfectSegLogic.training.default_engine.prompting import correction, first_prompts

MOST_ROUNDS = 7
"""Nobody gives more corrections than this in a lesson."""
SHOWS_BEFORE = 0.15
"""Share of lessons in which each answer is shown to the network as the mask before."""


@dataclass(frozen=True, eq=False)
class Question:
    """One thing to answer.

    Attributes:
        inputs: What the network sees, shape (channel, *space).
        truth: The share of the object in each voxel of the working grid, shape (*space).
        round: How many corrections there were.
    """

    inputs: Floats
    truth: Floats
    round: int


class Lesson:
    """A synthetic image, its object, and somebody who points at it until it is right."""

    def __init__(self, dims: int, seed: tuple[int, ...], style: str = "anything") -> None:
        """Args: `seed` fixes the image and all prompts, given the answers; `style` of `STYLES`."""
        self._task = synthetic_task(dims, seed, style)
        self._rng = np.random.default_rng([*seed, dims, 1])
        self._engine = PromptedUNet()
        self._engine.look_at(Case(self._task.volume))
        self._rounds = int(self._rng.integers(1, MOST_ROUNDS + 1))
        self._shows_before = self._rng.random() < SHOWS_BEFORE
        self._prompts: list[Prompt] = []
        self._before: Prediction | None = None
        self._prepared: Looked | None = None
        self._round = 0

    def ask(self, answer: Floats | None) -> Question | None:
        """Gives the next question; None when there is nothing more to correct.

        Args:
            answer: Probability of the object, shape (*space), to the question before; None for the
                first one.
        """
        geometry, truth = self._task.volume.geometry, self._task.truth
        if answer is None:
            self._prompts = first_prompts(truth, geometry, self._rng)
        else:
            self._before = self._finished(answer)
            self._round += 1
            mask = self._before.full_labels() == 1
            prompt = correction(mask, truth, geometry, self._rng)
            if prompt is None or self._round >= self._rounds:
                return None
            self._prompts.append(prompt)
        before = self._before if self._shows_before else None
        self._prepared = self._engine.prepare(self._prompts, before, Progress())
        region, step = self._prepared.region, self._prepared.coarse.step
        wanted = averaged(truth[region.slices], step, lambda _: None)
        inputs = self._prepared.inputs[0].numpy()
        return Question(inputs, wanted.reshape(inputs.shape[1:]), self._round)

    def _finished(self, answer: Floats) -> Prediction:
        assert self._prepared is not None
        logits = torch.logit(torch.from_numpy(answer)[None], eps=1e-6)
        both = torch.softmax(joined(logits, self._prepared), dim=0).numpy()
        return self._engine.finish(self._prepared, both, Progress())
