"""What a trained network is asked, and which part of an image that is about."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.data import Geometry, Region, Volume
from ImperfectSegLogic.methods.scarce.interactive.geodesic import Floats
from ImperfectSegLogic.methods.scarce.interactive.model_grid import ModelWindow
from ImperfectSegLogic.methods.scarce.interactive.network_engine import Prepared
from ImperfectSegLogic.methods.scarce.interactive.rasterize import box_region
from ImperfectSegLogic.methods.scarce.interactive.seeds import Seeds
from ImperfectSegLogic.methods.scarce.interactive.window import Window, cut_faces, face

APART = 1e4
"""By this factor slices are moved apart for a network that sees them one by one."""


@dataclass(frozen=True, eq=False)
class Asked(Prepared):
    """What a trained network is asked.

    Attributes:
        view: The window of the prepared image.
        window: The image on the working grid.
        parts: Of each input, the place of its segment, and its slice in the window (0 in 3-D);
            shape (input, 2).
        contradicted: Of each input, whether prompts contradict what the network says without them,
            where the engine asks for that.
    """

    view: ModelWindow
    window: Window
    parts: NDArray[np.int64]
    contradicted: NDArray[np.bool_]


def prompted_region(seeds: Seeds, geometry: Geometry) -> Region:
    """Gives the smallest region that holds all prompts."""
    found = [Region.around(seeds.voxels)] if len(seeds.voxels) else []
    for boxes in seeds.boxes.values():
        found += [region for box in boxes if (region := box_region(box, geometry))]
    region = found[0]
    for other in found[1:]:
        region = region.united(other)
    return region


def touched_faces(answer: Floats, asked: Asked) -> list[tuple[int, bool]]:
    """Lists the faces of the region, within the image, that an object without a box reaches."""
    free = [n for n, label in enumerate(asked.labels) if label and label not in asked.voxels.boxes]
    said = np.argmax(answer, axis=0)
    return [
        (axis, far)
        for axis, far in cut_faces(asked.region, asked.geometry.shape)
        if np.isin(said[face(axis, far, thickness=-(-2 // asked.step[axis]))], free).any()
    ]


def slices_apart(gray: Volume, axis: int) -> Volume:
    """Gives an image with its slices so far apart that they say nothing about each other."""
    matrix = gray.ijk_to_ras.copy()
    matrix[:3, 2 - axis] *= APART
    return Volume(gray.array, matrix, gray.name)
