"""Every training method of the catalog keeps the contract, and the contract catches broken ones."""

from __future__ import annotations

import pytest

from ImperfectSegLogic.methods.catalog import training_methods
from ImperfectSegLogic.methods.supervised import Supervised
from Testing.Contracts.broken_methods import BROKEN
from Testing.Contracts.training_checks import TRAINING_CHECKS

METHODS = (Supervised, *training_methods())


@pytest.mark.parametrize("check", TRAINING_CHECKS, ids=lambda c: c.__name__)
@pytest.mark.parametrize("method_class", METHODS, ids=lambda m: m.card.name)
def test_every_training_method_passes(method_class, check):
    check(method_class)


@pytest.mark.parametrize(("check", "broken"), BROKEN, ids=lambda x: x.__name__)
def test_a_broken_training_method_is_rejected(check, broken):
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        check(broken)


def test_there_is_a_broken_method_for_every_check():
    assert {check for check, _ in BROKEN} == set(TRAINING_CHECKS)
