"""What the look-alike of Segment Editor looks like; what it does is in ``editor_widget.py``."""

from __future__ import annotations

from typing import Any

import slicer
from PySide6 import QtCore, QtWidgets

from .mrml_widget import qMRMLWidget
from .mrml_widgets import qMRMLSegmentsTableView

Node = slicer.vtkMRMLSegmentationNode
MASK_MODES = {
    "Everywhere": Node.EditAllowedEverywhere,
    "Inside all segments": Node.EditAllowedInsideAllSegments,
    "Inside all visible segments": Node.EditAllowedInsideVisibleSegments,
    "Outside all segments": Node.EditAllowedOutsideAllSegments,
    "Outside all visible segments": Node.EditAllowedOutsideVisibleSegments,
}
OVERWRITE_MODES = {
    "All segments": slicer.vtkMRMLSegmentEditorNode.OverwriteAllSegments,
    "Visible segments": slicer.vtkMRMLSegmentEditorNode.OverwriteVisibleSegments,
    "Allow overlap": slicer.vtkMRMLSegmentEditorNode.OverwriteNone,
}


class EditorLook(qMRMLWidget):
    """Boxes and buttons; subclasses have `_logic`, `_node` and what the buttons do."""

    _logic: Any
    _node: Any

    def _build(self) -> None:
        layout = QtWidgets.QVBoxLayout(self)
        layout.addLayout(self._segments_part())
        row = QtWidgets.QHBoxLayout()
        self._effects_box = QtWidgets.QGroupBox("Effects")
        self._effect_row = QtWidgets.QHBoxLayout(self._effects_box)
        self._buttons = QtWidgets.QButtonGroup(self)
        self._add_button("NULL", "None", None)
        self._buttons.buttonClicked.connect(
            lambda button: self.setActiveEffectByName(button.objectName)
        )
        row.addWidget(self._effects_box, 1)
        row.addWidget(self._undo_part())
        layout.addLayout(row)
        self._options_box = QtWidgets.QGroupBox()
        inner = QtWidgets.QVBoxLayout(self._options_box)
        self._help = QtWidgets.QLabel()
        self._help.setWordWrap(True)
        inner.addWidget(self._help)
        self._options = QtWidgets.QFrame()
        QtWidgets.QVBoxLayout(self._options).setContentsMargins(0, 0, 0, 0)
        inner.addWidget(self._options)
        layout.addWidget(self._options_box)
        layout.addWidget(self._masking_part())
        for box in (self._options_box, self._masking_box):
            box.hide()

    def _segments_part(self) -> QtWidgets.QVBoxLayout:
        layout = QtWidgets.QVBoxLayout()
        add = QtWidgets.QPushButton("Add segment")
        add.clicked.connect(lambda: self._logic.AddEmptySegment("", 0))
        remove = QtWidgets.QPushButton("Remove segment")
        remove.clicked.connect(lambda: self._logic.RemoveSelectedSegment())
        row = QtWidgets.QHBoxLayout()
        row.addWidget(add)
        row.addWidget(remove)
        self._table = qMRMLSegmentsTableView()
        self._table.setSelectionMode(QtWidgets.QAbstractItemView.SelectionMode.SingleSelection)
        self._table.selectionChanged.connect(self._on_segment_selected)
        layout.addLayout(row)
        layout.addWidget(self._table)
        return layout

    def _undo_part(self) -> QtWidgets.QGroupBox:
        box = QtWidgets.QGroupBox("Undo/Redo")
        self._undo, self._redo = QtWidgets.QToolButton(), QtWidgets.QToolButton()
        row = QtWidgets.QHBoxLayout(box)
        for button, text, function in (
            (self._undo, "Undo", self.undo),
            (self._redo, "Redo", self.redo),
        ):
            button.setText(text)
            button.clicked.connect(function)
            row.addWidget(button)
        return box

    def _masking_part(self) -> QtWidgets.QGroupBox:
        self._masking_box = QtWidgets.QGroupBox("Masking")
        form = QtWidgets.QFormLayout(self._masking_box)
        self._mask_mode, self._overwrite_mode = QtWidgets.QComboBox(), QtWidgets.QComboBox()
        self._mask_mode.addItems(list(MASK_MODES))
        self._overwrite_mode.addItems(list(OVERWRITE_MODES))
        self._mask_mode.activated.connect(
            lambda index: self._node.SetMaskMode(list(MASK_MODES.values())[index])
        )
        self._overwrite_mode.activated.connect(
            lambda index: self._node.SetOverwriteMode(list(OVERWRITE_MODES.values())[index])
        )
        form.addRow("Editable area:", self._mask_mode)
        form.addRow("Modify other segments:", self._overwrite_mode)
        return self._masking_box

    def _add_button(self, name: str, text: str, icon: Any) -> None:
        button = QtWidgets.QToolButton()
        button.setObjectName(name)
        button.setCheckable(True)
        button.setText(text)
        button.setToolTip(text)
        if icon is not None:
            button.setIcon(icon)
            button.setIconSize(QtCore.QSize(32, 32))
        self._buttons.addButton(button)
        self._effect_row.addWidget(button)
