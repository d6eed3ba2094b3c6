import json

import numpy as np
import pytest
import torch

from ImperfectSegLogic.methods.progress import CancelledError, Progress
from ImperfectSegLogic.methods.scarce.interactive.default_weights import read_weights
from ImperfectSegLogic.methods.scarce.interactive.prompt_channels import ANSWER, CHANNELS
from ImperfectSegLogic.networks.prompted import PromptedNetwork
from ImperfectSegLogic.training.default_engine import learning
from ImperfectSegLogic.training.default_engine.lessons import MOST_ROUNDS, Lesson
from ImperfectSegLogic.training.weight_files import hash_of, read_tensors, tensors_of


class Right:
    """An answer that is the truth."""

    def __init__(self, truth):
        self._truth = truth

    def full_labels(self):
        return self._truth.astype(np.uint8)


def test_a_lesson_ends_when_all_is_right(monkeypatch):
    lesson = Lesson(2, (4,))
    lesson.ask(None)
    monkeypatch.setattr(lesson, "_finished", lambda _answer: Right(lesson._task.truth))
    assert lesson.ask(np.zeros(1, dtype=np.float32)) is None


@pytest.mark.parametrize("dims", [2, 3])
def test_a_lesson_goes_on_until_all_is_right_or_patience_ends(dims):
    lesson = Lesson(dims, (4,))
    question, rounds = lesson.ask(None), 0
    while question is not None:
        assert question.round == rounds < MOST_ROUNDS
        assert question.inputs.shape == (len(CHANNELS), *question.truth.shape)
        assert np.isfinite(question.inputs).all()
        question, rounds = lesson.ask(question.inputs[ANSWER]), rounds + 1
    assert rounds >= 1


def test_a_lesson_depends_on_its_seed_and_the_answers_only():
    def play(bias):
        lesson = Lesson(2, (11,))
        found, question = [], lesson.ask(None)
        while question is not None:
            found.append(question.inputs)
            question = lesson.ask(np.clip(question.inputs[ANSWER] + bias, 0, 1))
        return found

    one, again, other = play(0.0), play(0.0), play(0.45)
    assert len(one) == len(again)
    for a, b in zip(one, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(one[1], other[1])


def test_the_first_answer_is_the_geodesic_walkers_and_gradients_reach_every_weight():
    torch.manual_seed(0)
    for dims, size in ((2, (50, 70)), (3, (9, 20, 33))):
        network = PromptedNetwork(dims, len(CHANNELS), ANSWER)
        inputs = torch.rand(2, len(CHANNELS), *size)
        logits = network(inputs)
        assert logits.shape == (2, 1, *size)
        learning.loss_of(logits[0, 0], torch.rand(size)).backward()
        for name, one in network.named_parameters():
            assert one.grad is not None, name
            if not name.endswith("bias"):  # Normalization takes away what a bias adds.
                assert one.grad.abs().sum() > 0, name


def test_loss_is_least_where_the_answer_is_right():
    truth = (torch.rand(20, 20) > 0.7).float()
    right = (truth * 2 - 1) * 10
    assert float(learning.loss_of(right, truth)) < 0.01
    assert float(learning.loss_of(-right, truth)) > 5


def test_the_rate_rises_and_falls():
    rates = [learning.rate_at(step, 1000) for step in range(1000)]
    top = int(np.argmax(rates))
    assert 90 <= top <= 110
    assert rates[0] < rates[top] / 50
    assert rates[-1] < rates[top] / 100


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "prompted-unet-3d.safetensors"
    said = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learning, "TOLD_EVERY", 2)
        patch.setattr(learning, "SEATS", {3: 2})
        learning.learn(3, 4, path, seed=5, tell=said.append)
    return path, said


def test_it_writes_weights_that_the_engine_reads_with_how_they_came_about(learned):
    path, said = learned
    network, fingerprint = read_weights(path, 3)
    assert not network.training
    assert hash_of(tensors_of(network)) == fingerprint
    card, _ = read_tensors(path, "imperfectseg")
    command = "imperfectseg train-default --dims 3 --steps 4 --seed 5 --style anything"
    assert card["card"]["command"] == command
    assert card["card"]["steps_done"] == 4
    json.dumps(card)
    assert len(said) == 2
    assert "step 4" in said[-1]


def test_the_weights_moved_away_from_where_they_began(learned):
    network, _ = read_weights(learned[0], 3)
    torch.manual_seed(5)
    fresh = PromptedNetwork(3, len(CHANNELS), ANSWER)
    moved = [
        bool((a != b).any()) for a, b in zip(network.parameters(), fresh.parameters(), strict=True)
    ]
    assert sum(moved) > 0.9 * len(moved)


def test_cancelling_ends_the_classrooms(tmp_path, monkeypatch):
    closed = []
    close = learning.Classroom.close
    monkeypatch.setattr(
        learning.Classroom, "close", lambda self: (close(self), closed.append(self))
    )
    progress = Progress()
    progress.cancel()
    with pytest.raises(CancelledError):
        learning.learn(2, 4, tmp_path / "prompted-unet-2d.safetensors", progress=progress)
    assert len(closed) == learning.CLASSROOMS
    assert not any(room._process.is_alive() for room in closed)
