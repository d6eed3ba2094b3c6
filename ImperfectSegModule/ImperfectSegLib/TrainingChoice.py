"""What the user wants to train, and how the command line is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ImperfectSegLogic.methods.scarce.traditional_augmentation.groups import GROUPS

DIMS: Mapping[str, int | None] = {"auto": None, "2-D": 2, "3-D": 3}
"""What the panel offers; None leaves it to the data."""
AUGMENTATIONS: Mapping[str, str] = {"none": "", **{name: name for name in GROUPS}}
"""What the panel offers, and the group of transforms that it stands for."""


@dataclass(frozen=True)
class TrainingChoice:
    """What the user wants to train.

    Attributes:
        name: The new model's name.
        network: Name of the network.
        steps: How many.
        dims: 2 or 3; None leaves it to the data.
        augment: Group of transforms; empty for none.
        methods: Training methods with their settings, as the command line takes them.
        transforms: Sample transforms, likewise.
    """

    name: str
    network: str
    steps: int
    dims: int | None = None
    augment: str = ""
    methods: tuple[str, ...] = ()
    transforms: tuple[str, ...] = ()

    def options(self) -> tuple[str, ...]:
        """Gives all but the name as options of `imperfectseg train`."""
        said = ["--network", self.network, "--steps", str(self.steps)]
        said += ["--dims", str(self.dims)] if self.dims else []
        said += ["--augment", self.augment] if self.augment else []
        for option, texts in (("--method", self.methods), ("--transform", self.transforms)):
            for text in texts:
                said += [option, text]
        return tuple(said)
