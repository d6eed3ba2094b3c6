"""Who prompts in the interactive benchmark: the simulated users, by kind of prompts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ImperfectSegLogic.data import Geometry, Prompt
from ImperfectSegLogic.methods.scarce.interactive.robot_user import RobotUser, Settings

User = Callable[[np.ndarray, np.ndarray, Geometry, int], Prompt | None]
"""Gives what to add, from the mask so far, the truth, the grid, and how many prompts there are;
None when all is right."""


@dataclass(frozen=True)
class Kind:
    """How a simulated user prompts.

    Attributes:
        settings: Of the robot user.
        needs: The prompts that an engine must take.
    """

    settings: Settings
    needs: tuple[str, ...] = ("Click",)


_LINES = ("Click", "Scribble")
KINDS: dict[str, Kind] = {
    "clicks": Kind(Settings()),
    "random-clicks": Kind(Settings(off_middle=0.5)),
    "center-lines": Kind(Settings(first="center-line", correction="center-line"), _LINES),
    "contours": Kind(Settings(first="contour", correction="contour", length=0.4), _LINES),
    "freehand": Kind(Settings(first="freehand", correction="freehand"), _LINES),
    "box": Kind(Settings(first="box"), ("Click", "Box")),
    "lasso": Kind(Settings(first="lasso"), ("Click", "Lasso")),
}
"""By what `--prompts` calls them. `clicks` draws nothing at random: it is `next_click`. A box or a
lasso is followed by clicks."""


def user_of(kind: str, task: str, seed: int) -> User:
    """Gives a user who prompts every engine alike, and each task in its own way.

    Args:
        kind: One of `KINDS`.
        task: The task's name.
        seed: What chance is drawn from, together with the task's name.
    """
    own = int.from_bytes(hashlib.sha256(f"{seed} {task}".encode()).digest()[:8], "big")
    robot = RobotUser(KINDS[kind].settings, own)

    def prompt(mask: np.ndarray, truth: np.ndarray, geometry: Geometry, given: int):
        return robot.correct(mask, truth, geometry) if given else robot.first(truth, geometry)[0]

    return prompt
