"""One engine on one task: it is prompted again and again, and everything is noted."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np

from ImperfectSegLogic.data import Prompt, Scribble
from ImperfectSegLogic.metrics.dice import dice
from Testing.Benchmarks.data import Task
from Testing.Benchmarks.interactive_users import User
from Testing.Benchmarks.players import Player

PROMPTS = 10


@dataclass
class Played:
    """What happened.

    Attributes:
        dice: After each prompt; where all was right, and no prompt was left to give, the same.
        seconds: For each response, on the clock.
        cpu: For each response, seconds of processor time of all threads, which other programs on
            the same machine change little.
        ready: Seconds to take the image.
        notes: What the engine said besides.
        error: What went wrong, if something did. The mask then stays as it was.
    """

    dice: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    ready: float = 0.0
    notes: list[str] = field(default_factory=list)
    error: str = ""


def play(player: Player, task: Task, user: User, prompts: int = PROMPTS) -> Played:
    """Prompts a player until there were `prompts` of them."""
    played = Played()
    _start(player, task, played)
    mask = np.zeros_like(task.truth)
    given: list[Prompt] = []
    for number in range(prompts):
        new = None if played.error else user(mask, task.truth, task.volume.geometry, number)
        if new is not None:
            given.append(new)
            mask = _respond(player, given, mask, played)
        played.dice.append(dice(mask, task.truth))
    return played


def play_scribbles(player: Player, task: Task, person: int) -> Played:
    """Gives a player all that one person drew, at once."""
    played = Played()
    _start(player, task, played)
    mask = _respond(player, scribbles_of(task, person), np.zeros_like(task.truth), played)
    played.dice.append(dice(mask, task.truth))
    return played


def scribbles_of(task: Task, person: int) -> list[Prompt]:
    """Gives every run of scribbled pixels in a row as a stroke; what is on both is left out."""
    assert task.scribbles is not None, task.name
    positive, negative = task.scribbles[person].astype(bool)
    prompts: list[Prompt] = []
    for label, marked in ((1, positive & ~negative), (0, negative & ~positive)):
        edges = np.diff(np.pad(marked, ((0, 0), (1, 1))).astype(np.int8), axis=1)
        for (j, start), (_, stop) in zip(
            np.argwhere(edges == 1), np.argwhere(edges == -1), strict=True
        ):
            ends = task.volume.geometry.to_ras([(0, j, start), (0, j, stop - 1)])
            prompts.append(Scribble(points=ends, label=label))
    return prompts


def _start(player: Player, task: Task, played: Played) -> None:
    began = time.perf_counter()
    try:
        player.start(task.volume)
    except Exception as error:  # Whatever an engine raises is a result, not the end of the run.
        played.error = f"{type(error).__name__}: {error}"
    played.ready = time.perf_counter() - began


def _respond(
    player: Player, prompts: list[Prompt], before: np.ndarray, played: Played
) -> np.ndarray:
    if played.error:
        return before
    began, cpu = time.perf_counter(), time.process_time()
    try:
        mask = player.respond(prompts)
    except Exception as error:  # As above.
        played.error = f"{type(error).__name__} at prompt {len(prompts)}: {error}"
        return before
    played.seconds.append(time.perf_counter() - began)
    played.cpu.append(time.process_time() - cpu)
    played.notes += [note for note in player.notes if note not in played.notes]
    return mask
