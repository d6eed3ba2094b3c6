"""The part of the panel that chooses what answers the prompts."""

from __future__ import annotations

import html
import importlib
from pathlib import Path
from typing import Any

import qt
from slicer.i18n import tr as _

from ImperfectSegLib.Catalog import NEEDED
from ImperfectSegLib.InteractiveLogic import InteractiveLogic
from ImperfectSegLib.JobRunner import JobRunner
from ImperfectSegLib.PackageInstaller import PackageInstaller
from ImperfectSegLib.Styles import ERROR_STYLE
from ImperfectSegLogic.methods import catalog
from ImperfectSegLogic.methods.base import InteractiveSegmenter
from ImperfectSegLogic.methods.packages import absent_packages


class EnginePart:
    """Connects the engine's widgets with the logic.

    An engine that the user chooses is made at once, beside the window; the default one, and one
    that a scene names, with the first prompt, because it may take seconds and import PyTorch.

    Attributes:
        parameters: What the panel remembers; None while a scene is closed or read.
    """

    def __init__(self, ui: Any, logic: InteractiveLogic, installer: PackageInstaller) -> None:
        """Takes the widgets, the logic, and who installs packages."""
        self._ui, self._logic, self._installer = ui, logic, installer
        self._jobs = JobRunner()
        self._followed: tuple[str, str] | None = None
        self._isFilling = False
        self.parameters: Any = None
        self._fill()
        ui.engineComboBox.connect("activated(int)", self._onEngine)
        ui.modelPath.connect("currentPathChanged(QString)", self._onModel)
        ui.installButton.connect("clicked(bool)", lambda _checked: self._install())

    @property
    def isLoading(self) -> bool:
        """Whether an engine is being made."""
        return self._jobs.isRunning

    @property
    def kind(self) -> type[InteractiveSegmenter]:
        """What is chosen."""
        return catalog.INTERACTIVE_SEGMENTERS[max(int(self._ui.engineComboBox.currentIndex), 0)]

    def follow(self, parameters: Any) -> None:
        """Shows what the parameters say; None while there are none."""
        self.parameters = parameters
        if parameters is None:
            return
        chosen = (parameters.engine, parameters.engineModel)
        if chosen == self._followed:
            return
        self._followed = chosen
        self._logic.chooseEngine(*chosen)
        self._isFilling = True
        self._ui.engineComboBox.currentIndex = _indexOf(parameters.engine)
        self._ui.modelPath.currentPath = parameters.engineModel
        self._isFilling = False
        self._show()

    def close(self) -> None:
        """Waits for nothing any more."""
        self._jobs.cancel()

    def _fill(self) -> None:
        self._isFilling = True
        box = self._ui.engineComboBox
        at = box.currentIndex
        box.clear()
        for n, kind in enumerate(catalog.INTERACTIVE_SEGMENTERS):
            box.addItem(f"{kind.card.name} (not installed)" if kind.missing() else kind.card.name)
            box.setItemData(n, _about(kind), qt.Qt.ToolTipRole)
        box.currentIndex = at if at >= 0 else _indexOf("")
        self._isFilling = False

    def _onEngine(self, index: int) -> None:
        if self.parameters is not None and not self._isFilling:
            wasModified = self.parameters.StartModify()
            self.parameters.engine = catalog.INTERACTIVE_SEGMENTERS[index].card.name
            self.parameters.engineModel = ""
            self.parameters.EndModify(wasModified)
            self._load()

    def _onModel(self, path: str) -> None:
        if self.parameters is not None and not self._isFilling:
            self.parameters.engineModel = path.strip()
            self._load()

    def _load(self) -> None:
        """Makes the engine beside the window, if it has all it needs."""
        self._show()
        kind, parameters = self.kind, self.parameters
        self._jobs.cancel()
        model = parameters.engineModel
        if kind.missing() or (kind.needs_model and not (model and Path(model).exists())):
            return
        name = kind.card.name
        self._say(_("Loading {name}...").format(name=name))
        self._jobs.start(
            lambda progress: self._logic.engines.made(),
            lambda engine: self._say(_("{name} is ready.").format(name=name)),
            self._onError,
            lambda fraction, text: None,
        )

    def _onError(self, error: Exception) -> None:
        self._say(str(error) or type(error).__name__, isError=True)
        if not isinstance(error, ValueError | OSError | ImportError):
            raise error  # Our own mistake: Slicer's error log gets the traceback.

    def _install(self) -> None:
        try:
            self._installer.install(tuple(absent_packages(NEEDED)))
        except ValueError as error:
            self._say(str(error), isError=True)
            return
        importlib.invalidate_caches()
        self._fill()
        self._load()

    def _show(self) -> None:
        ui, kind = self._ui, self.kind
        ui.engineComboBox.toolTip = _about(kind)
        ui.modelPath.visible = ui.modelLabel.visible = bool(kind.needs_model)
        ui.modelPath.toolTip = kind.needs_model
        chooser = type(ui.modelPath)
        isFolder = kind.needs_model.startswith("the folder")
        ui.modelPath.filters = chooser.Dirs if isFolder else chooser.Files
        missing = kind.missing()
        ui.installButton.visible = bool(missing and absent_packages(NEEDED))
        if missing:
            self._say(f"{kind.card.name}: {missing}", isError=True)
            return
        model = self.parameters.engineModel if self.parameters else ""
        if kind.needs_model and not model:
            self._say(_("Choose {what}.").format(what=kind.needs_model))
        elif kind.needs_model and not Path(model).exists():
            text = _("{model}: there is no such file or folder. Choose {what}.")
            self._say(text.format(model=model, what=kind.needs_model), isError=True)
        else:
            self._say("")

    def _say(self, text: str, isError: bool = False) -> None:
        self._ui.engineLabel.text = text
        self._ui.engineLabel.styleSheet = ERROR_STYLE if isError else ""
        self._ui.engineLabel.visible = bool(text)


def _about(kind: type[InteractiveSegmenter]) -> str:
    told = [kind.card.claims or kind.card.name, f"Takes: {', '.join(kind.card.accepts)}."]
    if kind.needs_model:
        told.append(f"Needs {kind.needs_model}.")
    return "".join(f"<p>{html.escape(text)}</p>" for text in told)  # As HTML, lines are broken.


def _indexOf(name: str) -> int:
    """Gives the place of an engine in the list: that of the default one if it is not known."""
    names = [kind.card.name for kind in catalog.INTERACTIVE_SEGMENTERS]
    return names.index(name if name in names else catalog.default_segmenter().card.name)
