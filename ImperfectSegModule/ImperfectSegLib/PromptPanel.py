"""What panels with prompts share: they are told when markups change and tools are laid down."""

from __future__ import annotations

from typing import Any

import slicer
import slicer.util
from slicer.util import VTKObservationMixin

from ImperfectSegLib.PanelWidget import Panel


class PromptPanel(Panel):
    """A panel whose user places prompts, which are markups.

    Attributes:
        tools: The part with the tools in hand, `tools.tools`.
        segments: The part that shows segments.
    """

    tools: Any
    segments: Any

    def __init__(self) -> None:
        """Observes nothing before `watchPrompts`."""
        self._observers = VTKObservationMixin()

    def watchPrompts(self) -> None:
        """Observes prompts and tools from now on; to be called once all parts are there."""
        for node in slicer.util.getNodesByClass("vtkMRMLMarkupsNode"):
            self.nodeAdded(node)
        interaction = slicer.app.applicationLogic().GetInteractionNode()
        changed = interaction.InteractionModeChangedEvent
        self._observers.addObserver(interaction, changed, self._onInteractionMode)

    def say(self, text: str, isError: bool = False) -> None:
        """Shows a message."""
        raise NotImplementedError

    def promptsChanged(self) -> None:
        """Called when prompts may have changed."""
        raise NotImplementedError

    def markupsRemoved(self, node: Any) -> None:
        """Called when a markups node was removed."""
        self.promptsChanged()

    def nodeAdded(self, node: Any) -> None:
        """See `Panel`."""
        if not node.IsA("vtkMRMLMarkupsNode") or node.GetHideFromEditors():
            return  # Hidden ones are drawn by a panel, and no prompts.
        defined, removed = node.PointPositionDefinedEvent, node.PointRemovedEvent
        for event in (defined, removed, node.PointEndInteractionEvent):
            if not self._observers.hasObserver(node, event, self._onPrompts):
                self._observers.addObserver(node, event, self._onPrompts)

    def nodeRemoved(self, node: Any) -> None:
        """See `Panel`."""
        if node.IsA("vtkMRMLMarkupsNode"):
            self.markupsRemoved(node)

    def startClose(self) -> None:
        """See `Panel`."""
        self.tools.drop()

    def forgetScene(self) -> None:
        """See `Panel`."""
        self.segments.show(None)

    def endClose(self) -> None:
        """See `Panel`."""
        self.say("")

    def close(self) -> None:
        """See `Panel`."""
        self._observers.removeObservers()

    def _onPrompts(self, caller: Any, event: Any) -> None:
        self.promptsChanged()

    def _onInteractionMode(self, caller: Any, event: Any) -> None:
        self.tools.tools.onInteractionMode(caller)
