"""Reads TorchScript files without running anything that somebody may have hidden in them."""

from __future__ import annotations

import hashlib
import re
import warnings
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import nn

EXTRA = "imperfectseg.json"
HARMFUL = re.compile(
    r"\btorch\.(save|load|from_file|_?pickle\w*|jit)\b|\bops\.(?!prim\.|aten\.)\w+"
)
"""What a network has no need of: files, and operators of other libraries."""


def read_torchscript(path: Path) -> tuple[nn.Module, str, str]:
    """Reads a network onto the CPU.

    Args:
        path: The file.

    Returns:
        The network, ready to predict; the text of its extra file; the SHA-256 of the file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no TorchScript, cut short, or does more than a network has to.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such model. Check the path.")
    _check(path)
    extra: dict[str, Any] = {EXTRA: ""}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Of torch.jit as a whole.
            network = torch.jit.load(  # type: ignore[no-untyped-call]
                str(path), map_location="cpu", _extra_files=extra
            )
    except (RuntimeError, ValueError) as error:
        told = str(error).strip().splitlines()[0][:200]
        raise ValueError(
            f"{path}: got a TorchScript file that cannot be read ({told}). Copy it again, or save"
            " it again with torch.jit.save."
        ) from error
    text = extra[EXTRA]
    text = text.decode("utf-8") if isinstance(text, bytes) else text
    return network.eval(), text, hashlib.sha256(path.read_bytes()).hexdigest()


def _check(path: Path) -> None:
    """Looks into the archive before anything of it is run."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            code = [n for n in names if "/code/" in n and n.endswith(".py")]
            sources = {n: archive.read(n).decode("utf-8", "replace") for n in code}
    except (zipfile.BadZipFile, OSError) as error:
        raise ValueError(
            f"{path}: got {_kind_of(path)}, allowed is what torch.jit.save writes. Copy it again,"
            " or save the network again with torch.jit.script and torch.jit.save."
        ) from error
    if not sources or not any(n.endswith("/constants.pkl") for n in names):
        raise ValueError(
            f"{path}: got a file of torch.save, which can run any program when it is opened;"
            " allowed is what torch.jit.save writes. Ask for the network as TorchScript."
        )
    for name, source in sources.items():
        found = HARMFUL.search(source)
        if found:
            raise ValueError(
                f"{path}: got a program that uses {found.group()} ({name}), which a network has no"
                " need of; it may harm. It was not opened."
            )


def _kind_of(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(4)
    if start.startswith(b"\x80") or start.startswith(b"\x1f\x8b"):
        return "a pickle, which can run any program when it is opened"
    if start.startswith(b"PK"):
        return "a file that is cut short"
    return "a file of another kind"
