"""Small data sets with a queue, and what annotators do with it, for the tests of queues."""

from __future__ import annotations

import os
import random
import time

import numpy as np

from ImperfectSegLogic.active.queue import Queue
from ImperfectSegLogic.active.queue_files import event_folder
from ImperfectSegLogic.active.unit import Unit, parse
from ImperfectSegLogic.data import UNLABELED, Dataset, SparseMask
from ImperfectSegLogic.methods.base import Ranking
from Testing.Logic.data.phantom_cases import GRID, LABELS, SHAPE, image

SLICES = tuple(f"case{n}@0:{k}" for k in range(2) for n in range(2))


def ranking(names) -> Ranking:
    """The names in their order, with falling scores."""
    scores = tuple(float(len(names) - n) for n in range(len(names)))
    return Ranking(tuple(names), scores, tuple(f"number {n}" for n in range(len(names))))


def make_queue(folder, names=SLICES, cases=2, readings=1) -> Queue:
    """A data set of unlabeled images, and a queue."""
    dataset = Dataset.create(folder, LABELS)
    for n in range(cases):
        dataset.add_case(f"case{n}", image(n))
    return Queue.build(dataset, ranking(names), readings)


def again(queue: Queue) -> Queue:
    """The same queue as another process sees it."""
    return Queue(Dataset.open(queue.dataset.folder))


def marked(unit: Unit, label: int = 1) -> SparseMask:
    """A mask with one label in all of a unit, and nothing elsewhere."""
    labels = np.full(SHAPE, UNLABELED, np.int16)
    labels[unit.slices(SHAPE)] = label
    return SparseMask(labels, GRID)


def age(queue: Queue, lease, seconds: float) -> None:
    """Makes a lease look as if it was given and renewed earlier, or later if negative."""
    events = queue.dataset.folder / "queue/events"
    for file in event_folder(events, lease.unit, lease.reading.sequence).iterdir():
        moved = file.stat().st_mtime - seconds
        os.utime(file, (moved, moved))


def states(queue: Queue) -> dict[str, str]:
    """How all units stand, by their names."""
    return {item.unit.name(): item.state for item in again(queue).items()}


def state(queue: Queue, name: str) -> str:
    """How one unit stands."""
    return states(queue)[parse(name).name()]


def annotate_until_killed(folder: str, annotator: str, log: str, seed: int) -> None:
    """Takes units and annotates them with any label; writes down what it got and what was done."""
    os.fsync = lambda _: None  # Takes most of the time, and only a power cut makes it matter.
    queue, rng = Queue(Dataset.open(folder)), random.Random(seed)
    handle = os.open(log, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    os.write(handle, b"ready\n")
    while lease := queue.next(annotator):
        name, label = lease.unit.name(), rng.randrange(3)
        os.write(handle, f"got {name} {time.monotonic()}\n".encode())
        if rng.random() < 0.5:
            queue.renew(lease)
        version = queue.done(lease, marked(lease.unit, label))
        os.write(handle, f"acknowledged {name} {version} {label}\n".encode())
