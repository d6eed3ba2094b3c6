"""Tells a panel with prompts what happens in the scene."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import slicer
import slicer.util
import vtk


class WatchedPanel(Protocol):
    """What a panel does when something happens in the scene.

    Attributes:
        tools: The part with the tools in hand, `tools.tools`.
        segments: The part that shows segments.
    """

    tools: Any
    segments: Any

    def say(self, text: str, isError: bool = False) -> None:
        """Shows a message."""

    def promptsChanged(self) -> None:
        """Called when prompts may have changed."""

    def markupsRemoved(self, node: Any) -> None:
        """Called when a markups node was removed."""

    def startSave(self) -> None:
        """Called before a scene is saved."""

    def endSave(self) -> None:
        """Called after a scene was saved."""

    def forgetScene(self) -> None:
        """Called when a scene is being closed."""


class SceneWatch:
    """Observes through a module's widget, which takes the observers off when it is closed."""

    def __init__(
        self,
        widget: Any,
        panel: WatchedPanel,
        connect: Callable[[Any], None],
        initialize: Callable[[], None],
    ) -> None:
        """Takes who observes, the panel, and who connects it to a parameter node or the scene's."""
        self._widget, self._panel = widget, panel
        self._connect, self._initialize = connect, initialize
        scene = slicer.mrmlScene
        for event, callback in {
            scene.StartCloseEvent: self._onStartClose,
            scene.EndCloseEvent: self._onEndClose,
            # While a scene is read, selectors know only some of its nodes and would choose anew.
            scene.StartImportEvent: lambda caller, event: connect(None),
            scene.EndImportEvent: lambda caller, event: initialize(),
            scene.StartSaveEvent: lambda caller, event: panel.startSave(),
            scene.EndSaveEvent: lambda caller, event: panel.endSave(),
            scene.NodeAddedEvent: self._onNodeAdded,
            scene.NodeRemovedEvent: self._onNodeRemoved,
        }.items():
            widget.addObserver(scene, event, callback)
        for node in slicer.util.getNodesByClass("vtkMRMLMarkupsNode"):
            self._observeMarkups(node)
        interaction = slicer.app.applicationLogic().GetInteractionNode()
        changed = interaction.InteractionModeChangedEvent
        widget.addObserver(
            interaction, changed, lambda node, event: panel.tools.tools.onInteractionMode(node)
        )

    def _onPrompts(self, caller: Any = None, event: Any = None) -> None:
        self._panel.promptsChanged()

    @vtk.calldata_type(vtk.VTK_OBJECT)  # type: ignore[untyped-decorator]
    def _onNodeAdded(self, caller: Any, event: Any, node: Any) -> None:
        if node is not None and node.IsA("vtkMRMLMarkupsNode"):
            self._observeMarkups(node)

    @vtk.calldata_type(vtk.VTK_OBJECT)  # type: ignore[untyped-decorator]
    def _onNodeRemoved(self, caller: Any, event: Any, node: Any) -> None:
        if node is not None and node.IsA("vtkMRMLMarkupsNode"):
            self._panel.markupsRemoved(node)

    def _observeMarkups(self, node: Any) -> None:
        if node.GetHideFromEditors():
            return  # Drawn by a panel, and no prompts.
        defined, removed = node.PointPositionDefinedEvent, node.PointRemovedEvent
        for event in (defined, removed, node.PointEndInteractionEvent):
            if not self._widget.hasObserver(node, event, self._onPrompts):
                self._widget.addObserver(node, event, self._onPrompts)

    def _onStartClose(self, caller: Any, event: Any) -> None:
        self._panel.tools.drop()
        self._connect(None)
        self._panel.forgetScene()

    def _onEndClose(self, caller: Any, event: Any) -> None:
        self._panel.segments.show(None)
        self._initialize()
        self._panel.say("")
