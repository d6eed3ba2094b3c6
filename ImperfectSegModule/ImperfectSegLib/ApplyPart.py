"""The part of the refine panel that refines, takes that back, and shows how sure it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer
from slicer.i18n import tr as _

from ImperfectSegLib.JobRunner import JobRunner
from ImperfectSegLib.RefineChoice import RefineResponse
from ImperfectSegLib.RefinedOverlay import RefinedOverlay
from ImperfectSegLib.RefineLogic import RefineLogic
from ImperfectSegLib.RefineView import RefineView


class ApplyPart:
    """Refines beside the window, and writes the result as one step to undo.

    Attributes:
        overlay: Shows what is known about the last result.
    """

    def __init__(
        self, ui: Any, logic: RefineLogic, view: RefineView, say: Callable[[str, bool], None]
    ) -> None:
        """Takes the widgets, who computes, who knows what is chosen, and who tells the user."""
        self._ui, self._logic, self._view, self._tell = ui, logic, view, say
        self._jobs, self.overlay = JobRunner(), RefinedOverlay()
        for button, action in {
            ui.applyButton: self.apply,
            ui.cancelButton: self.cancel,
            ui.undoButton: lambda: self._back(logic.undo, "Undone."),
            ui.redoButton: lambda: self._back(logic.redo, "Done again."),
        }.items():
            button.connect("clicked(bool)", lambda _checked, action=action: action())

    @property
    def isComputing(self) -> bool:
        """Whether it is refining what will be written."""
        return self._jobs.isRunning

    def apply(self) -> None:
        """Refines, beside the window, and writes the result."""
        known = self._view.parameters
        known.livePreview = False
        if known.segmentation is None and known.probabilities:
            known.segmentation = _newSegmentation(known.inputVolume)
        try:
            choice = self._view.choice()
            request = self._logic.request(known.inputVolume, known.segmentation, choice)
        except ValueError as error:
            self._say(str(error), True)
            return
        self._jobs.start(
            lambda progress: self._logic.respond(request, progress),
            self._onDone,
            self._onError,
            self._onProgress,
        )
        self._say("Refining...")

    def cancel(self) -> None:
        """Stops refining; nothing is changed."""
        self._jobs.cancel()
        self._say("Cancelled; nothing was changed.")

    def _back(self, action: Callable[[], None], text: str) -> None:
        try:
            action()
        except ValueError as error:
            self._say(str(error), True)
            return
        self.overlay.last = None
        self.draw()
        self._say(text)

    def _onDone(self, response: RefineResponse) -> None:
        try:
            isWritten = self._logic.write(response)
        except ValueError as error:
            self._say(str(error), True)
            return
        self.overlay.last = response.refined[0]
        count = self.overlay.last.changed
        text = _("{count} voxels changed their label in {seconds:.2f} s.")
        if not isWritten:
            text = _("Nothing to change; computed in {seconds:.2f} s.")
        told = [text.format(count=count, seconds=response.seconds), *response.notes]
        self.draw()
        self._say(" ".join(told))

    def _onError(self, error: Exception) -> None:
        self._say(str(error) or type(error).__name__, True)
        if not isinstance(error, ValueError | OSError | ImportError):
            raise error  # Our own mistake: Slicer's error log gets the traceback.

    def _onProgress(self, fraction: float, text: str) -> None:
        self._ui.progressBar.value = round(100 * fraction)

    def update(self) -> None:
        """Brings the widgets up to date."""
        ui = self._ui
        ui.cancelButton.enabled = self.isComputing
        ui.undoButton.enabled, ui.redoButton.enabled = self._logic.canUndo, self._logic.canRedo
        if not self.isComputing:
            ui.progressBar.value = 0

    def draw(self) -> None:
        """Shows what is known about the last result, as far as that is wanted."""
        self.overlay.draw(self._view.parameters, self._view.selectedId())

    def forgetScene(self) -> None:
        """Lets go of a scene that is being closed."""
        self._jobs.cancel()
        self.overlay.forget()

    def close(self) -> None:
        """Stops for good."""
        self._jobs.close()
        self.overlay.remove()

    def _say(self, text: str, isError: bool = False) -> None:
        self._tell(text, isError)


def _newSegmentation(volumeNode: Any) -> Any:
    name = slicer.mrmlScene.GenerateUniqueName(f"{volumeNode.GetName()} refined")
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(volumeNode)
    node.SetAndObserveTransformNodeID(volumeNode.GetTransformNodeID())
    return node
