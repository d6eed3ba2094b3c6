"""The verbs that methods implement. A method has a card, one frozen `Settings`, and one verb."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ImperfectSegLogic.data import Case, Dataset, Prediction, Prompt
from ImperfectSegLogic.methods.card import MethodCard
from ImperfectSegLogic.methods.progress import Progress
from ImperfectSegLogic.methods.settings import NoSettings, check_settings

if TYPE_CHECKING:  # 3D Slicer has no torch of its own; only what trains needs it.
    from torch import Tensor, nn

    from ImperfectSegLogic.active.pool import Pool
    from ImperfectSegLogic.active.segmenter import Segmenter
    from ImperfectSegLogic.data.sample import Batch, Sample
    from ImperfectSegLogic.training.plan import TrainingPlan
    from ImperfectSegLogic.training.players import Players
    from ImperfectSegLogic.training.prepared import PreparedCase


class Method(ABC):
    """What all methods have: a card and settings.

    Attributes:
        card: What the method is.
        settings_type: Its frozen dataclass; every field is declared with `setting`.
        settings: How it works.
    """

    card: ClassVar[MethodCard]
    settings_type: ClassVar[type] = NoSettings

    def __init__(self, settings: Any = None) -> None:
        """Takes settings of `settings_type`; the defaults if there are none.

        Raises:
            ValueError: If a value is not within its limits.
        """
        self.settings = self.settings_type() if settings is None else settings
        assert isinstance(self.settings, self.settings_type), type(self.settings)
        check_settings(self.settings, self.card.name)


class SampleTransform(Method):
    """Changes training samples at random: `apply` draws, and applies what it drew."""

    @abstractmethod
    def apply(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Gives a changed sample of the same size and device; the given one stays as it is.

        Labels move with the image and never become others; what comes from outside the sample is
        unlabeled. All chance comes from `rng`.
        """


@dataclass(frozen=True, eq=False)
class Term:
    """One part of a loss.

    Attributes:
        name: What the curves call it.
        value: A number to make small, with its gradient.
        weight: What it is multiplied with in the sum.
        player: Whose optimizer makes it small; nobody else's weights move by it.
    """

    name: str
    value: Tensor
    weight: float = 1.0
    player: str = "segmenter"


LossTerms = tuple[Term, ...]
"""What a training method wants to be small; empty if it has nothing to say about a batch."""


class TrainingMethod(Method):
    """Says what a network in training should make small. Methods compose; `fit` owns the rest.

    Attributes:
        supervises: Whether its loss takes the place of the supervised term that `fit` would choose
            by the kind of annotation. One method of a run at most.
    """

    supervises: ClassVar[bool] = False
    engine: ClassVar[str] = ""
    """Name of the interactive segmenter that uses what it trains, if it trains one."""

    def segmenter(self, plan: TrainingPlan) -> nn.Module | None:
        """Makes the segmenter with random weights; None for the plan's own network.

        What it makes depends on the plan and the settings only: a model's file is read with it.
        """
        return None

    def validate(self, players: Players, cases: Sequence[PreparedCase]) -> dict[str, float] | None:
        """Scores the segmenter on validation cases, `dice` among the scores.

        None where the segmenter answers an image by itself, so that `fit` can score it.
        """
        return None

    def players(self, plan: TrainingPlan) -> Mapping[str, nn.Module]:
        """Makes the networks that it trains besides the segmenter, by name."""
        return {}

    @abstractmethod
    def loss(self, players: Players, batch: Batch) -> LossTerms:
        """Gives the terms for one batch; unlabeled voxels never count as background.

        Args:
            players: All networks; `players.logits(batch)` is the segmenter's answer, computed once
                for all methods.
            batch: Samples, not to be changed.
        """

    def before_rounds(self, players: Players, dataset: Dataset, folder: Path) -> Dataset:
        """Gives the data of the first round; what it is given stays as it is.

        Args:
            players: With random weights; they know which cases are trained on, and whose
                annotations.
            dataset: The run's data.
            folder: Does not exist; where a new data set can be made. It needs the cases to train
                and to validate on, each with one annotator, whose newest version counts.
        """
        return dataset

    def between_rounds(self, players: Players, dataset: Dataset, folder: Path) -> Dataset:
        """Gives the data of the next round; what it is given stays as it is.

        Args:
            players: As they are at the end of the round.
            dataset: The data of the round.
            folder: Does not exist; where a new data set can be made.
        """
        return dataset


