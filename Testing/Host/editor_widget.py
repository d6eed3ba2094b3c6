"""Stands in for qMRMLSegmentEditorWidget, around Slicer's real vtkSlicerSegmentEditorLogic.

Segments, masking, overwriting, undo and redo, the source volume on the reference geometry, and when
effects are told what: as in Slicer 5.12. Mouse and keys come from the real interactors at the
priority that Slicer observes them with. Left out: show 3D, the segmentation geometry dialog,
warnings about rotated slices, keyboard shortcuts, touch, terminology, and the segmentations' other
representations (what is not a binary labelmap raises).
"""

from __future__ import annotations

from typing import Any, ClassVar

import slicer
import vtk
from PySide6 import QtGui, QtWidgets
from PySide6.QtCore import Signal

from .editor_look import MASK_MODES, OVERWRITE_MODES, EditorLook
from .look_alike import Observing, Signals
from .scripted_effects import qSlicerSegmentEditorEffectFactory

PRIORITY = 1.0
INTERACTOR_EVENTS = [
    getattr(vtk.vtkCommand, f"{name}Event")
    for name in (
        *(f"{b}Button{e}" for b in ("Left", "Right", "Middle") for e in ("Press", "Release")),
        *(f"{b}ButtonDoubleClick" for b in ("Left", "Right", "Middle")),
        *(f"MouseWheel{way}" for way in ("Forward", "Backward", "Left", "Right")),
        *("MouseMove", "KeyPress", "KeyRelease", "Enter", "Leave"),
    )
]


