"""The file that keeps prompts and segments for the case that 3D Slicer ends without warning."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLib.PromptState import NodeState, State
from ImperfectSegLogic.data import Region, Volume
from ImperfectSegLogic.data.safe_writing import replacing

EXTENSION = ".autosave"
FORMAT, VERSION = "ImperfectSeg autosave", 1
CONTENT = "content.json"
SAMPLES = 128
"""Along each axis so many voxels, at most, make the fingerprint of an image."""


@dataclass(frozen=True)
class KeptSegment:
    """A segment: `layer` is -1 if it is empty; else it is where the layer has its value."""

    id: str
    name: str
    color: tuple[float, ...]
    locked: bool
    threshold: float
    layer: int = -1
    value: int = 0


@dataclass(frozen=True)
class KeptLayer:
    """Labels of segments that do not overlap, compressed, and their grid in world RAS."""

    shape: tuple[int, ...]
    dtype: str
    ijkToRas: tuple[tuple[float, ...], ...]
    content: bytes

    def labels(self) -> NDArray[Any]:
        """Gives the labels, shape (k, j, i)."""
        flat = np.frombuffer(zlib.decompress(self.content), dtype=np.dtype(self.dtype))
        return flat.reshape(self.shape)


@dataclass(frozen=True)
class Kept:
    """All that is kept of one segmentation of one image.

    Attributes:
        imageName: What the image was called.
        segmentationName: What the segmentation was called.
        saved: When, for people.
        segments: In their order.
        prompts: As `PromptStore.state` gave them.
        layers: Where the segments are.
        marks: What the sparse panel knows besides, as JSON; empty if nothing.
        annotator: Whose work it is; empty if nobody said.
    """

    imageName: str
    segmentationName: str
    saved: str
    segments: tuple[KeptSegment, ...]
    prompts: State
    layers: tuple[KeptLayer, ...] = ()
    marks: str = ""
    annotator: str = ""


def keptLayer(labels: NDArray[Any], ijkToRas: NDArray[np.float64]) -> KeptLayer | None:
    """Makes labels, shape (k, j, i), small: cuts off what is empty; None if all is."""
    anywhere = [np.flatnonzero(labels.any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1))]
    if not len(anywhere[0]):
        return None
    start, stop = [int(a[0]) for a in anywhere], [int(a[-1]) + 1 for a in anywhere]
    region = Region((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))
    matrix = ijkToRas.copy()
    matrix[:3, 3] = (matrix @ [*start[::-1], 1])[:3]
    inside = np.ascontiguousarray(labels[region.slices])
    rows = tuple(tuple(float(x) for x in row) for row in matrix)
    return KeptLayer(region.shape, inside.dtype.str, rows, zlib.compress(inside.tobytes(), 1))


def writeKept(kept: Kept, path: str | os.PathLike[str]) -> None:
    """Writes a file, or replaces it at one stroke.

    Raises:
        OSError: If it cannot be written, as on a full disk; an earlier file stays as it was.
    """
    layers = [vars(layer).copy() for layer in kept.layers]
    contents = [layer.pop("content") for layer in layers]
    said = {**vars(kept), "format": FORMAT, "version": VERSION, "layers": layers}
    with (
        replacing(path, (EXTENSION,), overwrite=True) as temporary,
        zipfile.ZipFile(temporary, "w") as archive,
    ):
        archive.writestr(CONTENT, json.dumps(said, default=vars))
        for n, content in enumerate(contents):
            archive.writestr(f"layer{n}", content)


def readKept(path: str | os.PathLike[str]) -> Kept:
    """Reads what `writeKept` wrote.

    Raises:
        ValueError: If the file is damaged, or of a newer version.
        OSError: If it cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            said = json.loads(archive.read(CONTENT))
            if said.pop("format") != FORMAT or said.pop("version") != VERSION:
                raise ValueError("it was written by another version")
            contents = [archive.read(f"layer{n}") for n in range(len(said["layers"]))]
        return _kept(said, contents)
    except (zipfile.BadZipFile, ValueError, TypeError, KeyError, zlib.error) as error:
        raise ValueError(
            f"{Path(path).name}: the kept copy cannot be read ({error}). Discard it."
        ) from error


def fingerprint(volume: Volume) -> str:
    """Gives a text that is the same for the same image at the same place in the world."""
    array = volume.array
    k, j, i = (slice(None, None, -(-n // SAMPLES)) for n in volume.geometry.shape)
    told = hashlib.blake2b(digest_size=12)
    told.update(f"{array.shape} {array.dtype.str}".encode())
    told.update((np.round(volume.ijk_to_ras, 4) + 0.0).tobytes())
    told.update(np.ascontiguousarray(array[..., k, j, i]).tobytes())
    return told.hexdigest()


def _kept(said: Mapping[str, Any], contents: list[bytes]) -> Kept:
    layers = tuple(
        KeptLayer(tuple(x["shape"]), x["dtype"], tuple(map(tuple, x["ijkToRas"])), content)
        for x, content in zip(said["layers"], contents, strict=True)
    )
    for layer in layers:
        layer.labels()  # A damaged one is found here and not half way through restoring.
    return Kept(
        said["imageName"],
        said["segmentationName"],
        said["saved"],
        tuple(KeptSegment(**{**x, "color": tuple(x["color"])}) for x in said["segments"]),
        tuple(_nodeState(x) for x in said["prompts"]),
        layers,
        said.get("marks", ""),
        said.get("annotator", ""),
    )


def _nodeState(said: dict[str, Any]) -> NodeState:
    points = tuple((tuple(position), number, axis) for position, number, axis in said["points"])
    box = {name: tuple(said[name]) for name in ("boxMatrix", "boxSize")}
    return NodeState(**{**said, **box, "points": points})
