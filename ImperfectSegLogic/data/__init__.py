"""The types that everything else speaks, and how they are read and written."""

from ImperfectSegLogic.data.annotations import (
    UNLABELED,
    Annotation,
    Boxes,
    DenseMask,
    ImageLabels,
    NoisyMask,
    PointGrid,
    RecistMarks,
    SparseMask,
)
from ImperfectSegLogic.data.case import Case
from ImperfectSegLogic.data.geometry import Geometry, Region
from ImperfectSegLogic.data.prediction import Prediction, Provenance
from ImperfectSegLogic.data.prompts import Box, Click, Lasso, Prompt, Recist, Scribble
from ImperfectSegLogic.data.segmentation import Segment, Segmentation
from ImperfectSegLogic.data.volume import Volume

__all__ = [
    "UNLABELED",
    "Annotation",
    "Box",
    "Boxes",
    "Case",
    "Click",
    "DenseMask",
    "Geometry",
    "ImageLabels",
    "Lasso",
    "NoisyMask",
    "PointGrid",
    "Prediction",
    "Prompt",
    "Provenance",
    "Recist",
    "RecistMarks",
    "Region",
    "Scribble",
    "Segment",
    "Segmentation",
    "SparseMask",
    "Volume",
]
