"""Model files of networks that a training method made for prompts: reading the right one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ImperfectSegLogic.data import Provenance

if TYPE_CHECKING:  # 3D Slicer has no torch of its own.
    from ImperfectSegLogic.methods.base import TrainingMethod
    from ImperfectSegLogic.training.model_file import TrainedModel


def read_prompted_model(
    path: Path, engine: str, needed: str
) -> tuple[TrainedModel, TrainingMethod, Provenance]:
    """Reads a model for an engine; gives the method that trained it, and what predictions say.

    Args:
        path: A `model.safetensors`.
        engine: Name of the engine, which is that of its training method too.
        needed: What the engine needs, for people.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no model, damaged, or not trained for this engine.
    """
    from ImperfectSegLogic.methods.catalog import training_method
    from ImperfectSegLogic.training.model_file import load_model

    model = load_model(path)
    if model.made_by is None or model.engine != engine:
        trained = f"for {model.engine}" if model.engine else "without prompts"
        raise ValueError(
            f"{path}: got a model that was trained {trained}, allowed is {needed}. Train one with"
            f" `imperfectseg train --method {engine}`, or choose another engine."
        )
    said = {"model": str(model.card.get("name", ""))}
    return model, training_method(*model.made_by), Provenance(engine, said, model.weights_hash)
