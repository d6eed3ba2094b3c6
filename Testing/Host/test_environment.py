"""What is said when the machine lacks something."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from Testing.Host import environment


def test_missing_libraries_are_named_with_the_command(monkeypatch):
    monkeypatch.setattr(environment, "_is_loadable", lambda name: name != "libEGL.so.1")
    with pytest.raises(environment.HostUnavailable) as caught:
        environment.require()
    assert "libEGL.so.1" in str(caught.value)
    assert "apt-get install -y --no-install-recommends libegl1" in str(caught.value)


def test_missing_packages_are_named_with_the_command(monkeypatch):
    monkeypatch.setattr(environment, "_is_installed", lambda name: False)
    with pytest.raises(environment.HostUnavailable, match=r"slicer-core, PySide6.*pip install"):
        environment.require()


def test_the_unrelated_slicer_package_is_refused(monkeypatch):
    monkeypatch.setattr(environment, "_is_installed", lambda name: True)
    with pytest.raises(environment.HostUnavailable, match="uninstall -y slicer"):
        environment.require()


FAILING = """
def test_good(slicer_app, scene):
    pass

def test_slot(slicer_app, scene):
    import qt
    button = qt.QPushButton()
    button.connect("clicked()", lambda: 1 / 0)
    button.click()

def test_dialog(slicer_app, scene):
    import slicer
    slicer.util.errorDisplay("surprise")
"""


def test_a_hidden_failure_fails_the_test_and_the_process(tmp_path):
    """Also: the summary line and the exit status survive the host's way of ending the process."""
    (tmp_path / "conftest.py").write_text("from Testing.Host.fixtures import *")
    (tmp_path / "test_faults.py").write_text(FAILING)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "PYTHONPATH": "."},
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "2 failed, 1 passed" in done.stdout.splitlines()[-1]
    assert "ZeroDivisionError" in done.stdout
    assert "surprise" in done.stdout
