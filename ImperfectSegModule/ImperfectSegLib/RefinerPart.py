"""The part of the refine panel that chooses how to refine: method, settings, clean-up."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import qt
from slicer.i18n import tr as _

from ImperfectSegLib.Catalog import Catalog, CatalogEntry
from ImperfectSegLib.MethodLookUp import MethodLookUp
from ImperfectSegLib.PackageInstaller import PackageInstaller
from ImperfectSegLib.Processes import Processes
from ImperfectSegLib.RefinerCatalog import MODULE
from ImperfectSegLib.SettingsForm import SettingsForm
from ImperfectSegLib.Styles import ERROR_STYLE
from ImperfectSegLogic.refinement.profile import Step

CLEAN_UP = "clean-up"


class RefinerPart:
    """Shows the refiners, of which one is chosen, and a clean-up after it.

    Attributes:
        lookUp: Finds out which refiners there are.
        parameters: What the panel remembers; None while a scene is closed or read.
    """

    def __init__(
        self,
        ui: Any,
        processes: Processes,
        installer: PackageInstaller,
        onChanged: Callable[[], None],
        say: Callable[[str, bool], None],
    ) -> None:
        """Takes the widgets, who starts and installs, and who is told of changes and errors."""
        self._ui, self._installer, self._onChanged, self._say = ui, installer, onChanged, say
        self.lookUp = MethodLookUp(processes, self.showCatalog, MODULE)
        self.parameters: Any = None
        self._catalog: Catalog | None = None
        self._forms: dict[str, SettingsForm] = {}
        self._shown = ""
        self._isFilling = False
        ui.methodBox.connect("currentIndexChanged(int)", lambda _index: self._onEdited())
        ui.cleanUpBox.connect("toggled(bool)", lambda _checked: self._onEdited())
        ui.installButton.connect("clicked(bool)", lambda _checked: self._install())
        self._update()

    @property
    def isReady(self) -> bool:
        """Whether there is a method to refine with."""
        return bool(self._forms)

    def form(self, name: str) -> SettingsForm:
        """Gives the form of a refiner."""
        return self._forms[name]

    def steps(self) -> tuple[Step, ...]:
        """Gives what is chosen.

        Raises:
            ValueError: If there is no method, or numbers were typed that are none.
        """
        if not self.isReady:
            raise ValueError("no method: it is not known yet which there are.")
        names = [self._ui.methodBox.currentText]
        if self._canCleanUp() and self._ui.cleanUpBox.checked:
            names.append(CLEAN_UP)
        return tuple(Step(name, self._forms[name].values()) for name in names)

    def enter(self) -> None:
        """Looks which refiners there are, unless that is known."""
        if self._catalog is None or self._catalog.missing or self._catalog.problem:
            try:
                self.lookUp.start()
            except OSError as error:
                self._say(str(error), True)

    def close(self) -> None:
        """Waits for nothing any more."""
        self.lookUp.close()

    def follow(self, parameters: Any) -> None:
        """Shows what the parameters say; None while there are none."""
        self.parameters = parameters
        if parameters is not None and self.isReady and parameters.steps != self._shown:
            self._showStored(parameters.steps)

    def showCatalog(self, found: Catalog) -> None:
        """Shows what there is to choose from, or what is missing."""
        self._catalog = found
        chosen = self._ui.methodBox.currentText
        self._isFilling = True
        self._ui.methodBox.clear()
        for n, entry in enumerate(found.methods):
            self._ui.methodBox.addItem(entry.name)
            self._ui.methodBox.setItemData(n, entry.text, qt.Qt.ToolTipRole)
            if entry.name not in self._forms:
                self._add(entry)
        names = [entry.name for entry in found.methods]
        self._ui.methodBox.currentIndex = names.index(chosen) if chosen in names else 0
        self._isFilling = False
        self._shown = ""
        self.follow(self.parameters)
        self._update()
        self._onChanged()

    def showSteps(self, steps: Sequence[Step]) -> None:
        """Shows a method, and perhaps a clean-up after it.

        Raises:
            ValueError: If there is no such method, a setting is not allowed, or there are others.
        """
        first, *others = steps
        names = [step.name for step in steps]
        if [step.name for step in others] not in ([], [CLEAN_UP]) or names == [CLEAN_UP] * 2:
            raise ValueError(
                f"profile: got the methods {', '.join(names)}, allowed here are one method and"
                f" {CLEAN_UP} after it. Apply them with: imperfectseg refine --profile"
            )
        unknown = [name for name in names if name not in self._forms]
        if unknown:
            allowed = ", ".join(self._forms) or "none"
            raise ValueError(f"profile: got the method {unknown[0]!r}, allowed are {allowed}.")
        self._isFilling = True
        try:
            for step in steps:
                self._forms[step.name].show(step.settings)
            self._ui.methodBox.currentText = first.name
            self._ui.cleanUpBox.checked = bool(others)
        finally:
            self._isFilling = False
            self._onEdited()

    # What the user does -----------------------------------------------------------------------

    def _onEdited(self) -> None:
        if self._isFilling:
            return
        self._update()
        self._remember()
        self._onChanged()

    def _remember(self) -> None:
        if self.parameters is None or not self.isReady:
            return
        try:
            said = [{"name": s.name, "settings": dict(s.settings)} for s in self.steps()]
        except ValueError:
            return  # Half typed; whoever applies it is told.
        self._shown = json.dumps(said)
        self.parameters.steps = self._shown

    def _showStored(self, stored: str) -> None:
        self._shown = stored
        if not stored:
            self._remember()
            return
        try:
            said = json.loads(stored)
            self.showSteps([Step(one["name"], one["settings"]) for one in said])
        except (ValueError, KeyError, TypeError) as error:
            self._say(f"The scene names a method that is not there: {error}", True)

    def _install(self) -> None:
        missing = self._catalog.missing if self._catalog else ()
        try:
            self._installer.install(missing)
        except ValueError as error:
            self._say(str(error), True)
            return
        self.enter()

    # What is shown ----------------------------------------------------------------------------

    def _add(self, entry: CatalogEntry) -> None:
        form = SettingsForm(entry.fields, self._onEdited)
        form.widget.visible = False
        isAfter = entry.name == CLEAN_UP
        place = self._ui.cleanUpSettings if isAfter else self._ui.settingsBox
        place.layout().addWidget(form.widget)
        self._forms[entry.name] = form

    def _canCleanUp(self) -> bool:
        return CLEAN_UP in self._forms and self._ui.methodBox.currentText != CLEAN_UP

    def _update(self) -> None:
        ui, found = self._ui, self._catalog
        chosen = ui.methodBox.currentText
        ui.methodBox.enabled = ui.saveProfileButton.enabled = self.isReady
        ui.loadProfileButton.enabled = self.isReady
        ui.cleanUpBox.visible = self._canCleanUp()
        isCleaning = self._canCleanUp() and ui.cleanUpBox.checked
        for name, form in self._forms.items():
            isUsed = name == chosen or (name == CLEAN_UP and isCleaning)
            form.widget.visible = isUsed and not form.isEmpty
        missing = found.missing if found else ()
        text = "" if found else _("Looking for methods...")
        if found and found.problem:
            text = _("The methods could not be looked up: ") + found.problem
        elif missing:
            text = _(
                "Most methods need {packages}, which 3D Slicer does not bring. The button downloads"
                " and installs it."
            ).format(packages=", ".join(missing))
        ui.packagesLabel.text = text
        ui.packagesLabel.visible = bool(text)
        ui.packagesLabel.styleSheet = ERROR_STYLE if found and found.problem else ""
        ui.installButton.visible = bool(missing)
