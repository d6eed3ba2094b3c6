"""What the user has chosen in the scene: prompts, region and thresholds of one segmentation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ImperfectSegLib.ActionHistory import Snapshot
from ImperfectSegLib.PromptStore import Entry, PromptStore
from ImperfectSegLib.RegionHandle import RegionHandle
from ImperfectSegLib.SegmentTags import setThreshold, thresholdOf


class SessionState:
    """Takes it down, and makes it again what it was.

    Attributes:
        node: The segmentation; None if there is none.
        region: Limits where engines look and write.
        now: What was taken down last.
        entries: The prompts of that moment.
        viewAxis: Tells the axis of the view that was clicked last, None if that is not known.
        isRestoring: Whether changes in the scene are made here and not by the user.
    """

    def __init__(self) -> None:
        self.node: Any = None
        self.region = RegionHandle()
        self.now = Snapshot()
        self.entries: list[Entry] = []
        self.viewAxis: Callable[[], int | None] = lambda: None
        self.isRestoring = False

    def look(self) -> None:
        """Takes down what the user has chosen."""
        node = self.node
        if node is None:
            self.now, self.entries = Snapshot(), []
            return
        store = PromptStore(node)
        prompts = store.state(self.viewAxis())
        chosen = [(s, thresholdOf(node, s)) for s in node.GetSegmentation().GetSegmentIDs()]
        thresholds = tuple(pair for pair in chosen if pair[1] != 0.5)
        self.now = Snapshot(prompts, self.region.state(), thresholds)
        self.entries = store.entries()

    def restore(self, snapshot: Snapshot) -> None:
        """Makes the scene what it was when the snapshot was taken."""
        self.isRestoring = True
        try:
            PromptStore(self.node).restore(snapshot.prompts)
            self.region.restore(snapshot.region)
            wanted = dict(snapshot.thresholds)
            for segmentId in self.node.GetSegmentation().GetSegmentIDs():
                setThreshold(self.node, segmentId, wanted.get(segmentId, 0.5))
            self.look()
        finally:
            self.isRestoring = False
