"""`imperfectseg queue`, as annotators at a shell use it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ImperfectSegLogic.active.queue import Queue
from ImperfectSegLogic.active.unit import parse
from ImperfectSegLogic.data import UNLABELED, Dataset, SparseMask, write_label_map
from Testing.Logic.active.queues import age, marked, states
from Testing.Logic.data.phantom_cases import GRID, LABELS, SHAPE, dense, image, labels, make, same
from Testing.Logic.test_cli import run


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A data set of three cases, one of them annotated, and an order."""
    monkeypatch.chdir(tmp_path)
    dataset = Dataset.create("set", LABELS)
    for n in range(3):
        dataset.add_case(f"case{n}", image(n))
    dataset.annotate("case2", dense(2), "ann")
    (tmp_path / "order.tsv").write_text("case1@0:2\t0.75\tblurred edge\n\ncase0\t0.5\ncase1@0:1\n")
    write_label_map(labels(1), GRID, "drawn.nii.gz")
    return tmp_path


def queue() -> Queue:
    return Queue(Dataset.open("set"))


def shown(text: str) -> str:
    """A text without the terminal's line breaks."""
    return " ".join(text.split())


def test_a_campaign_from_building_to_done(folder, capsys):
    code, out, _ = run("queue", "build", "set", "--order", "order.tsv", capsys=capsys)
    assert (code, "3" in out) == (0, True)
    told = ("--annotator", "ann")
    code, out, _ = run("queue", "next", "set", *told, "--json", "next.json", capsys=capsys)
    assert code == 0
    assert "case1@0:2 (slice)" in out
    assert "score 0.75: blurred edge" in out
    assert "image: set/cases/case1/image.nrrd" in out
    content = json.loads((folder / "next.json").read_text())
    assert (content["unit"], content["case"], content["axis"]) == ("case1@0:2", "case1", 0)
    assert (content["index"], content["state"], content["score"]) == (2, "leased", 0.75)
    drawn = ("--annotation", "drawn.nii.gz", "--seconds", "40")
    code, out, _ = run("queue", "done", "set", "case1@0:2", *told, *drawn, capsys=capsys)
    assert (code, "done: case1@0:2, version 1 of ann" in out) == (0, True)
    only = np.full(SHAPE, UNLABELED)
    only[2] = labels(1)[2]
    assert same(Dataset.open("set").case("case1", "ann").annotation, SparseMask(only, GRID))
    code, out, _ = run("queue", "next", "set", *told, capsys=capsys)
    assert "score 0.5: line 3 of order.tsv" in out
    code, out, _ = run("queue", "skip", "set", "case0", *told, "--reason", "motion", capsys=capsys)
    assert (code, "skipped: case0" in out) == (0, True)
    code, out, _ = run("queue", "status", "set", "--units", "--json", "all.json", capsys=capsys)
    assert code == 0
    assert all(word in out for word in ("motion", "blurred edge", "case1@0:1", "40"))
    content = json.loads((folder / "all.json").read_text())
    assert content["states"] == {"done": 1, "skipped": 1, "open": 1}
    assert content["items"][0]["readings"][0]["seconds"] == 40
    assert content["about"] == {"order": "order.tsv"}


def test_next_says_with_exit_code_1_that_nothing_is_free(folder, capsys):
    (folder / "one").write_text("case0\n")
    run("queue", "build", "set", "--order", "one", capsys=capsys)
    assert run("queue", "next", "set", "--annotator", "ann", capsys=capsys)[0] == 0
    code, out, _ = run("queue", "next", "set", "--annotator", "ann", capsys=capsys)
    assert (code, "nothing is free for ann" in shown(out)) == (1, True)
    code, out, _ = run("queue", "next", "set", "--annotator", "ann", "--resume", capsys=capsys)
    assert (code, "case0 (volume)" in out) == (0, True)


