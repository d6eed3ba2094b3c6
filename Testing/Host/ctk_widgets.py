"""Look-alikes of the ctk widgets that the project uses.

Names of properties, slots and signals are those of commontk/CTK, Libs/Widgets/*.h. Appearance and
layout only come near the originals. CTK's plain setters (``setText`` of a button apart) that are
neither slots nor Q_INVOKABLE do not exist for PythonQt, so they do not exist here either, except
those that PythonQt's generated ctk wrappers offer (``setRange``, ``setMinimum`` ...).
"""

from __future__ import annotations

from typing import Any, ClassVar

from PySide6 import QtCore, QtGui, QtWidgets
from PySide6.QtCore import Property, Qt, Signal

from .look_alike import Signals, stored

HEADER_HEIGHT = 22
NO_LIMIT = 16777215


class ctkCollapsibleButton(QtWidgets.QAbstractButton):
    """A titled box that folds; ``text``, ``checked``, ``clicked`` are QAbstractButton's."""

    _class_name = "ctkCollapsibleButton"
    _signals: ClassVar[Signals] = {"contentsCollapsed(bool)": None}
    contentsCollapsed = Signal(bool)

    def __init__(self, *args: Any) -> None:
        text = args[0] if args and isinstance(args[0], str) else ""
        parent = next((a for a in args if isinstance(a, QtWidgets.QWidget)), None)
        super().__init__(parent)
        self.setText(text)
        self.setCheckable(True)
        self.setChecked(True)
        self.setContentsMargins(0, HEADER_HEIGHT, 0, 0)
        self.toggled.connect(self._fold)

    def setCollapsed(self, collapsed: bool) -> None:
        self.setChecked(not collapsed)

    collapsed = Property(bool, lambda self: not self.isChecked(), setCollapsed)
    collapsedHeight = stored(int, "collapsedHeight", 10)
    contentsFrameShape = stored(int, "contentsFrameShape", 0)
    contentsFrameShadow = stored(int, "contentsFrameShadow", 0)
    contentsLineWidth = stored(int, "contentsLineWidth", 1)
    contentsMidLineWidth = stored(int, "contentsMidLineWidth", 0)
    buttonTextAlignment = stored(int, "buttonTextAlignment", 0)
    indicatorAlignment = stored(int, "indicatorAlignment", 0)

    def _fold(self, opened: bool) -> None:
        for child in self.findChildren(
            QtWidgets.QWidget, options=Qt.FindChildOption.FindDirectChildrenOnly
        ):
            child.setVisible(opened)
        self.setMaximumHeight(NO_LIMIT if opened else HEADER_HEIGHT)
        self.contentsCollapsed.emit(not opened)

    def hitButton(self, position: QtCore.QPoint) -> bool:
        return position.y() < HEADER_HEIGHT

    def sizeHint(self) -> QtCore.QSize:
        layout = self.layout()
        inner = layout.sizeHint() if layout and self.isChecked() else QtCore.QSize(0, 0)
        return QtCore.QSize(max(inner.width(), 120), inner.height() + HEADER_HEIGHT)

    def minimumSizeHint(self) -> QtCore.QSize:
        layout = self.layout()
        inner = layout.minimumSize() if layout and self.isChecked() else QtCore.QSize(0, 0)
        return QtCore.QSize(max(inner.width(), 60), inner.height() + HEADER_HEIGHT)

    def paintEvent(self, _: QtGui.QPaintEvent) -> None:
        painter = QtWidgets.QStylePainter(self)
        head = QtWidgets.QStyleOptionButton()
        head.initFrom(self)
        head.rect = QtCore.QRect(0, 0, self.width, HEADER_HEIGHT)
        painter.drawControl(QtWidgets.QStyle.ControlElement.CE_PushButtonBevel, head)
        text = f"{'▾' if self.isChecked() else '▸'}  {self.text}"
        painter.drawText(head.rect.adjusted(8, 0, -8, 0), Qt.AlignmentFlag.AlignVCenter, text)


