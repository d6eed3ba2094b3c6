"""Which keys the sparse panel has."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from ImperfectSegLib.Shortcuts import Shortcut
from ImperfectSegLib.SparseGridPart import SparseGridPart
from ImperfectSegLib.SparseSegments import SparseSegments
from ImperfectSegLib.SparseSession import SparseSession
from ImperfectSegLib.SparseSlicesPart import SparseSlicesPart
from ImperfectSegLib.SparseTools import AXIS, BOX, OUTLINE, SCRIBBLE
from ImperfectSegLib.SparseToolsPart import SparseToolsPart


def sparseKeys(
    ui: Any,
    tools: SparseToolsPart,
    segments: SparseSegments,
    grid: SparseGridPart,
    slices: SparseSlicesPart,
    session: SparseSession,
    complete: Callable[[], None],
) -> list[Shortcut]:
    """Gives the keys.

    Args:
        ui: The widgets, for the tool tips of buttons that have a key.
        tools: The tools.
        segments: The segments.
        grid: The grid, to which digits go while the user works on it.
        slices: The slices.
        session: What is undone and redone.
        complete: Completes a mask.
    """

    def digit(label: int) -> None:
        if grid.isOpen and grid.grid is not None:
            grid.give(label)
        else:
            segments.choose(label)

    return [
        Shortcut("S", "scribble", partial(tools.toggle, SCRIBBLE), ui.scribbleButton),
        Shortcut("O", "outline on a slice", partial(tools.toggle, OUTLINE), ui.outlineButton),
        Shortcut("D", "diameter", partial(tools.toggle, AXIS), ui.axisButton),
        Shortcut("X", "box", partial(tools.toggle, BOX), ui.boxButton),
        Shortcut("A", "this slice is annotated, or not", slices.toggle, ui.annotatedButton),
        Shortcut("N", "next wanted slice", slices.next),
        Shortcut("0", "background", partial(digit, 0)),
        *(Shortcut(str(n), f"segment {n}", partial(digit, n)) for n in range(1, 10)),
        Shortcut("Backspace", "point before", grid.back, ui.backButton),
        Shortcut("K", "next point", grid.skip, ui.skipButton),
        Shortcut("Z", "undo", session.undo, ui.undoButton),
        Shortcut("Y", "redo", session.redo, ui.redoButton),
        Shortcut("Q", "previous segment", partial(segments.step, -1)),
        Shortcut("W", "next segment", partial(segments.step, 1)),
        Shortcut("U", "complete now", complete, ui.completeButton),
    ]
