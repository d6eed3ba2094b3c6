"""Training from the panel: a data set, its runs, and what the user does with them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import qt

from ImperfectSegLib.DatasetSummary import DatasetSummary, checkName, summarize
from ImperfectSegLib.JobRunner import JobRunner
from ImperfectSegLib.Processes import Processes
from ImperfectSegLib.RunFolders import EventReader, RunStatus, noteLaunch, stateOf
from ImperfectSegLib.RunWatch import RunWatch
from ImperfectSegLib.TrainingChoice import TrainingChoice
from ImperfectSegLib.TrainingCurves import TrainingCurves

POLL_MS = 500


class TrainingView(Protocol):
    """What a session shows."""

    def say(self, text: str, isError: bool = False) -> None:
        """Shows a message."""

    def showDataset(self, summary: DatasetSummary | None) -> None:
        """Shows what is in the data set."""

    def showRuns(self, runs: Sequence[RunStatus]) -> None:
        """Shows where all runs stand."""


class TrainingSession:
    """Starts, stops, resumes and watches runs, which live in processes of their own.

    Attributes:
        processes: Starts processes.
        curves: Shows the selected run.
    """

    def __init__(
        self, view: TrainingView, processes: Processes | None = None, jobs: JobRunner | None = None
    ) -> None:
        """Takes who shows it, who starts processes, and who looks at the data set."""
        self._view, self._jobs = view, jobs or JobRunner()
        self.processes, self.curves = processes or Processes(), TrainingCurves()
        self._timer = qt.QTimer()
        self._timer.setInterval(POLL_MS)
        self._timer.connect("timeout()", self.poll)
        self._folder: Path | None = None
        self._summary: DatasetSummary | None = None
        self._watch: RunWatch | None = None
        self._selected = ""
        self._reader: EventReader | None = None

    # What the user works on -------------------------------------------------------------------

    @property
    def summary(self) -> DatasetSummary | None:
        """What is in the data set; None if none was chosen or it is still looked at."""
        return self._summary

    @property
    def selected(self) -> RunStatus | None:
        """The selected run."""
        return self._watch.runs.get(self._selected) if self._watch else None

    @property
    def isStopping(self) -> bool:
        """Whether the selected run was asked to stop and has not done so yet."""
        return self._watch is not None and self._watch.isStopping(self._selected)

    def choose(self, folder: str) -> None:
        """Turns to another data set; runs of the one before go on."""
        self.close()
        self._folder = Path(folder).absolute() if folder else None
        self._summary, self._watch = None, None
        self.select("")
        self._view.showDataset(None)
        self._view.showRuns([])
        self._view.say("Looking at the data set..." if folder else "")
        self.lookAgain()

    def lookAgain(self) -> None:
        """Looks what is in the data set now, beside the window."""
        folder = self._folder
        if folder is not None:
            self._jobs.start(
                lambda progress: summarize(folder, progress),
                self._onSummary,
                self._onError,
                lambda fraction, text: None,
            )

    def select(self, name: str) -> None:
        """Shows the curves of a run."""
        if name == self._selected:
            return
        self._selected, self._reader = name, None
        self.curves.begin(name, self._summary.dataset.labels if self._summary else {})
        if self.selected is not None:
            self._reader = EventReader(self.selected.folder)
            self.curves.add(self._reader.read())

    def showAgain(self) -> None:
        """Makes the selected run's curves again, after a scene was closed."""
        name, self._selected = self._selected, ""
        self.select(name)

    def close(self) -> None:
        """Stops watching; runs go on."""
        self._timer.stop()
        self._jobs.cancel()

    # What the user does -----------------------------------------------------------------------

    def start(self, choice: TrainingChoice) -> None:
        """Starts a new run.

        Raises:
            ValueError: If there is no data set, nothing to learn from, or the name is not allowed.
            OSError: If the run's folder cannot be written, or no process be started.
        """
        if self._summary is None or self._watch is None:
            raise ValueError("no data set: choose a folder with one first.")
        if self._summary.problem:
            raise ValueError(self._summary.problem)
        checkName(self._summary.dataset, choice.name, self._watch.taken)
        self._launch(choice.name, choice.options())

    def resume(self) -> None:
        """Goes on with the selected run.

        Raises:
            OSError: If its folder cannot be written, or no process be started.
        """
        if self.selected is not None and self.selected.canResume:
            self._launch(self.selected.name, ("--resume",))

    def stop(self) -> None:
        """Asks the selected run to stop after the step at hand.

        Raises:
            OSError: If its folder cannot be written.
        """
        if self._watch is not None and self.selected is not None and self.selected.isActive:
            self._watch.stop(self._selected)
            self._show()

    def poll(self) -> None:
        """Looks at what is new; cheap enough to be called twice a second."""
        if self._watch is not None and self._watch.look(self._selected):
            self._show()
        if self._reader is not None:
            self.curves.add(self._reader.read())

    # How it goes on ---------------------------------------------------------------------------

    def _onSummary(self, summary: DatasetSummary) -> None:
        isNew, before = self._watch is None, self._summary
        self._summary = summary
        self._watch = self._watch or RunWatch(summary.dataset, self.processes)
        self._view.showDataset(summary)
        if before is None or before.problem != summary.problem:
            self._view.say(summary.problem, isError=bool(summary.problem))
        if isNew:
            self.select(next(iter([*self._watch.active, *self._watch.runs]), ""))
            self._show()
            self._timer.start()

    def _onError(self, error: Exception) -> None:
        self._view.say(str(error) or type(error).__name__, isError=True)
        if not isinstance(error, ValueError | OSError):
            raise error  # Our own mistake: Slicer's error log gets the traceback.

    def _launch(self, name: str, options: Sequence[str]) -> None:
        assert self._watch is not None
        dataset = self._watch.dataset
        folder = dataset.model_folder(name)
        before = stateOf(folder)
        arguments = ["train", str(dataset.folder), "--name", name, *options]
        pid = self.processes.start(arguments, folder / "log.txt")
        noteLaunch(folder, pid, before)
        self._watch.refresh(name)
        self._selected = ""
        self.select(name)
        self.curves.display()
        self._view.say("")
        self._show()

    def _show(self) -> None:
        if self._watch is not None:
            self._view.showRuns(list(self._watch.runs.values()))
