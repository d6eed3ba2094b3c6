"""Where and with what something was measured."""

from __future__ import annotations

import functools
import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

from ImperfectSegLogic.evidence.code_hash import PACKAGE, ROOT, code_hash

TRAINING = f"{PACKAGE}.evidence.training_process"
PACKAGES = ("torch", "monai", "numpy", "scipy")


@functools.cache  # What a process has loaded does not change when files do.
def circumstances(device: str = "auto", process: str = TRAINING) -> dict[str, Any]:
    """Gives commit, hash of the training code, hardware and versions, as far as they are known.

    Args:
        device: As trainings are told.
        process: The module whose code, with all that it imports, trains.
    """
    return {
        "commit": commit(),
        "training_code": code_hash((process,), followed=(f"{PACKAGE}.",)),
        "processor": processor(),
        "cores": os.cpu_count(),
        "gpu": gpu(device),
        "python": platform.python_version(),
        **{name: _version(name) for name in PACKAGES},
    }


def commit(root: Path = ROOT) -> str:
    """Gives the commit of a checkout, with `+` if files that belong to it were changed since."""
    found = _git(root, "rev-parse", "--short=10", "HEAD")
    changed = _git(root, "status", "--porcelain", "--", "ImperfectSegLogic")
    return found + "+" if found and changed else found


def processor() -> str:
    """Gives the processor's name."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass  # Only Linux has it.
    return platform.processor() or platform.machine()


def gpu(device: str) -> str:
    """Gives the name of the GPU that a device stands for; empty for a CPU."""
    if device == "cpu":
        return ""
    import torch

    from ImperfectSegLogic.training.devices import choose_device

    chosen = choose_device(device)
    return torch.cuda.get_device_name(chosen) if chosen.type == "cuda" else ""


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _git(root: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=root, capture_output=True, text=True, check=False, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
