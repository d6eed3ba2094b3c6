"""Weights in safetensors files: nothing in such a file is ever run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

PICKLES = (b"PK", b"\x80", b"\x1f\x8b")
"""How files of `torch.save`, pickle and their compressed kin begin."""


def tensors_of(network: nn.Module) -> dict[str, Tensor]:
    """Gives all weights of a network by name, on the CPU; each once, under its first name.

    MONAI's DynUNet has its layers under two names each.
    """
    named = {**dict(network.named_parameters()), **dict(network.named_buffers())}
    return {name: one.detach().cpu().contiguous() for name, one in named.items()}


def hash_of(tensors: Mapping[str, Tensor]) -> str:
    """Gives the SHA-256 of tensors with their names, kinds and shapes."""
    whole = hashlib.sha256()
    for name in sorted(tensors):
        one = tensors[name]
        whole.update(f"{name} {one.dtype} {tuple(one.shape)}\n".encode())
        whole.update(one.reshape(-1).view(torch.uint8).numpy().tobytes())
    return whole.hexdigest()


def read_tensors(path: Path, key: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Reads a safetensors file.

    Args:
        path: The file.
        key: Under which name JSON stands in its metadata.

    Returns:
        What the JSON says, `{}` if there is none, and the tensors by name.

    Raises:
        ValueError: If it is no such file, or damaged; nothing in it is run.
    """
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            said = json.loads((file.metadata() or {}).get(key, "{}"))
            return dict(said), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, ValueError, TypeError) as error:
        with path.open("rb") as file:
            start = file.read(2)
        if start.startswith(PICKLES):
            raise ValueError(
                f"{path}: got a file of torch.save or pickle, which can run any program when it is"
                " opened; allowed is what `imperfectseg train` writes as model.safetensors."
            ) from error
        raise ValueError(
            f"{path}: got a file that is no safetensors file or is cut short ({error}). Copy it"
            " again, or train anew."
        ) from error


def put_tensors(tensors: Mapping[str, Tensor], network: nn.Module, told: str) -> None:
    """Puts weights into a network.

    Args:
        tensors: All of its weights by name.
        network: Takes them.
        told: What the network is, for messages.

    Raises:
        ValueError: If they are of another network.
    """
    there = {**dict(network.named_parameters()), **dict(network.named_buffers())}
    fits = set(there) == set(tensors) and all(
        one.shape == tensors[name].shape and one.dtype == tensors[name].dtype
        for name, one in there.items()
    )
    if not fits:
        raise ValueError(f"its weights are of another network than {told}")
    with torch.no_grad():
        for name, one in there.items():
            one.copy_(tensors[name])
