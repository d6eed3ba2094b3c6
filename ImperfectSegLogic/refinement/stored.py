"""What is to be refined: stored probabilities, or a segmentation, with the names of segments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ImperfectSegLogic.data import (
    Geometry,
    Prediction,
    Segment,
    Segmentation,
    read_probabilities,
    read_segmentation,
)
from ImperfectSegLogic.data.itk_images import load_header
from ImperfectSegLogic.data.probability_files import KEY
from ImperfectSegLogic.data.segmentation import distinct_color
from ImperfectSegLogic.data.segmentation_files import READABLE, SLICER
from ImperfectSegLogic.prediction.settings import UNCERTAINTIES
from ImperfectSegLogic.refinement.label_probabilities import CERTAINTY, prediction_of_labels

MARKS = ("-probabilities", ".prob")
"""What the names of files with probabilities end with, before `.nrrd`."""


@dataclass(frozen=True, eq=False)
class Stored:
    """What is to be refined.

    Attributes:
        prediction: Its probabilities; None of a segmentation that holds background only.
        segments: Names and colors, in the order in which they are shown.
        geometry: The grid.
    """

    prediction: Prediction | None
    segments: tuple[Segment, ...]
    geometry: Geometry

    def segmentation(self, refined: Prediction) -> Segmentation:
        """Gives what became of it, with the segments' names and colors as they were."""
        labels = refined.full_labels()
        known = {segment.label for segment in self.segments}
        more = [_unnamed(n) for n in refined.labels[1:] if n not in known]
        return Segmentation(labels[None], refined.geometry, (*self.segments, *more))


def is_probabilities(path: Path) -> bool:
    """Tells whether a file holds probabilities that `write_probabilities` wrote."""
    return path.name.lower().endswith(".nrrd") and load_header(path).HasMetaDataKey(KEY)


def read_stored(
    path: Path, geometry: Geometry, names: Mapping[int, str], certainty: float = CERTAINTY
) -> Stored:
    """Reads probabilities or a segmentation.

    Args:
        path: The file. Names of probabilities are those of a `.seg.nrrd` beside it, if there is
            one as `imperfectseg predict` writes it.
        geometry: The image's grid.
        names: Names of labels, before those that files hold.
        certainty: See `prediction_of_labels`; only for a segmentation.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is neither, is damaged, does not fit on the grid, its segments overlap,
            or the certainty is not allowed.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such file. Check the path.")
    if is_probabilities(path):
        prediction = read_probabilities(path)
        if not prediction.geometry.matches(geometry):
            raise ValueError(
                f"{path}: got probabilities on another grid ({prediction.geometry.shape} voxels)"
                f" than the image's ({geometry.shape}). Choose the image that they were made of."
            )
        segments = {n: _unnamed(n) for n in prediction.labels[1:]} | _beside(path, geometry)
        kept = {n: segment for n, segment in segments.items() if n in prediction.labels}
        return Stored(prediction, _named(kept, names), geometry)
    found = _flat(read_segmentation(path, geometry), path)
    segments = {segment.label: segment for segment in found.segments}
    if not segments:
        return Stored(None, (), geometry)
    try:
        prediction = prediction_of_labels(found.layers[0], geometry, list(segments), certainty)
    except ValueError as error:
        raise ValueError(f"{path}, {error}") from error
    return Stored(prediction, _named(segments, names), geometry)


def find_stored(folder: Path) -> dict[str, Path]:
    """Finds what can be refined in a folder: by id, probabilities before segmentations.

    The maps of uncertainty that `imperfectseg predict` writes beside them are left out.

    Raises:
        FileNotFoundError: If there is nothing.
        ValueError: If there are two segmentations of one id.
    """
    whole: dict[str, Path] = {}
    flat: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        fitting = [e for e in READABLE if path.name.lower().endswith(e)]
        stem = path.name[: -len(max(fitting, key=len))] if fitting else ""
        if not stem or stem.startswith(".") or stem.endswith(tuple(f"-{n}" for n in UNCERTAINTIES)):
            continue
        mark = next((m for m in MARKS if stem.endswith(m)), "")
        into, case = (whole if mark else flat), stem.removesuffix(mark)
        if case in into:
            raise ValueError(f"{path}: is {case}, and so is {into[case].name}. Take one away.")
        into[case] = path
    if not whole and not flat:
        raise FileNotFoundError(
            f"{folder}: holds neither segmentations nor probabilities. Choose another folder."
        )
    return dict(sorted((flat | whole).items()))


def _flat(found: Segmentation, path: Path) -> Segmentation:
    """Gives all segments in one layer, each with a label of its own."""
    numbers = [segment.label for segment in found.segments]
    if len(set(numbers)) < len(numbers):
        numbers = list(range(1, len(numbers) + 1))
    try:
        labels = found.label_map()
    except ValueError as error:
        raise ValueError(
            f"{path}: got segments that overlap, allowed is one label per voxel. Export the"
            " segments one by one, and refine each."
        ) from error
    segments = tuple(
        replace(segment, label=n, layer=0)
        for segment, n in zip(found.segments, numbers, strict=True)
    )
    return Segmentation(labels[None], found.geometry, segments)


def _beside(path: Path, geometry: Geometry) -> dict[int, Segment]:
    stem = path.name[: -len(".nrrd")]
    mark = next((m for m in MARKS if stem.endswith(m)), "")
    file = path.with_name(stem.removesuffix(mark) + SLICER)
    if not mark or not file.is_file():
        return {}
    return {one.label: one for one in _flat(read_segmentation(file, geometry), file).segments}


def _named(segments: Mapping[int, Segment], names: Mapping[int, str]) -> tuple[Segment, ...]:
    return tuple(replace(one, name=names[n]) if n in names else one for n, one in segments.items())


def _unnamed(label: int) -> Segment:
    return Segment(f"Segment_{label}", f"Segment_{label}", label, 0, distinct_color(label))
