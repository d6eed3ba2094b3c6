"""Where to compute, and what an error of the device means."""

from __future__ import annotations

import torch

WAYS = ("auto", "cpu", "cuda", "mps")


def choose_device(wanted: str = "auto") -> torch.device:
    """Gives the device to compute on.

    Args:
        wanted: `auto` takes a GPU if there is one, else the CPU; `cpu`; `cuda` or `cuda:1`; `mps`.

    Raises:
        ValueError: If it is not there.
    """
    there = {"cpu": True, "cuda": torch.cuda.is_available()}
    there["mps"] = torch.backends.mps.is_available()
    if wanted == "auto":
        return torch.device("cuda" if there["cuda"] else "mps" if there["mps"] else "cpu")
    kind, _, number = wanted.partition(":")
    count = torch.cuda.device_count() if kind == "cuda" else 1
    if not there.get(kind) or (number and not (number.isdigit() and int(number) < count)):
        allowed = ", ".join(name for name, is_there in there.items() if is_there)
        raise ValueError(
            f"device: got {wanted!r}, this computer has {allowed}. Choose one of them, or auto."
        )
    return torch.device(wanted)


def memory_of(device: torch.device) -> int | None:
    """Gives the free memory of a GPU in bytes; None for a CPU."""
    return int(torch.cuda.mem_get_info(device)[0]) if device.type == "cuda" else None


def is_out_of_memory(error: BaseException) -> bool:
    """Tells whether an error means that memory ran out, on a GPU or a CPU."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and (
        "out of memory" in text or "can't allocate memory" in text or "not enough memory" in text
    )


def is_lost_device(error: BaseException) -> bool:
    """Tells whether an error means that a GPU is gone or no longer answers."""
    text = str(error).lower()
    words = (
        "cuda error",
        "cudnn error",
        "cublas error",
        "nvml",
        "device-side assert",
        "mps backend",
    )
    return isinstance(error, RuntimeError) and any(word in text for word in words)
