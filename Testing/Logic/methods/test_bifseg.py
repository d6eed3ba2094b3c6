"""Adapting a network to one image (Wang 2018a), on images whose answer is known."""

from __future__ import annotations

import copy
import threading
import time

import numpy as np
import pytest
import torch

from ImperfectSegLogic.data import Box, Case, Scribble
from ImperfectSegLogic.methods.progress import CancelledError, Progress
from ImperfectSegLogic.methods.scarce.interactive.network_views import Mirrored
from ImperfectSegLogic.methods.scarce.interactive.pupil import Pupil
from ImperfectSegLogic.methods.scarce.interactive.wang2018a import BIFSeg, Settings
from ImperfectSegLogic.metrics.dice import dice
from Testing.Logic.methods.gray_engine import GrayEngine
from Testing.Logic.methods.phantoms import ball, chance, click, grid, picture

FLAT = grid((1, 60, 70))
CUBE = grid((20, 30, 34))
QUICK = Settings(steps=20)


def scene(geometry):
    """Gives an image, an object of two gray values, and prompts that say what belongs to it."""
    k, j, i = (n // 2 for n in geometry.shape)
    bright = ball(geometry, (k, j, i - 4), 9.0)
    dark = ball(geometry, (k, j, i + 8), 7.0) & ~bright
    volume = picture(geometry, [(bright, 200.0), (dark, 165.0)], noise=6.0)
    line = geometry.to_ras(np.array([(k, j, i + 8), (k, j, i + 12)]))
    stroke = Scribble(points=line, radius=0.5)
    prompts = [click(geometry, (k, j, i - 6)), stroke, click(geometry, (0, 3, 3), positive=False)]
    return volume, bright | dark, prompts


def adapting_engine(geometry=FLAT, settings=QUICK, engine=None):
    volume, truth, prompts = scene(geometry)
    adaptation = BIFSeg(engine or GrayEngine(), settings)
    adaptation.set_case(Case(volume))
    return adaptation, truth, prompts


def weights(network):
    return [one.detach().clone() for one in network.parameters()]


def same(some, others):
    return all(torch.equal(a, b) for a, b in zip(some, others, strict=True))


def stopping(after):
    """Gives a progress that cancels itself at its report number `after`."""
    progress = Progress(lambda fraction, message: count())
    told = []

    def count():
        told.append(None)
        if len(told) > after:
            progress.cancel()

    return progress


@pytest.mark.parametrize("geometry", [FLAT, CUBE], ids=["2-D", "3-D"])
def test_it_answers_like_the_engine_until_it_adapts_and_better_after(geometry):
    adaptation, truth, prompts = adapting_engine(geometry, Settings(steps=60, learning_rate=3e-3))
    alone = GrayEngine()
    alone.set_case(adaptation.base.case)
    before, own = adaptation.respond(prompts), alone.respond(prompts)
    np.testing.assert_array_equal(before.probabilities, own.probabilities)
    assert before.provenance == own.provenance
    assert not adaptation.is_adapted
    after = adaptation.adapt(prompts)
    assert adaptation.is_adapted
    gain = dice(after.full_labels() == 1, truth) - dice(before.full_labels() == 1, truth)
    assert gain > 0.02
    np.testing.assert_array_equal(adaptation.respond(prompts).probabilities, after.probabilities)


def test_the_engines_own_network_stays_as_it_is():
    adaptation, _, prompts = adapting_engine()
    network = adaptation.base.network
    before, learns = weights(network), [p.requires_grad for p in network.parameters()]
    adaptation.adapt(prompts)
    assert adaptation.base.network is network
    assert same(weights(network), before)
    assert [p.requires_grad for p in network.parameters()] == learns
    assert all(p.grad is None for p in network.parameters())
    assert not same(weights(adaptation.network), before)


@pytest.mark.parametrize("layers", [0, 1])
def test_only_the_last_layers_learn_if_so_wished(layers):
    adaptation, _, prompts = adapting_engine(settings=Settings(steps=20, layers=layers))
    adaptation.adapt(prompts)
    own, adapted = adaptation.base.network, adaptation.network
    assert torch.equal(own.first.weight, adapted.first.weight) == (layers == 1)
    assert not torch.equal(own.last.weight, adapted.last.weight)


def test_a_number_of_steps_gives_the_same_answer_every_time():
    answers = []
    for _ in range(2):
        adaptation, _, prompts = adapting_engine()
        answers.append(adaptation.adapt(prompts).probabilities)
    np.testing.assert_array_equal(*answers)


@pytest.mark.parametrize("geometry", [FLAT, CUBE], ids=["2-D", "3-D"])
def test_prompted_voxels_keep_their_label(geometry):
    adaptation, _, prompts = adapting_engine(geometry)
    rng = np.random.default_rng(4)
    places = {tuple(rng.integers(geometry.shape).tolist()) for _ in range(12)}
    more = [click(geometry, at, positive=bool(n % 2)) for n, at in enumerate(sorted(places))]
    answer = adaptation.adapt([*prompts, *more])
    for prompt in [prompts[0], prompts[2], *more]:
        assert chance(answer, prompt, 1 if prompt.positive else 0) == 1.0
    np.testing.assert_allclose(answer.probabilities.sum(axis=0), 1.0, atol=1e-5)


def test_several_labels_and_a_box():
    adaptation, _, prompts = adapting_engine()
    corner = FLAT.to_ras((0, 50, 60))
    box = Box(center=corner, size=np.array([9.0, 9.0, 1.0]), label=4)
    answer = adaptation.adapt([*prompts, box])
    assert answer.labels == (0, 1, 4)
    assert adaptation.is_adapted
    outside = np.ones(FLAT.shape, dtype=bool)
    outside[0, 44:57, 54:67] = False
    assert not (answer.full_labels()[outside] == 4).any()


def test_a_new_image_and_forget_go_back_to_the_engine():
    adaptation, _, prompts = adapting_engine()
    first = adaptation.respond(prompts)
    adaptation.adapt(prompts)
    adaptation.forget()
    assert not adaptation.is_adapted
    np.testing.assert_array_equal(adaptation.respond(prompts).probabilities, first.probabilities)
    adaptation.adapt(prompts)
    adaptation.set_case(adaptation.base.case)
    assert adaptation.network is adaptation.base.network


def test_cancelling_keeps_the_last_good_network():
    fractions = []
    adaptation, _, prompts = adapting_engine()
    adaptation.adapt(prompts, progress=Progress(lambda f, message: fractions.append(f)))
    assert fractions == sorted(fractions)
    assert 0 <= fractions[0] <= fractions[-1] <= 1
    assert len(fractions) > 20
    adapted = []
    for after in range(0, len(fractions) - 1, 7):
        adaptation, _, _ = adapting_engine()
        with pytest.raises(CancelledError):
            adaptation.adapt(prompts, progress=stopping(after))
        adapted.append(adaptation.is_adapted)
        answer = adaptation.respond(prompts)
        assert np.isfinite(answer.probabilities).all()
    assert not adapted[0]
    assert adapted[-1]
    assert adapted == sorted(adapted)


@pytest.mark.parametrize("rate", [1.0, 1e-3])
def test_a_network_that_breaks_is_thrown_away(rate, monkeypatch):
    adaptation, _, prompts = adapting_engine(settings=Settings(steps=40, learning_rate=rate))
    before = adaptation.respond(prompts)

    def step(pupil):
        with torch.no_grad():
            pupil.network.last.bias.fill_(np.nan)

    monkeypatch.setattr(Pupil, "step", step)
    after = adaptation.adapt(prompts)
    assert not adaptation.is_adapted
    np.testing.assert_array_equal(after.probabilities, before.probabilities)


def test_a_network_that_gets_worse_on_the_prompts_is_thrown_away(monkeypatch):
    adaptation, _, prompts = adapting_engine()
    before = adaptation.respond(prompts)

    def step(pupil):
        with torch.no_grad():
            pupil.network.last.bias -= 0.01

    monkeypatch.setattr(Pupil, "step", step)
    after = adaptation.adapt(prompts)
    assert not adaptation.is_adapted
    np.testing.assert_array_equal(after.probabilities, before.probabilities)


def slowly(monkeypatch, seconds):
    """Makes steps of adaptations last at least so long."""
    step = Pupil.step

    def slow(pupil):
        time.sleep(seconds)
        step(pupil)

    monkeypatch.setattr(Pupil, "step", slow)


def test_steps_that_are_too_large_are_taken_back_and_made_smaller(monkeypatch):
    step, rates = Pupil.step, []

    def noted(pupil):
        rates.append(pupil._optimizer.param_groups[0]["lr"])
        step(pupil)
        if rates[-1] > 0.1:
            with torch.no_grad():
                pupil.network.last.bias.fill_(np.nan)

    monkeypatch.setattr(Pupil, "step", noted)
    adaptation, _, prompts = adapting_engine(settings=Settings(steps=40, learning_rate=0.2))
    answer = adaptation.adapt(prompts)
    assert rates[0] == 0.2
    assert rates[-1] < 0.1
    assert adaptation.is_adapted
    assert np.isfinite(answer.probabilities).all()


def test_new_prompts_that_the_copy_is_worse_on_bring_back_the_engines_own_network():
    adaptation, _, prompts = adapting_engine()
    adaptation.adapt(prompts)
    spoiled = copy.deepcopy(adaptation.network)
    with torch.no_grad():
        spoiled.last.bias += 9.0
    adaptation._adapted = spoiled
    started = []
    progress = Progress(lambda f, message: "1 steps" in message and started.append(f))
    adaptation.adapt(prompts, progress=progress)
    fresh, _, _ = adapting_engine()
    fresh.adapt(prompts)
    assert started
    assert same(weights(adaptation.network), weights(fresh.network))


class Sided(GrayEngine):
    """An engine whose network knows left from right."""

    def scores(self, network, prepared):
        asked = []

        class Ramped(torch.nn.Module):
            def forward(self, x):
                asked.append(x)
                return network_of(network)(x) + torch.linspace(-20, 20, x.shape[-1])

        def network_of(one):
            return one.network if isinstance(one, Mirrored) else one

        shown = Mirrored(Ramped(), tuple(network._axes)) if hasattr(network, "_axes") else Ramped()
        self.asked = asked
        return super().scores(shown, prepared)


@pytest.mark.parametrize("mirrored", [True, False])
def test_mirrors_are_looked_into_only_if_wished(mirrored):
    adaptation, _, prompts = adapting_engine(settings=Settings(steps=4, mirrors=mirrored))
    pupil = pupil_of(adaptation, prompts)
    assert len(pupil._views) == (4 if mirrored else 1)


def test_mirrors_that_tell_another_story_are_not_believed():
    adaptation, _, prompts = adapting_engine(engine=Sided())
    views = [view._axes for view in pupil_of(adaptation, prompts)._views]
    assert views == [[], [-2]]


def pupil_of(adaptation, prompts):
    prepared = adaptation.prepare(prompts, None, Progress())
    settings = adaptation.settings
    return Pupil(adaptation.base, adaptation.network, prepared, settings, lambda f: None)


def test_answers_come_while_another_thread_adapts(monkeypatch):
    slowly(monkeypatch, 0.3)
    adaptation, _, prompts = adapting_engine(FLAT, Settings(steps=8, steps_per_cut=2))
    own = adaptation.respond(prompts).probabilities
    ends = []
    worker = threading.Thread(target=lambda: ends.append(adaptation.adapt(prompts)))
    worker.start()
    answers = []
    while worker.is_alive():
        answers.append(adaptation.respond(prompts).probabilities)
    worker.join()
    assert ends
    assert len(answers) > 8, "answers waited for the adaptation"
    assert all(np.isfinite(answer).all() for answer in answers)
    learned = [not np.array_equal(answer, own) for answer in answers]
    assert not learned[0]
    assert any(learned), "what was learned was not used before the end"
    np.testing.assert_array_equal(adaptation.respond(prompts).probabilities, ends[0].probabilities)


@pytest.mark.parametrize("what", ["forget", "set_case", "adapt"])
def test_forgetting_ends_an_adaptation_that_is_running(what, monkeypatch):
    slowly(monkeypatch, 0.1)
    adaptation, _, prompts = adapting_engine(settings=Settings(steps=300, steps_per_cut=3))
    started, errors = threading.Event(), []

    def work():
        try:
            adaptation.adapt(prompts, progress=Progress(lambda f, message: f and started.set()))
        except CancelledError as error:
            errors.append(error)

    worker = threading.Thread(target=work)
    worker.start()
    assert started.wait(10)
    if what == "adapt":
        adaptation.adapt(prompts, seconds=0.2)
    elif what == "forget":
        adaptation.forget()
    else:
        adaptation.set_case(adaptation.base.case)
    worker.join(10)
    assert errors
    assert adaptation.is_adapted == (what == "adapt")


def test_seconds_are_kept(monkeypatch):
    slowly(monkeypatch, 0.1)
    adaptation, _, prompts = adapting_engine(settings=Settings(seconds=600.0))
    began = time.monotonic()
    adaptation.adapt(prompts, seconds=1.0)
    assert time.monotonic() - began < 5.0


def test_an_answer_can_wait_for_the_adaptation():
    adaptation, _, prompts = adapting_engine(settings=Settings(steps=20, adapts_first=True))
    with pytest.raises(CancelledError):
        adaptation.respond(prompts, progress=stopping(40))
    assert not adaptation.is_adapted
    answer = adaptation.respond(prompts)
    assert adaptation.is_adapted
    said = answer.provenance
    assert said.method == "bifseg-wang2018a"
    assert said.settings["engine"] == "gray-engine"
    assert said.settings["steps"] == 20
    assert said.weights_hash == "abc"


def test_memory_that_runs_out_ends_the_adaptation_with_a_note(monkeypatch):
    adaptation, _, prompts = adapting_engine()
    step, steps = Pupil.step, []

    def hungry(pupil):
        steps.append(None)
        if len(steps) > 12:
            raise torch.OutOfMemoryError("out of memory")
        step(pupil)

    monkeypatch.setattr(Pupil, "step", hungry)
    answer = adaptation.adapt(prompts)
    assert adaptation.is_adapted
    assert any("memory ran out" in note and "12 steps" in note for note in answer.notes)


def test_what_is_not_allowed():
    with pytest.raises(ValueError, match=r"learning_rate: got -1.*allowed is"):
        BIFSeg(GrayEngine(), Settings(learning_rate=-1.0))
    adaptation, _, prompts = adapting_engine()
    with pytest.raises(ValueError, match="0 seconds, allowed is more than 0"):
        adaptation.adapt(prompts, seconds=0)
    with pytest.raises(ValueError, match="no case"):
        BIFSeg(GrayEngine()).adapt(prompts)
    with pytest.raises(ValueError, match=r"outside|not in"):
        adaptation.adapt([click(FLAT, (0, 500, 3))])
    assert not adaptation.is_adapted


def test_a_network_that_cannot_learn_is_refused():
    engine = GrayEngine()
    scripted = torch.jit.freeze(torch.jit.script(copy.deepcopy(engine.network)))
    engine.network = scripted
    adaptation, _, prompts = adapting_engine(engine=engine)
    with pytest.raises(ValueError, match="no weights that can learn"):
        adaptation.adapt(prompts)


def test_a_compiled_network_adapts_too():
    engine = GrayEngine()
    engine.network = torch.jit.script(engine.network)
    adaptation, _, prompts = adapting_engine(engine=engine)
    before = adaptation.respond(prompts)
    after = adaptation.adapt(prompts)
    assert adaptation.is_adapted
    assert not np.array_equal(before.probabilities, after.probabilities)