def test_a_volume_is_dense_and_with_unlabeled_voxels_sparse(folder, capsys):
    (folder / "two").write_text("case0\ncase1\n")
    run("queue", "build", "set", "--order", "two", capsys=capsys)
    for case, options in {"case0": (), "case1": ("--unlabeled", "2")}.items():
        run("queue", "next", "set", "--annotator", "ann", capsys=capsys)
        drawn = ("--annotator", "ann", "--annotation", "drawn.nii.gz")
        code, _, err = run("queue", "done", "set", case, *drawn, *options, capsys=capsys)
        assert code == 0, err
    dataset = Dataset.open("set")
    assert same(dataset.case("case0").annotation, dense(1))
    sparse = SparseMask(np.where(labels(1) == 2, UNLABELED, labels(1)), GRID)
    assert same(dataset.case("case1").annotation, sparse)


def test_a_random_order_is_of_unlabeled_units_and_the_same_for_the_same_seed(folder, capsys):
    dataset = Dataset.open("set")
    dataset.annotate("case1", marked(parse("case1@0:3")), "ann")
    orders = []
    for seed in ("1", "1", "2"):
        options = ("--order", "random", "--units", "slice", "--seed", seed)
        assert run("queue", "build", "set", *options, capsys=capsys)[0] == 0
        orders.append(list(states(queue())))
    assert orders[0] == orders[1] != orders[2]
    wanted = {f"case0@0:{k}" for k in range(4)} | {f"case1@0:{k}" for k in range(3)}
    assert set(orders[0]) == set(orders[2]) == wanted
    run("queue", "build", "set", "--order", "random", "--count", "1", capsys=capsys)
    assert list(states(queue())) == ["case0"]
    run(
        "queue", "build", "set", "--order", "random", "--units", "slice", "--axis", "2",
        "--readings", "2", capsys=capsys,
    )  # fmt: skip
    assert {item.unit.axis for item in queue().items()} == {2}
    assert {item.wanted for item in queue().items()} == {2}


def test_a_strategy_chooses_and_the_queue_remembers_which(folder, capsys):
    options = ("--strategy", "random", "--units", "patch", "--patch", "3", "4", "--count", "5")
    code, _, err = run("queue", "build", "set", *options, "--split", "train", capsys=capsys)
    assert (code, "got 'train'" in shown(err)) == (2, True)
    code, _, err = run("queue", "build", "set", *options, capsys=capsys)
    assert code == 0, err
    own = queue()
    assert {item.unit.size for item in own.items()} == {(3, 4)}
    assert len(own.items()) == 5
    assert own.ranking().about["strategy"] == "random"


