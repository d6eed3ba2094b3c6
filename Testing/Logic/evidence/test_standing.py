"""Results are shown with their verdicts; a result whose code or Evidence changed is stale."""

from __future__ import annotations

import json

import pytest

from ImperfectSegLogic.evidence import standing as module
from ImperfectSegLogic.evidence.readme import with_table, write_table
from ImperfectSegLogic.evidence.spec_reading import read_evidence
from ImperfectSegLogic.evidence.standing import standing, standings, status_of
from ImperfectSegLogic.evidence.study import StudyOptions, run_study
from ImperfectSegLogic.methods.card import Status
from ImperfectSegLogic.methods.weak.selective_loss.bokhorst2018 import BalancedSparse
from ImperfectSegLogic.methods.weak.selective_loss.cicek2016 import ClassBalancedSparse
from Testing.Logic.evidence.phantom_evidence import (
    SPEC,
    Here,
    Trainer,
    data_folder,
    evidence_folder,
)


@pytest.fixture
def measured(tmp_path):
    """A folder with one Evidence that was reproduced."""
    folder = evidence_folder(tmp_path / "evidence")
    declared = read_evidence("few-slices", folder)
    options = StudyOptions(data_folder(tmp_path / "raw"), tmp_path / "work", folder, device="cpu")
    run_study(declared, declared, options, lambda *_: None, lambda now: None, Trainer(), Here())
    return folder


def test_an_evidence_without_result_was_not_run(tmp_path):
    one = standing("few-slices", evidence_folder(tmp_path))
    assert (one.state, one.ours, one.gain) == ("not run", "", "")


def test_a_result_is_shown_with_its_verdict(measured):
    (one,) = standings(measured)
    assert one.state == "reproduced"
    assert one.ours == "0.815 ± 0.007"
    assert one.baseline == "0.715 ± 0.007"
    assert one.gain == "+0.100 (+0.100 to +0.100)"


def test_a_changed_evidence_makes_the_result_stale_and_changed_words_do_not(measured):
    evidence_folder(measured, SPEC.replace("Few slices", "A few slices"))
    assert standing("few-slices", measured).state == "reproduced"
    evidence_folder(measured, SPEC.replace("steps = 2", "steps = 3"))
    assert standing("few-slices", measured).state == "stale"


def test_changed_data_makes_the_result_stale(measured):
    path = measured / "data" / "hearts.toml"
    path.write_text(path.read_text().replace("unlabeled = 9", "unlabeled = 8"))
    assert standing("few-slices", measured).state == "stale"


def test_changed_or_lost_code_makes_the_result_stale(measured, monkeypatch):
    monkeypatch.setattr(module, "code_hash", lambda names: "changed")
    assert standing("few-slices", measured).state == "stale"
    monkeypatch.undo()
    path = measured / "few-slices.json"
    said = json.loads(path.read_text())
    path.write_text(json.dumps(said | {"modules": ["ImperfectSegLogic.methods.gone"]}))
    assert standing("few-slices", measured).state == "stale"


def test_a_method_is_proven_by_an_evidence_about_it_that_is_reproduced_and_not_stale(measured):
    cicek, bokhorst = ClassBalancedSparse.card, BalancedSparse.card
    assert status_of(cicek, measured) is Status.PROVEN
    assert status_of(bokhorst, measured) is Status.BUILT
    evidence_folder(measured, SPEC.replace("steps = 2", "steps = 3"))
    assert status_of(cicek, measured) is Status.BUILT


def test_the_table_takes_its_place_between_the_markers_and_all_else_stays(measured, tmp_path):
    page = tmp_path / "PAGE.md"
    page.write_text("# Title\n<!-- evidence -->\nold\n<!-- /evidence -->\nend\n", encoding="utf-8")
    write_table(page, standings(measured), measured)
    text = page.read_text(encoding="utf-8")
    assert text.startswith("# Title\n<!-- evidence -->\n| Evidence |")
    assert text.endswith("|\n<!-- /evidence -->\nend\n")
    row = text.splitlines()[4]
    assert "[few-slices](evidence/few-slices.toml)" in row
    assert "0.815 ± 0.007 | 0.715 ± 0.007 | +0.100 (+0.100 to +0.100) | +0.05 | reproduced" in row
    write_table(page, standings(measured), measured)
    assert page.read_text(encoding="utf-8") == text


def test_a_page_without_markers_stays_as_it_is(measured, tmp_path):
    page = tmp_path / "PAGE.md"
    page.write_text("# Title\n")
    with pytest.raises(ValueError, match=r"PAGE.md, markers: got 0 pairs"):
        write_table(page, standings(measured), measured)
    assert page.read_text() == "# Title\n"
    with pytest.raises(FileNotFoundError, match="there is no such file"):
        write_table(tmp_path / "gone.md", [], measured)


def test_a_page_with_two_pairs_of_markers_is_told():
    text = "<!-- evidence -->\n<!-- /evidence -->\n" * 2
    with pytest.raises(ValueError, match="got 2 pairs"):
        with_table(text, [], ".")


def test_a_damaged_result_is_told(measured):
    (measured / "few-slices.json").write_text("{")
    with pytest.raises(ValueError, match=r"few-slices.json"):
        standings(measured)
