"""How prompts look in the views."""

from __future__ import annotations

from typing import Any

from ImperfectSegLib.PromptState import BOX, STROKE, isPositive


def styleLike(node: Any, segment: Any) -> None:
    """Gives a markups node the color of its segment; negative points are crosses."""
    display = node.GetDisplayNode()
    if segment is None or display is None:
        return
    display.SetSelectedColor(segment.GetColor())
    display.SetColor(segment.GetColor())
    display.SetGlyphType(display.Circle2D if isPositive(node) else display.ThickCross2D)
    display.SetUseGlyphScale(True)
    display.SetGlyphScale(2.0)
    display.SetTextScale(2.5)
    display.SetPropertiesLabelVisibility(False)
    if node.GetClassName() == STROKE:
        display.SetGlyphScale(0.4)
        display.SetPointLabelsVisibility(False)
    if node.GetClassName() == BOX:
        display.SetFillOpacity(0.1)
