"""Keys that work while the module is open. None of them is one of 3D Slicer's own keys there.

Undo, redo, and going through the segments have the keys that they have in Segment Editor, whose
own are off while another module is open.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import qt
import slicer.util


@dataclass(frozen=True)
class Shortcut:
    """A key, what it does in words, and what it does.

    Attributes:
        key: As Qt writes it.
        text: For people.
        run: Called when it is pressed.
        button: The button that does the same, for its tool tip; None if there is none.
    """

    key: str
    text: str
    run: Callable[[], None]
    button: Any = None


class Shortcuts:
    """Turns keys on and off; they are off until `turnOn`."""

    def __init__(self, shortcuts: Sequence[Shortcut]) -> None:
        """Takes the keys, and writes them into the tool tips of their buttons."""
        self._known = tuple(shortcuts)
        self._made: list[Any] = []
        for known in self._known:
            if known.button is not None:
                known.button.toolTip = f"{known.button.toolTip} ({known.key})"

    @property
    def isOn(self) -> bool:
        """Whether the keys work."""
        return bool(self._made)

    def turnOn(self) -> None:
        """Lets the keys work in the main window."""
        self.turnOff()
        window = slicer.util.mainWindow()
        if window is None:
            return
        for known in self._known:
            shortcut = qt.QShortcut(window)
            shortcut.setKey(qt.QKeySequence(known.key))
            shortcut.connect("activated()", known.run)
            self._made.append(shortcut)

    def turnOff(self) -> None:
        """Gives the keys back."""
        for shortcut in self._made:
            shortcut.disconnect("activated()")
            shortcut.enabled = False
            shortcut.setParent(None)
        self._made = []

    def help(self) -> str:
        """Lists all keys, as HTML."""
        rows = (f"<tr><td><b>{k.key}</b>&nbsp;</td><td>{k.text}</td></tr>" for k in self._known)
        return f"<table>{''.join(rows)}</table>"
