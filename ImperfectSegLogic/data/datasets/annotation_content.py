"""What one annotation is as a file: masks as label maps, everything else as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
from ImperfectSegLogic.data.geometry import Geometry
from ImperfectSegLogic.data.image_files import read_volume
from ImperfectSegLogic.data.prompt_files import prompt_fields, prompt_of_fields
from ImperfectSegLogic.data.prompts import Box, Recist
from ImperfectSegLogic.data.segmentation import Segmentation
from ImperfectSegLogic.data.segmentation_files import (
    read_segmentation,
    write_label_map,
    write_segmentation,
)

MASKS: dict[str, type[DenseMask]] = {k.__name__: k for k in (DenseMask, NoisyMask)}
KINDS = (*MASKS, *(k.__name__ for k in (SparseMask, ImageLabels, Boxes, RecistMarks, PointGrid)))


def labels_in(annotation: Annotation) -> set[int]:
    """Gives the labels that an annotation says something about, background left out."""
    if isinstance(annotation, DenseMask | SparseMask):
        found = {int(v) for v in np.unique(annotation.labels)}
    elif isinstance(annotation, ImageLabels):
        found = set(annotation.present | annotation.absent)
    elif isinstance(annotation, Boxes):
        found = {box.label for box in annotation.boxes}
    elif isinstance(annotation, RecistMarks):
        found = {mark.label for mark in annotation.marks}
    else:
        found = {int(v) for v in annotation.labels}
    return found - {0, UNLABELED}


def says_nothing(annotation: Annotation) -> bool:
    """Tells whether an annotation labels no voxel, no position and no image at all."""
    if isinstance(annotation, SparseMask):
        return not annotation.labeled.any()
    if isinstance(annotation, PointGrid):
        return len(annotation.labels) == 0
    return isinstance(annotation, ImageLabels | Boxes | RecistMarks) and not labels_in(annotation)


def check_place(annotation: Annotation, grid: Geometry) -> None:
    """Checks that an annotation lies on its image: masks voxel by voxel, positions inside it.

    Raises:
        ValueError: If it does not.
    """
    if isinstance(annotation, DenseMask | SparseMask):
        got = annotation.geometry
        if not got.matches(grid):
            raise ValueError(
                f"got a mask on another grid than the image's ({got.shape} voxels for"
                f" {grid.shape}). Resample it to the image."
            )
        return
    places = np.array(_positions(annotation)).reshape(-1, 3)
    outside = places[~grid.contains(grid.to_index(places))]
    if len(outside):
        raise ValueError(
            f"got {len(outside)} positions outside the image, such as {outside[0].tolist()}"
            " (RAS, mm). Check that it is the right image, and that positions are RAS, not LPS."
        )


def _positions(annotation: Annotation) -> list[NDArray[np.float64]]:
    """Gives points, the ends of diameters and the centers of boxes, RAS in mm."""
    if isinstance(annotation, PointGrid):
        return list(annotation.positions)
    if isinstance(annotation, Boxes):
        return [box.center for box in annotation.boxes]
    if isinstance(annotation, RecistMarks):
        return [end for mark in annotation.marks for end in (*mark.long_axis, *mark.short_axis)]
    return []


def mask_extension(annotation: Annotation) -> str | None:
    """Gives the extension of a mask's file: `.seg.nrrd` with names, or `.nrrd` for sparse ones."""
    if isinstance(annotation, DenseMask):
        return ".seg.nrrd"
    return ".nrrd" if isinstance(annotation, SparseMask) else None


def unlabeled_value(highest: int) -> int:
    """Gives the number that stands for "unlabeled" in the file of a sparse mask."""
    return 255 if highest < 255 else 65535


def write_mask(mask: DenseMask | SparseMask, path: Path, names: Mapping[int, str]) -> None:
    """Writes a mask; unlabeled voxels get `unlabeled_value` of the mask's highest label.

    Args:
        mask: The mask.
        path: Where to, with the extension that `mask_extension` gives.
        names: The name of every label of the data set.
    """
    highest = max(int(mask.labels.max()), 0)
    if isinstance(mask, DenseMask):
        labels = mask.labels.astype(np.min_scalar_type(highest))
        named = Segmentation.from_labels(labels, mask.geometry, names)
        write_segmentation(named, path, overwrite=True)
    else:
        write_label_map(stored_labels(mask), mask.geometry, path, overwrite=True)


