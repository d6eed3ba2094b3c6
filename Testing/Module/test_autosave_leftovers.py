"""What crashes leave beside kept work is cleared away, and kept work is not."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from ImperfectSegLib.AutosaveFile import EXTENSION
from ImperfectSegLib.AutosaveLeftovers import AGE_S, clearLeftovers
from ImperfectSegLib.SessionLock import SessionLock

HALF, ENDED, KEEPING = f".61b70606{EXTENSION}", "aaaaaaaaaaaa.lock", "bbbbbbbbbbbb.lock"
KEPT = f"case0_12-bbbbbbbbbbbb-item{EXTENSION}"
HOLD = """
import sys, time
from pathlib import Path
from ImperfectSegLib.SessionLock import SessionLock
lock = SessionLock(Path(sys.argv[1]))
lock.hold()
print(lock.token, flush=True)
time.sleep(60)
"""


@pytest.fixture
def folder(tmp_path):
    for name in (HALF, ENDED, KEEPING, KEPT):
        (tmp_path / name).write_bytes(b"")
    return tmp_path


def aged(folder, seconds):
    then = time.time() - seconds
    for path in folder.iterdir():
        os.utime(path, (then, then))


def names(folder):
    return {path.name for path in folder.iterdir()}


def test_half_written_files_and_locks_of_sessions_that_kept_nothing_go(folder):
    aged(folder, AGE_S + 60)
    clearLeftovers(folder, SessionLock(folder))
    assert names(folder) == {KEEPING, KEPT}


def test_what_is_younger_than_an_hour_may_be_in_work_and_stays(folder):
    aged(folder, AGE_S - 60)
    clearLeftovers(folder, SessionLock(folder))
    assert names(folder) == {HALF, ENDED, KEEPING, KEPT}


def test_a_session_that_lives_and_has_kept_nothing_yet_keeps_its_lock(folder):
    command = [sys.executable, "-c", HOLD, str(folder)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as other:
        token = other.stdout.readline().strip()
        aged(folder, AGE_S + 60)
        clearLeftovers(folder, SessionLock(folder))
        left = names(folder)
        other.kill()
    assert f"{token}.lock" in left
    clearLeftovers(folder, SessionLock(folder))
    assert names(folder) == {KEEPING, KEPT}


def test_a_folder_that_is_not_there_is_none_to_clear(tmp_path):
    clearLeftovers(tmp_path / "none", SessionLock(tmp_path / "none"))
    assert names(tmp_path) == set()
