"""Every interactive segmenter of the catalog keeps the contract; the checks catch broken ones."""

from __future__ import annotations

import pytest

from ImperfectSegLogic.methods.catalog import INTERACTIVE_SEGMENTERS
from Testing.Contracts import nninteractive_look_alike
from Testing.Contracts.broken_interactive import BROKEN, SOUND
from Testing.Contracts.interactive_checks import CHECKS
from Testing.Contracts.interactive_models import subject_of
from Testing.Contracts.interactive_scenes import Subject


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """Where tiny models are made, once for all checks."""
    return tmp_path_factory.mktemp("models")


@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.__name__)
@pytest.mark.parametrize("kind", INTERACTIVE_SEGMENTERS, ids=lambda k: k.card.name)
def test_every_interactive_segmenter(kind, check, models, monkeypatch):
    if kind.card.name == "nninteractive":
        nninteractive_look_alike.install(monkeypatch)
    if kind.missing():
        pytest.skip(kind.missing())
    check(subject_of(kind, models))


@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.__name__)
@pytest.mark.parametrize("kind", SOUND, ids=lambda k: k.__name__)
def test_a_sound_engine_passes(kind, check):
    check(Subject(kind, lambda dims: kind()))


@pytest.mark.parametrize(("kind", "check"), BROKEN, ids=lambda one: one.__name__)
def test_a_broken_engine_is_rejected(kind, check):
    with pytest.raises(AssertionError, match=f"^{kind.card.name}: "):
        check(Subject(kind, lambda dims: kind()))


def test_every_check_has_a_broken_engine():
    assert {check for _, check in BROKEN} == set(CHECKS)
