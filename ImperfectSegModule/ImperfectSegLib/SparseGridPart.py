"""The part of the sparse panel that lays a grid of points, to be clicked through by keyboard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLib import Bridge
from ImperfectSegLib.SegmentTags import isLocked
from ImperfectSegLib.SparseGridView import CURRENT, OPEN, SparseGridView
from ImperfectSegLib.SparseLogic import SparseLogic
from ImperfectSegLib.SparseNotes import UNKNOWN, GridNotes
from ImperfectSegLib.SparseSegments import SparseSegments
from ImperfectSegLib.SparseSession import SparseSession
from ImperfectSegLib.SparseStore import labelsOf
from ImperfectSegLib.SparseTaking import laidGrid, layGrid
from ImperfectSegLib.SparseViews import jumpTo

NO_GRID = "No grid yet. Once it is laid, digits label its points."


class SparseGridPart:
    """Goes from point to point: a digit gives the label, the views follow.

    Attributes:
        isOpen: Whether the user works on the grid, and the points are drawn.
        at: The current point.
        positions: Of all points, RAS in mm, shape (N, 3).
    """

    def __init__(
        self,
        ui: Any,
        logic: SparseLogic,
        session: SparseSession,
        segments: SparseSegments,
        say: Callable[[str, bool], None],
    ) -> None:
        """Takes the widgets, who lays grids, the session, the segments, and who speaks."""
        self._ui, self._logic, self._session = ui, logic, session
        self._segments, self._say = segments, say
        self._view = SparseGridView()
        self._laid: tuple[object, ...] = ()
        self._labels = ""
        self.isOpen, self.at = False, 0
        self.positions: NDArray[np.float64] = np.zeros((0, 3))
        ui.layGridButton.connect("clicked(bool)", lambda _checked: self.lay())
        ui.clearGridButton.connect("clicked(bool)", lambda _checked: self.clear())
        ui.backButton.connect("clicked(bool)", lambda _checked: self.back())
        ui.skipButton.connect("clicked(bool)", lambda _checked: self.skip())
        session.listeners.append(self._onSession)

    @property
    def grid(self) -> GridNotes | None:
        """The grid; None if none was laid."""
        return self._session.notes.grid

    def lay(self) -> None:
        """Lays a grid over the image, in place of an earlier one."""
        ui = self._ui
        stride, every = int(ui.strideBox.value), int(ui.gridEveryBox.value)
        axis = int(ui.gridAxisBox.currentIndex)
        try:
            if self._session.segmentationNode is None:
                raise ValueError("no segmentation: add a segment first.")
            geometry = Bridge.geometryFromNode(self._session.volumeNode)
            count = len(layGrid(geometry, stride, axis, every, self._logic.lay))
        except ValueError as error:
            self._say(str(error), True)
            return
        grid = GridNotes(stride, axis, every, geometry.shape, UNKNOWN * count)
        self._session.note(replace(self._session.notes, grid=grid))
        self.at = 0
        self._show()
        self._say(f"{count} points. Press 0 for background, 1 to 9 for a segment.", False)

    def clear(self) -> None:
        """Takes the grid away, as one action."""
        self._session.note(replace(self._session.notes, grid=None))

    def give(self, label: int) -> None:
        """Gives the current point a label (0 is background), and goes on to the next open one."""
        grid, segmentId = self.grid, self._segments.idOf(label)
        if grid is None or not self.isOpen:
            return
        try:
            if not segmentId:
                raise ValueError(f"key {label}: no segment has this number. Add a segment first.")
            if isLocked(self._session.segmentationNode, segmentId):
                name = self._segments.nameOf(segmentId)
                raise ValueError(f"segment {name!r} is locked. Unlock it, or press another key.")
            self._lay(Bridge.geometryFromNode(self._session.volumeNode), grid)
            labeled = grid.labeled(self.at, segmentId)
        except ValueError as error:
            self._say(str(error), True)
            return
        at = self.at
        self._session.note(replace(self._session.notes, grid=labeled))
        self.at = _nextOpen(labeled, at)
        self._show()
        isDone = labeled.done == len(labeled.labels)
        done = "All points have a label." if isDone else ""
        self._say(done or f"Point {at + 1}: {self._segments.nameOf(segmentId)}.", False)

    def back(self) -> None:
        """Goes to the point before, whose label can be given anew."""
        if self.grid is not None:
            self.at = max(self.at - 1, 0)
            self._show()

    def skip(self) -> None:
        """Goes to the next point; the current one stays as it is."""
        if self.grid is not None:
            self.at = min(self.at + 1, len(self.grid.labels) - 1)
            self._show()

    def setOpen(self, isOpen: bool) -> None:
        """Draws the points and goes to the current one, or takes them away."""
        self.isOpen = isOpen
        self._show()

    def hide(self) -> None:
        """Draws nothing, as while a scene is saved."""
        self._view.remove()

    def forgetScene(self) -> None:
        """Lets go of a scene that is being closed."""
        self._view.forget()
        self._laid, self.positions = (), np.zeros((0, 3))

    def update(self) -> None:
        """Brings the widgets up to date."""
        ui, grid = self._ui, self.grid
        for button in (ui.clearGridButton, ui.backButton, ui.skipButton):
            button.enabled = grid is not None
        ui.layGridButton.enabled = self._session.volumeNode is not None
        ui.gridBar.value = round(100 * grid.done / len(grid.labels)) if grid else 0
        if grid is None or self.at >= len(grid.labels):
            ui.gridLabel.text = NO_GRID
            return
        segmentId = grid.segmentAt(self.at)
        known = labelsOf(self._session.segmentationNode)
        said = f", {self._segments.nameOf(segmentId)}" if segmentId in known else ""
        ui.gridLabel.text = (
            f"Point {self.at + 1} of {len(grid.labels)}{said}; {grid.done} have a label."
        )

    def _onSession(self, what: str) -> None:
        if what not in ("restored", "prompts", "back"):
            return
        grid, before = self.grid, self._labels
        self._labels = labels = grid.labels if grid else ""
        if grid is not None and len(labels) != len(before):
            self.at = _nextOpen(grid, -1)
        elif grid is not None and what == "restored" and labels != before:
            self.at = next(n for n, said in enumerate(labels) if said != before[n])
        if what == "back" or grid is None:
            self._show()

    def _show(self) -> None:
        """Draws the points of the current slice, and goes to the current point."""
        self.update()
        grid = self.grid
        if grid is None or not self.isOpen:
            self._view.remove()
            return
        try:
            geometry = Bridge.geometryFromNode(self._session.volumeNode)
            self._lay(geometry, grid)
        except ValueError as error:
            self._view.remove()
            self._say(str(error), True)
            return
        along = geometry.to_index(self.positions)[:, grid.axis]
        near = np.flatnonzero(along == along[self.at])
        looks = np.array(
            [CURRENT if n == self.at else grid.segmentAt(int(n)) or OPEN for n in near]
        )
        inside = self._session.segmentationNode.GetSegmentation()
        colors = {s: tuple(inside.GetSegment(s).GetColor()) for s in inside.GetSegmentIDs()}
        self._view.draw(self.positions[near], looks, colors)
        jumpTo(self.positions[self.at])

    def _lay(self, geometry: Any, grid: GridNotes) -> None:
        key = (geometry.ijk_to_ras.tobytes(), geometry.shape, replace(grid, labels="", segments=()))
        if self._laid != (*key, len(grid.labels)):
            self.positions = laidGrid(geometry, grid, self._logic.lay)
            self._laid = (*key, len(grid.labels))


def _nextOpen(grid: GridNotes, after: int) -> int:
    """Gives the next point without a label, and round at the end; the last one if there is none."""
    found = grid.labels.find(UNKNOWN, after + 1)
    found = grid.labels.find(UNKNOWN) if found < 0 else found
    return len(grid.labels) - 1 if found < 0 else found