@dataclass(frozen=True)
class Ranking:
    """What to annotate next, most wanted first.

    Attributes:
        items: Names of units, see `active.unit`.
        scores: One per item; higher is more wanted.
        reasons: One per item, for people.
    """

    items: tuple[str, ...]
    scores: tuple[float, ...]
    reasons: tuple[str, ...] = ()


class QueryStrategy(Method):
    """Says what is worth annotating next.

    Attributes:
        needs_segmenter: Whether it asks a trained model; if not, it works before any training.
        keeps_budget: Whether it may give fewer units than asked for, so as to keep a budget.
    """

    needs_segmenter: ClassVar[bool] = True
    keeps_budget: ClassVar[bool] = False

    @abstractmethod
    def rank(
        self,
        pool: Pool,
        segmenter: Segmenter | None,
        count: int,
        rng: np.random.Generator,
        progress: Progress | None = None,
    ) -> Ranking:
        """Chooses unlabeled units by what a segmenter would learn from them.

        The order of the pool does not matter; all chance, that of ties too, comes from `rng`.

        Args:
            pool: What can be annotated; it notes in `problems` which cases could not be read.
            segmenter: The model at hand; None only for strategies that need none.
            count: How many units; all if there are fewer.
            rng: The same one gives the same ranking.
            progress: Told how far the work is; cancels it. What was measured by then stays.

        Raises:
            ValueError: If `count` is below 1, there is no segmenter, it has other labels than the
                data set, cannot do what the strategy needs, or no case can be measured.
            CancelledError: If it was cancelled.
        """


class Refiner(Method):
    """Makes a prediction better, by the image.

    Attributes:
        searched: Names of the settings that a calibration searches, numbers above 0; all of these
            that are no whole numbers if empty.
    """

    searched: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def refine(
        self,
        case: Case,
        prediction: Prediction,
        prompts: Sequence[Prompt] = (),
        progress: Progress | None = None,
    ) -> Prediction:
        """Gives a better prediction for the same region; the given one stays as it is.

        Args:
            case: The image.
            prediction: Probabilities, at least of background and one label, on the image's grid.
            prompts: What the user pointed at: prompted voxels keep the label they name.
            progress: Told how far the work is; cancels it.

        Raises:
            ValueError: If the image does not suit, or the prediction is not of its grid, has NaN,
                or does not sum to 1.
        """


class InteractiveSegmenter(ABC):
    """Turns prompts into a prediction: `set_case` once per image, `respond` many times.

    Its module is imported where there is no torch; only `__init__` and what follows may need it.

    Attributes:
        card: What the method is.
        needs_model: What file the user has to bring, for people, such as "a model that was trained
            with sakinis2019"; empty if it brings all it needs. If not empty, `__init__` takes the
            file's path as `model`.
        is_stateless: Whether the same prompts get the same answer, whatever came before.
        uses_order: Whether it matters in which order prompts were given, as where the first ones
            of a segment reach farther than corrections.
    """

    card: ClassVar[MethodCard]
    needs_model: ClassVar[str] = ""
    is_stateless: ClassVar[bool] = True
    uses_order: ClassVar[bool] = False

    @classmethod
    def missing(cls) -> str:
        """Tells what has to be installed before it can be made, and how; empty if nothing."""
        return ""

    @abstractmethod
    def set_case(self, case: Case) -> None:
        """Takes the image and does the work that depends on nothing but the image.

        Raises:
            ValueError: If the image has channels, NaN or infinite voxels, or one value only.
        """

    @abstractmethod
    def respond(
        self,
        prompts: Sequence[Prompt],
        previous: Prediction | None = None,
        progress: Progress | None = None,
    ) -> Prediction:
        """Segments the image by the prompts; prompted voxels always get the label they name.

        Args:
            prompts: All prompts given so far, in their order.
            previous: The answer before the last prompt, where the method can start from it.
            progress: Told how far the work is; cancels it.

        Returns:
            Probabilities in a region around the prompts.

        Raises:
            ValueError: If there is no case, no prompt, a prompt outside the image, of a kind that
                the method does not take, or one voxel with two labels.
            CancelledError: If it was cancelled; the next call works as if this one never was.
        """
