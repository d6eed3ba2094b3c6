"""A MONAI bundle as an interactive engine: what its network says, corrected by prompts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar

from ImperfectSegLogic.methods.card import MethodCard, Requires
from ImperfectSegLogic.methods.packages import packages_missing
from ImperfectSegLogic.methods.scarce.interactive.prior_engine import PriorEngine


class MonaiBundleEngine(PriorEngine):
    """What the network of a MONAI bundle says, corrected by prompts (see `PriorEngine`).

    Nothing that stands in the bundle is run: the network is one of MONAI's own, made of the plain
    values in `network_def`, or TorchScript; of the preprocessing, the common steps are understood.
    """

    card = MethodCard(
        name="monai-bundle",
        paper=("cardoso2022monai", "bai2007geodesic", "grady2005random"),
        table_row="Interactive segmentation",
        accepts=("Click", "Scribble", "Box", "Lasso"),
        requires=Requires.NOTHING,
        dims=(2, 3),
        claims="Starts from what the network of a MONAI bundle says by itself, and corrects it"
        " where prompts contradict it.",
    )
    needs_model: ClassVar[str] = "the folder of a MONAI bundle (with configs and models in it)"

    def __init__(self, model: str | os.PathLike[str], device: str = "auto") -> None:
        """Reads a bundle.

        Raises:
            FileNotFoundError: If there is no such folder, or something is not in it.
            ValueError: If it is no bundle, damaged, or needs what would have to be run.
        """
        from ImperfectSegLogic.methods.scarce.interactive.bundle_reading import read_bundle

        super().__init__(read_bundle(Path(model)), device)

    @classmethod
    def missing(cls) -> str:
        """See `InteractiveSegmenter.missing`."""
        return packages_missing()
