"""Keeps an eye on all runs of a data set, whoever started them."""

from __future__ import annotations

import contextlib

from ImperfectSegLib.Processes import Processes
from ImperfectSegLib.RunFolders import RunStatus, askToStop, runsOf, statusOf
from ImperfectSegLogic.data import Dataset

LOOKS_PER_SEARCH = 10
"""How often it is looked for runs that somebody else started."""


class RunWatch:
    """Knows where the runs of a data set stand.

    Attributes:
        dataset: The data set.
        runs: Where each run stands, by name.
    """

    def __init__(self, dataset: Dataset, processes: Processes) -> None:
        """Takes the data set, and who knows which processes are alive."""
        self.dataset, self._processes = dataset, processes
        self.runs: dict[str, RunStatus] = {}
        self._stopping: set[str] = set()
        self._looks = 0
        self.search()

    @property
    def active(self) -> list[str]:
        """The names of runs that a process works on."""
        return [name for name, run in self.runs.items() if run.isActive]

    @property
    def taken(self) -> list[str]:
        """The names that a new model cannot have."""
        begun = [n for n, run in self.runs.items() if (run.folder / "run.json").exists()]
        return [*begun, *self.active]

    def isStopping(self, name: str) -> bool:
        """Tells whether a run was asked to stop and has not done so yet."""
        return name in self._stopping

    def stop(self, name: str) -> None:
        """Asks a run to stop after the step at hand.

        Raises:
            OSError: If its folder cannot be written.
        """
        askToStop(self.runs[name].folder)
        self._stopping.add(name)

    def look(self, selected: str) -> bool:
        """Looks at runs that are at work and at the selected one; now and then for new ones.

        Returns:
            Whether something has changed.
        """
        self._looks += 1
        changed = self._looks % LOOKS_PER_SEARCH == 0 and self.search()
        for name in {*self.active, selected} & set(self.runs):
            changed = self.refresh(name) or changed
        return changed

    def search(self) -> bool:
        """Looks for all runs; gives whether something has changed."""
        before = self.runs
        found = runsOf(self.dataset, self._processes)
        self.runs = {run.name: run for run in sorted(found, key=lambda run: run.name)}
        return self.runs != before

    def refresh(self, name: str) -> bool:
        """Looks at one run; gives whether something has changed."""
        status = statusOf(self.dataset.folder / "models" / name, self._processes)
        if status is None:
            return self.search()
        if name in self._stopping:
            self._insistOnStop(status)
        before = self.runs.get(name)
        self.runs[name] = status
        return status != before

    def _insistOnStop(self, status: RunStatus) -> None:
        """Asks again: a run that was just starting takes an old `stop` away before it begins."""
        if not status.isActive:
            self._stopping.discard(status.name)
        elif not (status.folder / "stop").exists():
            with contextlib.suppress(OSError):
                askToStop(status.folder)
