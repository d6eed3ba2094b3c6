"""Checkpoints: all that a run needs to go on as if it had never been interrupted."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch

from ImperfectSegLogic.data.safe_writing import replacing

ENDING = (".pt",)


def save_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Writes a checkpoint; the earlier one stays until the new one is whole.

    Raises:
        OSError: If it cannot be written, as on a full disk.
    """
    with replacing(path, ENDING, overwrite=True) as temporary:
        try:
            torch.save(content, temporary)
        except RuntimeError as error:
            # torch's zip writer hides the system's error: write something to get it.
            with temporary.open("ab") as file:
                file.write(bytes(1 << 20))
            raise OSError(f"{path}: could not be written ({error}).") from error


def load_checkpoint(path: Path, identity: str) -> dict[str, Any]:
    """Reads a checkpoint; only tensors and plain values, no code.

    Args:
        path: The file.
        identity: Of the run that it must belong to.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it is damaged, or of another run.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path}: there is no checkpoint to resume. Start the run anew.")
    with path.open("rb"):  # What cannot be opened is another error than what is damaged.
        pass
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        found = content["identity"]
    except (RuntimeError, OSError, EOFError, KeyError, TypeError, pickle.UnpicklingError) as error:
        raise ValueError(
            f"{path}: got a damaged checkpoint ({type(error).__name__}). Delete it, and start the"
            " run anew."
        ) from error
    if found != identity:
        raise ValueError(
            f"{path}: got a checkpoint of another run (another network, data or settings). Resume"
            " with the settings of run.json, or choose another name."
        )
    return dict(content)
