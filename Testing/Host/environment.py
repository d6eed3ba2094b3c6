"""What the host needs from the machine, asked for before vtk or Qt are imported."""

from __future__ import annotations

import ctypes
import importlib.metadata
import os

SYSTEM_LIBRARIES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libfontconfig.so.1": "libfontconfig1",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libdbus-1.so.3": "libdbus-1-3",
}
PYTHON_PACKAGES = ("slicer-core", "PySide6_Essentials")
PIP_COMMAND = "python -m pip install -e '.[host]'"
APT_COMMAND = (
    "apt-get update && apt-get install -y --no-install-recommends "
    + " ".join(SYSTEM_LIBRARIES.values())
    + " fonts-dejavu-core"
)


class HostUnavailable(RuntimeError):
    """This machine lacks something that the test host needs; the text says how to get it."""


def prepare() -> None:
    """Choose offscreen rendering; must run before vtk or Qt are imported."""
    os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


def require() -> None:
    """Prepare the environment, or raise HostUnavailable with the exact commands to run."""
    prepare()
    packages = [name for name in PYTHON_PACKAGES if not _is_installed(name)]
    libraries = [name for name in SYSTEM_LIBRARIES if not _is_loadable(name)]
    impostor = _is_installed("slicer")
    if not (packages or libraries or impostor):
        return
    lines = ["The test host (real Slicer MRML, views and Qt) cannot start."]
    if impostor:
        lines.append(
            "PyPI's `slicer` is an unrelated package that hides slicer-core: "
            "python -m pip uninstall -y slicer"
        )
    if packages:
        lines.append(f"Missing Python packages: {', '.join(packages)}. Run:  {PIP_COMMAND}")
    if libraries:
        lines.append(f"Missing system libraries: {', '.join(libraries)}. As root:  {APT_COMMAND}")
    raise HostUnavailable("\n".join(lines))


def _is_installed(distribution: str) -> bool:
    try:
        importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _is_loadable(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
