"""The catalog of methods."""

from __future__ import annotations

import pytest

from ImperfectSegLogic.methods import packages
from ImperfectSegLogic.methods.catalog import (
    INTERACTIVE_SEGMENTERS,
    default_segmenter,
    interactive_segmenter,
    interactive_segmenter_type,
)
from ImperfectSegLogic.methods.scarce.interactive.trained_model import TrainedModelEngine


def test_every_interactive_segmenter_is_found_by_the_name_on_its_card():
    names = [kind.card.name for kind in INTERACTIVE_SEGMENTERS]
    assert len(set(names)) == len(names) > 0
    for kind in INTERACTIVE_SEGMENTERS:
        assert interactive_segmenter_type(kind.card.name) is kind
        if not kind.needs_model and not kind.missing():
            assert type(interactive_segmenter(kind.card.name)) is kind


def test_an_engine_that_needs_a_model_says_which_when_it_gets_none(monkeypatch):
    monkeypatch.setattr(TrainedModelEngine, "missing", classmethod(lambda cls: ""))
    with pytest.raises(ValueError, match=r"got no model; it needs a model\.safetensors"):
        interactive_segmenter("trained-model")
    with pytest.raises(FileNotFoundError, match="no such model"):
        interactive_segmenter("trained-model", "nowhere.safetensors")


def test_an_engine_without_model_refuses_one():
    with pytest.raises(ValueError, match=r"geodesic-walker: got the model m\.safetensors, but"):
        interactive_segmenter("geodesic-walker", "m.safetensors")


def test_what_is_not_installed_is_named_before_anything_else(monkeypatch):
    monkeypatch.setattr(packages.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"trained-model: torch, monai, .*pip install"):
        interactive_segmenter("trained-model", "nowhere.safetensors")
    default = default_segmenter()
    assert not default.missing()
    assert not default.needs_model
    assert default.card.name == "geodesic-walker"


def test_an_unknown_name_is_refused_with_the_names_there_are():
    with pytest.raises(ValueError, match=r"'nobody', allowed are .*geodesic-walker"):
        interactive_segmenter("nobody")
