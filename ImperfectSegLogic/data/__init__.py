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
from ImperfectSegLogic.data.dataset import Dataset
from ImperfectSegLogic.data.geometry import Geometry, Region
from ImperfectSegLogic.data.image_files import read_volume, write_volume
from ImperfectSegLogic.data.prediction import Prediction, Provenance
from ImperfectSegLogic.data.probability_files import read_probabilities, write_probabilities
from ImperfectSegLogic.data.prompt_files import read_prompts, write_prompts
from ImperfectSegLogic.data.prompts import Box, Click, Lasso, Prompt, Recist, Scribble
from ImperfectSegLogic.data.segmentation import Segment, Segmentation
from ImperfectSegLogic.data.segmentation_files import (
    check_segmentation_target,
    read_segmentation,
    write_label_map,
    write_segmentation,
)
from ImperfectSegLogic.data.volume import Volume

__all__ = [
    "UNLABELED",
    "Annotation",
    "Box",
    "Boxes",
    "Case",
    "Click",
    "Dataset",
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
    "check_segmentation_target",
    "read_probabilities",
    "read_prompts",
    "read_segmentation",
    "read_volume",
    "write_label_map",
    "write_probabilities",
    "write_prompts",
    "write_segmentation",
    "write_volume",
]
