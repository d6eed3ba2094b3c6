"""The verbs that methods implement. A method has a card, one frozen `Settings`, and one verb."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from ImperfectSegLogic.data import Case, Prediction, Prompt
from ImperfectSegLogic.methods.card import MethodCard
from ImperfectSegLogic.methods.progress import Progress


class InteractiveSegmenter(ABC):
    """Turns prompts into a prediction: `set_case` once per image, `respond` many times."""

    card: ClassVar[MethodCard]

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
