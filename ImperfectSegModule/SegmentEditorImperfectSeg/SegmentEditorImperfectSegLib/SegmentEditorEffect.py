"""The effect ImperfectSeg of Segment Editor: segment by clicking and scribbling.

Slicer loads this file as a module by the name of its folder, so that nothing else of this folder
can be imported; all else is in ImperfectSegLib.
"""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import qt
import slicer
import slicer.util
import vtk
from SegmentEditorEffects import AbstractScriptedSegmentEditorEffect
from slicer.i18n import tr as _

from ImperfectSegLib.EditorEngine import (
    defaultEngineName,
    engineNames,
    engineProblem,
    engineTitles,
    modelWanted,
)
from ImperfectSegLib.EditorQuestion import selectedSegment
from ImperfectSegLib.EditorSession import EditorSession
from ImperfectSegLib.JobRunner import JobRunner
from ImperfectSegLib.ScribbleTool import MINIMUM_STEP_PIXELS
from ImperfectSegLib.StrokeFeedback import StrokeFeedback

RESOURCES = Path(__file__).resolve().parents[1] / "Resources"
NEGATIVE_COLOR = (0.9, 0.2, 0.15)
CURSOR_CENTER = 15  # In pixels, of both cursors.


class _Stroke:
    """What is being drawn: a click until the mouse moves."""

    def __init__(self, viewWidget: Any, positive: bool, feedback: StrokeFeedback) -> None:
        self.viewWidget, self.positive, self.feedback = viewWidget, positive, feedback
        self.points: list[Any] = []
        self.lastXY = (0, 0)

    def add(self, xy: tuple[int, int]) -> None:
        self.lastXY = xy
        ras = self.viewWidget.mrmlSliceNode().GetXYToRAS().MultiplyPoint((*xy, 0.0, 1.0))
        self.points.append(np.array(ras[:3]))
        self.feedback.add(self.points[-1])

    def isFar(self, xy: tuple[int, int]) -> bool:
        return bool(np.abs(np.subtract(xy, self.lastXY)).max() >= MINIMUM_STEP_PIXELS)


