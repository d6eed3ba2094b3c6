"""Every sample transform of the catalog keeps the contract; the checks catch those that do not."""

from __future__ import annotations

import pytest
import torch

from ImperfectSegLogic.methods import catalog
from Testing.Contracts.broken_transforms import BROKEN, Sound
from Testing.Contracts.transform_checks import CHECKS


@pytest.fixture(autouse=True)
def one_thread():
    """Samples are too small for threads to help."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.__name__)
@pytest.mark.parametrize("kind", catalog.transforms(), ids=lambda k: k.card.name)
def test_every_transform(kind, check):
    check(kind)


@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.__name__)
def test_a_sound_transform_passes(check):
    check(Sound)


@pytest.mark.parametrize(("kind", "check"), BROKEN, ids=lambda one: one.__name__)
def test_a_broken_transform_is_rejected(kind, check):
    with pytest.raises(AssertionError, match=f"^{kind.card.name}: "):
        check(kind)


def test_every_check_has_a_broken_transform():
    assert {check for _, check in BROKEN} == set(CHECKS)


def test_names_are_unique_and_lead_to_the_transforms():
    names = [kind.card.name for kind in catalog.transforms()]
    assert len(set(names)) == len(names)
    for kind in catalog.transforms():
        assert type(catalog.transform(kind.card.name)) is kind
