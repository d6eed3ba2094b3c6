"""The panels under test run in the project's Qt host."""

from __future__ import annotations

from pathlib import Path

from Testing.Host.fixtures import *  # noqa: F403

MODULES = Path(__file__).resolve().parents[2] / "ImperfectSegModule"
MODULE = MODULES / "ImperfectSegInteractive" / "ImperfectSegInteractive.py"
