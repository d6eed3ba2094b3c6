"""Which keys the interactive panel has."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from ImperfectSegLib.InteractiveSession import InteractiveSession
from ImperfectSegLib.PromptTools import BOX, POINT, SCRIBBLE
from ImperfectSegLib.SegmentsPart import SegmentsPart
from ImperfectSegLib.Shortcuts import Shortcut
from ImperfectSegLib.ToolsPart import ToolsPart

THRESHOLD_STEP = 0.05


def keysOf(
    ui: Any,
    tools: ToolsPart,
    segments: SegmentsPart,
    session: InteractiveSession,
    apply: Callable[[], None],
) -> list[Shortcut]:
    """Gives the keys.

    Args:
        ui: The widgets, for the tool tips of buttons that have a key.
        tools: The tools.
        segments: The segments.
        session: What is undone and redone.
        apply: Segments with all prompts.
    """
    return [
        Shortcut(
            "P", "positive points", partial(tools.toggle, POINT, True), ui.positivePointButton
        ),
        Shortcut(
            "Shift+P",
            "negative points",
            partial(tools.toggle, POINT, False),
            ui.negativePointButton,
        ),
        Shortcut(
            "S",
            "positive scribbles",
            partial(tools.toggle, SCRIBBLE, True),
            ui.positiveScribbleButton,
        ),
        Shortcut(
            "Shift+S",
            "negative scribbles",
            partial(tools.toggle, SCRIBBLE, False),
            ui.negativeScribbleButton,
        ),
        Shortcut("X", "box", partial(tools.toggle, BOX, True), ui.boxButton),
        Shortcut("Z", "undo", session.undo, ui.undoButton),
        Shortcut("Y", "redo", session.redo, ui.redoButton),
        Shortcut("U", "update now", apply, ui.applyButton),
        Shortcut("Q", "previous segment", partial(segments.step, -1)),
        Shortcut("W", "next segment", partial(segments.step, 1)),
        Shortcut(
            ",",
            "lower threshold: larger segment",
            partial(segments.shiftThreshold, -THRESHOLD_STEP),
        ),
        Shortcut(
            ".",
            "higher threshold: smaller segment",
            partial(segments.shiftThreshold, THRESHOLD_STEP),
        ),
    ]