class qMRMLSegmentEditorWidget(EditorLook, Observing):
    """Segments, effects with their options, masking, undo and redo."""

    _class_name = "qMRMLSegmentEditorWidget"
    _signals: ClassVar[Signals] = {"currentSegmentIDChanged(QString)": None}
    currentSegmentIDChanged = Signal(str)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._logic = slicer.vtkSlicerSegmentEditorLogic()
        self._node: Any = None
        self._segmentation: Any = None
        self._source: Any = None
        self._active: Any = None
        self._effects: list[Any] = []
        self._view_observations: list[tuple[Any, int]] = []
        self._geometry = ""
        self._build()
        self.updateEffectList()

    # What Slicer's widget has -----------------------------------------------------------------

    def setMRMLScene(self, scene: Any) -> None:
        super().setMRMLScene(scene)
        self._logic.SetMRMLApplicationLogic(slicer.app.applicationLogic())
        self._logic.SetMRMLScene(scene)
        interaction = slicer.app.applicationLogic().GetInteractionNode()
        self._observe(interaction, vtk.vtkCommand.ModifiedEvent, self._on_interaction_node)
        self._observe(scene, scene.EndCloseEvent, lambda *_: self._initialize_node())
        changed = self._logic.SegmentationHistoryChangedEvent
        self._observe(self._logic, changed, lambda *_: self._update_undo_buttons())
        slicer.app.layoutManager().connect("layoutChanged(int)", self._on_layout)

    def mrmlSegmentEditorNode(self) -> Any:
        return self._node

    def setMRMLSegmentEditorNode(self, node: Any) -> None:
        self._node = node
        self._logic.SetSegmentEditorNode(node)
        self._observe(node, vtk.vtkCommand.ModifiedEvent, lambda *_: self.updateWidgetFromMRML())
        self._observe(node, node.EffectParameterModified, lambda *_: self._parameters_changed())
        self._initialize_node()
        self.updateWidgetFromMRML()

    def segmentationNode(self) -> Any:
        return self._logic.GetSegmentationNode()

    def setSegmentationNode(self, node: Any) -> None:
        if node is not self.segmentationNode():
            self._logic.SetSegmentationNode(node)
            self.setActiveEffect(None)

    def sourceVolumeNode(self) -> Any:
        return self._logic.GetSourceVolumeNode()

    def setSourceVolumeNode(self, node: Any) -> None:
        self._logic.SetSourceVolumeNode(node)

    def currentSegmentID(self) -> str:
        return self._logic.GetCurrentSegmentID()

    def setCurrentSegmentID(self, segment_id: str) -> None:
        self._node.SetSelectedSegmentID(segment_id)

    def availableEffectNames(self) -> list[str]:
        return [effect.name for effect in self._effects]

    def effectByName(self, name: str) -> Any:
        return next((effect for effect in self._effects if effect.name == name), None)

    def activeEffect(self) -> Any:
        return self._active

    def setActiveEffect(self, effect: Any) -> None:
        if self._node is not None:
            self._node.SetActiveEffectName(effect.name if effect else "")

    def setActiveEffectByName(self, name: str) -> None:
        self.setActiveEffect(self.effectByName(name))

    def undo(self) -> None:
        self._logic.Undo()

    def redo(self) -> None:
        self._logic.Redo()

    def saveStateForUndo(self) -> None:
        self._logic.SaveStateForUndo()

    def setMaximumNumberOfUndoStates(self, states: int) -> None:
        self._logic.SetMaximumNumberOfUndoStates(states)

    def updateEffectList(self) -> None:
        known = self.availableEffectNames()
        factory = qSlicerSegmentEditorEffectFactory.instance()
        for effect in (e for e in factory._copies() if e.name not in known):
            effect._logic, effect._request = self._logic, self._on_request
            if self._node is not None:
                effect.setParameterSetNode(self._node)
                effect._call("setMRMLDefaults")
            self._effects.append(effect)
            self._add_button(effect.name, effect.title, effect._call("icon"))
            effect._call("setupOptionsFrame")
            effect.optionsFrame().setVisible(False)
            self._options.layout().addWidget(effect.optionsFrame())

    def setupViewObservations(self) -> None:
        self.removeViewObservations()
        manager = slicer.app.layoutManager()
        widgets = [manager.sliceWidget(name) for name in manager.sliceViewNames()]
        for widget in [*widgets, manager.threeDWidget(0)]:
            is_slice = widget.className() == "qMRMLSliceWidget"
            view_node = widget.mrmlSliceNode() if is_slice else widget.mrmlViewNode()
            if self._logic.IsSegmentationDisplayableInView(view_node):
                view = widget.sliceView() if is_slice else widget.threeDView()
                self._observe_view(view.interactor(), view_node, widget)

    def removeViewObservations(self) -> None:
        for target, tag in self._view_observations:
            target.RemoveObserver(tag)
        self._view_observations.clear()

    def updateWidgetFromMRML(self) -> None:
        scene = self.mrmlScene()
        if self._node is None or scene is None or scene.IsClosing():
            return
        was_modified = self._node.StartModify()
        self._follow_segmentation()
        self._follow_source_volume()
        self._table.setSelectedSegmentIDs([self.currentSegmentID()])
        self._follow_effect()
        self._update_undo_buttons()
        self._update_masking()
        self._node.EndModify(was_modified)

    def close(self) -> bool:
        """The host's way to delete it, as C++ does: observations go, effects clean up."""
        self.removeViewObservations()
        self._unobserve_all()
        slicer.app.layoutManager().disconnect("layoutChanged(int)", self._on_layout)
        for effect in self._effects:
            effect.cleanup()
        return super().close()

    # How it does that -------------------------------------------------------------------------

    def _initialize_node(self) -> None:
        if self._node is None:
            return
        was_modified = self._node.StartModify()
        for effect in self._effects:
            effect.setParameterSetNode(self._node)
            effect._call("setMRMLDefaults")
        self._node.EndModify(was_modified)
        self.updateWidgetFromMRML()

    def _on_request(self, name: str, *values: Any) -> None:
        getattr(self, name)(*values)

    def _parameters_changed(self) -> None:
        for effect in self._effects:
            effect.updateGUIFromMRML()

    def _on_interaction_node(self, node: Any, _: Any) -> None:
        if self._active is not None:
            self._active._interaction_node_modified(node)

    def _on_layout(self, _: int) -> None:
        if self._view_observations:
            self.setupViewObservations()
            for effect in self._effects:
                effect._call("layoutChanged")

    def _follow_segmentation(self) -> None:
        node = self._logic.GetSegmentationNode()
        if node is self._segmentation:
            return
        self._segmentation = node
        self._table.setSegmentationNode(node)
        if node is None:
            return
        self._observe(node, vtk.vtkCommand.ModifiedEvent, lambda *_: self.updateWidgetFromMRML())
        reference = node.GetNodeReference(node.GetReferenceImageGeometryReferenceRole())
        if reference is not None:
            self.setSourceVolumeNode(reference)
        node.CreateDefaultDisplayNodes()
        ids = node.GetSegmentation().GetSegmentIDs()
        if ids:
            self.setCurrentSegmentID(ids[0])

    def _follow_source_volume(self) -> None:
        source = self._logic.GetSourceVolumeNode()
        if self._logic.GetSegmentationNode() is None or source is self._source:
            return
        self._source = source
        if source is not None:
            for name in slicer.app.layoutManager().sliceViewNames():
                composite = slicer.app.layoutManager().sliceWidget(name).mrmlSliceCompositeNode()
                if composite.GetBackgroundVolumeID() != source.GetID():
                    composite.SetBackgroundVolumeID(source.GetID())
        for effect in self._effects:
            effect._call("sourceVolumeNodeChanged")
            effect._call("masterVolumeNodeChanged")

    def _follow_effect(self) -> None:
        has_source = self._node.GetSourceVolumeNode() is not None
        self._effects_box.setEnabled(has_source)
        self._options_box.setEnabled(has_source)
        effect = self.effectByName(self._node.GetActiveEffectName() or "")
        if effect is self._active:
            return
        if self._active is not None:
            self._active.deactivate()
        if effect is not None:
            if not self._logic.TrivialSetSourceRepresentationToBinaryLabelmap():
                raise NotImplementedError("the host edits binary labelmaps only")
            self.setupViewObservations()
            interaction = slicer.app.applicationLogic().GetInteractionNode()
            if interaction.GetCurrentInteractionMode() != interaction.ViewTransform:
                interaction.SetCurrentInteractionMode(interaction.ViewTransform)
            effect.activate()
            self._help.setText(effect.helpText())
            self._options_box.setTitle(effect.title)
        else:
            self.removeViewObservations()
            self._help.setText("")
        for box in (self._options_box, self._masking_box):
            box.setVisible(effect is not None)
        for button in self._buttons.buttons():
            button.setChecked(button.objectName == (effect.name if effect else "NULL"))
        self._set_cursor(effect)
        self._active = effect

    def _set_cursor(self, effect: Any) -> None:
        for name in slicer.app.layoutManager().sliceViewNames():
            widget = slicer.app.layoutManager().sliceWidget(name)
            shown = effect is not None and effect.showEffectCursorInSliceView
            cursor = effect.createCursor(widget) if shown else QtGui.QCursor()
            widget.sliceView().setViewCursor(cursor)
            widget.sliceView().setDefaultViewCursor(cursor)

    def _observe_view(self, interactor: Any, view_node: Any, widget: Any) -> None:
        def on_event(event: int) -> None:
            tags: list[int] = []

            def process(caller: Any, _: str) -> None:
                if self._active is None or self.mrmlScene().IsClosing():
                    return
                if self._active._events(caller, event, widget):
                    interactor.GetCommand(tags[0]).SetAbortFlag(1)

            tags.append(interactor.AddObserver(event, process, PRIORITY))
            self._view_observations.append((interactor, tags[0]))

        for event in INTERACTOR_EVENTS:
            on_event(int(event))

        def on_node(caller: Any, _: str) -> None:
            if self._active is not None:
                modified = int(vtk.vtkCommand.ModifiedEvent)
                self._active._call("processViewNodeEvents", caller, modified, widget)

        tag = view_node.AddObserver(vtk.vtkCommand.ModifiedEvent, on_node, PRIORITY)
        self._view_observations.append((view_node, tag))

    def _update_undo_buttons(self) -> None:
        self._undo.setEnabled(self._logic.CanUndo())
        self._redo.setEnabled(self._logic.CanRedo())

    def _update_masking(self) -> None:
        modes = list(MASK_MODES.values())
        if self._node.GetMaskMode() in modes:
            self._mask_mode.setCurrentIndex(modes.index(self._node.GetMaskMode()))
        overwrite = list(OVERWRITE_MODES.values()).index(self._node.GetOverwriteMode())
        self._overwrite_mode.setCurrentIndex(overwrite)

    def _on_segment_selected(self, *_: Any) -> None:
        selected = self._table.selectedSegmentIDs()
        segment_id = selected[0] if selected else ""
        if self._node is None or segment_id == self.currentSegmentID():
            return
        self._node.SetSelectedSegmentID(segment_id or None)
        if not segment_id and self._active is not None and self._active.perSegment:
            self.setActiveEffect(None)
        self.currentSegmentIDChanged.emit(segment_id)


def install() -> None:
    """Make the widget known as ``slicer.qMRMLSegmentEditorWidget``."""
    slicer.qMRMLSegmentEditorWidget = qMRMLSegmentEditorWidget
