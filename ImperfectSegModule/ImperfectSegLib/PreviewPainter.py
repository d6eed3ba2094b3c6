"""Draws what slices would become into the slice views, and over what was refined."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLib.OverlayPart import OFF, UNCERTAINTY
from ImperfectSegLib.PreviewLayers import FOREGROUND, LABEL, PreviewLayers
from ImperfectSegLib.RefineChoice import Refined
from ImperfectSegLib.SegmentationChanges import inside
from ImperfectSegLogic.data import Prediction
from ImperfectSegLogic.data.segmentation import distinct_color


class PreviewPainter:
    """Fills the layers of views with answers.

    Attributes:
        layers: Of the slice views.
    """

    def __init__(self) -> None:
        self.layers = PreviewLayers()

    def draw(self, view: str, answer: Refined | None, parameters: Any, segmentId: str) -> None:
        """Draws an answer in a view, or nothing.

        Args:
            view: Its name.
            answer: What the slice in it would become; None if that is not known.
            parameters: What the panel remembers.
            segmentId: Whose probability is wanted.
        """
        volumeNode, segmentationNode = parameters.inputVolume, parameters.segmentation
        if answer is None:
            self.layers.clear(view, LABEL)
            self.layers.clear(view, FOREGROUND)
            return
        region = answer.prediction.region
        labels = labelsAfter(answer)
        colors = colorsOf(segmentationNode, max(answer.prediction.labels))
        self.layers.showLabels(view, labels, region, volumeNode, colors, parameters.previewOpacity)
        values = valuesOf(answer.prediction, parameters.overlay, segmentationNode, segmentId)
        if values is None:
            self.layers.clear(view, FOREGROUND)
        else:
            self.layers.showValues(view, values, region, volumeNode, parameters.overlayOpacity)


def labelsAfter(answer: Refined) -> NDArray[Any]:
    """Gives the labels of an answer's region once it is written: some voxels may not change."""
    labels = answer.prediction.region_labels()
    part, here = answer.part, inside(answer.prediction.region, answer.part.region)
    if part.allowed is not None:
        before = np.zeros_like(labels) if part.labels is None else part.labels[here]
        labels = np.where(part.allowed[here], labels, before)
    return labels


def valuesOf(
    prediction: Prediction, kind: str, segmentationNode: Any, segmentId: str
) -> NDArray[np.float32] | None:
    """Gives uncertainty, or the probability of a segment, on a prediction's region; or None."""
    if kind == OFF:
        return None
    if kind == UNCERTAINTY:
        return prediction.entropy()
    ids = list(segmentationNode.GetSegmentation().GetSegmentIDs()) if segmentationNode else []
    label = ids.index(segmentId) + 1 if segmentId in ids else 0
    if label == 0 or label not in prediction.labels:
        return None
    return prediction.probabilities[prediction.labels.index(label)]


def colorsOf(segmentationNode: Any, count: int = 0) -> dict[int, tuple[float, ...]]:
    """Gives the color of each label: of its segment, or the one that a new segment will get."""
    colors: dict[int, tuple[float, ...]] = {}
    if segmentationNode is not None:
        inner = segmentationNode.GetSegmentation()
        for n, segmentId in enumerate(inner.GetSegmentIDs(), start=1):
            colors[n] = tuple(inner.GetSegment(segmentId).GetColor())
    more = range(len(colors) + 1, count + 1) if count < 2**16 - 1 else ()
    return colors | {n: distinct_color(n) for n in more}
