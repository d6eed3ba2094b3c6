"""A mask from a grid of labeled points, without training, by an interactive segmenter."""

from __future__ import annotations

from ImperfectSegLogic.completion.completed import Completed
from ImperfectSegLogic.completion.scribble_prompts import mask_of_points
from ImperfectSegLogic.completion.scribbles import complete_scribbles
from ImperfectSegLogic.data import Case, PointGrid
from ImperfectSegLogic.methods.base import InteractiveSegmenter
from ImperfectSegLogic.methods.progress import Progress


def complete_grid(
    case: Case,
    points: PointGrid,
    engine: InteractiveSegmenter | None = None,
    progress: Progress | None = None,
) -> Completed:
    """Completes a mask of which single points are labeled, such as those of a hexagonal grid.

    Args:
        case: The image; its annotation does not count.
        points: What is labeled, one point or more of every structure.
        engine: The interactive segmenter; the default one if none is given.
        progress: Told how far the work is; cancels it.

    Returns:
        As `complete_scribbles`.

    Raises:
        ValueError: Also if a point is outside the image, or two points give one voxel different
            labels.
        CancelledError: If it was cancelled.
    """
    mask = mask_of_points(points, case.volume.geometry)
    return complete_scribbles(case, mask, engine, progress)
