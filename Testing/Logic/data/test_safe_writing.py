import errno
import os
import resource
import signal
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ImperfectSegLogic.data import (
    Click,
    Prediction,
    Provenance,
    Region,
    Segmentation,
    Volume,
    read_volume,
    write_label_map,
    write_probabilities,
    write_prompts,
    write_segmentation,
    write_volume,
)
from ImperfectSegLogic.data.safe_writing import check_target, extension_of, replacing

NOISE = np.random.default_rng(0).random((20, 30, 40)).astype(np.float32)
VOLUME = Volume(NOISE, np.eye(4))
SEGMENTATION = Segmentation.from_labels((NOISE * 5).astype(np.uint8), VOLUME.geometry)
PREDICTION = Prediction(
    np.stack([NOISE, 1 - NOISE]),
    (0, 1),
    Region((0, 0, 0), (20, 30, 40)),
    VOLUME.geometry,
    Provenance("m"),
)
WRITERS = {
    "a.nii.gz": lambda path, **o: write_volume(VOLUME, path, **o),
    "a.nii": lambda path, **o: write_volume(VOLUME, path, **o),
    "a.nrrd": lambda path, **o: write_volume(VOLUME, path, **o),
    "a.mha": lambda path, **o: write_volume(VOLUME, path, **o),
    "a.seg.nrrd": lambda path, **o: write_segmentation(SEGMENTATION, path, **o),
    "label.nii.gz": lambda path, **o: write_label_map(
        SEGMENTATION.layers[0], SEGMENTATION.geometry, path, **o
    ),
    "p.nrrd": lambda path, **o: write_probabilities(PREDICTION, path, **o),
    "p.mrk.json": lambda path, **o: write_prompts([Click((1, 2, 3))] * 200, path, **o),
    "p.json": lambda path, **o: write_prompts([Click((1, 2, 3))] * 200, path, **o),
}
each_writer = pytest.mark.parametrize("name", WRITERS)


@each_writer
def test_a_file_that_is_there_is_kept_unless_asked(tmp_path, name):
    path = tmp_path / name
    path.write_text("precious")
    with pytest.raises(FileExistsError, match=f"{name}: is there already"):
        WRITERS[name](path)
    assert path.read_text() == "precious"
    WRITERS[name](path, overwrite=True)
    assert path.read_bytes() != b"precious"
    assert [p.name for p in tmp_path.iterdir()] == [name]


@each_writer
def test_a_missing_folder_is_named(tmp_path, name):
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*nowhere"):
        WRITERS[name](tmp_path / "nowhere" / name)


@each_writer
def test_a_read_only_file_is_kept(tmp_path, name):
    path = tmp_path / name
    path.write_text("precious")
    path.chmod(0o444)
    with pytest.raises(PermissionError, match=f"{name}: is read-only"):
        WRITERS[name](path, overwrite=True)
    assert path.read_text() == "precious"


@each_writer
def test_a_folder_of_that_name(tmp_path, name):
    (tmp_path / name).mkdir()
    with pytest.raises(IsADirectoryError, match=f"{name}: is a folder"):
        WRITERS[name](tmp_path / name, overwrite=True)


@each_writer
@pytest.mark.parametrize(
    ("number", "kind", "text"),
    [
        (errno.ENOSPC, OSError, "disk is full.*earlier file is as it was"),
        (errno.EROFS, PermissionError, "folder .* is read-only.*earlier file is as it was"),
        (errno.EIO, OSError, "could not be written.*earlier file is as it was"),
    ],
)
def test_a_failure_at_the_last_moment(tmp_path, monkeypatch, name, number, kind, text):
    path = tmp_path / name
    path.write_text("precious")

    def fail(_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(kind, match=text):
        WRITERS[name](path, overwrite=True)
    assert path.read_text() == "precious"
    assert [p.name for p in tmp_path.iterdir()] == [name]


SHORT_OF_SPACE = """
import os, resource, signal, sys
sys.path.insert(0, {root!r})
from Testing.Logic.data.test_safe_writing import WRITERS
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
for name, write in WRITERS.items():
    write(name)
    size = os.path.getsize(name)
    with open(name, "w") as file:
        file.write("precious")
    for missing in (1, 9, 100, 3000, size // 2, size - 1):
        resource.setrlimit(resource.RLIMIT_FSIZE, (max(size - missing, 1), hard))
        try:
            write(name, overwrite=True)
            print(name, missing, "nothing raised")
        except OSError as error:
            if "\\n" in str(error) or "earlier file is as it was" not in str(error):
                print(name, missing, error)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        if open(name, "rb").read() != b"precious":
            print(name, missing, "the earlier file is lost")
print(sorted(os.listdir()) == sorted(WRITERS))
"""


def test_no_space_at_any_moment_keeps_the_earlier_file(tmp_path):
    """For each format, the disk is full 1 byte, some bytes, half a file before the end."""
    assert resource.getrlimit(resource.RLIMIT_FSIZE)
    assert signal.SIGXFSZ
    script = SHORT_OF_SPACE.format(root=str(Path(__file__).parents[3]))
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout == "True\n", done.stderr[-2000:]


def test_being_stopped_keeps_the_earlier_file(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("precious")

    def be_stopped():
        with replacing(path, (".json",), overwrite=True) as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        be_stopped()
    assert path.read_text() == "precious"
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_a_file_that_appears_meanwhile_is_kept(tmp_path):
    path = tmp_path / "a.json"

    def write():
        with replacing(path, (".json",)) as temporary:
            temporary.write_text("ours")
            path.write_text("theirs")

    with pytest.raises(FileExistsError):
        write()
    assert path.read_text() == "theirs"


def test_a_link_is_followed_and_stays_a_link(tmp_path):
    (tmp_path / "real.nrrd").write_text("old")
    (tmp_path / "link.nrrd").symlink_to(tmp_path / "real.nrrd")
    write_volume(VOLUME, tmp_path / "link.nrrd", overwrite=True)
    assert (tmp_path / "link.nrrd").is_symlink()
    assert read_volume(tmp_path / "real.nrrd").array.shape == NOISE.shape


def test_who_may_read_stays_and_new_files_are_as_usual(tmp_path):
    path = tmp_path / "a.json"
    write_prompts([], path)
    (tmp_path / "usual").write_text("")
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((tmp_path / "usual").stat().st_mode)
    path.chmod(0o640)
    write_prompts([], path, overwrite=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_read_only_folder(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(PermissionError, match=r"folder .* is read-only.*Nothing was written"):
        write_volume(VOLUME, tmp_path / "a.nrrd")


def test_a_file_as_folder(tmp_path):
    (tmp_path / "a").write_text("")
    with pytest.raises(NotADirectoryError):
        check_target(tmp_path / "a" / "b.nrrd", (".nrrd",))


def test_the_longest_extension_counts():
    assert extension_of("x/A.SEG.NRRD", (".nrrd", ".seg.nrrd")) == ".seg.nrrd"
    assert extension_of("my.seg.v2.nrrd", (".nrrd", ".seg.nrrd")) == ".nrrd"
    with pytest.raises(ValueError, match=r"a\.nii\.zip: got \.nii\.zip, allowed are \.nii\.gz"):
        extension_of("a.nii.zip", (".nii.gz",))
