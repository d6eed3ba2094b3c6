"""Pytest fixtures and hooks of the host.

For any conftest.py: ``from Testing.Host.fixtures import *``.

* ``mrml_scene``  an empty real scene, no windows
* ``slicer_app``  the running TestApplication, one per process
* ``scene``       an empty scene in ``slicer_app``; modules are unloaded and the scene closed after

A test that uses ``slicer_app`` fails when a slot, observer or thread raised, or when a dialog
opened that it did not expect (``with slicer_app.expecting_dialog("text"): ...``).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from . import environment

__all__ = [
    "mrml_scene",
    "pytest_pyfunc_call",
    "pytest_sessionfinish",
    "pytest_unconfigure",
    "scene",
    "slicer_app",
]

try:
    environment.require()
except environment.HostUnavailable as missing:
    pytest.exit(str(missing), returncode=pytest.ExitCode.USAGE_ERROR)

_session: list[pytest.Session] = []


@pytest.fixture
def mrml_scene() -> Iterator[Any]:
    """A real scene with nothing of the user's in it."""
    from . import mrml

    mrml.boot()
    yield mrml.clear_scene()
    mrml.clear_scene()


@pytest.fixture(scope="session")
def slicer_app() -> Iterator[Any]:
    """The Qt tier; start-up takes about two seconds, once."""
    from . import application

    app = application.start()
    yield app
    app.unload_all()
    app.app.remove_temporary_files()


@pytest.fixture
def scene(slicer_app: Any) -> Iterator[Any]:
    """An empty scene; afterwards all modules are unloaded and the scene is closed."""
    slicer_app.clear_scene()
    slicer_app.clear_records()
    yield slicer_app.app.mrmlScene()
    slicer_app.hold_gil = False
    slicer_app.unload_all()
    slicer_app.clear_scene()
    problem = _problem(slicer_app)
    slicer_app.clear_records()
    if problem:
        pytest.fail(f"while the scene and modules were closed: {problem}")


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Any:
    """Fail a test that passed but left an exception or an unexpected dialog behind."""
    result = yield
    app = pyfuncitem.funcargs.get("slicer_app")
    problem = _problem(app) if app is not None else ""
    if problem:
        app.clear_records()
        pytest.fail(problem)
    return result


def _problem(app: Any) -> str:
    if app.errors:
        first = app.errors[0]
        return f"{len(app.errors)} exception(s) in slots; first {type(first).__name__}: {first}"
    if app.records.unexpected_dialogs:
        return "unexpected dialogs: " + ", ".join(map(str, app.records.unexpected_dialogs))
    return ""


def pytest_sessionfinish(session: pytest.Session) -> None:
    _session[:] = [session]


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """End the process here: taking PySide6 and VTK down in Python's own order can crash."""
    if not _session or "PySide6" not in sys.modules or hasattr(config, "workerinput"):
        return
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(int(_session[0].exitstatus))