def stored_labels(mask: DenseMask | SparseMask) -> NDArray[Any]:
    """Gives a mask's labels as whole numbers >= 0, unlabeled ones as `unlabeled_value`."""
    highest = max(int(mask.labels.max()), 0)
    if isinstance(mask, DenseMask):
        return mask.labels.astype(np.min_scalar_type(highest))
    unlabeled = unlabeled_value(highest)
    kept = np.where(mask.labeled, mask.labels, unlabeled)
    return np.asarray(kept).astype(np.min_scalar_type(unlabeled))


def mask_of_file(
    kind: str, path: Path, geometry: Geometry, names: Mapping[int, str], unlabeled: int
) -> DenseMask | SparseMask:
    """Reads a mask that `write_mask` wrote, also after 3D Slicer saved it again.

    Raises:
        FileNotFoundError: If the file is gone.
        ValueError: If the file is damaged, or its grid is not the image's.
    """
    if kind in MASKS:
        return MASKS[kind](_named_labels(read_segmentation(path, geometry), names), geometry)
    volume = read_volume(path)
    if not volume.geometry.matches(geometry):
        raise ValueError(
            f"{path}: got a mask on another grid than the image's ({volume.geometry.shape} voxels"
            f" for {geometry.shape}). Resample it to the image."
        )
    labels = volume.array.astype(np.int32)
    return SparseMask(np.where(labels == unlabeled, UNLABELED, labels), geometry)


def _named_labels(segmentation: Segmentation, names: Mapping[int, str]) -> NDArray[Any]:
    """Numbers segments by their names, as 3D Slicer numbers them anew when it saves."""
    numbers = {name: label for label, name in names.items()}
    if not all(segment.name in numbers for segment in segmentation.segments):
        return segmentation.label_map()
    whole = np.zeros(segmentation.geometry.shape, np.min_scalar_type(max(names, default=0)))
    for segment in segmentation.segments:
        mask = segmentation.mask(segment.id)
        if whole[mask].any():
            raise ValueError(
                f"segment {segment.name!r} overlaps another one, and a voxel has one label here."
                " Remove the overlap in 3D Slicer's Segment Editor."
            )
        whole[mask] = numbers[segment.name]
    return whole


def to_json(annotation: Annotation) -> dict[str, Any]:
    """Gives what JSON holds of an annotation; of masks only what "unlabeled" is in their file."""
    if isinstance(annotation, SparseMask):
        return {"unlabeled": unlabeled_value(max(int(annotation.labels.max()), 0))}
    if isinstance(annotation, ImageLabels):
        return {"present": sorted(annotation.present), "absent": sorted(annotation.absent)}
    if isinstance(annotation, Boxes):
        return {"boxes": [prompt_fields(box) for box in annotation.boxes]}
    if isinstance(annotation, RecistMarks):
        return {"marks": [prompt_fields(mark) for mark in annotation.marks]}
    if isinstance(annotation, PointGrid):
        positions = annotation.positions.tolist()
        return {"positions": positions, "labels": annotation.labels.tolist()}
    return {}


def of_json(kind: str, said: Mapping[str, Any]) -> Annotation:
    """Makes the annotation that `to_json` told of, for kinds other than masks.

    Raises:
        ValueError, TypeError, KeyError: If something is missing or not allowed.
    """
    if kind == "ImageLabels":
        return ImageLabels(frozenset(said["present"]), frozenset(said["absent"]))
    if kind == "PointGrid":
        positions = np.array(said["positions"], dtype=np.float64).reshape(-1, 3)
        return PointGrid(positions, np.array(said["labels"], dtype=np.int64))
    wanted = Box if kind == "Boxes" else Recist
    prompts = [prompt_of_fields(dict(p)) for p in said["boxes" if wanted is Box else "marks"]]
    if not all(isinstance(prompt, wanted) for prompt in prompts):
        raise ValueError(f"got prompts of other kinds, allowed is {wanted.__name__}.")
    if wanted is Box:
        return Boxes(tuple(p for p in prompts if isinstance(p, Box)))
    return RecistMarks(tuple(p for p in prompts if isinstance(p, Recist)))
