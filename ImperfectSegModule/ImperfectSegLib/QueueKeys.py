"""Which keys the queue panel has."""

from __future__ import annotations

from typing import Any

from ImperfectSegLib.QueueItemPart import QueueItemPart
from ImperfectSegLib.QueueSession import QueueSession
from ImperfectSegLib.Shortcuts import Shortcut


def queueKeys(ui: Any, item: QueueItemPart, session: QueueSession) -> list[Shortcut]:
    """Gives the keys; each does what its button does, and nothing while that is off."""

    def pressed(button: Any) -> Any:
        return lambda: button.click()

    return [
        Shortcut("N", "next item", pressed(ui.nextButton), ui.nextButton),
        Shortcut("D", "done: save it as a new version", pressed(ui.doneButton), ui.doneButton),
        Shortcut("S", "skip it, with the reason written", pressed(ui.skipButton), ui.skipButton),
        Shortcut("F", "flag it: something is wrong", pressed(ui.flagButton), ui.flagButton),
        Shortcut("B", "back to the item done before", pressed(ui.backButton), ui.backButton),
        Shortcut("P", "put it back for others", pressed(ui.putBackButton), ui.putBackButton),
        Shortcut("E", "to Segment Editor", pressed(ui.editorButton), ui.editorButton),
        Shortcut("I", "to ImperfectSeg Interactive", pressed(ui.interactiveButton),
                 ui.interactiveButton),
    ]  # fmt: skip
