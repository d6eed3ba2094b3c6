"""Looks into a file of `torch.save` for anything but weights and plain values; runs nothing."""

from __future__ import annotations

import pickletools
import zipfile
from pathlib import Path

HARMLESS = {
    *(f"torch.{n}" for n in ("device", "Size", "dtype")),
    *(f"torch.{n}Storage" for n in ("Float", "Half", "BFloat16", "Double", "Long", "Int", "Bool")),
    *(f"torch.{n}Storage" for n in ("Byte", "Char", "Short")),
    *(f"torch._utils.{n}" for n in ("_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_parameter")),
    *(f"{n}.core.multiarray.{m}" for n in ("numpy",) for m in ("scalar", "_reconstruct")),
    *(f"numpy._core.multiarray.{m}" for m in ("scalar", "_reconstruct")),
    *(f"numpy.{n}" for n in ("dtype", "ndarray", "float64", "float32", "int64", "bool_")),
    *(f"numpy.dtypes.{n}DType" for n in ("Float64", "Float32", "Int64", "Bool")),
    *(f"{m}.{n}" for m in ("builtins", "__builtin__") for n in ("set", "frozenset", "bytearray")),
    *(f"{m}.{n}" for m in ("builtins", "__builtin__") for n in ("slice", "complex", "range")),
    "collections.OrderedDict",
    "_codecs.encode",
}
"""What can be named in a file that holds weights and plain values only."""


def check_holds_weights_only(path: Path) -> None:
    """Checks a file before somebody opens it with pickle.

    Raises:
        ValueError: If it is cut short, or names anything that could run a program.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = [n for n in archive.namelist() if n.endswith(".pkl")]
            contents = [archive.read(name) for name in names]
    except (zipfile.BadZipFile, OSError, EOFError) as error:
        with path.open("rb") as file:
            is_pickle = file.read(1) == b"\x80"
        told = "a bare pickle, which can run any program" if is_pickle else "a file cut short"
        raise ValueError(
            f"{path}: got {told}; allowed is what torch.save writes. Copy it again."
        ) from error
    if not contents:
        raise ValueError(f"{path}: got a file without weights. Copy it again.")
    for content in contents:
        found = _named(content, path) - HARMLESS
        if found:
            raise ValueError(
                f"{path}: got a file that names {', '.join(sorted(found))}, which could run any"
                " program when it is opened; allowed are weights and plain values. It was not"
                " opened. Ask where it comes from."
            )


def _named(content: bytes, path: Path) -> set[str]:
    """Gives all that a pickle would import, as `module.name`."""
    found = set()
    try:
        for opcode, argument, _ in pickletools.genops(content):
            if opcode.name == "GLOBAL":
                found.add(str(argument).replace(" ", "."))
            elif opcode.name in ("STACK_GLOBAL", "INST", "EXT1", "EXT2", "EXT4"):
                found.add("something that is put together while it is opened")
    except (ValueError, IndexError) as error:
        raise ValueError(f"{path}: got a damaged file ({error}). Copy it again.") from error
    return found
