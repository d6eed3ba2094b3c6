"""nnInteractive behind our verb: what its session is told, with a look-alike of the package."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ImperfectSegLogic.data import Box, Case, Lasso, Scribble
from ImperfectSegLogic.methods.catalog import interactive_segmenter
from ImperfectSegLogic.methods.progress import CancelledError
from ImperfectSegLogic.methods.scarce.interactive import nninteractive
from ImperfectSegLogic.methods.scarce.interactive.nninteractive import NNInteractive
from Testing.Contracts import nninteractive_look_alike
from Testing.Contracts.interactive_scenes import CancelAt
from Testing.Logic.methods.phantoms import ball, click, grid, picture

GRID = grid((16, 30, 40), spacing=(3.0, 1.0, 1.0), degrees=20.0)
FIRST, SECOND = ball(GRID, (8, 9, 10), 7.0), ball(GRID, (8, 20, 28), 7.0)
IMAGE = picture(GRID, [(FIRST, 180.0), (SECOND, 260.0)])


@pytest.fixture
def session(monkeypatch):
    return nninteractive_look_alike.install(monkeypatch)


@pytest.fixture
def engine(session, tmp_path):
    torch.set_num_threads(1)
    made = NNInteractive(nninteractive_look_alike.model_folder(tmp_path), device="cpu")
    made.set_case(Case(IMAGE))
    session.calls.clear()
    return made


def told(session) -> list:
    calls = [call for call in session.calls if call != "reset"]
    session.calls.clear()
    return calls


def test_without_the_package_it_says_what_to_install_and_names_the_license(monkeypatch):
    monkeypatch.setattr(nninteractive.importlib.util, "find_spec", lambda name: None)
    message = r"pip install nninteractive\. Its weights .*non-commercial use only"
    with pytest.raises(ValueError, match=message):
        interactive_segmenter("nninteractive", "weights")
    assert "non-commercial" in NNInteractive.needs_model


def test_a_click_finds_the_object_and_a_further_one_costs_one_call(engine, session):
    inside, beside = click(GRID, (8, 9, 10)), click(GRID, (8, 9, 25), 0)
    found = engine.respond([inside]).full_labels() == 1
    assert 2 * (found & FIRST).sum() / (found.sum() + FIRST.sum()) > 0.9
    assert told(session) == [("point", True)]
    engine.respond([inside, beside])
    assert told(session) == [("point", False)]
    engine.respond([inside, beside])
    assert told(session) == []
    engine.respond([inside])
    assert told(session) == [("point", True)]


def test_prompts_of_one_segment_are_negative_for_the_others(engine, session):
    prompts = [click(GRID, (8, 9, 10)), click(GRID, (8, 20, 28), 3)]
    answer = engine.respond(prompts)
    assert told(session) == [("point", True), ("point", False)] * 2
    assert answer.labels == (0, 1, 3)
    for label, truth in ((1, FIRST), (3, SECOND)):
        found = answer.full_labels() == label
        assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) > 0.9
    engine.respond([*prompts, click(GRID, (2, 2, 2), 3, positive=False)])
    # "Not the second" is news for the second segment only, which was asked for last.
    assert told(session) == [("point", False)]


def test_every_kind_of_prompt_reaches_the_session_as_it_takes_it(engine, session):
    corners = GRID.to_ras([(8, 2, 3), (8, 2, 18), (8, 16, 18), (8, 16, 3)])
    center = GRID.to_ras((8, 9, 10))
    axes = GRID.ijk_to_ras[:3, :3] / np.array([1.0, 1.0, 3.0])
    engine.respond(
        [
            Box(center=center, size=(16.0, 16.0, 20.0), axes=axes),
            Box(center=center, size=(16.0, 16.0, 0.0), axes=axes),
            Lasso(points=corners),
            Scribble(points=GRID.to_ras([(8, 8, 8), (8, 8, 12)])),
        ]
    )
    assert [kind for kind, _ in told(session)] == ["bbox", "bbox", "lasso", "scribble"]


def test_an_empty_answer_for_a_box_is_an_answer(engine, monkeypatch):
    monkeypatch.setattr(nninteractive_look_alike.InferenceSession, "_tell", lambda *_: None)
    answer = engine.respond([Box(center=GRID.to_ras((8, 9, 10)), size=(12.0, 12.0, 12.0))])
    assert not answer.full_labels().any()


def test_where_the_gpu_has_no_memory_it_goes_on_on_the_cpu(session, tmp_path, monkeypatch):
    engine = NNInteractive(nninteractive_look_alike.model_folder(tmp_path))
    engine.set_case(Case(IMAGE))
    expected = engine.respond([click(GRID, (8, 9, 10))])
    engine._session.device = engine._session._session.device = torch.device("cuda")
    monkeypatch.setattr(session, "memory_on", "cuda")
    answer = engine.respond([click(GRID, (8, 9, 10)), click(GRID, (8, 9, 10))])
    assert any("CPU" in note for note in answer.notes)
    assert answer.region == expected.region
    monkeypatch.setattr(session, "memory_on", "cpu")
    with pytest.raises(ValueError, match="memory ran out on the CPU"):
        engine.respond([click(GRID, (8, 20, 28))])
    monkeypatch.setattr(session, "memory_on", None)
    engine.respond([click(GRID, (8, 20, 28))])


def test_a_prompt_whose_telling_failed_is_forgotten(engine, session, monkeypatch):
    first, failing, other = (click(GRID, at) for at in ((8, 9, 10), (8, 20, 28), (8, 9, 11)))
    expected = engine.respond([first, other])
    engine.set_case(Case(IMAGE))
    engine.respond([first])
    monkeypatch.setattr(session, "memory_on", "cpu")
    with pytest.raises(ValueError, match="memory ran out"):
        engine.respond([first, failing])
    monkeypatch.setattr(session, "memory_on", None)
    answer = engine.respond([first, other])
    np.testing.assert_array_equal(answer.full_labels(), expected.full_labels())


def test_a_cancel_between_calls_does_not_spoil_the_session(engine):
    prompts = [click(GRID, (8, 9, 10)), click(GRID, (8, 20, 28), 3), click(GRID, (2, 2, 2), 0)]
    expected = engine.respond(prompts)
    engine.set_case(Case(IMAGE))
    with pytest.raises(CancelledError):
        engine.respond(prompts, progress=CancelAt(4))
    answer = engine.respond(prompts)
    np.testing.assert_array_equal(answer.probabilities, expected.probabilities)


def test_a_single_slice_is_refused(engine):
    flat = picture(grid((1, 30, 30)), [(ball(grid((1, 30, 30)), (0, 15, 15), 5.0), 200.0)])
    with pytest.raises(ValueError, match="one slice, a 2-D image"):
        engine.set_case(Case(flat))
