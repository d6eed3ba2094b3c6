"""Nodes that a panel makes, and that users may remove."""

from __future__ import annotations

from typing import Any

import slicer


def isInScene(node: Any) -> bool:
    """Tells whether a node is there; users may remove it."""
    return node is not None and bool(slicer.mrmlScene.IsNodePresent(node))


def addHiddenNode(node: Any, name: str) -> Any:
    """Adds a node that is ours: no selector offers it, and it is not saved with the scene."""
    node.SetName(name)
    node.SetHideFromEditors(True)
    node.SetSaveWithScene(False)
    return slicer.mrmlScene.AddNode(node)


def newUnsavedNode(kind: str, name: str) -> Any:
    """Adds a node of a class that is not saved with the scene."""
    node = slicer.mrmlScene.AddNewNodeByClass(kind, name)
    node.SetSaveWithScene(False)
    return node
