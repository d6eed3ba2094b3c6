"""What was measured with former models is removed once nobody uses it any more."""

from __future__ import annotations

import os

import numpy as np
import pytest

from ImperfectSegLogic.active import measured_folders
from ImperfectSegLogic.active.measured_folders import KEPT, USED, key_of
from ImperfectSegLogic.active.measurements import Measurements
from ImperfectSegLogic.methods.catalog import query_strategy
from Testing.Contracts.query_scenes import Grays, Phantoms, pool


def model(name: str) -> Grays:
    made = Grays()
    made.identity = name
    return made


def ask(folder, strategy: str, segmenter, images=None) -> None:
    rng = np.random.default_rng(0)
    query_strategy(strategy).rank(pool(images, folder=folder), segmenter, 2, rng)


def aged(folder, seconds: float = KEPT + 100) -> None:
    """Makes everything look as if it was used earlier."""
    for path in (*folder.rglob("*"), folder):
        os.utime(path, (path.stat().st_mtime - seconds,) * 2)


def kept(folder) -> set[str]:
    return {path.name.rsplit("-", 2)[0] for path in folder.iterdir()}


@pytest.fixture
def folder(tmp_path):
    return tmp_path


def test_a_new_model_takes_the_place_of_one_that_nobody_used_for_a_day(folder):
    ask(folder, "entropy", model("old"))
    ask(folder, "k-center", model("old"))
    aged(folder)
    ask(folder, "entropy", model("new"))
    (left,) = folder.iterdir()
    assert left.name == query_strategy("entropy")._key(model("new"))


def test_models_that_are_asked_by_turns_keep_what_was_measured(folder):
    images = Phantoms()
    for _ in range(3):
        ask(folder, "entropy", model("one"), images)
        ask(folder, "entropy", model("other"), images)
        aged(folder, KEPT / 3)
    assert images.reads == 10
    assert len(list(folder.iterdir())) == 2


def test_reading_alone_counts_as_use(folder):
    ask(folder, "entropy", model("old"))
    aged(folder)
    ask(folder, "entropy", model("old"))  # Measures nothing.
    ask(folder, "entropy", model("new"))
    assert len(list(folder.iterdir())) == 2


def test_what_the_same_model_or_none_measured_stays(folder):
    ask(folder, "k-center", model("one"))
    ask(folder, "zheng2019", None)
    aged(folder, 10 * KEPT)
    ask(folder, "entropy", model("one"))
    assert kept(folder) == {"k-center", "zheng2019", "entropy"}
    ask(folder, "zheng2019", None)
    assert kept(folder) == {"k-center", "zheng2019", "entropy"}


def test_without_a_model_nothing_is_known_about_models(folder):
    ask(folder, "entropy", model("one"))
    aged(folder)
    ask(folder, "zheng2019", None)
    assert kept(folder) == {"entropy", "zheng2019"}


def test_folders_of_earlier_versions_go_and_what_is_of_others_stays(folder):
    earlier = f"foreground-random-{'0123456789abcdef'}"
    for name in (earlier, "notes", "entropy-0123"):
        (folder / name).mkdir()
    ask(folder, "zheng2019", None)
    assert (folder / earlier).exists()  # Until nobody has used it for a day.
    aged(folder)
    ask(folder, "zheng2019", None)
    assert not (folder / earlier).exists()
    assert (folder / "notes").exists()
    assert (folder / "entropy-0123").exists()


def test_a_process_that_still_writes_keeps_its_folder(folder):
    ask(folder, "entropy", model("old"))
    aged(folder)
    slow = Measurements(folder / query_strategy("entropy")._key(model("old")))
    ask(folder, "entropy", model("new"))
    given = pool()
    slow.add(given.units[:1], "1", {"entropy": np.ones(1)})
    slow.write()
    assert len(list(folder.iterdir())) == 2


def test_a_folder_that_cannot_be_removed_is_no_error(folder, monkeypatch):
    ask(folder, "entropy", model("old"))
    aged(folder)

    def refuse(*_):
        raise PermissionError("not yours")

    monkeypatch.setattr(measured_folders, "now", refuse)
    ask(folder, "entropy", model("new"))
    assert len(list(folder.iterdir())) == 2


def test_keys_tell_ways_and_models_apart():
    keys = {key_of("a", how, which) for how in ("x", "y") for which in ("m", "n", None)}
    assert len(keys) == 6
    assert (key_of("a", "x", None)).startswith(f"a-{measured_folders.NO_MODEL}-")
    assert USED.startswith(".")
