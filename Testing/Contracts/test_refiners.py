"""Every refiner of the catalog keeps the contract; the checks catch those that do not."""

from __future__ import annotations

import inspect

import pytest

from ImperfectSegLogic.methods import catalog
from Testing.Contracts.broken_refiners import BROKEN, Sound
from Testing.Contracts.refiner_checks import CHECKS


def run(check, kind, folder):
    check(kind, folder) if "folder" in inspect.signature(check).parameters else check(kind)


@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.__name__)
@pytest.mark.parametrize("kind", catalog.refiners(), ids=lambda k: k.card.name)
def test_every_refiner(kind, check, tmp_path):
    run(check, kind, tmp_path)


@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.__name__)
def test_a_sound_refiner_passes(check, tmp_path):
    run(check, Sound, tmp_path)


@pytest.mark.parametrize(("kind", "check"), BROKEN, ids=lambda one: one.__name__)
def test_a_broken_refiner_is_rejected(kind, check, tmp_path):
    with pytest.raises(AssertionError, match=f"^{kind.card.name}: "):
        run(check, kind, tmp_path)


def test_every_check_has_a_broken_refiner():
    assert {check for _, check in BROKEN} == set(CHECKS)


def test_names_are_unique_and_lead_to_the_refiners():
    names = [kind.card.name for kind in catalog.refiners()]
    assert len(set(names)) == len(names)
    for kind in catalog.refiners():
        assert type(catalog.refiner(kind.card.name)) is kind