def test_a_random_order_can_be_of_one_split(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    dataset = make("set")
    dataset.add_case("case3", image(3))
    dataset.add_case("case4", image(4))
    dataset.set_splits({"train": ["case3"], "test": ["case4"]})
    run("queue", "build", "set", "--order", "random", "--split", "train", capsys=capsys)
    assert list(states(queue())) == ["case3"]


def test_release_frees_what_is_lent_skipped_or_flagged(folder, capsys):
    run("queue", "build", "set", "--order", "order.tsv", capsys=capsys)
    own = queue()
    own.skip(own.next("ann"), "motion")
    own.flag(own.next("ann").unit, "odd")
    own.next("ann")
    assert list(states(own).values()) == ["skipped", "flagged", "leased"]
    for option, left in (
        (("--annotator", "ann"), ["skipped", "flagged", "open"]),
        (("--skipped",), ["open", "flagged", "open"]),
        (("--flagged",), ["open"] * 3),
    ):
        code, out, _ = run("queue", "release", "set", *option, capsys=capsys)
        assert (code, "released: 1 units" in out) == (0, True)
        assert list(states(own).values()) == left
    own.next("ann")
    code, out, _ = run("queue", "release", "set", "case1@0:2", "case0", capsys=capsys)
    assert "released: 1 units" in out
    for wrong, text in ((("case9",), "is not in the queue"), ((), "nothing to release")):
        code, _, err = run("queue", "release", "set", *wrong, capsys=capsys)
        assert (code, text in shown(err)) == (2, True)


def test_status_tells_of_leases_that_nobody_renewed(folder, capsys):
    run("queue", "build", "set", "--order", "order.tsv", capsys=capsys)
    own = queue()
    age(own, own.next("ann", lease=60), 100)
    out = run("queue", "status", "set", capsys=capsys)[1]
    assert "note: case1@0:2 was not renewed by ann for 60 s." in shown(out)


def test_readers_are_compared_and_resolved(folder, capsys):
    (folder / "one").write_text("case0@0:1\n")
    run("queue", "build", "set", "--order", "one", "--readings", "2", capsys=capsys)
    code, _, err = run("queue", "resolve", "set", capsys=capsys)
    assert (code, "no unit was read by two" in shown(err)) == (2, True)
    own = queue()
    for annotator, label in (("ann", 1), ("bob", 2)):
        lease = own.next(annotator)
        own.done(lease, marked(lease.unit, label))
    code, out, _ = run("queue", "compare", "set", "--json", "readers.json", capsys=capsys)
    assert code == 0
    assert all(word in out for word in ("case0@0:1", "ann, bob", "1 liver", "2 spleen", "0.000"))
    found = json.loads((folder / "readers.json").read_text())["disagreements"]
    assert [(f["label"], f["dice"], f["hd95"], f["voxels"]) for f in found] == [
        (1, 0, "inf", 48), (2, 0, "inf", 48),
    ]  # fmt: skip
    code, out, _ = run("queue", "resolve", "set", "--by", "bob", capsys=capsys)
    assert (code, "resolved: 1 units, as annotations of consensus" in shown(out)) == (0, True)
    resolved = Dataset.open("set").case("case0", "consensus").annotation
    assert same(resolved, marked(parse("case0@0:1"), 2))
    drawn = ("--annotation", "drawn.nii.gz", "--as", "chief")
    code, out, _ = run("queue", "resolve", "set", "case0@0:1", *drawn, capsys=capsys)
    assert (code, "version 1 of chief" in shown(out)) == (0, True)
    assert (Dataset.open("set").case("case0", "chief").annotation.labels[1] == labels(1)[1]).all()


@pytest.mark.parametrize(
    ("command", "text"),
    [
        (("next", "set", "--annotator", "a b"), "annotator name: got 'a b'"),
        (("next", "set", "--annotator", "ann", "--hours", "0"), "lease: got 0"),
        (("next", "set", "--annotator", "ann", "--json", "next.txt"), "allowed are .json"),
        (("done", "set", "case0", "--annotator", "ann", "--annotation", "drawn.nii.gz"),
         "is not lent to ann, who has nothing"),
        (("skip", "set", "nonsense@", "--annotator", "ann", "--reason", "x"), "allowed are CASE"),
        (("build", "set", "--order", "nowhere.tsv"), "there is no such file"),
        (("build", "set", "--order", "wrong.tsv"), "line 1: got the score 'high'"),
        (("build", "set", "--order", "order.tsv", "--count", "0"), "--count: got 0"),
        (("build", "set", "--order", "order.tsv", "--readings", "0"), "readings: got 0"),
        (("build", "set", "--order", "random", "--split", "no"), "got 'no'"),
        (("build", "set", "--strategy", "entropy"), "entropy: got no model"),
        (("build", "set", "--strategy", "psychic"), "query strategy: got 'psychic'"),
        (("build", "set", "--strategy", "random:a=1"), "got settings ['a']"),
        (("build", "set", "--strategy", "entropy", "--model", "no"), "model no: there is no such"),
        (("resolve", "set", "--annotation", "drawn.nii.gz"), "exactly one UNIT"),
        (("resolve", "set", "case2"), "is not in the queue"),
        (("resolve", "set", "case0"), "read by nobody"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told(folder, capsys, command, text):
    run("queue", "build", "set", "--order", "order.tsv", capsys=capsys)
    (folder / "wrong.tsv").write_text("case0\thigh\n")
    code, _, err = run("queue", *command, capsys=capsys)
    assert code == 2
    assert text in shown(err)


def test_a_data_set_without_a_queue_is_told(folder, capsys):
    code, _, err = run("queue", "status", "set", capsys=capsys)
    assert (code, "imperfectseg queue build" in shown(err)) == (2, True)
