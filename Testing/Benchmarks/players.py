"""Who is compared: the project's engines, and their peers in `peers.py`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from ImperfectSegLogic.data import Case, Prediction, Prompt, Volume
from ImperfectSegLogic.methods.catalog import default_segmenter, interactive_segmenter


class Player(Protocol):
    """One who segments.

    Attributes:
        name: As on the command line.
        notes: What it said besides its last answer.
    """

    name: str
    notes: Sequence[str]

    def start(self, volume: Volume) -> None:
        """Takes the image."""

    def respond(self, prompts: Sequence[Prompt]) -> np.ndarray:
        """Gives the mask of label 1, shape (slice, row, column)."""


class Engine:
    """An interactive segmenter of the project; without a name, the default one."""

    def __init__(self, name: str = "", model: str | None = None) -> None:
        name = name or default_segmenter().card.name
        self.name, self.notes = name, ()
        self.segmenter = interactive_segmenter(name, model)

    def start(self, volume: Volume) -> None:
        self.segmenter.set_case(Case(volume))
        self.prediction: Prediction | None = None

    def respond(self, prompts: Sequence[Prompt]) -> np.ndarray:
        self.prediction = self.segmenter.respond(prompts, self.prediction)
        self.notes = self.prediction.notes
        return self.prediction.full_labels() == 1
