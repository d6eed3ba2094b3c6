"""A network that was trained by `imperfectseg train` as an interactive engine."""

from __future__ import annotations

import os
from typing import ClassVar

from ImperfectSegLogic.methods.card import MethodCard, Requires
from ImperfectSegLogic.methods.scarce.interactive.brought_network import BroughtNetwork
from ImperfectSegLogic.methods.scarce.interactive.prior_engine import PriorEngine


class TrainedModelEngine(PriorEngine):
    """What the user's own network says, corrected by prompts (see `PriorEngine`)."""

    card = MethodCard(
        name="trained-model",
        paper=("bai2007geodesic", "grady2005random"),
        table_row="Interactive segmentation",
        accepts=("Click", "Scribble", "Box", "Lasso"),
        requires=Requires.NOTHING,
        dims=(2, 3),
        claims="Starts from what a network trained on the user's own data says by itself, and"
        " corrects it where prompts contradict it.",
    )
    needs_model: ClassVar[str] = "a model.safetensors of `imperfectseg train`"

    def __init__(self, model: str | os.PathLike[str], device: str = "auto") -> None:
        """Reads a model.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it is no such model, cut short, or of a network that needs prompts.
        """
        from ImperfectSegLogic.networks.build import divisor
        from ImperfectSegLogic.training.model_file import load_model

        read = load_model(model)
        if read.engine:
            raise ValueError(
                f"{model}: got a network that answers prompts, of {read.engine}; allowed are"
                f" networks that segment by themselves. Use the engine {read.engine} for it."
            )
        super().__init__(
            BroughtNetwork(
                read.network,
                str(read.card.get("name") or os.fspath(model)),
                read.preprocessing,
                read.patch,
                read.labels,
                divisor(read.network_name, read.preprocessing.dims, read.network_settings),
                read.weights_hash,
            ),
            device,
        )
