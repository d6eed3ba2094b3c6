"""Trainings in processes of their own: killed, interrupted, orphaned."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from ImperfectSegLogic.evidence.processes import processes
from ImperfectSegLogic.evidence.running import run_jobs, run_trainings
from ImperfectSegLogic.evidence.spec import Arm
from ImperfectSegLogic.evidence.trainings import Training
from Testing.Logic.evidence.process_trainers import killed_trainer, waiting_trainer

ROOT = Path(__file__).resolve().parents[3]


def trainings_in(tmp_path, number: int) -> list[Training]:
    one = Training(Arm("arm"), 1, "", "import", (), (), (), tmp_path, tmp_path, "cpu")
    return [replace(one, seed=n, folder=tmp_path / str(n)) for n in range(number)]


def test_a_process_that_is_killed_is_told_with_what_to_do(tmp_path):
    with pytest.raises(ValueError, match=r"ended from outside.*Run the same command again"):
        run_trainings(trainings_in(tmp_path, 1), killed_trainer, processes(1), 1, lambda now: None)


@pytest.fixture
def ctrl_c():
    """Python leaves Ctrl-C alone where the shell ignores it, as it does for background jobs."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_asks_the_trainings_at_work_to_stop_and_starts_no_more(tmp_path, ctrl_c):
    each = trainings_in(tmp_path, 4)

    def press():
        while not all((one.folder / "began").exists() for one in each[:2]):
            time.sleep(0.02)
        signal.raise_signal(signal.SIGINT)

    def listener(now):
        if not pressing.is_alive() and not pressing.ident:
            pressing.start()

    pressing = threading.Thread(target=press)
    with pytest.raises(KeyboardInterrupt):
        run_trainings(each, waiting_trainer, processes(2), 2, listener)
    assert [one.folder.exists() for one in each] == [True, True, False, False]
    assert all((one.folder / "stopped").exists() for one in each[:2])
    assert not any((one.folder / "stop").exists() for one in each)


def test_a_training_ends_when_its_parent_is_killed(tmp_path):
    code = f"""
from pathlib import Path
from ImperfectSegLogic.evidence.processes import processes
from ImperfectSegLogic.evidence.running import run_jobs, run_trainings
from Testing.Logic.evidence.process_trainers import waiting_trainer
from Testing.Logic.evidence.test_processes import trainings_in
if __name__ == "__main__":
    each = trainings_in(Path({str(tmp_path)!r}), 1)
    run_trainings(each, waiting_trainer, processes(1), 1, lambda now: None)
"""
    script = tmp_path / "script.py"
    script.write_text(code)
    parent = subprocess.Popen([sys.executable, script], cwd=ROOT, env={"PYTHONPATH": str(ROOT)})
    began = tmp_path / "0" / "began"
    wait_for(lambda: began.exists() and began.read_text())
    training = int(began.read_text())
    assert is_there(training)
    parent.kill()
    parent.wait()
    wait_for(lambda: not is_there(training))


def is_there(process: int) -> bool:
    state = Path(f"/proc/{process}/stat")
    return state.exists() and state.read_text().split()[2] != "Z"


def wait_for(condition, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def test_a_run_that_was_killed_while_it_stopped_does_not_stop_the_next_one(tmp_path):
    trainings = trainings_in(tmp_path, 2)
    trainings[1].folder.mkdir()
    (trainings[1].folder / "stop").touch()
    stopped = []

    def look(training):
        stopped.append((training.folder / "stop").exists())

    with ThreadPoolExecutor(1) as pool:
        run_jobs(trainings, look, lambda _: False, pool, 1, lambda *_: None, "trainings")
    assert stopped == [False, False]
