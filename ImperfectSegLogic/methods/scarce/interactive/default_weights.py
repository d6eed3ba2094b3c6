"""The weights of the default engine: where they are, how they are written and read."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

FORMAT = "imperfectseg prompted-unet"
VERSION = 1
KEY = "imperfectseg"
PLACES = (
    Path(__file__).resolve().parents[4] / "Resources" / "Models",
    Path(sys.prefix) / "share" / "imperfectseg" / "Models",
)
"""Where the project's own weights are: in a checkout and in 3D Slicer, and after `pip install`."""


def weights_path(dims: int, folder: Path | None = None) -> Path:
    """Gives the path of the weights for 2-D or 3-D, whether they are there or not."""
    name = f"prompted-unet-{dims}d.safetensors"
    places = [folder] if folder is not None else PLACES
    return next((p / name for p in places if (p / name).is_file()), places[0] / name)


def write_weights(network: nn.Module, path: Path, dims: int, card: Mapping[str, Any]) -> None:
    """Writes weights with a card of how they came about; an earlier file is replaced whole.

    Raises:
        OSError: If it cannot be written; an earlier file stays as it was.
    """
    from safetensors.torch import save

    from ImperfectSegLogic.data.safe_writing import replacing
    from ImperfectSegLogic.training.weight_files import hash_of, tensors_of

    tensors = tensors_of(network)
    said = {"format": FORMAT, "version": VERSION, "dims": dims, "weights_hash": hash_of(tensors)}
    content = save(tensors, {KEY: json.dumps({**said, "card": dict(card)})})
    with replacing(path, (".safetensors",), True) as temporary:
        temporary.write_bytes(content)


def read_weights(path: Path, dims: int) -> tuple[nn.Module, str]:
    """Reads weights; gives the network, ready to predict, and the hash of its weights.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged, no such file, or of another network.
    """
    from ImperfectSegLogic.methods.scarce.interactive.prompt_channels import ANSWER, CHANNELS
    from ImperfectSegLogic.networks.prompted import PromptedNetwork
    from ImperfectSegLogic.training.weight_files import hash_of, put_tensors, read_tensors

    if not path.is_file():
        raise FileNotFoundError(f"{path}: is not there. Install ImperfectSeg again.")
    said, tensors = read_tensors(path, KEY)
    got = (said.get("format"), said.get("version"), said.get("dims"))
    if got != (FORMAT, VERSION, dims):
        raise ValueError(f"{path}: got {got}, allowed is {(FORMAT, VERSION, dims)}.")
    if hash_of(tensors) != said.get("weights_hash"):
        raise ValueError(f"{path}: got weights that are not those that were saved. Copy it again.")
    network = PromptedNetwork(dims, len(CHANNELS), ANSWER)
    try:
        put_tensors(tensors, network, f"prompted U-Net in {dims}-D")
    except ValueError as error:
        raise ValueError(f"{path}: {error}. Install ImperfectSeg again.") from error
    return network.eval(), str(said["weights_hash"])
