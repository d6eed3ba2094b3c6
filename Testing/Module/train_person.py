"""Someone who trains: presses the buttons of the train panel, and what stands in for processes."""

from __future__ import annotations

import itertools
import json
import os
from pathlib import Path

from ImperfectSegLib.Catalog import Catalog, CatalogEntry, toJson
from ImperfectSegLib.Processes import Processes
from ImperfectSegLogic.methods.settings import SettingField
from Testing.Module.conftest import MODULES

MODULE = MODULES / "ImperfectSegTrain" / "ImperfectSegTrain.py"
PATIENCE = 180.0  # seconds; a machine may be busy with other things
FIELDS = (
    SettingField("balance", str, "batch", "where labels are balanced", choices=("none", "batch")),
    SettingField("strength", float, 1.0, "how much", 0.0, 1.0),
    SettingField("rounds", int, 3, "how often", 1, 9),
    SettingField("scales", tuple, (0.5, 2.0), "smallest and largest", 0.1, 10.0),
    SettingField("hard", bool, False, "whether it is hard"),
    SettingField("word", str, "one", "any word"),
)
CATALOG = Catalog(
    methods=(
        CatalogEntry("first", "the first", (2, 3), True, FIELDS),
        CatalogEntry("second", "the second", (3,), True),
        CatalogEntry("third", "the third", (2, 3)),
    ),
    transforms=(CatalogEntry("noise", "adds noise", (2, 3), False, FIELDS[1:2]),),
)


class FakeProcesses(Processes):
    """Remembers what was started; nothing runs."""

    def __init__(self, catalog: Catalog = CATALOG) -> None:
        self.catalog = catalog
        self.started: list[list[str]] = []
        self.variables: list[dict[str, str]] = []
        self.alive: set[int] = set()
        self.ended: list[int] = []
        self.codes: dict[int, int] = {}
        self._pids = itertools.count(4_000_000)  # Larger than any real one.

    def start(self, arguments, log, module="ImperfectSegLogic.cli", variables=None):
        if module == "ImperfectSegLib.Catalog":
            Path(arguments[0]).write_text(json.dumps(toJson(self.catalog)), encoding="utf-8")
            return next(self._pids)
        pid = next(self._pids)
        self.started.append(list(arguments))
        self.variables.append(dict(variables or {}))
        self.alive.add(pid)
        self.log = log
        return pid

    def isAlive(self, pid):
        return pid in self.alive

    def exitCode(self, pid):
        return None if pid in self.alive else self.codes.get(pid, 0)

    def end(self, pid):
        if pid in self.alive:
            self.ended.append(pid)
            self.alive.discard(pid)

    @property
    def last(self) -> int:
        """The process that was started last."""
        return max(self.alive)


class FakeRun:
    """Writes what a run writes into its folder."""

    def __init__(self, folder: Path, pid: int = 0, of: int = 100) -> None:
        self.folder, self.pid, self.of = folder, pid, of
        folder.mkdir(parents=True, exist_ok=True)
        self._updates = itertools.count()

    def begins(self) -> FakeRun:
        (self.folder / "stop").unlink(missing_ok=True)
        (self.folder / "run.json").write_text("{}")
        self.says("running", 0)
        return self

    def says(self, state: str, step: int, left: float | None = None, message: str = "") -> None:
        updated = f"2026-01-01T00:00:{next(self._updates):02}"
        said = {"state": state, "pid": self.pid, "step": step, "of": self.of}
        said |= {"seconds_left": left, "message": message, "updated": updated}
        target = self.folder / "state.json"
        target.with_suffix(".new").write_text(json.dumps(said))
        os.replace(target.with_suffix(".new"), target)  # noqa: PTH105

    def tells(self, kind: str, step: int, **values: float) -> None:
        named = {name.replace("_of_", " "): value for name, value in values.items()}
        event = {"kind": kind, "time": 0.0, "step": step, "of": self.of, "values": named}
        with (self.folder / "events.jsonl").open("a") as file:
            file.write(json.dumps({**event, "text": ""}) + "\n")

    def has_a_model(self) -> FakeRun:
        (self.folder / "model.safetensors").write_bytes(b"weights")
        return self


class Trainer:
    """Someone at the screen."""

    def __init__(self, host, processes=None) -> None:
        self.host = host
        self.processes = processes or FakeProcesses()
        self.opens_the_panel()

    def opens_the_panel(self) -> None:
        self.panel = self.host.load_module(MODULE)
        for part in (self.training.session, self.training.lookUp, self.panel.predicting.session):
            part.processes = self.processes
        self.host.select_module("ImperfectSegTrain")
        self.waits(lambda: self.training._catalog is not None, PATIENCE)
        self.ui = self.panel.ui

    def closes_the_panel(self) -> None:
        self.host.unload_module("ImperfectSegTrain")

    @property
    def training(self):
        return self.panel.training

    @property
    def curves(self):
        return self.training.session.curves

    @property
    def status(self) -> str:
        return self.ui.statusLabel.text

    @property
    def told(self) -> str:
        return self.ui.runLabel.text

    def picks(self, folder) -> None:
        self.ui.dataSetPath.currentPath = str(folder)
        self.waits(lambda: "Looking" not in self.status)

    def presses(self, name: str) -> None:
        button = getattr(self.ui, name)
        assert button.enabled, f"{name} cannot be pressed"
        button.click()
        self.host.process_events()

    def looks(self) -> None:
        """Half a second later."""
        self.training.session.poll()
        self.host.process_events()

    def waits(self, condition, timeout: float = PATIENCE) -> None:
        self.host.wait_until(condition, timeout)

    def rows(self) -> list[tuple[str, str, str]]:
        table = self.ui.runsTable
        return [
            tuple(table.item(row, column).text() for column in range(3))
            for row in range(table.rowCount)
        ]

    def points(self, kind: str, name: str) -> list[float]:
        import slicer.util

        table = self.curves.table(kind)
        return [] if table is None else list(slicer.util.arrayFromTableColumn(table, name))
