"""The part of the train panel that chooses data and methods, starts training and watches it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from slicer.i18n import tr as _

from ImperfectSegLib.Catalog import Catalog
from ImperfectSegLib.DatasetSummary import DatasetSummary
from ImperfectSegLib.MethodList import MethodList
from ImperfectSegLib.MethodLookUp import MethodLookUp
from ImperfectSegLib.PackageInstaller import PackageInstaller
from ImperfectSegLib.Processes import Processes
from ImperfectSegLib.RunFolders import RunStatus
from ImperfectSegLib.RunsTable import RunsTable
from ImperfectSegLib.RunTexts import described
from ImperfectSegLib.Styles import ERROR_STYLE
from ImperfectSegLib.TrainingChoice import AUGMENTATIONS, DIMS, TrainingChoice
from ImperfectSegLib.TrainingSession import TrainingSession


class TrainPart:
    """Connects the widgets of the panel with a session.

    Attributes:
        session: The data set and its runs.
        lookUp: Finds out which methods there are.
        methods: The list of training methods.
        transforms: The list of sample transforms.
        parameters: What the panel remembers; None while a scene is closed or read.
    """

    def __init__(
        self,
        ui: Any,
        processes: Processes,
        installer: PackageInstaller,
        onChanged: Callable[[], None],
    ) -> None:
        """Takes the widgets, who starts processes and installs, and who is told of changes."""
        self._ui, self._installer, self._onChanged = ui, installer, onChanged
        self.parameters: Any = None
        self.session = TrainingSession(self, processes)
        self.lookUp = MethodLookUp(processes, self.showCatalog)
        self.methods = MethodList(ui.methodsBox.layout())
        self.transforms = MethodList(ui.transformsBox.layout())
        self._runsTable = RunsTable(ui.runsTable, self._onRunSelected)
        self._catalog: Catalog | None = None
        self._folder = ""
        self._isRemembering = False
        ui.methodsButton.collapsed = ui.transformsButton.collapsed = True
        ui.dataSetPath.connect("currentPathChanged(QString)", self._onPath)
        ui.installButton.connect("clicked(bool)", lambda _checked: self._install())
        ui.startButton.connect("clicked(bool)", lambda _checked: self._start())
        ui.stopButton.connect("clicked(bool)", lambda _checked: self._try(self.session.stop))
        ui.resumeButton.connect("clicked(bool)", lambda _checked: self._try(self.session.resume))
        ui.curvesButton.connect("clicked(bool)", lambda _checked: self.session.curves.display())
        self.update()

    @property
    def isReady(self) -> bool:
        """Whether all is installed that training and trained models need."""
        found = self._catalog
        return found is not None and not found.missing and not found.problem

    def enter(self) -> None:
        """Looks which methods there are, unless that is known, and what is new in the data set."""
        if not self.isReady:
            self._try(self.lookUp.start)
        self.session.lookAgain()
        self.update()

    def close(self) -> None:
        """Stops watching; training goes on."""
        self.session.close()
        self.lookUp.close()

    def follow(self, parameters: Any) -> None:
        """Shows what the parameters say; None while there are none."""
        self.parameters = parameters
        if parameters is not None and parameters.dataSetFolder != self._folder:
            self._folder = parameters.dataSetFolder
            if self._ui.dataSetPath.currentPath.strip() != self._folder:
                self._ui.dataSetPath.currentPath = self._folder
            self.session.choose(self._folder)

    # What the user does -----------------------------------------------------------------------

    def _onPath(self, path: str) -> None:
        if self.parameters is not None and not self._isRemembering:
            self.parameters.dataSetFolder = path.strip()

    def _remember(self) -> None:
        self._isRemembering = True  # On its way, CTK tells of other paths as if they were chosen.
        self._ui.dataSetPath.addCurrentPathToHistory()
        self._isRemembering = False

    def _onRunSelected(self, name: str) -> None:
        self.session.select(name)
        self.update()

    def _start(self) -> None:
        self._try(lambda: self.session.start(self.choice()))

    def _install(self) -> None:
        missing = self._catalog.missing if self._catalog else ()
        self._ui.installButton.enabled = False
        if self._try(lambda: self._installer.install(missing)):
            self._catalog = None
        self._try(self.lookUp.start)
        self.update()

    def choice(self) -> TrainingChoice:
        """Gives what the user wants to train.

        Raises:
            ValueError: If a setting is not what it should be.
        """
        known = self.parameters
        dims = DIMS[known.dims]
        self.methods.checkDims(dims)
        return TrainingChoice(
            known.modelName.strip(),
            known.network,
            known.steps,
            dims,
            AUGMENTATIONS[known.augment],
            tuple(self.methods.chosen()),
            tuple(self.transforms.chosen()),
        )

    def _try(self, action: Callable[[], None]) -> bool:
        """Does something; what the user can mend is shown."""
        try:
            action()
        except (ValueError, OSError) as error:
            self.say(str(error), isError=True)
            return False
        return True

    # What is shown ----------------------------------------------------------------------------

    def say(self, text: str, isError: bool = False) -> None:
        """Shows a message about data set and training."""
        self._ui.statusLabel.text = _(text)
        self._ui.statusLabel.styleSheet = ERROR_STYLE if isError else ""

    def showDataset(self, summary: DatasetSummary | None) -> None:
        """Shows what is in the data set."""
        self._ui.dataSetLabel.text = summary.asHtml() if summary else ""
        if summary:
            self._remember()
        self.update()

    def showCatalog(self, catalog: Catalog) -> None:
        """Shows what there is to choose from, or what is missing."""
        self._catalog = catalog
        self.methods.fill(catalog.methods)
        self.transforms.fill(catalog.transforms)
        self.update()

    def showRuns(self, runs: Sequence[RunStatus]) -> None:
        """Shows where all runs stand."""
        selected = self.session.selected
        self._runsTable.show(runs, selected.name if selected else "")
        self.update()

    def update(self) -> None:
        """Brings buttons and texts up to date."""
        ui, run = self._ui, self.session.selected
        isActive = run is not None and run.isActive
        ui.startButton.enabled = self.isReady and self.session.summary is not None
        ui.stopButton.enabled = isActive and not self.session.isStopping
        ui.resumeButton.enabled = self.isReady and run is not None and run.canResume
        ui.curvesButton.enabled = run is not None
        ui.runLabel.text = described(run, self.session.isStopping) if run else ""
        ui.runLabel.styleSheet = ERROR_STYLE if run and run.state == "failed" else ""
        # A bar without end while it is not known how many steps there are.
        ui.trainingBar.maximum = (run.of if run else 0) or (0 if isActive else 100)
        ui.trainingBar.value = run.step if run else 0
        self._updatePackages()
        self._onChanged()

    def _updatePackages(self) -> None:
        ui, found = self._ui, self._catalog
        missing = found.missing if found else ()
        text = "" if found else _("Looking for methods...")
        if found and found.problem:
            text = _("The methods could not be looked up: ") + found.problem
        elif missing:
            text = _(
                "Training and trained models need {packages}, which 3D Slicer does not bring. The"
                " button downloads and installs them."
            ).format(packages=", ".join(missing))
        ui.packagesLabel.text = text
        ui.packagesLabel.visible = bool(text)
        ui.packagesLabel.styleSheet = ERROR_STYLE if found and text else ""
        ui.installButton.visible = ui.installButton.enabled = bool(missing)
