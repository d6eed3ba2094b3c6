"""Kills an annotating queue panel at random moments, and looks what is lost.

A person in the Qt host takes slices, draws in three steps and presses Done, as fast as it goes. The
process is killed (SIGKILL) a random moment later and started again, many times. Written down is
what the panel had told: a drawing that was on disk, an item that was done. Then it is checked that
the next process goes on with the item and the drawing, and that everything done is there.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from ImperfectSegLogic.active.queue import Queue
from ImperfectSegLogic.data import Dataset
from Testing.Benchmarks.report import print_table, run, save

ROOT = Path(__file__).resolve().parents[2]
CASES, STEPS, ANNOTATOR = 20, 3, "ann"
LONGEST = 3.0  # seconds until the kill, from when the panel is there
FIRST_ROW, COLUMNS = 2, slice(2, 6)


def live(folder: Path, log: Path) -> None:
    """Annotates until killed; writes down what was acknowledged."""
    from Testing.Host import application

    app = application.start()
    import slicer

    slicer.app._core.slicerUserSettingsFilePath = str(folder / "settings" / "Slicer.ini")
    from Testing.Module.queue_person import Annotating  # Needs the host.

    handle = os.open(log, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    someone = Annotating(app, folder / "set", ANNOTATOR)
    drawn = int(someone.mask("tumor").sum()) // 4 if someone.open else 0
    os.write(handle, f"resumed {someone.open or '-'} {drawn}\n".encode())
    while True:
        if not someone.open:
            someone.presses("nextButton")
        name = someone.open
        for rows in range(1, STEPS + 1):
            someone.draws("tumor", rows=slice(FIRST_ROW, FIRST_ROW + rows), columns=COLUMNS)
            someone.waits(lambda: not someone.session.autosave.isBusy)
            os.write(handle, f"drawn {name} {rows}\n".encode())
        someone.presses("doneButton")
        os.write(handle, f"done {name} {STEPS}\n".encode())


def kill_once(folder: Path, number: int, wait: float) -> list[list[str]]:
    """Lets one process live for a moment; gives what it wrote down."""
    log = folder / f"{number}.log"
    command = [sys.executable, "-m", "Testing.Benchmarks.queue_kills", "--live", str(folder)]
    paths = os.pathsep.join(map(str, (ROOT, ROOT / "ImperfectSegModule")))
    environment = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    child = subprocess.Popen([*command, str(log)], env=environment, cwd=ROOT, **quiet)
    while not (log.exists() and log.read_text()):
        if child.poll() is not None:
            raise RuntimeError(f"the panel ended by itself ({child.returncode})")
        time.sleep(0.02)
    time.sleep(wait)
    child.kill()
    child.wait()
    return [line.split() for line in log.read_text().splitlines()]


def lost(queue: Queue, done: set[str]) -> list[str]:
    """Gives the items that were acknowledged as done and are not."""
    items = {item.unit.name(): item for item in queue.items()}
    missing = []
    for name in sorted(done):
        item = items[name]
        labels = queue.dataset.case(item.unit.case, ANNOTATOR).annotation
        drawn = getattr(labels, "labels", None)
        rows = slice(FIRST_ROW, FIRST_ROW + STEPS)
        is_there = drawn is not None and (drawn[item.unit.index, rows, COLUMNS] == 2).all()
        if item.state != "done" or not is_there:
            missing.append(name)
    return missing


def measure(arguments: argparse.Namespace) -> None:
    """Kills, and looks."""
    from Testing.Host import application

    application.start()
    sys.path.append(str(ROOT / "ImperfectSegModule"))
    from Testing.Module.queue_person import make  # Needs the host.

    kills, rng = (3 if arguments.quick else 40), random.Random(0)
    done: set[str] = set()
    forgotten: list[Any] = []
    drawn: tuple[str, int] | None = None
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        names = tuple(f"case{n}@0:{k}" for k in range(8) for n in range(CASES))
        make(folder / "set", names, CASES)
        for number in range(kills):
            (_, name, rows), *told = kill_once(folder, number, rng.uniform(0, LONGEST))
            is_behind = drawn and (name != drawn[0] or int(rows) < drawn[1])
            # Killed after Done and before it could be written down: it is saved.
            if drawn and is_behind and lost(Queue(Dataset.open(folder / "set")), {drawn[0]}):
                forgotten.append((drawn, (name, rows)))
            drawn = drawn if not told else None
            for what, item, count in told:
                drawn = (item, int(count)) if what == "drawn" else None
                done |= {item} if what == "done" else set()
        missing = lost(Queue(Dataset.open(folder / "set")), done)
    head = ["kills", "done", "done but lost", "drawings lost"]
    print_table("Killed while annotating", head, [[kills, len(done), len(missing), len(forgotten)]])
    save("queue_kills", {"kills": kills, "done": len(done), "lost": missing, "drawn": forgotten})


if __name__ == "__main__":
    if "--live" in sys.argv:
        place = sys.argv.index("--live")
        live(Path(sys.argv[place + 1]), Path(sys.argv[place + 2]))
    else:
        run("queue_kills", __doc__, measure)
