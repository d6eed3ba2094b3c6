"""The part of the queue panel that chooses a strategy, and makes or ranks the queue."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from slicer.i18n import tr as _

from ImperfectSegLib.ComboBoxes import chooseInBox, fillBox
from ImperfectSegLib.JobRunner import JobRunner
from ImperfectSegLib.PackageInstaller import PackageInstaller
from ImperfectSegLib.QueueSession import QueueSession
from ImperfectSegLib.QueueState import CONNECTED
from ImperfectSegLib.QueueStrategies import Strategies, StrategyEntry, lookUpStrategies
from ImperfectSegLib.SettingsForm import SettingsForm, asArgument
from ImperfectSegLogic.data import Dataset
from ImperfectSegLogic.data.datasets.files import visible

ALL_CASES, NO_MODEL = "all cases", "none"
UNITS = ("volume", "slice", "patch")
MODEL = "model.safetensors"


class QueueBuildPart:
    """Knows how the queue is to be made, as the command line is told it."""

    def __init__(
        self,
        ui: Any,
        session: QueueSession,
        installer: PackageInstaller,
        onChanged: Callable[[], None],
        say: Callable[[str, bool], None],
    ) -> None:
        """Takes the widgets, the session, who installs, who is told of changes, and who speaks."""
        self._ui, self._session, self._installer = ui, session, installer
        self._onChanged, self._say = onChanged, say
        self._jobs = JobRunner()
        self.known = Strategies()
        self._form: SettingsForm | None = None
        ui.unitsBox.addItems(list(UNITS))
        ui.strategyBox.connect("currentIndexChanged(int)", lambda _index: self._onStrategy())
        ui.unitsBox.connect("currentIndexChanged(int)", lambda _index: self.update())
        ui.modelBox.connect("currentIndexChanged(int)", lambda _index: self.update())
        ui.installButton.connect("clicked(bool)", lambda _checked: self._install())
        session.listeners.append(self._onSession)

    @property
    def strategy(self) -> StrategyEntry | None:
        """The chosen strategy."""
        row = int(self._ui.strategyBox.currentIndex)
        return self.known.entries[row] if 0 <= row < len(self.known.entries) else None

    @property
    def model(self) -> str:
        """The chosen model; empty for none."""
        chosen = str(self._ui.modelBox.currentText)
        return "" if chosen == NO_MODEL else chosen

    @property
    def canRank(self) -> bool:
        """Whether all is there that ranking by the chosen strategy needs."""
        chosen = self.strategy
        hasModel = bool(self.model) and not self.known.missingForModels
        return chosen is not None and (hasModel or not (chosen.needsModel or self.model))

    def enter(self) -> None:
        """Looks up which strategies there are, unless that is known."""
        if not self.known.entries and not self._jobs.isRunning:
            self._jobs.start(
                lambda progress: lookUpStrategies(), self._onFound, self._onError, lambda *_: None
            )

    def close(self) -> None:
        """Called when the module is closed for good."""
        self._jobs.close()

    def arguments(self, dataset: Dataset, model: str) -> tuple[str, ...]:
        """Gives what the command line is told.

        Args:
            dataset: The data set.
            model: Which model to rank by; empty for none.

        Raises:
            ValueError: If no strategy is chosen, it needs a model, or a setting is not allowed.
        """
        ui, chosen = self._ui, self.strategy
        if chosen is None or self._form is None:
            raise ValueError("strategy: none is chosen. Choose one.")
        if chosen.needsModel and not model:
            raise ValueError(
                f"{chosen.name}: asks a model, and none is chosen. Choose one, or begin with a"
                " strategy that needs none, such as random, k-center or zheng2019."
            )
        said = ["queue", "build", str(dataset.folder)]
        said += ["--strategy", asArgument(chosen.name, self._form.values())]
        said += ["--units", str(ui.unitsBox.currentText), "--axis", str(ui.axisBox.value)]
        said += ["--patch", str(ui.patchRowsBox.value), str(ui.patchColumnsBox.value)]
        said += ["--readings", str(ui.readingsBox.value)]
        said += ["--count", str(ui.countBox.value)] if ui.countBox.value else []
        split = str(ui.splitBox.currentText)
        said += ["--split", split] if split not in ("", ALL_CASES) else []
        return (*said, *(("--model", model) if model else ()))

    def update(self) -> None:
        """Brings the widgets up to date."""
        ui = self._ui
        kind = str(ui.unitsBox.currentText)
        ui.axisBox.enabled = kind != "volume"
        ui.patchRowsBox.enabled = ui.patchColumnsBox.enabled = kind == "patch"
        missing = self.known.missing or self.known.missingForModels
        what = _("Making a queue needs") if self.known.missing else _("Models need")
        ui.packagesLabel.text = f"{what} {', '.join(missing)}." if missing else ""
        ui.packagesLabel.visible = ui.installButton.visible = bool(missing)
        self._onChanged()

    def showModels(self) -> None:
        """Shows which models there are, and keeps what was chosen."""
        desk = self._session.desk
        if desk is None:
            return
        folder = desk.dataset.folder / "models"
        names = [name for name in visible(folder) if (folder / name / MODEL).exists()]
        fillBox(self._ui.modelBox, [NO_MODEL, *names], self.model or NO_MODEL)

    def chooseModel(self, name: str) -> None:
        """Chooses a model."""
        self.showModels()
        chooseInBox(self._ui.modelBox, name)

    def _onSession(self, what: str) -> None:
        desk = self._session.desk
        if what != CONNECTED or desk is None:
            return
        folds = desk.dataset.folds
        fillBox(self._ui.splitBox, [ALL_CASES, *(folds[0] if folds else {})], ALL_CASES)
        self.showModels()
        about = desk.queue.ranking().about if desk.queue else {}
        self._ui.buildButton.collapsed = desk.queue is not None
        self._show(about)
        self.update()

    def _show(self, about: Mapping[str, Any]) -> None:
        """Shows how the queue that is there was made."""
        ui = self._ui
        names = [entry.name for entry in self.known.entries]
        name = str(about.get("strategy") or "").partition(":")[0]
        if name in names:
            ui.strategyBox.currentIndex = names.index(name)
        if about.get("units") in UNITS:
            chooseInBox(ui.unitsBox, str(about["units"]))
        ui.axisBox.value = int(about.get("axis") or 0)
        for box, size in zip(
            (ui.patchRowsBox, ui.patchColumnsBox), about.get("patch") or (), strict=False
        ):
            box.value = int(size)
        if about.get("split"):
            chooseInBox(ui.splitBox, str(about["split"]))
        for model in about.get("model") or ():
            chooseInBox(ui.modelBox, str(model))

    def _onFound(self, known: Strategies) -> None:
        self.known = known
        box = self._ui.strategyBox
        fillBox(box, [entry.name for entry in known.entries], "random")
        for row, entry in enumerate(known.entries):
            needs = _(" Asks a model.") if entry.needsModel else ""
            box.setItemData(row, entry.text + needs, 3)  # Qt.ToolTipRole
        desk = self._session.desk
        if desk is not None and desk.queue is not None:
            self._show(desk.queue.ranking().about)
        self._onStrategy()

    def _onError(self, error: Exception) -> None:
        self._say(f"the strategies could not be looked up: {error}", True)
        if not isinstance(error, ValueError | OSError | ImportError):
            raise error

    def _onStrategy(self) -> None:
        layout, chosen = self._ui.settingsBox.layout(), self.strategy
        if self._form is not None:
            layout.removeWidget(self._form.widget)
            self._form.widget.deleteLater()
            self._form = None
        if chosen is not None:
            self._form = SettingsForm(chosen.fields)
            layout.addWidget(self._form.widget)
            self._form.widget.visible = not self._form.isEmpty
            self._ui.strategyLabel.text = chosen.text
        self.update()

    def _install(self) -> None:
        try:
            self._installer.install((*self.known.missing, *self.known.missingForModels))
        except (ValueError, OSError) as error:
            self._say(str(error), True)
        self.known = Strategies()
        self.enter()
