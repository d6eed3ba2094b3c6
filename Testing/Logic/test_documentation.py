"""What the documents say is so: commands parse, files exist, code runs as far as it can here."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path

import pytest

from ImperfectSegLogic import cli
from ImperfectSegLogic.methods.catalog import (
    INTERACTIVE_SEGMENTERS,
    training_methods,
    transforms,
)

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / ".github" / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
README = DOCUMENTS[0].read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def shell_commands() -> list[str]:
    lines = "\n".join(blocks("sh")).replace("\\\n", " ").splitlines()
    return [line.split("#")[0].strip() for line in lines if line.split("#")[0].strip()]


def test_every_link_to_a_file_leads_to_one():
    for document in DOCUMENTS:
        for target in re.findall(r"\]\(([^)#]+)\)", document.read_text(encoding="utf-8")):
            if not target.startswith("http"):
                assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_every_imperfectseg_command_in_the_readme_parses():
    commands = [c for c in shell_commands() if c.startswith("imperfectseg")]
    assert len(commands) >= 4
    for command in commands:
        cli.parser().parse_args(shlex.split(command)[1:])


def test_every_make_target_in_the_documents_exists():
    targets = set(
        re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    )
    for document in DOCUMENTS:
        for line in re.findall(
            r"\bmake ([a-z][\w -]*)",
            "\n".join(
                re.findall(r"`[^`]+`|^make .*$", document.read_text(encoding="utf-8"), re.MULTILINE)
            ),
        ):
            assert set(line.split()) <= targets, f"{document.name}: make {line}"


def test_python_in_the_readme_is_python():
    assert blocks("python")
    for block in blocks("python"):
        ast.parse(block)


def subcommands(parser):
    return next(a for a in parser._actions if hasattr(a, "choices") and a.choices).choices


def test_every_option_of_the_command_line_is_in_the_readme():
    top = subcommands(cli.parser())
    grouped = [one for name in ("dataset", "evidence") for one in subcommands(top[name]).values()]
    alone = [top[name] for name in ("segment", "train", "predict", "evaluate", "methods")]
    for command in (*alone, *grouped):
        for action in command._actions:
            for option in action.option_strings:
                if option not in ("-h", "--help"):
                    assert option in README, f"{option} is not in the README"


@pytest.mark.parametrize("engine", INTERACTIVE_SEGMENTERS, ids=lambda e: e.card.name)
def test_every_engine_is_in_the_readme_and_its_papers_in_the_bibliography(engine):
    bibliography = (ROOT / "Resources" / "references.bib").read_text(encoding="utf-8")
    assert engine.card.name in README
    for key in engine.card.paper:
        assert f"{{{key}," in bibliography


@pytest.mark.parametrize("method", [*training_methods(), *transforms()], ids=lambda m: m.card.name)
def test_every_method_is_in_the_readme(method):
    assert f"`{method.card.name}`" in README
