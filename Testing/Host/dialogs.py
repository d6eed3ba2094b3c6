"""Modal dialogs never wait in the host: they are recorded, and answered as the test says.

Without an answer from the test a dialog behaves as if it had been dismissed: ``exec_()`` gives
Rejected (a message box: its escape answer, Ok where it has only that), file and input dialogs give
nothing. Different from Qt: the dialog is never shown, so it takes no part in screenshots.
"""

from __future__ import annotations

from typing import Any

from PySide6 import QtWidgets

from .records import Dialog, records

QMessageBox = QtWidgets.QMessageBox
MESSAGE_DEFAULTS = {
    "information": QMessageBox.StandardButton.Ok,
    "warning": QMessageBox.StandardButton.Ok,
    "critical": QMessageBox.StandardButton.Ok,
    "about": None,
    "question": QMessageBox.StandardButton.No,
}
FILE_FUNCTIONS = {
    "getOpenFileName": "",
    "getOpenFileNames": [],
    "getSaveFileName": "",
    "getExistingDirectory": "",
}
INPUT_FUNCTIONS = {"getText": "", "getItem": "", "getInt": 0, "getDouble": 0.0}
_PREFERRED = ("No", "Cancel", "Close", "Abort", "Ok")  # what dismissing a message box means


def install() -> None:
    """Take over every way in which Qt opens a modal dialog."""
    for cls in (QtWidgets.QDialog, QMessageBox, QtWidgets.QFileDialog, QtWidgets.QInputDialog):
        cls.exec = cls.exec_ = _exec
    QtWidgets.QMenu.exec = QtWidgets.QMenu.exec_ = _exec
    for cls, functions in (
        (QMessageBox, MESSAGE_DEFAULTS),
        (QtWidgets.QFileDialog, FILE_FUNCTIONS),
        (QtWidgets.QInputDialog, INPUT_FUNCTIONS),
    ):
        for name, default in functions.items():
            setattr(cls, name, staticmethod(_static(f"{cls.__name__}.{name}", default)))


def _exec(self: Any, *_: Any) -> Any:
    text = getattr(self, "text", None) or getattr(self, "labelText", None) or _labels(self)
    dialog = Dialog(self.className(), self.property("windowTitle") or "", text or "")
    return records.dialog_opened(dialog, _default(self), self)


def _default(dialog: Any) -> Any:
    if isinstance(dialog, QMessageBox):
        buttons = dialog.property("standardButtons")
        for name in _PREFERRED:
            button = getattr(QMessageBox.StandardButton, name)
            if buttons & button:
                return button
    return QtWidgets.QDialog.DialogCode.Rejected if isinstance(dialog, QtWidgets.QDialog) else None


def _labels(dialog: Any) -> str:
    return " ".join(label.property("text") for label in dialog.findChildren(QtWidgets.QLabel))


def _static(name: str, default: Any) -> Any:
    def opened(*args: Any, **_: Any) -> Any:
        title, text = ([a for a in args if isinstance(a, str)] + ["", ""])[:2]
        return records.dialog_opened(Dialog(name, title, text), default)

    return opened
