"""Reading and writing segmentations: `.seg.nrrd` with all that 3D Slicer keeps, and label maps."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.data.annotations import DenseMask
from ImperfectSegLogic.data.geometry import Geometry
from ImperfectSegLogic.data.image_files import WRITABLE, read_volume, write_volume
from ImperfectSegLogic.data.itk_images import image_of, load_header, save
from ImperfectSegLogic.data.nifti import check_no_twin
from ImperfectSegLogic.data.safe_writing import check_target, extension_of, replacing
from ImperfectSegLogic.data.segment_metadata import reference_geometry, to_metadata, to_segments
from ImperfectSegLogic.data.segmentation import Segmentation
from ImperfectSegLogic.data.volume import Volume

SLICER = ".seg.nrrd"
TARGETS = (SLICER, *WRITABLE)
READABLE = (*TARGETS, ".nhdr", ".mhd")


def read_segmentation(
    path: str | os.PathLike[str], geometry: Geometry | None = None
) -> Segmentation:
    """Reads a segmentation or a label map.

    3D Slicer may store only the part of the grid that has voxels; the rest comes back as
    background.

    Args:
        path: A `.seg.nrrd` file, or a label map as .nii.gz, .nii, .nrrd or .mha, whose segments
            are named `Segment_1` and so on by their values.
        geometry: The grid to put it on, usually the image's. By default it is the grid that the
            file names as that of the segmented image, or else the stored grid.

    Returns:
        The segmentation.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no segmentation, is cut short, or does not fit on the grid.
    """
    path = Path(path)
    if path.exists():
        extension_of(path, READABLE)
    volume = read_volume(path)
    try:
        layers = _whole_numbers(volume)
        entries = _entries(path)
        segments = to_segments(entries, len(layers))
        stored = volume.geometry
        wanted = geometry or reference_geometry(entries) or stored
        on_grid = _placed(layers, stored, wanted)
        if on_grid is None and geometry is not None:
            raise ValueError(
                f"got segments on another grid than the image's ({stored.shape} voxels for"
                f" {wanted.shape}). Resample them to the image in 3D Slicer first."
            )
        layers, grid = (layers, stored) if on_grid is None else (on_grid, wanted)
        if not any(key.startswith("Segmentation_") for key in entries) and not segments:
            if len(layers) > 1:
                raise ValueError(
                    f"got {len(layers)} values per voxel and no names of segments, allowed is one"
                    " label. Choose a label map, or a segmentation that 3D Slicer saved."
                )
            return Segmentation.from_labels(layers[0], grid)
        return Segmentation(layers, grid, segments)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def write_segmentation(
    segmentation: Segmentation, path: str | os.PathLike[str], overwrite: bool = False
) -> None:
    """Writes a segmentation as `.seg.nrrd` with names, colors, terminology and layers.

    Args:
        segmentation: The segmentation.
        path: The file. Any other extension that `write_label_map` knows makes a label map, which
            loses all but the numbers of `Segmentation.label_map`.
        overwrite: Whether it may replace a file that is there.

    Raises:
        FileExistsError: If the file is there and must not be replaced.
        ValueError: If the extension is not allowed, or a label map cannot hold it.
        OSError: If it cannot be written, as on a full disk; an earlier file stays as it was.
    """
    check_segmentation_target(path, overwrite)
    if extension_of(path, TARGETS) != SLICER:
        write_label_map(segmentation.label_map(), segmentation.geometry, path, overwrite)
        return
    image = image_of(segmentation.layers, segmentation.geometry)
    for key, value in to_metadata(segmentation).items():
        image.SetMetaData(key, value)
    with replacing(path, (SLICER,), overwrite) as temporary:
        save(image, temporary)
        _name_list_axis(temporary)


def write_label_map(
    labels: NDArray[Any],
    geometry: Geometry,
    path: str | os.PathLike[str],
    overwrite: bool = False,
) -> None:
    """Writes labels as plain numbers; a label map holds no names, colors or terminology.

    Args:
        labels: Whole numbers, 0 background, shape (slice, row, column).
        geometry: The grid.
        path: The file, .nii.gz, .nii, .nrrd or .mha.
        overwrite: Whether it may replace a file that is there.

    Raises:
        FileExistsError: If the file is there and must not be replaced.
        ValueError: If the labels do not fit the grid or are no whole numbers, the extension is not
            allowed, or the format cannot hold a sheared matrix.
        OSError: If it cannot be written, as on a full disk; an earlier file stays as it was.
    """
    write_volume(Volume(DenseMask(labels, geometry).labels, geometry.ijk_to_ras), path, overwrite)


def check_segmentation_target(path: str | os.PathLike[str], overwrite: bool = False) -> Path:
    """Checks, before any work is done, that `write_segmentation` can write a file.

    Returns:
        The file, with links followed.

    Raises:
        ValueError: If the extension is not allowed, or a `.nii` lies beside the `.nii.gz`.
        OSError: If the file is there and must not be replaced, is read-only, or has no folder.
    """
    target = check_target(path, TARGETS, overwrite)
    check_no_twin(target)
    return target


def _name_list_axis(path: Path) -> None:
    """Calls the first of four axes a list, as 3D Slicer does; ITK can only call it a vector."""
    content = path.read_bytes()
    ours, slicers = b"\nkinds: vector domain", b"\nkinds: list domain"
    if ours in content[:2000]:
        path.write_bytes(content.replace(ours, slicers, 1))


def _entries(path: Path) -> dict[str, str]:
    if not path.name.lower().endswith((".nrrd", ".nhdr")):
        return {}
    header = load_header(path)
    return {key: header.GetMetaData(key) for key in header.GetMetaDataKeys()}


def _whole_numbers(volume: Volume) -> NDArray[Any]:
    layers = volume.array if volume.array.ndim == 4 else volume.array[np.newaxis]
    low, high = float(layers.min()), float(layers.max())
    whole = np.isfinite((low, high)).all() and low >= 0 and high < 2**32
    if not whole or (layers.dtype.kind == "f" and np.any(layers != np.rint(layers))):
        raise ValueError(
            f"got {layers.dtype} voxels from {low:g} to {high:g}, allowed are whole numbers from 0."
            " Choose a segmentation or a label map, not an image."
        )
    return layers.astype(np.min_scalar_type(int(high)))


def _placed(layers: NDArray[Any], stored: Geometry, wanted: Geometry) -> NDArray[Any] | None:
    """Moves layers to another grid of the same voxels; None if they do not fit on it."""
    if stored.matches(wanted):
        return layers
    layers, stored = _turned(layers, stored, wanted)
    whole = np.zeros((len(layers), *wanted.shape), dtype=layers.dtype)
    inside = np.argwhere(layers.any(axis=0))
    if not len(inside):
        return whole
    low, high = inside.min(axis=0), inside.max(axis=0)
    corners = np.array(np.meshgrid(*zip(low, high, strict=True))).reshape(3, -1).T
    moved = wanted.to_continuous_index(stored.to_ras(corners)) - corners
    shift = np.rint(moved[0]).astype(np.int64)
    fits = wanted.contains(low + shift) and wanted.contains(high + shift)
    if not fits or np.abs(moved - shift).max() > 1e-2:
        return None
    whole[_box(low + shift, high + shift)] = layers[_box(low, high)]
    return whole


def _turned(
    layers: NDArray[Any], stored: Geometry, wanted: Geometry
) -> tuple[NDArray[Any], Geometry]:
    """Brings axes into the order and direction of another grid's, where they run along them.

    3D Slicer turns the slices of an image around whose axes are left-handed, so that what it saves
    counts them from the other end.
    """
    zero = wanted.to_continuous_index(stored.to_ras((0, 0, 0)))
    turn = np.rint(wanted.to_continuous_index(stored.to_ras(np.eye(3))) - zero).astype(np.int64)
    if not (np.abs(turn).sum(axis=0) == 1).all() or not (np.abs(turn).sum(axis=1) == 1).all():
        return layers, stored
    order = np.abs(turn).argmax(axis=0)
    flipped = [w for w in range(3) if turn[order[w], w] < 0]
    first = np.zeros(3)
    first[order[flipped]] = np.array(stored.shape)[order[flipped]] - 1
    matrix = np.eye(4)
    matrix[:3, 3] = stored.to_ras(first)
    for w in range(3):
        step = np.zeros(3)
        step[order[w]] = -1 if w in flipped else 1
        matrix[:3, 2 - w] = stored.to_ras(first + step) - matrix[:3, 3]
    layers = np.flip(layers.transpose(0, *(order + 1)), axis=tuple(1 + w for w in flipped))
    k, j, i = layers.shape[1:]
    return layers, Geometry((k, j, i), matrix)


def _box(low: NDArray[np.int64], high: NDArray[np.int64]) -> tuple[slice, ...]:
    return (slice(None), *(slice(int(a), int(b) + 1) for a, b in zip(low, high, strict=True)))
