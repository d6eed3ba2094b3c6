"""Installs what training needs and 3D Slicer does not bring, when the user asks for it."""

from __future__ import annotations

import importlib
import subprocess
from pathlib import Path
from typing import Any

import slicer.util

REQUESTER = "ImperfectSeg"
TORCH = "torch"


class PackageInstaller:
    """Installs PyTorch through Slicer's PyTorch extension, the rest with Slicer's own installer.

    Whether it worked is for whoever asks to find out by importing.
    """

    def __init__(self, requirements: Path) -> None:
        """Takes the file that lists the packages, in pip's format."""
        self._requirements = requirements

    def install(self, missing: tuple[str, ...]) -> None:
        """Installs what is missing; asks before each download. Belongs in the GUI thread.

        Args:
            missing: Packages that cannot be imported.

        Raises:
            ValueError: If the PyTorch extension is not there, or the user or the network said no.
        """
        if TORCH in missing:
            self._installTorch()
        try:
            self._installOthers()
        except (RuntimeError, subprocess.CalledProcessError) as error:
            raise ValueError(
                f"packages: not installed ({error}). Try again; what is installed already stays."
            ) from error

    def _installTorch(self) -> None:
        try:
            extension: Any = importlib.import_module("PyTorchUtils")
        except ImportError:
            raise ValueError(
                "PyTorch: the extension that installs it is missing. Install the extension PyTorch"
                " with the Extensions Manager, restart 3D Slicer, then try again."
            ) from None
        try:
            torch = extension.PyTorchUtilsLogic().installTorch(askConfirmation=True)
        except (RuntimeError, ImportError, subprocess.CalledProcessError) as error:
            raise ValueError(
                f"PyTorch: not installed ({error}). Open the module PyTorch Utils to see why."
            ) from error
        if torch is None:
            raise ValueError("PyTorch: not installed, because it was declined. Try again.")

    def _installOthers(self) -> None:
        try:
            packaging: Any = importlib.import_module("slicer.packaging")
        except ImportError:  # 3D Slicer 5.10
            slicer.util.pip_install(["-r", str(self._requirements)])
            return
        wanted = packaging.load_requirements(self._requirements)
        packaging.pip_ensure(wanted, requester=REQUESTER)
