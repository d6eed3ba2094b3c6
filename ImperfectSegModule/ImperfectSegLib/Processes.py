"""Work in processes of their own, which go on when 3D Slicer is closed."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import slicer.util

COMMAND_LINE = "ImperfectSegLogic.cli"
PROGRESS_FILE = "IMPERFECTSEG_PROGRESS"
"""Environment variable: where a command writes how far it is, as JSON."""
COMMAND_MARK = "$ "
"""How a line of a log begins that tells what was started."""
STILL_ACTIVE, QUERY_LIMITED_INFORMATION = 259, 0x1000

_children: dict[int, subprocess.Popen[bytes]] = {}
"""All that this Slicer started, also before the module was reloaded: a child that ended stays in
the system's list, as if alive, until its parent asks for it."""


class Processes:
    """Starts Python modules in processes of their own, and looks after them."""

    def start(
        self,
        arguments: Sequence[str],
        log: Path,
        module: str = COMMAND_LINE,
        variables: Mapping[str, str] | None = None,
    ) -> int:
        """Starts a Python module beside Slicer; it goes on when Slicer ends.

        Args:
            arguments: Of the module.
            log: Gets the arguments and all that it prints; what is in the file stays.
            module: What to run.
            variables: What to add to its environment.

        Returns:
            The number of the process.

        Raises:
            OSError: If it cannot be started or the log not be written.
        """
        environment = {**_environment(), **(variables or {})}
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            output.write(f"{COMMAND_MARK}{' '.join(arguments)}\n".encode())
            output.flush()
            child = subprocess.Popen(
                self.command(module, arguments),
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                **_apart(),
            )
        _children[child.pid] = child
        return child.pid

    def command(self, module: str, arguments: Sequence[str]) -> list[str]:
        """Gives the command that runs a module: in Slicer's Python, outside of Slicer in this."""
        return [shutil.which("PythonSlicer") or sys.executable, "-m", module, *arguments]

    def isAlive(self, pid: int) -> bool:
        """Tells whether a process is at work, also one that an earlier Slicer started."""
        if pid in _children:
            return _children[pid].poll() is None
        return pid > 0 and _exists(pid)

    def exitCode(self, pid: int) -> int | None:
        """Gives how a process that this Slicer started has ended; None if it has not."""
        return _children[pid].poll() if pid in _children else None

    def end(self, pid: int) -> None:
        """Ends a process that this Slicer started, and those that it started."""
        child = _children.get(pid)
        if child is None or child.poll() is not None:
            return
        if sys.platform == "win32":
            subprocess.run(["taskkill", "/T", "/F", "/PID", str(pid)], check=False)
        else:
            os.killpg(pid, signal.SIGTERM)


def _environment() -> dict[str, str]:
    """Gives the environment that Slicer was started in, and where our packages are.

    Slicer's own has its libraries' paths in it; PythonSlicer sets those that it needs by itself.
    """
    packages = []
    for name in ("ImperfectSegLogic", "ImperfectSegLib"):
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        packages.append(str(Path(spec.origin).resolve().parents[1]))
    return {
        **slicer.util.startupEnvironment(),
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(packages)),
        "PYTHONUNBUFFERED": "1",
        "PYTHONUTF8": "1",
        "COLUMNS": "500",  # Messages in the log are not broken into short lines.
    }


def _apart() -> dict[str, Any]:
    """Gives what keeps a process from ending with Slicer."""
    if sys.platform == "win32":
        # Not DETACHED_PROCESS: PythonSlicer starts python.exe, which would open a console window.
        return {"creationflags": subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def _exists(pid: int) -> bool:
    if sys.platform == "win32":  # os.kill would end it there.
        kernel = ctypes.windll.kernel32
        handle = kernel.OpenProcess(QUERY_LIMITED_INFORMATION, False, pid)
        code = ctypes.c_ulong()
        found = bool(handle) and bool(kernel.GetExitCodeProcess(handle, ctypes.byref(code)))
        kernel.CloseHandle(handle)
        return found and code.value == STILL_ACTIVE
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
