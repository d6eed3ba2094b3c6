"""The networks of a run, each with an optimizer of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from torch import Tensor, nn

from ImperfectSegLogic.data import Prediction, Volume
from ImperfectSegLogic.data.sample import Batch
from ImperfectSegLogic.training.plan import TrainingPlan

if TYPE_CHECKING:  # What methods are knows players, too.
    from ImperfectSegLogic.methods.base import TrainingMethod


@dataclass(eq=False)
class Players:
    """The networks that take part in a training, and where it stands.

    Attributes:
        networks: By name; `segmenter` is always there.
        plan: How they are trained.
        predict: From an image to the segmenter's prediction on the image's own grid.
        step: Steps done in this round.
        steps: Steps of a round.
        round: From 0.
        rounds: How many there are.
        maker: The method that made the segmenter; None for the plan's own network.
        train_cases: Ids of the cases to train on.
        validation_cases: Ids of the cases to choose the best weights by.
        annotator: Whose annotations of the round's data set count; the newest of each if None.
    """

    networks: Mapping[str, nn.Module]
    plan: TrainingPlan
    predict: Callable[[Volume], Prediction]
    step: int = 0
    steps: int = 1
    round: int = 0
    rounds: int = 1
    maker: TrainingMethod | None = None
    train_cases: tuple[str, ...] = ()
    validation_cases: tuple[str, ...] = ()
    annotator: str | None = None
    _answers: dict[int, tuple[Batch, Tensor]] = field(default_factory=dict, repr=False)

    @property
    def segmenter(self) -> nn.Module:
        """The network whose result the run is about."""
        return self.networks["segmenter"]

    def __getitem__(self, name: str) -> nn.Module:
        return self.networks[name]

    def logits(self, batch: Batch) -> Tensor:
        """Gives the segmenter's answer to a batch, shape (sample, label, *space).

        It is computed once a step, however many methods ask.
        """
        known = self._answers.get(id(batch))
        if known is None:
            # The batch is kept beside its answer so that its id cannot be given to another one.
            known = self._answers[id(batch)] = (batch, self.segmenter(batch.image))
        return known[1]

    def forget(self) -> None:
        """Lets go of answers; called after each step."""
        self._answers.clear()
