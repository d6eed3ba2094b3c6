"""The classical peers, with the same seeds in the same region as each other.

They need two labels and a region. They get what our weight-free engine gives itself: the prompts'
extent and `MARGIN` voxels around it, and the border of that region as background.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from skimage.segmentation import random_walker

from ImperfectSegLogic.data import Prompt, Region, Volume
from ImperfectSegLogic.methods.scarce.interactive.seeds import Seeds, read_prompts

MARGIN = 40
RANDOM_WALKER_BETA = 1000
"""By mean Dice over 1, 3, 5, 10 clicks: on ACDC train better than 500 (0.72, 0.70); on val 500 and
2000 are alike (0.69), 50 and 130 worse. 130 is a little better for late clicks, far worse for early
ones. In 3-D it finds next to nothing from single clicks, whatever its settings (left atrium, train:
Dice below 0.04 at beta 130, even with each click widened to a ball of 3 voxels), as the chance to
meet a point falls with its distance; GrowCut is the better peer there."""


class _Peer:
    """What the peers share: seeds of the prompts and of the region's border."""

    notes: Sequence[str] = ()

    def start(self, volume: Volume) -> None:
        self._volume = volume

    def respond(self, prompts: Sequence[Prompt]) -> np.ndarray:
        geometry = self._volume.geometry
        seeds = read_prompts(prompts, geometry, ("Click", "Scribble"))
        region = Region.around(seeds.voxels).grown((MARGIN,) * 3, geometry.shape)
        whole = np.zeros(geometry.shape, dtype=bool)
        whole[region.slices] = self.inside(region, _seed_labels(seeds, region))
        whole[tuple(seeds.voxels.T)] = seeds.labels == 1
        return whole

    def inside(self, region: Region, seeds: np.ndarray) -> np.ndarray:
        """Gives the mask in a region from seeds: 0 none, 1 object, 2 background."""
        raise NotImplementedError


class RandomWalker(_Peer):
    """scikit-image's random walker at its best setting: beta by ACDC train, fastest solver."""

    name = "random-walker"

    def inside(self, region: Region, seeds: np.ndarray) -> np.ndarray:
        part = self._volume.array[region.slices].astype(np.float64)
        part = (part - part.min()) / max(np.ptp(part), 1e-9)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            labels = random_walker(
                np.squeeze(part), np.squeeze(seeds), beta=RANDOM_WALKER_BETA, mode="cg_j"
            )
        return labels.reshape(seeds.shape) == 1


class GrowCut(_Peer):
    """3D Slicer's GrowCut; updated, not run anew, as long as the region stays the same."""

    name = "growcut"

    def __init__(self) -> None:
        import slicer

        self._make = slicer.vtkImageGrowCutSegment

    def start(self, volume: Volume) -> None:
        super().start(volume)
        self._region: Region | None = None

    def inside(self, region: Region, seeds: np.ndarray) -> np.ndarray:
        if region != self._region:
            part = self._volume.array[region.slices].astype(np.float64)
            low, high = np.percentile(part, (1, 99))
            part = np.clip((part - low) / max(high - low, 1e-9) * 1000, -500, 1500)
            self._filter = self._make()
            self._filter.SetIntensityVolume(self._image(part.astype(np.int16)))
            self._region = region
        from vtkmodules.util.numpy_support import vtk_to_numpy

        self._filter.SetSeedLabelVolume(self._image(seeds.astype(np.uint8)))
        self._filter.Update()
        grown = vtk_to_numpy(self._filter.GetOutput().GetPointData().GetScalars())
        return grown.reshape(-1, *seeds.shape[1:])[self._middle(seeds)] == 1

    @staticmethod
    def _middle(array: np.ndarray) -> slice:
        return slice(None) if len(array) > 1 else slice(1, 2)

    def _image(self, array: np.ndarray) -> Any:
        """Makes a VTK image; one slice becomes three alike, the least that GrowCut takes."""
        from vtkmodules.util.numpy_support import numpy_to_vtk
        from vtkmodules.vtkCommonDataModel import vtkImageData

        if len(array) == 1:
            array = np.repeat(array, 3, axis=0)
        image = vtkImageData()
        image.SetDimensions(*array.shape[::-1])
        image.SetSpacing(*self._volume.geometry.spacing[::-1])
        image.GetPointData().SetScalars(numpy_to_vtk(array.ravel(), deep=True))
        return image


def _seed_labels(seeds: Seeds, region: Region) -> np.ndarray:
    labels = np.zeros(region.shape, dtype=np.int32)
    for axis, length in enumerate(region.shape):
        if length > 1:
            side = np.moveaxis(labels, axis, 0)
            side[[0, -1]] = 2
    at = tuple((seeds.voxels - np.array(region.start)).T)
    labels[at] = np.where(seeds.labels == 1, 1, 2)
    return labels
