"""Annotators that are killed at any moment lose nothing that was acknowledged."""

from __future__ import annotations

import itertools
import json
import multiprocessing
import random
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ImperfectSegLogic.active.unit import parse
from Testing.Logic.active.queues import again, age, annotate_until_killed, make_queue, marked

ROOT = Path(__file__).resolve().parents[3]
ANNOTATORS, KILLS, CASES = ("ann", "bob", "eve"), 200, 12
UNITS = [
    f"case{n}@0:{k}+{j},{i}:1x1"
    for k in range(2) for i in range(5) for n in range(CASES) for j in range(6)
]  # fmt: skip
PROCESSES = multiprocessing.get_context("forkserver")


@dataclass
class Campaign:
    """What happened: who got which unit from when to when, and what was acknowledged."""

    got: list[tuple[str, float, float]] = field(default_factory=list)
    acknowledged: list[tuple[str, str, int, int]] = field(default_factory=list)
    killed: int = 0

    def read(self, annotator: str, log: Path, end: float) -> None:
        """Takes over what one process has written down until it was killed."""
        for line in log.read_text().splitlines():
            what, *told = line.split()
            if what == "got":
                self.got.append((told[0], float(told[1]), end))
            elif what == "acknowledged":
                self.acknowledged.append((annotator, told[0], int(told[1]), int(told[2])))


class Life:
    """A process that annotates, and is killed a moment after it has written some lines."""

    def __init__(self, folder: Path, log: Path, annotator: str, rng: random.Random) -> None:
        self.log, self.annotator = log, annotator
        self.lines, self.moment = rng.randint(1, 5), rng.uniform(0, 0.02)
        self.due = float("inf")
        arguments = (str(folder), annotator, str(log), rng.randrange(2**32))
        self.process = PROCESSES.Process(target=annotate_until_killed, args=arguments)
        self.process.start()

    def is_over(self) -> bool:
        written = self.log.read_text().count("\n") if self.log.exists() else 0
        if self.due == float("inf") and written >= self.lines:
            self.due = time.monotonic() + self.moment
        return time.monotonic() >= self.due or not self.process.is_alive()

    def end(self, queue, campaign: Campaign) -> None:
        """Kills the process, reads what it wrote, and makes its lease expire."""
        end = time.monotonic()
        self.process.kill()
        self.process.join()
        campaign.killed += self.process.exitcode == -9
        campaign.read(self.annotator, self.log, end)
        for lease in queue.held(self.annotator):
            age(queue, lease, 1000)


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """A queue after three annotators at once were killed 200 times, and what they wrote down."""
    folder = tmp_path_factory.mktemp("killed")
    queue, campaign = make_queue(folder / "set", UNITS, CASES), Campaign()
    numbers, rng = itertools.count(), random.Random(0)

    def begin(annotator: str) -> Life:
        return Life(folder / "set", folder / f"{next(numbers)}.log", annotator, rng)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        PROCESSES.set_forkserver_preload(["Testing.Logic.active.queues"])
        lives = [begin(name) for name in ANNOTATORS]
        while lives:
            for life in [one for one in lives if one.is_over()]:
                life.end(queue, campaign)
                lives.remove(life)
                if campaign.killed + len(lives) < KILLS:
                    lives.append(begin(life.annotator))
            time.sleep(0.002)
    return queue, campaign


def test_annotators_were_killed_200_times_some_of_them_at_work(killed):
    _, campaign = killed
    assert campaign.killed == KILLS
    assert len(campaign.acknowledged) > KILLS / 2
    assert len(campaign.got) - len(campaign.acknowledged) > KILLS / 8


def test_every_acknowledged_annotation_is_there(killed):
    queue, campaign = killed
    items = {item.unit.name(): item for item in again(queue).items()}
    newest = {}
    for annotator, name, version, label in campaign.acknowledged:
        unit = parse(name)
        (reading,) = items[name].standing.readings
        assert (items[name].state, reading.annotator) == ("done", annotator)
        assert reading.version == version
        mask = queue.dataset.case(unit.case, annotator, version).annotation
        assert (mask.labels[unit.slices(mask.labels.shape)] == label).all()
        if (unit.case, annotator) not in newest:
            newest[unit.case, annotator] = queue.dataset.case(unit.case, annotator).annotation
        last = newest[unit.case, annotator].labels
        assert (last[unit.slices(last.shape)] == label).all()


def test_no_unit_was_given_to_two_at_the_same_time(killed):
    queue, campaign = killed
    by_unit = {}
    for name, start, end in sorted(campaign.got, key=lambda one: one[1]):
        assert by_unit.get(name, 0) <= start, f"{name} was given while somebody had it"
        by_unit[name] = end
    names = [name for _, name, _, _ in campaign.acknowledged]
    assert len(names) == len(set(names))
    told = {}
    for event in sorted((queue.dataset.folder / "queue/events").glob("case*")):
        said = json.loads((event / "event.json").read_text())
        told.setdefault(said["unit"], []).append(said["what"])
    for name, changes in told.items():
        assert "done" not in changes[:-1], f"{name} went on after it was done: {changes}"


def test_the_queue_opens_and_lends_first_what_was_interrupted(killed):
    queue, _ = killed
    fresh = again(queue)
    for name in ANNOTATORS:
        for lease in fresh.held(name):
            age(queue, lease, 1000)
    interrupted = [lease.unit for lease in fresh.expired()]
    lent = []
    for _ in range(len(interrupted) + 1):
        lease = fresh.next("last")
        fresh.done(lease, marked(lease.unit))
        lent.append(lease.unit)
    assert lent[:-1] == interrupted
    assert again(queue).expired() == []
    states = [item.state for item in again(queue).items()]
    assert set(states) == {"done", "open"}
    assert states.index("open") == states.count("done")  # In the order of the ranking.
