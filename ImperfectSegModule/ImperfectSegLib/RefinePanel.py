"""The refine panel: puts its parts together, and knows what the user chose."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from slicer.i18n import tr as _

from ImperfectSegLib.ApplyPart import ApplyPart
from ImperfectSegLib.FolderPart import FolderPart
from ImperfectSegLib.PackageInstaller import PackageInstaller
from ImperfectSegLib.PanelWidget import Panel
from ImperfectSegLib.PreviewPart import PreviewPart
from ImperfectSegLib.Processes import Processes
from ImperfectSegLib.ProfilePart import ProfilePart
from ImperfectSegLib.RefineChoice import RefineChoice
from ImperfectSegLib.RefineLogic import RefineLogic
from ImperfectSegLib.RefinerPart import RefinerPart
from ImperfectSegLib.RegionHandle import RegionHandle
from ImperfectSegLib.Styles import ERROR_STYLE


class RefinePanel(Panel):
    """Everything of the panel that is no business of Slicer's module classes.

    Attributes:
        method: The part that chooses how to refine.
        profiles: The part that keeps that in files.
        preview: The part that shows what slices would become.
        folder: The part that refines whole folders.
        region: Limits where something is changed.
        applying: The part that applies.
        parameters: What the panel remembers; None while a scene is closed or read.
    """

    def __init__(self, ui: Any, logic: RefineLogic, processes: Processes, needed: Path) -> None:
        """Takes the widgets, the logic, who starts processes, and the list of needed packages."""
        self._ui, self._logic, self.region = ui, logic, RegionHandle()
        self.parameters: Any = None
        self._segmentation: Any = None
        self._isBuilt = False
        self.method = RefinerPart(ui, processes, PackageInstaller(needed), self.update, self.say)
        self.preview = PreviewPart(ui, logic, self)
        self.applying = ApplyPart(ui, logic, self, self.say)
        self.profiles = ProfilePart(ui, self.method, self.say)
        self.folder = FolderPart(ui, self.method, self.profiles, processes)
        for button in (ui.whereButton, ui.folderButton):
            button.collapsed = True
        ui.probabilitiesPath.filters = type(ui.probabilitiesPath).Files
        ui.probabilitiesPath.nameFilters = ["*.nrrd"]
        ui.fitRegionButton.connect("clicked(bool)", lambda _checked: self._fitRegion())
        ui.probabilitiesPath.connect("currentPathChanged(QString)", self._onPath)
        changed = "selectionChanged(QItemSelection,QItemSelection)"
        ui.segmentsTable.connect(changed, lambda *_: self.applying.draw())
        self._isBuilt = True

    @property
    def isComputing(self) -> bool:
        """Whether it is refining what will be written."""
        return self.applying.isComputing

    def follow(self, parameters: Any) -> None:
        """Shows what the parameters say; None while there are none."""
        self.parameters = self.profiles.parameters = parameters
        if self._segmentation is not self._node():
            self._segmentation, self.applying.overlay.last = self._node(), None
        self.method.follow(parameters)
        if parameters is not None:
            self._ui.segmentsTable.setSegmentationNode(parameters.segmentation)
            if self._ui.probabilitiesPath.currentPath.strip() != parameters.probabilities:
                self._ui.probabilitiesPath.currentPath = parameters.probabilities
            self.region.node = self.region.node or parameters.region
            self._followRegion()
        self.preview.follow()
        self.applying.draw()
        self.update()

    def enter(self) -> None:
        """Called each time the user opens the module."""
        self.method.enter()

    def exit(self) -> None:
        """Called each time the user opens another module; what is being refined goes on."""
        if self.parameters is not None:
            self.parameters.livePreview = False

    def forgetScene(self) -> None:
        """Lets go of a scene that is being closed."""
        self.applying.forgetScene()
        self.preview.forgetScene()
        self.region.forget()
        self._segmentation = None
        self._logic.forget()

    def nodeRemoved(self, node: Any) -> None:
        """To be called when a node was removed from the scene."""
        if node is self.region.node:
            self.region.forget()
            if self.parameters is not None:
                self.parameters.limitToRegion = False

    def endClose(self) -> None:
        """To be called when a scene was closed."""
        self.say("")

    def startSave(self) -> None:
        """To be called before a scene is saved."""
        self.applying.overlay.aside()
        self.preview.aside()

    def endSave(self) -> None:
        """To be called after a scene was saved."""
        self.applying.draw()
        self.preview.back()

    def close(self) -> None:
        """Called when the module is closed for good; a folder goes on."""
        self.applying.close()
        self.method.close()
        self.preview.close()
        self.folder.close()

    # What is chosen ---------------------------------------------------------------------------

    def choice(self) -> RefineChoice:
        """See `RefineView`."""
        known = self.parameters
        selected = tuple(self._ui.segmentsTable.selectedSegmentIDs())
        return RefineChoice(
            self.method.steps(),
            known.certainty,
            known.probabilities,
            known.keepPrompts,
            selected if known.onlySelected else None,
            self.region.box,
            self.profiles.margin,
        )

    def selectedId(self) -> str:
        """Gives the selected segment, or the first; empty if there is none."""
        node = self._node()
        ids = list(node.GetSegmentation().GetSegmentIDs()) if node else []
        return next(iter([*self._ui.segmentsTable.selectedSegmentIDs(), *ids]), "")

    # What the user does -----------------------------------------------------------------------

    def _onPath(self, path: str) -> None:
        if self.parameters is not None and self.parameters.probabilities != path.strip():
            self.parameters.probabilities = path.strip()

    def _fitRegion(self) -> None:
        self.region.fit(self.parameters.inputVolume)

    def _followRegion(self) -> None:
        region, known = self.region, self.parameters
        if known.limitToRegion and not region.isOn and known.inputVolume is not None:
            region.turnOn(known.inputVolume)
            known.region = region.node
        elif not known.limitToRegion and region.isOn:
            region.turnOff()

    # What is shown ----------------------------------------------------------------------------

    def say(self, text: str, isError: bool = False) -> None:
        """Shows a message."""
        self._ui.statusLabel.text = _(text)
        self._ui.statusLabel.styleSheet = ERROR_STYLE if isError else ""
        self.update()

    def update(self) -> None:
        """Brings the widgets up to date."""
        known = self.parameters
        if known is None or not self._isBuilt:
            return
        ui, isReady = self._ui, self.method.isReady
        hasInput = bool(known.segmentation or known.probabilities)
        canApply = known.inputVolume is not None and hasInput and isReady
        ui.applyButton.enabled = canApply and not self.isComputing
        ui.livePreviewBox.enabled = canApply and known.segmentation is not None
        ui.certaintySlider.enabled = not known.probabilities
        ui.regionBox.enabled = known.inputVolume is not None
        ui.fitRegionButton.enabled = self.region.isOn
        ui.marginBox.enabled = known.nearSegments
        self.applying.update()
        self.folder.update()

    def _node(self) -> Any:
        return self.parameters.segmentation if self.parameters else None
