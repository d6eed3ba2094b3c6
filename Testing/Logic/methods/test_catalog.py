"""The catalog of methods."""

from __future__ import annotations

import pytest

from ImperfectSegLogic.methods.catalog import INTERACTIVE_SEGMENTERS, interactive_segmenter


def test_every_interactive_segmenter_is_found_by_the_name_on_its_card():
    names = [kind.card.name for kind in INTERACTIVE_SEGMENTERS]
    assert len(set(names)) == len(names) > 0
    for kind in INTERACTIVE_SEGMENTERS:
        assert type(interactive_segmenter(kind.card.name)) is kind


def test_an_unknown_name_is_refused_with_the_names_there_are():
    with pytest.raises(ValueError, match=r"'nobody', allowed are .*geodesic-walker"):
        interactive_segmenter("nobody")
