"""The sparse panel: puts its parts together, and shows what the session says."""

from __future__ import annotations

from typing import Any

import qt
from slicer.i18n import tr as _

from ImperfectSegLib.JobRunner import JobRunner
from ImperfectSegLib.OtherModules import openSegmentEditor
from ImperfectSegLib.PromptPanel import PromptPanel
from ImperfectSegLib.SegmentsWatch import SegmentsWatch
from ImperfectSegLib.Shortcuts import Shortcuts
from ImperfectSegLib.SparseCompletePart import SparseCompletePart
from ImperfectSegLib.SparseGridPart import SparseGridPart
from ImperfectSegLib.SparseHandOverPart import SparseHandOverPart
from ImperfectSegLib.SparseKeys import sparseKeys
from ImperfectSegLib.SparseLesionsPart import SparseLesionsPart
from ImperfectSegLib.SparseLogic import SparseLogic
from ImperfectSegLib.SparseRestore import SparseRestore
from ImperfectSegLib.SparseSegments import SparseSegments
from ImperfectSegLib.SparseSession import SparseSession
from ImperfectSegLib.SparseSharePart import SparseSharePart
from ImperfectSegLib.SparseSlicesPart import SparseSlicesPart
from ImperfectSegLib.SparseTagsPart import SparseTagsPart
from ImperfectSegLib.SparseToolsPart import SparseToolsPart
from ImperfectSegLib.Styles import ERROR_STYLE

LOOK_MS = 100
"""How often it looks which slice is in view, while the module is open."""


class SparsePanel(PromptPanel):
    """Everything of the panel that is no business of Slicer's module classes.

    Attributes:
        session: What the user does.
        parameters: What the panel remembers; None while a scene is closed or read.
    """

    def __init__(self, ui: Any, logic: SparseLogic) -> None:
        """Takes the widgets and the logic."""
        super().__init__()
        self._ui = ui
        self.parameters: Any = None
        self._isBuilt, self._isOpen = False, False
        self._place: Any = None
        self.session = SparseSession(logic, JobRunner(), self)
        self.restore = SparseRestore(ui, self.session, self.say)
        self.segments = SparseSegments(ui, logic, self.session, self._onSelected)
        self.tools = SparseToolsPart(ui, self.session, self.segments, self.say)
        watch = self.tools.tools.watch
        self.slices = SparseSlicesPart(ui, self.session, lambda: watch.sliceNode, self.say)
        self.grid = SparseGridPart(ui, logic, self.session, self.segments, self.say)
        self.lesions = SparseLesionsPart(ui, self.session, self.segments)
        self.tags = SparseTagsPart(ui, self.session, self.segments, lambda: self.slices.place)
        self.share = SparseSharePart(ui, logic, self.session, self.segments)
        self.completing = SparseCompletePart(ui, self.session)
        self.handing = SparseHandOverPart(ui, logic, self.session, self.say)
        parts = (self.tools, self.segments, self.grid, self.slices)
        keys = sparseKeys(
            ui, parts[0], parts[1], parts[2], parts[3], self.session, self.completing.complete
        )
        self.shortcuts = Shortcuts(keys)
        self._segmentsWatch = SegmentsWatch(self._onSegments)
        self._timer = qt.QTimer()
        self._timer.setInterval(LOOK_MS)
        self._timer.connect("timeout()", self._look)
        self.session.afterwards = self.update
        ui.shortcutsLabel.text = self.shortcuts.help()
        for button in (ui.handOverBox, ui.shortcutsButton):
            button.collapsed = True
        ui.kindTabs.connect("currentChanged(int)", lambda _index: self._onTab())
        ui.undoButton.connect("clicked(bool)", lambda _checked: self.session.undo())
        ui.redoButton.connect("clicked(bool)", lambda _checked: self.session.redo())
        ui.editorButton.connect("clicked(bool)", lambda _checked: self._openEditor())
        self.watchPrompts()
        self._isBuilt = True

    def follow(self, parameters: Any) -> None:
        """Shows what the parameters say; None while there are none."""
        self.parameters = parameters
        for part in (self.segments, self.tools, self.completing, self.handing, self.restore):
            part.parameters = parameters
        if parameters is None:
            return
        session, tools = self.session, self.tools.tools
        tools.width = parameters.scribbleWidth
        tools.squares = session.squares = parameters.squares
        if self._ui.datasetPath.currentPath.strip() != parameters.dataset:
            self._ui.datasetPath.currentPath = parameters.dataset
        node, volume = parameters.segmentation, parameters.inputVolume
        if session.segmentationNode is not node or session.volumeNode is not volume:
            tools.drop()
            session.workOn(volume, node)
            self._segmentsWatch.watch(node)
            self.segments.show(node)
            self.completing.choose()
            self.restore.look()
        self.update()

    def enter(self) -> None:
        """Called each time the user opens the module."""
        self._isOpen = True
        self.shortcuts.turnOn()
        self.tools.tools.watch.start()
        self._timer.start()
        self.share.setOpen(True)
        self._onTab()

    def exit(self) -> None:
        """Called each time the user opens another module; a completion goes on."""
        self._isOpen = False
        self.shortcuts.turnOff()
        self.tools.drop()
        self.tools.tools.watch.stop()
        self._timer.stop()
        self.share.setOpen(False)
        self.grid.setOpen(False)

    def promptsChanged(self) -> None:
        """To be called when marks may have changed."""
        if not self.tools.tools.isDrawing:
            self.session.promptsChanged()

    def startSave(self) -> None:
        """To be called before a scene is saved."""
        self.completing.aside()

    def endSave(self) -> None:
        """To be called after a scene was saved: nothing has to be kept any more."""
        self.restore.autosave.clean()
        self.completing.update()

    def forgetScene(self) -> None:
        """Lets go of a scene that is being closed."""
        super().forgetScene()
        self._segmentsWatch.watch(None)
        self.completing.forgetScene()
        self.grid.forgetScene()
        self.restore.forgetScene()
        self.session.forgetScene()

    def close(self) -> None:
        """Called when the module is closed for good."""
        super().close()
        self._timer.stop()
        self._timer.disconnect("timeout()", self._look)
        self.shortcuts.turnOff()
        self.tools.tools.drop()
        self.tools.tools.watch.stop()
        self.grid.hide()
        self._segmentsWatch.watch(None)
        self.completing.close()
        self.share.close()
        self.handing.close()
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
        if self.parameters is None or not self._isBuilt:
            return
        self.segments.update()
        self.tools.update()
        self.slices.update()
        self.grid.update()
        self.tags.update()
        self.completing.update()
        self.handing.update()
        ui, session = self._ui, self.session
        ui.undoButton.enabled, ui.redoButton.enabled = session.canUndo, session.canRedo

    # What happens -----------------------------------------------------------------------------

    def _onSelected(self) -> None:
        if self._isBuilt and self.parameters is not None:
            self.tools.takeAgain()
            self.update()

    def _onSegments(self) -> None:
        """Segments were added, removed or painted, here or in Segment Editor."""
        self.session.segmentsChanged()

    def _openEditor(self) -> None:
        openSegmentEditor(self.parameters.segmentation, self.parameters.inputVolume)

    def _onTab(self) -> None:
        self.tools.drop()
        tabs = self._ui.kindTabs
        isGrid = tabs.currentIndex == tabs.indexOf(self._ui.gridTab)
        self.grid.setOpen(self._isOpen and isGrid)

    def _look(self) -> None:
        place = self.slices.place
        if place != self._place and self.parameters is not None:
            self._place = place
            self.slices.update()
            self.tags.update()
