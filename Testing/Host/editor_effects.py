"""Stands in for qSlicerSegmentEditorAbstractEffect: the C++ side that an effect talks to.

Names and behavior are those of Slicer 5.12 (Modules/Loadable/Segmentations/EditorEffects). What
changes segments is real: as in Slicer, it is vtkSlicerSegmentEditorLogic. Only what PythonQt can
call exists: properties, slots, and functions that are Q_INVOKABLE.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6 import QtCore, QtWidgets

from . import ctk_widgets
from .look_alike import stored

Policy = QtWidgets.QSizePolicy.Policy
MODES = [f"ModificationMode{name}" for name in ("Set", "Add", "Remove", "RemoveAll")]
OPTION_POLICY = (Policy.Preferred, Policy.MinimumExpanding)


class qSlicerSegmentEditorAbstractEffect(QtCore.QObject):
    """What all effects can; the editor tells it `_logic`, `_request` and `_node`."""

    _class_name = "qSlicerSegmentEditorAbstractEffect"
    ModificationModeSet, ModificationModeAdd, ModificationModeRemove = 0, 1, 2
    ModificationModeRemoveAll = 3
    NotConfirmed, ConfirmedWithoutDialog, ConfirmedWithDialog = 0, 1, 2

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._node: Any = None
        self._logic: Any = None
        self._request: Callable[..., None] | None = None
        self._active = False
        self._confirmed: Any = None
        self._options = QtWidgets.QFrame()
        self._options.setSizePolicy(*OPTION_POLICY)
        layout = QtWidgets.QFormLayout(self._options)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.setSpacing(4)

    name = stored(str, "name", "")
    title = stored(str, "title", "")
    perSegment = stored(bool, "perSegment", True)
    requireSegments = stored(bool, "requireSegments", True)
    showEffectCursorInSliceView = stored(bool, "showEffectCursorInSliceView", True)
    showEffectCursorInThreeDView = stored(bool, "showEffectCursorInThreeDView", False)

    def active(self) -> bool:
        return self._active

    def activate(self) -> None:
        self._options.setVisible(True)
        self._active = True
        self.updateGUIFromMRML()

    def deactivate(self) -> None:
        self._options.setVisible(False)
        self._active = False

    def selectEffect(self, name: str) -> None:
        self._request("setActiveEffectByName", name)

    # Options ----------------------------------------------------------------------------------

    def optionsFrame(self) -> QtWidgets.QFrame:
        return self._options

    def optionsLayout(self) -> QtWidgets.QFormLayout:
        return self._options.layout()

    def addOptionsWidget(self, added: Any) -> None:
        if isinstance(added, QtWidgets.QWidget):
            added.setParent(self._options)
            added.setSizePolicy(*OPTION_POLICY)
        self.optionsLayout().addRow(added)

    def addLabeledOptionsWidget(self, label: str, added: Any) -> QtWidgets.QLabel:
        text = QtWidgets.QLabel(label)
        if isinstance(added, QtWidgets.QWidget):
            added.setSizePolicy(*OPTION_POLICY)
        self.optionsLayout().addRow(text, added)
        return text

    # Parameters -------------------------------------------------------------------------------

    def parameterSetNode(self) -> Any:
        return self._node

    def setParameterSetNode(self, node: Any) -> None:
        self._node = node

    def scene(self) -> Any:
        return self._node.GetScene() if self._node else None

    def parameter(self, name: str) -> str:
        if self._node is None:
            return ""
        value = self._node.GetAttribute(f"{self.name}.{name}")
        value = self._node.GetAttribute(name) if value is None else value
        if value is None:  # Slicer logs this as critical.
            raise KeyError(f"parameter {name} cannot be found for effect {self.name}")
        return value

    def integerParameter(self, name: str) -> int:
        return int(self.parameter(name)) if self._node else 0

    def doubleParameter(self, name: str) -> float:
        return float(self.parameter(name)) if self._node else 0.0

    def parameterDefined(self, name: str) -> bool:
        return self.commonParameterDefined(f"{self.name}.{name}")

    def commonParameterDefined(self, name: str) -> bool:
        return bool(self._node and self._node.GetAttribute(name))

    def setParameter(self, name: str, value: str | int | float) -> None:
        self.setCommonParameter(f"{self.name}.{name}", value)

    def setParameterDefault(self, name: str, value: str | int | float) -> None:
        if not self.parameterDefined(name):
            self.setParameter(name, value)

    def setCommonParameter(self, name: str, value: str | int | float) -> None:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise TypeError(f"no setParameter for {type(value).__name__}: QString, int or double")
        text = f"{value:g}" if isinstance(value, float) else str(value)
        old = self._node.GetAttribute(name)
        if text == (old or ""):
            return
        state = self._node.GetDisableModifiedEvent()
        self._node.SetDisableModifiedEvent(1)
        self._node.SetAttribute(name, text)
        self._node.SetDisableModifiedEvent(state)
        self._node.InvokeCustomModifiedEvent(self._node.EffectParameterModified)

    # Segments ---------------------------------------------------------------------------------

    def saveStateForUndo(self) -> None:
        self._request("saveStateForUndo")

    def modifySelectedSegmentByLabelmap(
        self, labelmap: Any, mode: int, bypass_masking: bool = False
    ) -> None:
        node = self._node
        segment_id = node.GetSelectedSegmentID() or ""
        self.modifySegmentByLabelmap(
            node.GetSegmentationNode(), segment_id, labelmap, mode, bypass_masking
        )

    def modifySegmentByLabelmap(
        self,
        segmentation: Any,
        segment_id: str,
        labelmap: Any,
        mode: int,
        bypass_masking: bool = False,
    ) -> None:
        self._logic.ModifySegmentByLabelmap(
            segmentation,
            segment_id,
            labelmap,
            getattr(self._logic, MODES[mode]),
            self.perSegment,
            bypass_masking,
        )

    def sourceVolumeImageData(self) -> Any:
        return (
            self._logic.GetAlignedSourceVolume()
            if self._logic.UpdateAlignedSourceVolume()
            else None
        )

    def referenceGeometryImage(self) -> Any:
        updated = self._logic.UpdateReferenceGeometryImage()
        return self._logic.GetReferenceGeometryImage() if updated else None

    def defaultModifierLabelmap(self) -> Any:
        reset = self._logic.ResetModifierLabelmapToDefault()
        return self._logic.GetModifierLabelmap() if reset else None

    def maskLabelmap(self) -> Any:
        return self._logic.GetMaskLabelmap() if self._logic.UpdateMaskLabelmap() else None

    def selectedSegmentLabelmap(self) -> Any:
        updated = self._logic.UpdateSelectedSegmentLabelmap()
        return self._logic.GetSelectedSegmentLabelmap() if updated else None

    def confirmCurrentSegmentVisible(self) -> int:
        node = self._node
        segmentation = node.GetSegmentationNode() if node else None
        segment_id = node.GetSelectedSegmentID() if segmentation else None
        segment = segmentation.GetSegmentation().GetSegment(segment_id) if segment_id else None
        if segment is None or segment is self._confirmed:
            return self.ConfirmedWithoutDialog
        display = segmentation.GetDisplayNode()
        if display and display.GetVisibility() and display.GetSegmentVisibility(segment_id):
            return self.ConfirmedWithoutDialog
        box = ctk_widgets.ctkMessageBox()
        box.setWindowTitle("Operate on invisible segment?")
        box.setText("The currently selected segment is hidden. Would you like to make it visible?")
        buttons = QtWidgets.QMessageBox.StandardButton
        box.setStandardButtons(buttons.Yes | buttons.No | buttons.Cancel)
        answer = box.exec()
        if answer == buttons.Cancel:
            return self.NotConfirmed
        if answer == buttons.Yes:
            display.SetVisibility(True)
            display.SetSegmentVisibility(segment_id, True)
        else:
            self._confirmed = segment
        return self.ConfirmedWithDialog

    # Views ------------------------------------------------------------------------------------

    def segmentationDisplayableInView(self, view_node: Any) -> bool:
        return bool(self._logic and self._logic.IsSegmentationDisplayableInView(view_node))

    @staticmethod
    def renderWindow(widget: Any) -> Any:
        return _view_of(widget).renderWindow()

    @staticmethod
    def renderer(widget: Any) -> Any:
        return _view_of(widget).renderWindow().GetRenderers().GetItemAsObject(0)

    def addActor2D(self, widget: Any, actor: Any) -> None:
        self.renderer(widget).AddViewProp(actor)
        self.scheduleRender(widget)

    def removeActor2D(self, widget: Any, actor: Any) -> None:
        self.renderer(widget).RemoveViewProp(actor)
        self.scheduleRender(widget)

    @staticmethod
    def scheduleRender(widget: Any) -> None:
        _view_of(widget).scheduleRender()

    @staticmethod
    def forceRender(widget: Any) -> None:
        _view_of(widget).forceRender()


def _view_of(widget: Any) -> Any:
    return widget.sliceView() if hasattr(widget, "sliceView") else widget.threeDView()