class ctkSliderWidget(QtWidgets.QWidget):
    """A slider and a spin box that show the same number."""

    _class_name = "ctkSliderWidget"
    _signals: ClassVar[Signals] = {"valueChanged(double)": None, "valueIsChanging(double)": None}
    valueChanged = Signal(float)
    valueIsChanging = Signal(float)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._slider = QtWidgets.QSlider(Qt.Orientation.Horizontal)
        self._spin_box = QtWidgets.QDoubleSpinBox()
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._slider, 1)
        layout.addWidget(self._spin_box)
        self._low, self._high, self._step, self._number = 0.0, 99.0, 1.0, 0.0
        self._syncing = False
        self._sync()
        self._slider.valueChanged.connect(self._slider_moved)
        self._spin_box.valueChanged.connect(self._number_entered)

    def children(self) -> list[QtCore.QObject]:
        """Hide the inner widgets from ``slicer.util.findChildren``."""
        return []

    def setValue(self, value: float) -> None:
        value = min(max(float(value), self._low), self._high)
        if value != self._number:
            self._number = value
            self._sync()
            self.valueChanged.emit(value)

    def setMinimum(self, value: float) -> None:
        self.setRange(value, max(value, self._high))

    def setMaximum(self, value: float) -> None:
        self.setRange(min(value, self._low), value)

    def setRange(self, low: float, high: float) -> None:
        self._low, self._high = float(low), float(high)
        self._sync()
        self.setValue(self._number)

    def setSingleStep(self, step: float) -> None:
        self._step = float(step)
        self._sync()

    def setDecimals(self, decimals: int) -> None:
        self._spin_box.setDecimals(decimals)

    def setSuffix(self, suffix: str) -> None:
        self._spin_box.setSuffix(suffix)

    def setPrefix(self, prefix: str) -> None:
        self._spin_box.setPrefix(prefix)

    def setSpinBoxVisible(self, visible: bool) -> None:
        self._spin_box.setVisible(visible)

    def reset(self) -> None:
        self.setValue(0)

    value = Property(float, lambda self: self._number, setValue)
    minimum = Property(float, lambda self: self._low, setMinimum)
    maximum = Property(float, lambda self: self._high, setMaximum)
    singleStep = Property(float, lambda self: self._step, setSingleStep)
    decimals = Property(int, lambda self: self._spin_box.property("decimals"), setDecimals)
    suffix = Property(str, lambda self: self._spin_box.property("suffix"), setSuffix)
    prefix = Property(str, lambda self: self._spin_box.property("prefix"), setPrefix)
    spinBoxVisible = Property(bool, lambda self: not self._spin_box.isHidden(), setSpinBoxVisible)
    pageStep = stored(float, "pageStep", 10.0)
    tickInterval = stored(float, "tickInterval", 0.0)
    tickPosition = stored(int, "tickPosition", 0)
    tracking = stored(bool, "tracking", True)
    popupSlider = stored(bool, "popupSlider", False)
    autoSpinBoxWidth = stored(bool, "autoSpinBoxWidth", True)
    spinBoxAlignment = stored(int, "spinBoxAlignment", 0)

    def _sync(self) -> None:
        self._syncing = True
        self._slider.setRange(0, max(round((self._high - self._low) / self._step), 1))
        self._slider.setValue(round((self._number - self._low) / self._step))
        self._spin_box.setRange(self._low, self._high)
        self._spin_box.setSingleStep(self._step)
        self._spin_box.setValue(self._number)
        self._syncing = False

    def _slider_moved(self, steps: int) -> None:
        if not self._syncing:
            self.valueIsChanging.emit(self._low + steps * self._step)
            self.setValue(self._low + steps * self._step)

    def _number_entered(self, value: float) -> None:
        if not self._syncing:
            self.setValue(value)


class ctkPathLineEdit(QtWidgets.QWidget):
    """A line with a path; browsing is left out."""

    _class_name = "ctkPathLineEdit"
    _signals: ClassVar[Signals] = {
        "currentPathChanged(QString)": None,
        "validInputChanged(bool)": None,
    }
    currentPathChanged = Signal(str)
    validInputChanged = Signal(bool)
    Dirs, Files, Drives, Readable, Writable, Executable = 1, 2, 4, 0x10, 0x20, 0x40

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._line = QtWidgets.QLineEdit()
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._line)
        self._line.textChanged.connect(self.currentPathChanged)

    def children(self) -> list[QtCore.QObject]:
        return []

    def setCurrentPath(self, path: str) -> None:
        self._line.setText(str(path))

    def addCurrentPathToHistory(self) -> None:
        """Keep no history, but go through another path, as CTK's does with a path that is known."""
        path = self.currentPath
        self._line.setText("")
        self._line.setText(path)

    currentPath = Property(str, lambda self: self._line.property("text"), setCurrentPath)
    label = stored(str, "label", "")
    filters = stored(int, "filters", 7)
    options = stored(int, "options", 0)
    nameFilters = stored("QStringList", "nameFilters", [])
    settingKey = stored(str, "settingKey", "")
    showBrowseButton = stored(bool, "showBrowseButton", True)
    showHistoryButton = stored(bool, "showHistoryButton", True)


class ctkDoubleSpinBox(QtWidgets.QDoubleSpinBox):
    """CTK's is a QWidget around a spin box, with the same names for what we use."""

    _class_name = "ctkDoubleSpinBox"


class ctkComboBox(QtWidgets.QComboBox):
    _class_name = "ctkComboBox"
    defaultText = stored(str, "defaultText", "")


class ctkCheckBox(QtWidgets.QCheckBox):
    _class_name = "ctkCheckBox"


class ctkMenuButton(QtWidgets.QPushButton):
    _class_name = "ctkMenuButton"


class ctkMessageBox(QtWidgets.QMessageBox):
    _class_name = "ctkMessageBox"
    dontShowAgainSettingsKey = stored(str, "dontShowAgainSettingsKey", "")
    dontShowAgain = stored(bool, "dontShowAgain", False)
    dontShowAgainVisible = stored(bool, "dontShowAgainVisible", False)


CLASSES: dict[str, type] = {n: c for n, c in list(globals().items()) if n.startswith("ctk")}
