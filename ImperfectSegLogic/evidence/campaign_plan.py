"""How the arms of an Evidence of query strategies ask for annotations: campaigns, not trainings."""

from __future__ import annotations

from dataclasses import dataclass

BASELINES = ("random", "foreground-random")
"""Strategies that each other is compared with, in the same run."""
UNITS = ("slice", "volume")


@dataclass(frozen=True)
class CampaignPlan:
    """What a robot annotates, the same for all strategies.

    Attributes:
        units: What is annotated at a time: `volume` or `slice`.
        axis: Array axis that slices lie across.
        start: Units that are revealed at random before the first round.
        per_round: Units that a strategy asks for after each round but the last.
        rounds: Of training and scoring.
        models: Networks per training, as an ensemble.

    Raises:
        ValueError: If a number is not allowed.
    """

    units: str = "slice"
    axis: int = 0
    start: int = 10
    per_round: int = 10
    rounds: int = 5
    models: int = 1

    def __post_init__(self) -> None:
        for name, least in (("start", 1), ("per_round", 1), ("rounds", 2), ("models", 1)):
            if getattr(self, name) < least:
                raise ValueError(
                    f"campaign, {name}: got {getattr(self, name)}, allowed is {least} or more."
                )
        if self.axis not in (0, 1, 2):
            raise ValueError(f"campaign, axis: got {self.axis}, allowed are 0, 1 and 2.")

    @property
    def last(self) -> int:
        """Units that are revealed in the last round, if the strategy gives as many as it may."""
        return self.start + self.per_round * (self.rounds - 1)
