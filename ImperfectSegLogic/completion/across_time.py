"""A mask on one frame or a few frames of a sequence becomes one on each frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.completion.completed import Completed
from ImperfectSegLogic.completion.registration import (
    Deformation,
    check_same_grid,
    register,
    slice_axis,
)
from ImperfectSegLogic.completion.signed_distance import (
    label_probabilities,
    log_odds,
    moved,
    signed_distance,
)
from ImperfectSegLogic.completion.wanted_slices import wanted_slices
from ImperfectSegLogic.data import Case, DenseMask, Prediction, Provenance
from ImperfectSegLogic.methods.progress import Progress

METHOD = "across-time"
INCONSISTENCY = 3.0
"""What a mm of difference between the way there and back counts like, in mm of disagreement."""
Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class _Way:
    """From a frame to an annotated one.

    Attributes:
        source: The annotated frame.
        steps: How many frames away it is.
        offsets: In voxels, shape (3, slice, row, column).
        doubt: mm between a voxel and where it comes to on the way there and back.
    """

    source: int
    steps: int
    offsets: Floats
    doubt: Floats


def complete_frames(
    frames: Sequence[Case], annotated: Mapping[int, DenseMask], progress: Progress | None = None
) -> tuple[Completed, ...]:
    """Completes masks of some frames of a sequence to all of them.

    Each frame is registered to the nearest annotated frames before and after it, non-rigidly and
    both ways: added up from frame to frame, errors would add up too. The shapes that are carried
    over are blended as signed distances, the nearer frame counting more. Where the way there and
    back does not end where it began, the border is uncertain.

    Args:
        frames: In the order of time, on one grid.
        annotated: Masks by the number of the frame, from 0.
        progress: Told how far the work is; cancels it.

    Returns:
        One per frame; annotated ones keep their labels.

    Raises:
        ValueError: If no frame is annotated or there is none of a number, frames or masks lie on
            different grids (both are named), or an image has channels, NaN or one value only.
        CancelledError: If it was cancelled.
    """
    progress = progress or Progress()
    _check(frames, annotated)
    present = {int(v) for mask in annotated.values() for v in np.unique(mask.labels)}
    labels = tuple(sorted({0} | present))
    found = []
    for n, frame in enumerate(frames):
        share = progress.part(n / len(frames), (n + 1) / len(frames))
        share.report(0.0, f"frame {n + 1} of {len(frames)}")
        ways = [] if n in annotated else _ways(frames, annotated, n, share)
        found.append(_completed(frame, ways, annotated, labels, annotated.get(n)))
    progress.report(1.0, "done")
    return tuple(found)


def _check(frames: Sequence[Case], annotated: Mapping[int, DenseMask]) -> None:
    unknown = sorted(set(annotated) - set(range(len(frames))))
    if not annotated or unknown:
        raise ValueError(
            f"frames: got masks for frames {sorted(annotated)} of {len(frames)}; allowed are one or"
            f" more from 0 to {len(frames) - 1}. Annotate a frame that shows the structures."
        )
    for frame in frames[1:]:
        try:
            check_same_grid(frames[0].volume, frame.volume)
        except ValueError as error:
            raise ValueError(f"cases {frames[0].identifier}, {frame.identifier}: {error}") from None
    for n, mask in annotated.items():
        if not mask.geometry.matches(frames[n].volume.geometry):
            raise ValueError(
                f"case {frames[n].identifier}: its mask is on another grid than its image."
                " Resample the mask to the image first."
            )


def _ways(
    frames: Sequence[Case], annotated: Mapping[int, DenseMask], n: int, progress: Progress
) -> list[_Way]:
    """Gives a frame's ways to the nearest annotated frames before and after it."""
    before = max((m for m in annotated if m < n), default=None)
    after = min((m for m in annotated if m > n), default=None)
    sources = [m for m in (before, after) if m is not None]
    found = []
    for done, source in enumerate(sources):
        share = progress.part(done / len(sources), (done + 1) / len(sources))
        fixed, moving = frames[n].volume, frames[source].volume
        there = register(fixed, moving, share.part(0.0, 0.5))
        back = register(moving, fixed, share.part(0.5, 1.0))
        round_trip = there.offsets + np.stack([moved(b, there.offsets) for b in back.offsets])
        doubt = Deformation(round_trip, there.geometry).millimeters
        found.append(_Way(source, abs(n - source), there.offsets, doubt))
    return found


def _completed(
    frame: Case,
    ways: list[_Way],
    annotated: Mapping[int, DenseMask],
    labels: tuple[int, ...],
    own: DenseMask | None,
) -> Completed:
    geometry = frame.volume.geometry
    if own is not None:
        found = np.stack([own.labels == label for label in labels]).astype(np.float32)
    else:
        odds = [_odds(frame, ways, annotated, label) for label in labels]
        found = label_probabilities(np.stack(odds))
    said = {"frames": sorted(annotated)}
    answer = Prediction(found, labels, geometry.whole, geometry, Provenance(METHOD, said))
    if own is not None:
        return Completed(answer)
    axis = slice_axis(geometry)
    return Completed(answer, wanted_slices(answer, 0 if axis is None else axis, ()))


def _odds(frame: Case, ways: list[_Way], annotated: Mapping[int, DenseMask], label: int) -> Floats:
    """Gives the log odds of a label on a frame, shape (slice, row, column)."""
    geometry = frame.volume.geometry
    found = [
        moved(signed_distance(annotated[way.source].labels == label, geometry.spacing), way.offsets)
        for way in ways
    ]
    weights = _weights(ways)
    distance = sum(w * d for w, d in zip(weights, found, strict=True))
    doubt = sum(w * way.doubt for w, way in zip(weights, ways, strict=True))
    apart = np.abs(found[0] - found[-1]) + INCONSISTENCY * np.asarray(doubt)
    mean_way = sum(
        w * Deformation(way.offsets, geometry).millimeters
        for w, way in zip(weights, ways, strict=True)
    )
    away = np.asarray(mean_way, dtype=np.float32)
    return log_odds(np.asarray(distance), apart, away, min(geometry.spacing))


def _weights(ways: list[_Way]) -> list[float]:
    """Gives the nearer frame more, in proportion."""
    total = sum(1 / way.steps for way in ways)
    return [1 / way.steps / total for way in ways]
