"""Look-alike of qMRMLNodeComboBox on the real scene.

Names are those of Slicer, Libs/MRML/Widgets/qMRMLNodeComboBox.h. Left out: filtering by attribute
values, renaming and editing from the menu, user menu actions, the item models behind the box.
"""

from __future__ import annotations

from typing import Any, ClassVar

import slicer
import vtk
from PySide6 import QtCore, QtWidgets
from PySide6.QtCore import Property, Signal

from .look_alike import Observing, Signals, stored

CREATE, DELETE = "create ", "delete"  # what menu entries carry in place of a node ID


class qMRMLNodeComboBox(QtWidgets.QWidget, Observing):
    """A box that lists the nodes of some classes, and follows the scene."""

    _class_name = "qMRMLNodeComboBox"
    _signals: ClassVar[Signals] = {
        "currentNodeChanged(vtkMRMLNode*)": None,
        "currentNodeChanged(bool)": bool,
        "currentNodeIDChanged(QString)": None,
        "nodeActivated(vtkMRMLNode*)": None,
        "nodeAdded(vtkMRMLNode*)": None,
        "nodeAddedByUser(vtkMRMLNode*)": None,
        "nodeAddedByUserAction(vtkMRMLNode*)": None,
        "nodeAboutToBeRemoved(vtkMRMLNode*)": None,
    }
    currentNodeChanged = Signal(object)
    currentNodeIDChanged = Signal(str)
    nodeActivated = Signal(object)
    nodeAdded = Signal(object)
    nodeAddedByUser = Signal(object)
    nodeAddedByUserAction = Signal(object)
    nodeAboutToBeRemoved = Signal(object)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._scene: Any = None
        self._current = ""
        self._names: dict[str, str] = {}
        self._filling = False
        self._box = QtWidgets.QComboBox()
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._box)
        self._box.currentIndexChanged.connect(self._index_changed)
        self._box.activated.connect(self._activated)
        self.setEnabled(False)  # until there is a scene

    def children(self) -> list[QtCore.QObject]:
        """Hide the inner box from ``slicer.util.findChildren``."""
        return []

    def mrmlScene(self) -> Any:
        return self._scene

    def setMRMLScene(self, scene: Any) -> None:
        if scene is self._scene:
            return
        self._unobserve_all()
        self._scene = scene
        self.setEnabled(scene is not None)
        if scene is not None:
            self._observe_scene(scene)
        self._update()

    def currentNode(self) -> Any:
        return self._scene.GetNodeByID(self._current) if self._scene and self._current else None

    def setCurrentNode(self, node: Any) -> None:
        self.setCurrentNodeID(node if isinstance(node, str) else node.GetID() if node else "")

    def setCurrentNodeID(self, node_id: str | None) -> None:
        """Select a node; one that is not listed, or "", selects nothing."""
        self._select(node_id if node_id and node_id in self._names else "")

    def setCurrentNodeIndex(self, index: int) -> None:
        self.setCurrentNode(self.nodeFromIndex(index))

    def nodeCount(self) -> int:
        return len(self._names)

    def nodeFromIndex(self, index: int) -> Any:
        ids = list(self._names)
        return self._scene.GetNodeByID(ids[index]) if 0 <= index < len(ids) else None

    def addNode(self, node_class: str | None = None) -> Any:
        """Make a node of the (first) type; like Slicer's, does not count as the user's action."""
        node_class = node_class or self.nodeTypes[0]
        name = self._scene.GenerateUniqueName(self.baseName or _type_label(node_class))
        node = self._scene.AddNewNodeByClass(node_class, name)
        if self.selectNodeUponCreation:
            self.setCurrentNode(node)
        self.nodeAddedByUser.emit(node)
        return node

    def removeCurrentNode(self) -> None:
        if self.currentNode() is not None:
            self._scene.RemoveNode(self.currentNode())

    def _update(self) -> None:
        """Fill the box from the scene, keeping the current node if it is still there."""
        before, self._names = set(self._names), {n.GetID(): n.GetName() for n in self._nodes()}
        self._fill_box()
        keep = self._current in self._names or (self.noneEnabled and not self._current)
        first = "" if self.noneEnabled or not self._names else next(iter(self._names))
        self._select(self._current if keep else first)
        for node_id in set(self._names) - before:
            node = self._scene.GetNodeByID(node_id)
            self._observe(node, vtk.vtkCommand.ModifiedEvent, self._on_node_modified)
            self.nodeAdded.emit(node)

    def _changed(self) -> None:
        self._update()

    currentNodeID = Property(str, lambda self: self._current, setCurrentNodeID)
    nodeTypes = stored("QStringList", "nodeTypes", [], _changed)
    hideChildNodeTypes = stored("QStringList", "hideChildNodeTypes", [], _changed)
    showHidden = stored(bool, "showHidden", False, _changed)
    showChildNodeTypes = stored(bool, "showChildNodeTypes", True, _changed)
    noneEnabled = stored(bool, "noneEnabled", False, _changed)
    noneDisplay = stored(str, "noneDisplay", "None", _changed)
    addEnabled = stored(bool, "addEnabled", True, _changed)
    removeEnabled = stored(bool, "removeEnabled", True, _changed)
    renameEnabled = stored(bool, "renameEnabled", False)
    editEnabled = stored(bool, "editEnabled", False)
    selectNodeUponCreation = stored(bool, "selectNodeUponCreation", True)
    baseName = stored(str, "baseName", "")
    interactionNodeSingletonTag = stored(str, "interactionNodeSingletonTag", "Singleton")

    def _nodes(self) -> list[Any]:
        if self._scene is None:
            return []
        found = {}
        for node_class in self.nodeTypes:
            for node in slicer.util.getNodesByClass(node_class, self._scene):
                if self._shown(node, node_class):
                    found[node.GetID()] = node
        return list(found.values())

    def _shown(self, node: Any, node_class: str) -> bool:
        if node.GetHideFromEditors() and not self.showHidden:
            return False
        if any(node.IsA(hidden) for hidden in self.hideChildNodeTypes):
            return False
        return self.showChildNodeTypes or node.GetClassName() == node_class

    def _fill_box(self) -> None:
        self._filling = True
        self._box.clear()
        if self.noneEnabled:
            self._box.addItem(self.noneDisplay, "")
        for node_id, name in self._names.items():
            self._box.addItem(name, node_id)
        if self.addEnabled:
            for node_class in self.nodeTypes:
                self._box.addItem(f"Create new {_type_label(node_class)}", CREATE + node_class)
        if self.removeEnabled and self._names:
            self._box.addItem("Delete current", DELETE)
        self._show_current()
        self._filling = False

    def _show_current(self) -> None:
        filling, self._filling = self._filling, True
        self._box.setCurrentIndex(self._box.findData(self._current))
        self._filling = filling

    def _select(self, node_id: str) -> None:
        changed, self._current = node_id != self._current, node_id
        self._show_current()
        if changed:
            self.currentNodeChanged.emit(self.currentNode())
            self.currentNodeIDChanged.emit(node_id)

    def _index_changed(self, index: int) -> None:
        data = self._box.itemData(index)
        if not self._filling and data in ("", *self._names):
            self._select(data)

    def _activated(self, index: int) -> None:
        """The user chose an entry, perhaps one that makes or deletes a node."""
        data = self._box.itemData(index)
        if data == DELETE:
            self.removeCurrentNode()
        elif data.startswith(CREATE):
            self.nodeAddedByUserAction.emit(self.addNode(data.removeprefix(CREATE)))
        else:
            self.nodeActivated.emit(self.currentNode())

    def _observe_scene(self, scene: Any) -> None:
        for event in (scene.NodeAddedEvent, scene.NodeRemovedEvent):
            self._observe(scene, event, self._on_node)
        for event in (scene.EndBatchProcessEvent, scene.EndCloseEvent, scene.EndImportEvent):
            self._observe(scene, event, lambda *_: self._update())
        self._observe(scene, scene.NodeAboutToBeRemovedEvent, self._on_node_about_to_be_removed)

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _on_node(self, _: Any, __: str, node: Any) -> None:
        if self._scene.IsBatchProcessing() or not any(node.IsA(t) for t in self.nodeTypes):
            return
        self._update()

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _on_node_about_to_be_removed(self, _: Any, __: str, node: Any) -> None:
        if node.GetID() in self._names:
            self.nodeAboutToBeRemoved.emit(node)

    def _on_node_modified(self, node: Any, _: str) -> None:
        if self._names.get(node.GetID(), node.GetName()) != node.GetName():
            self._update()


def _type_label(node_class: str) -> str:
    return node_class.removeprefix("vtkMRML").removesuffix("Node")
