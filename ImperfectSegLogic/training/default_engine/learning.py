"""Trains the network of the default interactive segmenter on synthetic images."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ImperfectSegLogic import __version__
from ImperfectSegLogic.methods.progress import Progress
from ImperfectSegLogic.methods.scarce.interactive.default_weights import read_weights, write_weights
from ImperfectSegLogic.methods.scarce.interactive.geodesic import Floats
from ImperfectSegLogic.methods.scarce.interactive.prompt_channels import ANSWER, CHANNELS
from ImperfectSegLogic.metrics.dice import dice
from ImperfectSegLogic.networks.prompted import PromptedNetwork
from ImperfectSegLogic.training.default_engine.classroom import Classroom
from ImperfectSegLogic.training.default_engine.lessons import Question

SEATS = {2: 8, 3: 4}
"""Questions per step."""
CLASSROOMS = 2
"""While the network learns from one, the other thinks of the next questions."""
RATE = 1.5e-3
WARM_UP = 100
AVERAGING = 0.998
"""The weights that are kept are a moving average over about 1 / (1 - this) steps."""
SAVED_EVERY = 500
TOLD_EVERY = 50


def learn(
    dims: int,
    steps: int,
    path: Path,
    seed: int = 1,
    device: torch.device | None = None,
    tell: Callable[[str], None] = print,
    progress: Progress | None = None,
    style: str = "anything",
    start: Path | None = None,
) -> None:
    """Trains and writes the weights, also now and then on the way.

    Args:
        dims: 2 or 3.
        steps: Steps of `SEATS` questions.
        path: Of the weights, `.safetensors`.
        seed: Fixes all chance; the same number of threads then gives the same weights.
        device: Where the network learns.
        tell: Told how it goes.
        progress: Told how far it is; cancels.
        style: Of the images, see `synthetic.tasks.STYLES`.
        start: Weights to begin with; drawn at random if None.
    """
    torch.manual_seed(seed)
    place = device or torch.device("cpu")
    network, began_with = PromptedNetwork(dims, len(CHANNELS), ANSWER), ""
    if start is not None:
        begun, began_with = read_weights(start, dims)
        network.load_state_dict(begun.state_dict())
    network.to(place)
    average = copy.deepcopy(network).eval()
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=1e-4)
    rooms = [Classroom(dims, seed, n, SEATS[dims], style) for n in range(CLASSROOMS)]
    told, began = _Told(tell), time.monotonic()
    try:
        for step in range(steps):
            if progress is not None:
                progress.report(step / steps, "learning")
            room = rooms[step % CLASSROOMS]
            questions = room.questions()
            for group in optimizer.param_groups:
                group["lr"] = rate_at(step, steps)
            room.answer([_learn_one(network, one, len(questions), told) for one in questions])
            nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            _move(average, network, min(AVERAGING, (step + 1) / (step + 10)))
            if (step + 1) % TOLD_EVERY == 0:
                told.now(step + 1, time.monotonic() - began)
            if (step + 1) % SAVED_EVERY == 0 or step + 1 == steps:
                minutes = round((time.monotonic() - began) / 60, 1)
                card = _card(dims, steps, step + 1, seed, style, began_with, minutes, str(place))
                write_weights(average, path, dims, card)
    finally:
        for room in rooms:
            room.close()


def rate_at(step: int, steps: int) -> float:
    """Gives the learning rate of a step: rises for `WARM_UP` steps, then falls as a cosine."""
    return RATE * min(1.0, (step + 1) / WARM_UP) * 0.5 * (1 + math.cos(math.pi * step / steps))


def loss_of(logits: Tensor, truth: Tensor) -> Tensor:
    """Gives cross-entropy plus Dice loss of one question.

    Args:
        logits: Shape (*space).
        truth: The share of the object in each voxel, from 0 to 1, same shape.
    """
    entropy = nn.functional.binary_cross_entropy_with_logits(logits, truth)
    found = torch.sigmoid(logits)
    overlap = 2 * (found * truth).sum() / (found.sum() + truth.sum() + 1e-3)
    return entropy + 1 - overlap


def _learn_one(network: nn.Module, question: Question, of: int, told: _Told) -> Floats:
    place = next(network.parameters()).device
    inputs = torch.from_numpy(question.inputs)[None].to(place)
    truth = torch.from_numpy(question.truth).to(place)
    logits = network(inputs)[0, 0]
    loss = loss_of(logits, truth)
    if not torch.isfinite(loss):
        raise ValueError("default engine: the loss became NaN. Lower the learning rate.")
    torch.autograd.backward(loss / of)
    answer = np.asarray(torch.sigmoid(logits.detach()).cpu().numpy(), dtype=np.float32)
    told.one(float(loss.detach()), question, answer)
    return answer


@torch.no_grad()
def _move(average: nn.Module, network: nn.Module, keep: float) -> None:
    for ours, theirs in zip(average.parameters(), network.parameters(), strict=True):
        ours.lerp_(theirs, 1 - keep)


def _card(
    dims: int,
    steps: int,
    done: int,
    seed: int,
    style: str,
    began_with: str,
    minutes: float,
    device: str,
) -> dict[str, object]:
    return {
        "command": f"imperfectseg train-default --dims {dims} --steps {steps} --seed {seed}"
        f" --style {style}" + (" --start FILE" if began_with else ""),
        "began_with": began_with,
        "steps_done": done,
        "questions": done * SEATS[dims],
        "minutes": minutes,
        "device": device,
        "data": "synthetic images only (ImperfectSegLogic/synthetic)",
        "versions": {"imperfectseg": __version__, "torch": torch.__version__},
        "license": "Apache-2.0",
    }


class _Told:
    """Means of what happened since it was last told."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._rows: list[tuple[int, float, float, float]] = []

    def one(self, loss: float, question: Question, answer: Floats) -> None:
        truth = question.truth > 0.5
        first = question.inputs[ANSWER] > 0.5
        self._rows.append((question.round, loss, dice(first, truth), dice(answer > 0.5, truth)))

    def now(self, step: int, seconds: float) -> None:
        rows = np.array(self._rows)
        parts = [f"step {step}, {seconds:.0f} s, loss {rows[:, 1].mean():.3f}; Dice before, after:"]
        for name, at in (("first", rows[:, 0] == 0), ("later", rows[:, 0] > 0)):
            if at.any():
                before, after = rows[at, 2].mean(), rows[at, 3].mean()
                parts.append(f"{name} {before:.3f} {after:.3f}")
        self._tell(" ".join(parts))
        self._rows.clear()
