"""A data set survives several writers at once, writers that are killed, and full disks."""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ImperfectSegLogic.data import Dataset
from ImperfectSegLogic.data.datasets import annotation_files
from ImperfectSegLogic.data.datasets.checks import check
from Testing.Logic.data.phantom_cases import EVERY_KIND, dense, image, make, same

ROOT = Path(__file__).resolve().parents[3]
WRITERS, EACH = 4, 12


def write(folder: str, writer: int) -> list[int]:
    """Annotates one case over and over, and adds cases, some of which the others add too."""
    dataset, numbers = Dataset.open(folder), []
    for n in range(EACH):
        numbers.append(dataset.annotate("case0", EVERY_KIND[(writer + n) % 7], "all"))
        dataset.add_case(f"own-{writer}-{n}", image(writer))
        try:
            dataset.add_case(f"shared-{n}", image(writer), source=f"writer {writer}")
        except FileExistsError:
            continue
    return numbers


def test_several_writers_at_once_lose_nothing_and_readers_see_whole_files_only(tmp_path):
    dataset = make(tmp_path / "set", 1)
    with multiprocessing.get_context("spawn").Pool(WRITERS) as pool:
        jobs = pool.starmap_async(write, [(str(dataset.folder), n) for n in range(WRITERS)])
        while not jobs.ready():
            for version in dataset.versions("case0", "all"):
                dataset.read("case0", version)
            for case in dataset.case_ids:
                dataset.record(case)
            time.sleep(0.02)
        numbers = sorted(n for found in jobs.get() for n in found)
    assert numbers == list(range(1, WRITERS * EACH + 1))
    versions = dataset.versions("case0", "all")
    assert [v.number for v in versions] == numbers
    kinds = sorted(type(dataset.read("case0", v)).__name__ for v in versions)
    wanted = [type(EVERY_KIND[(w + n) % 7]).__name__ for w in range(WRITERS) for n in range(EACH)]
    assert kinds == sorted(wanted)
    assert len(dataset.case_ids) == 1 + WRITERS * EACH + EACH
    hidden = list(dataset.folder.rglob(".*"))
    assert hidden == []


def test_a_number_that_another_writer_used_in_the_meantime_is_not_used_again(tmp_path, monkeypatch):
    dataset = make(tmp_path / "set", 1)
    real, looks = annotation_files._numbers, []

    def late(folder, claims=True):
        looks.append(claims)
        return [] if len(looks) == 1 else real(folder, claims)

    monkeypatch.setattr(annotation_files, "_numbers", late)
    assert dataset.annotate("case0", dense(9), "ann") == 2
    assert same(dataset.case("case0", "ann", 1).annotation, dense(0))
    assert same(dataset.case("case0", "ann", 2).annotation, dense(9))


KILLED = """
import sys
sys.path[:0] = [{root!r}]
from ImperfectSegLogic.data import Dataset
from Testing.Logic.data.phantom_cases import dense, image
dataset = Dataset.open({folder!r})
print("ready", flush=True)
n = 0
while True:
    dataset.annotate("case0", dense(n), "killed")
    dataset.add_case(f"{{sys.argv[1]}}-{{n}}", image(n))
    n += 1
"""


def test_a_writer_killed_at_any_moment_leaves_a_sound_data_set(tmp_path):
    dataset = make(tmp_path / "set", 1)
    code = KILLED.format(root=str(ROOT), folder=str(dataset.folder))
    for turn in range(5):
        process = subprocess.Popen(
            [sys.executable, "-c", code, f"turn{turn}"], stdout=subprocess.PIPE
        )
        assert process.stdout.readline()
        time.sleep(0.03 + 0.017 * turn)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        for version in dataset.versions("case0", "killed"):
            dataset.read("case0", version)
        before = len(dataset.versions("case0", "killed"))
        dataset.annotate("case0", dense(99), "killed")
        assert len(dataset.versions("case0", "killed")) == before + 1
        assert same(dataset.case("case0").annotation, dense(99))
    mended = {"duplicate"}  # The writers add the same images again and again.
    found = {f.kind for f in check(dataset) if f.severity == "problem"}
    assert found <= mended


def test_what_killed_writers_leave_behind_is_in_nobodys_way(tmp_path):
    dataset = make(tmp_path / "set", 1)
    folder = dataset.folder / "annotations/case0/ann"
    (folder / ".0002.claim").touch()
    (folder / ".abcd1234.new.seg.nrrd").write_bytes(b"half")
    (folder / "0003-DenseMask.seg.nrrd").write_bytes(b"whole, but never told of")
    (dataset.folder / "cases/.99999999.new").mkdir()
    assert dataset.case_ids == ["case0"]
    assert [v.number for v in dataset.versions("case0", "ann")] == [1]
    assert dataset.annotate("case0", dense(5), "ann") == 4
    assert same(dataset.case("case0").annotation, dense(5))
    found = list(check(dataset))
    assert [(f.severity, f.kind) for f in found] == [("note", "left over")]
    assert "0003-DenseMask.seg.nrrd belongs to no version" in found[0].text


ACTIONS = {
    "annotate": lambda d: d.annotate("case0", dense(4), "me"),
    "annotate with boxes": lambda d: d.annotate("case0", EVERY_KIND[4], "me"),
    "add a case": lambda d: d.add_case("new", image(7)),
    "set splits": lambda d: d.set_splits({"train": []}),
    "predict": lambda d: d.add_prediction("net", "case0", dense(4)),
    "create": lambda d: Dataset.create(d.folder / "another", {1: "a"}),
}


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize(
    ("number", "kind", "text"),
    [(errno.ENOSPC, OSError, "disk is full"), (errno.EROFS, PermissionError, "is read-only")],
)
def test_a_full_or_read_only_disk_is_told_and_nothing_half_is_left(
    tmp_path, monkeypatch, action, number, kind, text
):
    dataset = make(tmp_path / "set", 1)
    before = sorted(p for p in dataset.folder.rglob("*") if p.is_file())
    folds = dataset.folds

    def fail(_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(kind, match=text):
        ACTIONS[action](dataset)
    assert sorted(p for p in dataset.folder.rglob("*") if p.is_file()) == before
    assert dataset.folds == folds
    monkeypatch.undo()
    ACTIONS[action](dataset)


def test_a_disk_that_is_full_after_the_mask_leaves_no_mask_behind(tmp_path, monkeypatch):
    dataset = make(tmp_path / "set", 1)
    real, calls = os.fsync, []

    def fail(handle):
        calls.append(handle)
        if len(calls) > 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(handle)

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk is full"):
        dataset.annotate("case0", dense(4), "me")
    assert list((dataset.folder / "annotations/case0/me").iterdir()) == []


@pytest.mark.parametrize("action", ["annotate", "add a case", "predict"])
def test_a_folder_that_cannot_be_made_is_told(tmp_path, monkeypatch, action):
    dataset = make(tmp_path / "set", 1)
    real = Path.mkdir

    def refuse(self, *arguments, **options):
        if self.is_dir():
            return real(self, *arguments, **options)
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(PermissionError, match=r"read-only. Choose another folder"):
        ACTIONS[action](dataset)
