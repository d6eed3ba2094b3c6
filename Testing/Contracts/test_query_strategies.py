"""Every query strategy of the catalog keeps the contract; the checks catch those that do not."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ImperfectSegLogic.cli import main
from ImperfectSegLogic.methods import catalog
from ImperfectSegLogic.methods.settings import fields_of
from Testing.Contracts.broken_queries import BROKEN, Sound
from Testing.Contracts.query_checks import CHECKS

BIBLIOGRAPHY = Path(__file__).resolve().parents[2] / "Resources" / "references.bib"


def run(check, kind, folder):
    check(kind, folder) if "folder" in inspect.signature(check).parameters else check(kind)


@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.__name__)
@pytest.mark.parametrize("kind", catalog.query_strategies(), ids=lambda k: k.card.name)
def test_every_query_strategy(kind, check, tmp_path):
    run(check, kind, tmp_path)


@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.__name__)
def test_a_sound_strategy_passes(check, tmp_path):
    run(check, Sound, tmp_path)


@pytest.mark.parametrize(("kind", "check"), BROKEN, ids=lambda one: one.__name__)
def test_a_broken_strategy_is_rejected(kind, check, tmp_path):
    with pytest.raises(AssertionError, match=f"^{kind.card.name}: "):
        run(check, kind, tmp_path)


def test_every_check_has_a_broken_strategy():
    assert {check for _, check in BROKEN} == set(CHECKS)


def test_names_are_unique_and_lead_to_the_strategies():
    names = [kind.card.name for kind in catalog.query_strategies()]
    assert len(set(names)) == len(names)
    for kind in catalog.query_strategies():
        assert type(catalog.query_strategy(kind.card.name)) is kind


@pytest.mark.parametrize("kind", catalog.query_strategies(), ids=lambda k: k.card.name)
def test_the_command_line_tells_about_every_strategy(kind, capsys):
    assert main(["methods", kind.card.name]) == 0
    said = capsys.readouterr().out
    assert kind.card.name in said
    assert all(one.name in said for one in fields_of(kind.settings_type))


def test_their_papers_are_in_the_bibliography():
    keys = re.findall(r"@\w+\{(\w+),", BIBLIOGRAPHY.read_text(encoding="utf-8"))
    cited = {key for kind in catalog.query_strategies() for key in kind.card.paper}
    assert cited <= set(keys)


def test_strategies_are_imported_without_torch():
    said = "import sys; from ImperfectSegLogic.methods import catalog; catalog.query_strategies()"
    command = [sys.executable, "-c", f"{said}; sys.exit('torch' in sys.modules)"]
    assert subprocess.run(command, check=False).returncode == 0