class SegmentEditorEffect(AbstractScriptedSegmentEditorEffect):
    """Passes on what the user does in slice views and options, and shows what comes of it."""

    def __init__(self, scriptedEffect: Any) -> None:
        scriptedEffect.name = "ImperfectSeg"  # Modules find effects by it: not translated.
        scriptedEffect.title = _("ImperfectSeg")
        AbstractScriptedSegmentEditorEffect.__init__(self, scriptedEffect)
        self.session: EditorSession | None = None
        self.ui: Any = None
        self._stroke: _Stroke | None = None
        self._connections: list[tuple[Any, str, Any]] = []
        self._observed: tuple[Any, int] | None = None
        self._isUpdating = False

    # What Segment Editor asks for -------------------------------------------------------------

    def clone(self) -> Any:
        """Makes the effect for one more Segment Editor."""
        import qSlicerSegmentationsEditorEffectsPythonQt as effects

        clonedEffect = effects.qSlicerSegmentEditorScriptedEffect(None)
        clonedEffect.setPythonSource(Path(__file__).as_posix())
        return clonedEffect

    def icon(self) -> Any:
        """Gives the picture on the effect's button."""
        return qt.QIcon(str(RESOURCES / "Icons" / "SegmentEditorImperfectSeg.png"))

    def helpText(self) -> str:
        """Gives the explanation below the effect's buttons."""
        return "<html>" + _(
            "Segment by pointing, on this computer, without a download.<br>"
            "<p><ul style='margin: 0'>"
            "<li><b>Left-click</b> in a slice view: this belongs to the segment."
            "<li><b>Left-button drag</b>: a scribble on what belongs to it."
            "<li><b>Ctrl</b> or <b>Shift</b> with either: this does not belong to it"
            " (or does, if the minus is chosen below)."
            "</ul><p>"
            "Around the clicks, the segment becomes what the engine answers. Masking and"
            " overwriting apply, locked segments stay. One undo takes back one click or scribble"
            " and all that it changed. The clicks are shared with the ImperfectSeg Interactive"
            " module."
        )

    def createCursor(self, viewWidget: Any) -> Any:
        """Gives the cross with a plus or a minus."""
        positive = self.scriptedEffect.integerParameter("Positive")
        name = "CursorPlus.png" if positive else "CursorMinus.png"
        pixmap = qt.QPixmap(str(RESOURCES / "Icons" / name))
        return qt.QCursor(pixmap, CURSOR_CENTER, CURSOR_CENTER)

    def setMRMLDefaults(self) -> None:
        """Sets what is chosen at first."""
        self.scriptedEffect.setParameterDefault("Positive", 1)
        self.scriptedEffect.setParameterDefault("Width", 2.0)
        self.scriptedEffect.setParameterDefault("Engine", defaultEngineName())

    def setupOptionsFrame(self) -> None:
        """Makes the options."""
        panel = slicer.util.loadUI(str(RESOURCES / "UI" / "SegmentEditorImperfectSeg.ui"))
        self.scriptedEffect.addOptionsWidget(panel)
        self.ui = slicer.util.childWidgetVariables(panel)
        self.session = EditorSession(self.scriptedEffect, JobRunner(), self)
        for title in engineTitles():
            self.ui.engineComboBox.addItem(title)
        self._connect(self.ui.positiveButton, "clicked(bool)", partial(self._choose, 1))
        self._connect(self.ui.negativeButton, "clicked(bool)", partial(self._choose, 0))
        self._connect(self.ui.widthSlider, "valueChanged(double)", self._onChanged)
        self._connect(self.ui.engineComboBox, "currentIndexChanged(int)", self._onEngine)
        self._connect(self.ui.modelPathLineEdit, "currentPathChanged(QString)", self._onEngine)
        self._connect(self.ui.segmentButton, "clicked(bool)", lambda _: self.session.segment())
        self._connect(self.ui.cancelButton, "clicked(bool)", lambda _: self.session.cancel())
        self._connect(self.ui.clearButton, "clicked(bool)", lambda _: self.session.clear())

    def activate(self) -> None:
        """Called when the user takes the effect up."""
        node = self.scriptedEffect.parameterSetNode()
        self._unobserve()
        changed = vtk.vtkCommand.ModifiedEvent
        self._observed = (node, node.AddObserver(changed, lambda *_: self._updateButtons()))
        self.ui.statusLabel.text = ""
        self.session.begin()
        self._updateButtons()

    def deactivate(self) -> None:
        """Called when the user lays it down. Undo is followed further, so that prompts fit."""
        self._unobserve()
        self._giveUpStroke()
        if self.session is not None:
            self.session.cancel()

    def cleanup(self) -> None:
        """Called before Segment Editor is deleted."""
        self._unobserve()
        self._giveUpStroke()
        for widget, signal, function in self._connections:
            widget.disconnect(signal, function)
        self._connections = []
        if self.session is not None:
            self.session.close()

    def sourceVolumeNodeChanged(self) -> None:
        """An answer to the image before is of no use."""
        if self.session is not None:
            self.session.cancel()

    referenceGeometryChanged = sourceVolumeNodeChanged

    # What the user chooses --------------------------------------------------------------------

    def updateGUIFromMRML(self) -> None:
        """Shows the parameters."""
        parameters, ui = self.scriptedEffect, self.ui
        self._isUpdating = True
        try:
            positive = bool(parameters.integerParameter("Positive"))
            ui.positiveButton.checked, ui.negativeButton.checked = positive, not positive
            ui.widthSlider.value = parameters.doubleParameter("Width")
            name = parameters.parameter("Engine")
            names = engineNames()
            ui.engineComboBox.currentIndex = names.index(name) if name in names else -1
            hasModel = parameters.parameterDefined("Model")
            model = parameters.parameter("Model") if hasModel else ""
            ui.modelPathLineEdit.currentPath = model
            wanted = modelWanted(name) if name in names else ""
            ui.modelLabel.visible = ui.modelPathLineEdit.visible = bool(wanted)
            ui.modelPathLineEdit.toolTip = wanted
            self.session.engine = (name, model)
        finally:
            self._isUpdating = False
        self._updateButtons()

    def updateMRMLFromGUI(self) -> None:
        """Keeps what is chosen."""
        parameters = self.scriptedEffect
        parameters.setParameter("Positive", int(self.ui.positiveButton.checked))
        parameters.setParameter("Width", self.ui.widthSlider.value)
        index = self.ui.engineComboBox.currentIndex
        if index >= 0:
            parameters.setParameter("Engine", engineNames()[index])
        parameters.setParameter("Model", self.ui.modelPathLineEdit.currentPath)

    def _connect(self, widget: Any, signal: str, function: Any) -> None:
        widget.connect(signal, function)
        self._connections.append((widget, signal, function))

    def _choose(self, positive: int, checked: bool = False) -> None:
        self.scriptedEffect.setParameter("Positive", positive)
        self.updateGUIFromMRML()  # A second press on the same button has unchecked it.
        layoutManager = slicer.app.layoutManager()
        for name in layoutManager.sliceViewNames() if layoutManager else []:
            widget = layoutManager.sliceWidget(name)
            if self.scriptedEffect.segmentationDisplayableInView(widget.mrmlSliceNode()):
                cursor = self.createCursor(widget)
                widget.sliceView().setViewCursor(cursor)
                widget.sliceView().setDefaultViewCursor(cursor)

    def _onChanged(self, value: Any = None) -> None:
        if not self._isUpdating:
            self.updateMRMLFromGUI()

    def _onEngine(self, value: Any = None) -> None:
        if self._isUpdating:
            return
        self.updateMRMLFromGUI()
        problem = engineProblem(*self.session.engine)
        again = _("Press Segment again to ask this engine.") if self.session.hasPrompts else ""
        self.say(problem or again, isError=bool(problem))

    # What the user does in the views ----------------------------------------------------------

    def processInteractionEvents(
        self, callerInteractor: Any, eventId: int, viewWidget: Any
    ) -> bool:
        """Draws; gives whether the event is used up."""
        if viewWidget.className() != "qMRMLSliceWidget":
            return False
        if eventId == vtk.vtkCommand.LeftButtonPressEvent:
            return self._press(callerInteractor, viewWidget)
        if eventId == vtk.vtkCommand.LeftButtonDoubleClickEvent:
            return True  # Two quick clicks are not meant to enlarge the view.
        stroke = self._stroke
        if stroke is None or stroke.viewWidget is not viewWidget:
            return False
        xy = callerInteractor.GetEventPosition()
        if eventId == vtk.vtkCommand.MouseMoveEvent:
            if stroke.isFar(xy):
                stroke.add(xy)
            return True
        if eventId == vtk.vtkCommand.LeftButtonReleaseEvent:
            self._release(stroke, xy)
            return True
        return False

    def processViewNodeEvents(self, callerViewNode: Any, eventId: int, viewWidget: Any) -> None:
        """Keeps the stroke in its place while the view moves."""
        if self._stroke is not None and self._stroke.viewWidget is viewWidget:
            self._stroke.feedback.update()

    def _press(self, interactor: Any, viewWidget: Any) -> bool:
        if interactor.GetAltKey():
            return False
        self._giveUpStroke()
        effect = self.scriptedEffect
        confirmed = effect.confirmCurrentSegmentVisible()
        if confirmed in (effect.NotConfirmed, effect.ConfirmedWithDialog):
            return True  # The button was let go in the dialog: there would be no end to a stroke.
        segmentId = selectedSegment(effect)
        if not self.session.accepts([]):
            return True
        isOther = bool(interactor.GetControlKey() or interactor.GetShiftKey())
        positive = bool(effect.integerParameter("Positive")) != isOther
        segmentation = effect.parameterSetNode().GetSegmentationNode().GetSegmentation()
        color = segmentation.GetSegment(segmentId).GetColor() if positive else NEGATIVE_COLOR
        width = effect.doubleParameter("Width")
        feedback = StrokeFeedback(effect, viewWidget, color, width)
        self._stroke = _Stroke(viewWidget, positive, feedback)
        self._stroke.add(interactor.GetEventPosition())
        return True

    def _release(self, stroke: _Stroke, xy: tuple[int, int]) -> None:
        if len(stroke.points) > 1 and xy != stroke.lastXY:
            stroke.add(xy)
        self._giveUpStroke()
        if len(stroke.points) == 1:
            self.session.addClick(stroke.points[0], stroke.positive)
        else:
            radius = self.scriptedEffect.doubleParameter("Width") / 2
            self.session.addStroke(np.array(stroke.points), stroke.positive, radius)

    def _giveUpStroke(self) -> None:
        if self._stroke is not None:
            self._stroke.feedback.remove()
            self._stroke = None

    # What the options show --------------------------------------------------------------------

    def say(self, text: str, isError: bool = False) -> None:
        """Shows a message and the state of the session."""
        self.ui.statusLabel.text = _(text)
        self.ui.statusLabel.styleSheet = "color: #c0392b" if isError else ""
        self._updateButtons()

    def showProgress(self, fraction: float) -> None:
        """Shows how far the computation is, from 0 to 1."""
        self.ui.progressBar.value = round(100 * fraction)

    def _updateButtons(self) -> None:
        computing, hasPrompts = self.session.isComputing, self.session.hasPrompts
        self.ui.segmentButton.enabled = hasPrompts and not computing
        self.ui.clearButton.enabled = hasPrompts
        self.ui.cancelButton.enabled = computing
        if not computing:
            self.ui.progressBar.value = 0

    def _unobserve(self) -> None:
        if self._observed is not None:
            node, tag = self._observed
            node.RemoveObserver(tag)
            self._observed = None
