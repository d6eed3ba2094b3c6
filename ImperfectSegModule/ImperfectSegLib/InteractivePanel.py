"""The interactive panel: puts its parts together, and shows what the session says."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from slicer.i18n import tr as _

from ImperfectSegLib.AdaptPart import AdaptPart
from ImperfectSegLib.EnginePart import EnginePart
from ImperfectSegLib.InteractiveLogic import InteractiveLogic
from ImperfectSegLib.InteractiveSession import InteractiveSession
from ImperfectSegLib.JobRunner import JobRunner
from ImperfectSegLib.OverlayPart import OverlayPart
from ImperfectSegLib.PackageInstaller import PackageInstaller
from ImperfectSegLib.PanelKeys import keysOf
from ImperfectSegLib.PromptPanel import PromptPanel
from ImperfectSegLib.RestorePart import RestorePart
from ImperfectSegLib.SegmentsPart import SegmentsPart
from ImperfectSegLib.Shortcuts import Shortcuts
from ImperfectSegLib.Styles import ERROR_STYLE
from ImperfectSegLib.ToolsPart import ToolsPart


class InteractivePanel(PromptPanel):
    """Everything of the panel that is no business of Slicer's module classes.

    Attributes:
        session: What the user does.
        segments: The part with the segments.
        tools: The part with the tools.
        engine: The part that chooses the engine.
        adapt: The part that lets it learn.
        overlay: The part that draws probabilities.
        restore: The part that keeps work on disk and brings it back.
        shortcuts: The keys.
        parameters: What the panel remembers; None while a scene is closed or read.
    """

    def __init__(self, ui: Any, logic: InteractiveLogic, requirements: Path) -> None:
        """Takes the widgets, the logic, and the file that lists what networks need."""
        super().__init__()
        self._ui = ui
        self.parameters: Any = None
        self.session = InteractiveSession(logic, JobRunner(), self)
        self.segments = SegmentsPart(ui, logic, self.session, self._dropTool, self._onSelected)
        self.tools = ToolsPart(ui, self.session, self.segments, self.say)
        self.engine = EnginePart(ui, logic, PackageInstaller(requirements))
        self.adapt = AdaptPart(ui, logic, self.session, self.say)
        self.overlay = OverlayPart(self.session, lambda: self.segments.selectedId)
        self.restore = RestorePart(ui, self.session, self.say)
        self.shortcuts = Shortcuts(keysOf(ui, self.tools, self.segments, self.session, self._apply))
        self.session.listeners.append(self._onSession)
        for button in (ui.engineButton, ui.overlayButton, ui.advancedButton):
            button.collapsed = True
        ui.shortcutsLabel.text = self.shortcuts.help()
        for button, action in {
            ui.applyButton: self.session.apply,
            ui.cancelButton: self.session.cancel,
            ui.undoButton: self.session.undo,
            ui.redoButton: self.session.redo,
            ui.clearButton: self.session.clear,
            ui.fitRegionButton: self._fitRegion,
        }.items():
            button.connect("clicked(bool)", partial(_run, action))
        self.watchPrompts()

    def enter(self) -> None:
        """Called each time the user opens the module."""
        self.shortcuts.turnOn()

    def exit(self) -> None:
        """Called each time the user opens another module; a computation goes on."""
        self.shortcuts.turnOff()
        self.tools.drop()

    def follow(self, parameters: Any) -> None:
        """Shows what the parameters say; None while there are none."""
        self.parameters = parameters
        for part in (self.segments, self.tools, self.overlay, self.restore):
            part.parameters = parameters
        self.engine.follow(parameters)
        self.adapt.follow(parameters)
        if parameters is None:
            return
        session = self.session
        session.volumeNode, session.autoUpdate = parameters.inputVolume, parameters.autoUpdate
        session.sliceOnly = parameters.sliceOnly
        self.tools.tools.setWidth(parameters.scribbleWidth)
        if session.segmentationNode is not parameters.segmentation:
            self._dropTool()
            session.region.node = parameters.region
            session.workOn(parameters.segmentation)
            self.segments.show(parameters.segmentation)
        self._followRegion()
        self.restore.look()
        self.overlay.update()
        self.update()

    def promptsChanged(self) -> None:
        """To be called when prompts or the region may have changed."""
        if not self.tools.tools.isDrawing:
            self.session.promptsChanged()
            self.update()

    def markupsRemoved(self, node: Any) -> None:
        """To be called when a markups node was removed."""
        if node is self.session.region.node:
            self.session.region.forget()
            if self.parameters is not None:
                self.parameters.limitToRegion = False
        self.promptsChanged()

    def startSave(self) -> None:
        """To be called before a scene is saved."""
        self.overlay.aside()

    def endSave(self) -> None:
        """To be called after a scene was saved: nothing has to be kept any more."""
        self.restore.autosave.clean()
        self.overlay.update()

    def forgetScene(self) -> None:
        """Lets go of a scene that is being closed."""
        super().forgetScene()
        self.overlay.forgetScene()
        self.restore.forgetScene()
        self.session.forgetScene()

    def close(self) -> None:
        """Called when the module is closed for good."""
        super().close()
        self.engine.close()
        self.adapt.close()
        self.overlay.close()
        self.restore.autosave.close()
        self.session.forgetScene()

    # What is shown ----------------------------------------------------------------------------

    def say(self, text: str, isError: bool = False) -> None:
        """Shows a message and the state of the session."""
        self._ui.statusLabel.text = _(text)
        self._ui.statusLabel.styleSheet = ERROR_STYLE if isError else ""
        self.update()

    def showProgress(self, fraction: float) -> None:
        """Shows how far the computation is, from 0 to 1."""
        self._ui.progressBar.value = round(100 * fraction)

    def update(self) -> None:
        """Brings the widgets up to date."""
        if self.parameters is None:
            return
        ui, session = self._ui, self.session
        self.segments.update()
        self.tools.update()
        ui.applyButton.enabled = session.hasPrompts and not session.isComputing
        ui.clearButton.enabled = session.hasPrompts
        ui.undoButton.enabled, ui.redoButton.enabled = session.canUndo, session.canRedo
        ui.cancelButton.enabled = session.isComputing
        ui.regionCheckBox.enabled = session.volumeNode is not None
        ui.fitRegionButton.enabled = session.region.isOn
        if not session.isComputing:
            ui.progressBar.value = 0

    # What the user does -----------------------------------------------------------------------

    def _onSelected(self) -> None:
        self.tools.takeAgain()
        self.overlay.update()
        self.update()

    def _dropTool(self) -> None:
        self.tools.drop()

    def _fitRegion(self) -> None:
        self.session.region.fit(self.session.volumeNode)
        self.session.promptsChanged()

    def _followRegion(self) -> None:
        """Turns the region on or off as the parameters say."""
        region, parameters = self.session.region, self.parameters
        if parameters.limitToRegion == region.isOn or parameters.inputVolume is None:
            return
        if parameters.limitToRegion:
            region.turnOn(parameters.inputVolume)
            parameters.region = region.node
            self.tools.takeAgain()  # Slicer would place the next point in a node just added.
        else:
            region.turnOff()
        self.session.promptsChanged()

    def _onSession(self, what: str) -> None:
        parameters, region = self.parameters, self.session.region
        if what == "restored" and parameters is not None:
            parameters.limitToRegion = region.isOn

    def _apply(self) -> None:
        if self._ui.applyButton.enabled:
            self.session.apply()


def _run(action: Any, checked: bool = False) -> None:
    """Calls what a button does, which takes no argument."""
    action()
