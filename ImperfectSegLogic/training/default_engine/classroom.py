"""Lessons in a process of their own, so that they are prepared while the network learns."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from multiprocessing.connection import Connection

from ImperfectSegLogic.methods.scarce.interactive.geodesic import Floats
from ImperfectSegLogic.training.default_engine.lessons import Lesson, Question


class Classroom:
    """Several lessons at once; when one ends, the next begins. A pure function of the seed."""

    def __init__(
        self, dims: int, seed: int, number: int, seats: int, style: str = "anything"
    ) -> None:
        """Begins.

        Args:
            dims: 2 or 3.
            seed: Of all lessons.
            number: Of this classroom; other numbers get other lessons.
            seats: How many lessons at once.
            style: Of the images, see `synthetic.tasks.STYLES`.
        """
        context = multiprocessing.get_context("spawn")
        self._ours, theirs = context.Pipe()
        arguments = (theirs, dims, seed, number, seats, style)
        self._process = context.Process(target=_teach, args=arguments, daemon=True)
        self._process.start()

    def questions(self) -> list[Question]:
        """Waits for the questions at hand, one per seat."""
        found: list[Question] = self._ours.recv()
        return found

    def answer(self, answers: Sequence[Floats]) -> None:
        """Answers them: probabilities, shape (*space) each."""
        self._ours.send(list(answers))

    def close(self) -> None:
        """Ends the process."""
        self._process.terminate()
        self._process.join()


def _teach(pipe: Connection, dims: int, seed: int, number: int, seats: int, style: str) -> None:
    import torch

    torch.set_num_threads(1)
    counts = [0] * seats
    lessons: list[Lesson | None] = [None] * seats
    answers: list[Floats | None] = [None] * seats
    while True:
        questions = []
        for seat in range(seats):
            question = None
            while question is None:
                lesson = lessons[seat]
                question = lesson.ask(answers[seat]) if lesson is not None else None
                if question is None:
                    lessons[seat] = Lesson(dims, (seed, number, seat, counts[seat]), style)
                    answers[seat] = None
                    counts[seat] += 1
            questions.append(question)
        pipe.send(questions)
        answers = pipe.recv()
