"""What somebody does about readers who disagree: shows their masks, and resolves them."""

from __future__ import annotations

from collections.abc import Callable

from ImperfectSegLib.QueueReaders import OpenedReadings
from ImperfectSegLib.QueueReadersWork import ReadersWork
from ImperfectSegLib.QueueTaking import TakenItem, takeItem
from ImperfectSegLib.SceneDataset import BACKGROUND
from ImperfectSegLib.SceneNodes import isInScene
from ImperfectSegLogic.active.disagreement import CONSENSUS, STAPLE, Disagreement
from ImperfectSegLogic.active.queue_items import Item
from ImperfectSegLogic.active.unit import Unit


class ReadersSession(ReadersWork):
    """Shows and resolves, by STAPLE, as a reader says, or by hand."""

    def show(self, row: Disagreement) -> None:
        """Shows the masks of an item's readers over its image, where they disagree."""
        self._open(row, STAPLE, self._onShown)

    def resolve(self, row: Disagreement, by: str) -> None:
        """Makes one annotation of an item of its readers', by STAPLE or as one of them says."""
        desk, compared = self._desk, self.compared
        if desk is None or compared is None or self.isBusy:
            return
        item = compared.item(row.unit)

        def onDone(made: tuple[int, int]) -> None:
            version, unlabeled = made
            how = "STAPLE" if by == STAPLE else by
            left = f" {unlabeled} voxels are undecided and unlabeled." if unlabeled else ""
            name = row.unit.name()
            self._view.say(f"{name} is resolved by {how}: version {version} of {CONSENSUS}.{left}")
            self.compare(self._queue.items)

        told = f"Resolving {row.unit.name()}..."
        self._do(self._writing, told, lambda: desk.readers.resolve(item, by), onDone)

    def edit(self, row: Disagreement, by: str) -> None:
        """Opens an annotation to be drawn by hand, from STAPLE, a reader's or the consensus."""
        if self.autosave.isElsewhere(row.unit):
            name = row.unit.name()
            told = f"{name}: is drawn by hand in another 3D Slicer on this computer. Go on there."
            self._view.say(told, isError=True)
            return
        self._open(row, by, self._onEdited)

    def save(self) -> None:
        """Saves what is drawn by hand as a new version of the consensus; older ones stay."""
        desk, opened, unit = self._desk, self.opened, self.unit
        if desk is None or opened is None or unit is None or self.isBusy:
            return
        try:
            taken = self._taken(unit)
        except (ValueError, OSError) as error:
            self._view.say(str(error), isError=True)
            return
        if not taken.isWanted(self._view):
            return
        self._do(
            self._writing,
            "Saving...",
            lambda: desk.readers.save(unit, taken.annotation),
            lambda version: self._onSaved(opened, taken, version),
        )

    def discard(self) -> None:
        """Gives up what was drawn by hand, if that is confirmed."""
        unit = self.unit
        if unit is None or self.isBusy:
            return
        if self._changes and not self._view.ask(f"{unit.name()}: give up what you drew?"):
            return
        self._changes = 0
        self.leave()
        self._view.say(f"{unit.name()}: what was drawn by hand is given up.")

    def _open(self, row: Disagreement, by: str, onOpened: Callable[[OpenedReadings], None]) -> None:
        desk, compared = self._desk, self.compared
        if desk is None or compared is None or not self._canOpen(compared.item(row.unit)):
            return
        item = compared.item(row.unit)
        told = f"Reading what {', '.join(row.readers)} said of {row.unit.name()}..."
        self._do(self._reading, told, lambda: desk.readers.open(row, item, by), onOpened)

    def _canOpen(self, item: Item) -> bool:
        """Tells whether what is open may be left for another item, and this one be looked at."""
        if self.isBusy or not self._queue.canLeave() or not self.canLeave():
            return False
        if item.state == "done" or item.standing.aside:
            return True
        return self._view.ask(
            f"{item.unit.name()}: fewer than {item.wanted} have read it until now. Who sees the"
            " others' masks cannot read it independently any more. Show them?"
        )

    def _enter(self, opened: OpenedReadings) -> str:
        """Leaves what is open for another item, and gives what is to be said of that."""
        before = self._queue.unit
        self._queue.leave()
        self.leave()
        self.opened = opened
        self.nodes.volumeNode = self._queue.nodes.volumeNode
        self._queue.look()
        if before is None:
            return ""
        return f" {before.name()} was left as it is; a double click in the list goes on with it."

    def _onShown(self, opened: OpenedReadings) -> None:
        left = self._enter(opened)
        assert self._desk is not None
        self.nodes.compare(self._desk.dataset, opened)
        self._queue.nodes.volumeNode = self.nodes.volumeNode
        self._view.say(f"{opened.item.unit.name()}: {len(opened.readers)} readers.{left}")

    def _taken(self, unit: Unit) -> TakenItem:
        assert self._desk is not None
        if not isInScene(self.segmentationNode) or not isInScene(self.volumeNode):
            raise ValueError(
                f"{unit.name()}: image or segmentation were removed from the scene. Press Leave,"
                " then By hand: what you drew before comes back."
            )
        inside = self.segmentationNode.GetSegmentation()
        # Where STAPLE or a reader leaves voxels open, the start has this segment; to call them
        # background by themselves would decide what nobody has decided.
        isSparse = bool(inside.GetSegmentIdBySegmentName(BACKGROUND))
        dataset, nodes = self._desk.dataset, (self.volumeNode, self.segmentationNode)
        return takeItem(dataset, unit, *nodes, isSparse, button="Save")

    def _onEdited(self, opened: OpenedReadings) -> None:
        left = self._enter(opened)
        assert self._desk is not None
        dataset, unit = self._desk.dataset, opened.item.unit
        self.nodes.ensureVolume(dataset, unit.case, opened.volume)
        path = self.autosave.left(unit)
        restored, kept, told = self.autosave.restored(path) if path else (None, None, "")
        if kept is not None:
            told = f"What you had drawn by {kept.saved} is back. Discard it to start anew."
        self.nodes.edit(dataset, opened, restored)
        self._queue.nodes.volumeNode = self.nodes.volumeNode
        self.isEditing = True
        self._changes = int(restored is not None)
        self._watch.watch(self.segmentationNode)
        self._view.say((told or f"{unit.name()} by hand, from {opened.source}.") + left)
        if path is not None and restored is not None:
            self.autosave.takeOver(path)
        else:
            self.autosave.begin()
        self._lookKept()

    def _onSaved(self, opened: OpenedReadings, taken: TakenItem, version: int) -> None:
        unit = opened.item.unit
        told = f"{unit.name()} is resolved by hand: version {version} of {CONSENSUS}."
        if self.opened is opened:
            self._changes = 0
            self.leave()
        elif self.unit is None:
            self.autosave.drop(unit)
        self._view.say(told + taken.leftOut)
        self.compare(self._queue.items)
