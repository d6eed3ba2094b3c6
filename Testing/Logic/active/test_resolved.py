"""It is known which units of a case somebody has resolved, and by which version."""

from __future__ import annotations

import pytest

from ImperfectSegLogic.active.disagreement import resolve, resolved
from ImperfectSegLogic.active.unit import parse
from ImperfectSegLogic.data import ImageLabels
from Testing.Logic.active.queues import make_queue, marked
from Testing.Logic.data.phantom_cases import dense

NAMES = ("case0@0:0", "case0@0:1", "case1@0:0", "case1@1:2")
UNITS = tuple(parse(name) for name in NAMES)


@pytest.fixture
def queue(tmp_path):
    made = make_queue(tmp_path / "set", NAMES, readings=2)
    for annotator in ("ann", "bob"):
        for unit in UNITS:
            made.done(made.take(unit, annotator), marked(unit))
    return made


def item(queue, name):
    return next(one for one in queue.items() if one.unit.name() == name)


def test_nothing_is_resolved_at_first(queue):
    assert resolved(queue.dataset, UNITS) == {}


def test_only_units_in_which_anything_is_labeled_are_resolved(queue):
    resolve(queue.dataset, item(queue, NAMES[1]))
    assert resolved(queue.dataset, UNITS) == {UNITS[1]: 1}
    resolve(queue.dataset, item(queue, NAMES[0]))
    assert resolved(queue.dataset, UNITS) == {UNITS[0]: 2, UNITS[1]: 2}
    assert resolved(queue.dataset, UNITS[1:]) == {UNITS[1]: 2}


def test_background_is_a_decision_as_well(queue):
    unit = UNITS[2]
    queue.done(queue.reopen(unit, "bob"), marked(unit, 0))
    resolve(queue.dataset, item(queue, NAMES[2]), "bob")
    # The slices across the other axis lie across this one.
    assert resolved(queue.dataset, UNITS) == {UNITS[2]: 1, UNITS[3]: 1}


def test_another_name_is_asked_for_by_it(queue):
    resolve(queue.dataset, item(queue, NAMES[0]), name="chief")
    assert resolved(queue.dataset, UNITS) == {}
    assert resolved(queue.dataset, UNITS, "chief") == {UNITS[0]: 1}


def test_what_is_no_mask_resolves_nothing_and_a_damaged_one_is_an_error(queue):
    queue.dataset.annotate("case0", ImageLabels(frozenset({1})), "consensus")
    assert resolved(queue.dataset, UNITS) == {}
    queue.dataset.annotate("case1", dense(), "consensus")
    assert set(resolved(queue.dataset, UNITS)) == set(UNITS[2:])
    version = queue.dataset.versions("case1", "consensus")[-1]
    version.path.write_text("damaged")
    with pytest.raises(ValueError, match=str(version.path.name)):
        resolved(queue.dataset, UNITS)
