"""Segment Editor's own grid: what `Bridge` is for volumes.

Segment Editor works on the reference geometry of a segmentation, in the segmentation's own
coordinates; the source volume is resampled to it. What is computed and written on this grid lands
on the voxels that the segmentation has, whatever grid and transform the volume has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer
import slicer.util
import vtk
from numpy.typing import NDArray
from vtk.util.numpy_support import vtk_to_numpy

from ImperfectSegLib import Bridge
from ImperfectSegLogic.data import Geometry, Region, Volume


@dataclass(frozen=True, eq=False)
class EditorGrid:
    """The source volume on Segment Editor's grid, at one moment.

    Attributes:
        volume: The resampled voxels and their place in world RAS.
        state: If it is the same, so are the voxels and their place.
        start: Index (i, j, k) of the first voxel in the grid's own counting, which may differ from
            0 where a segment reaches out of the volume.
        matrix: From the grid's own index (i, j, k) to the segmentation's coordinates in mm.
    """

    volume: Volume
    state: tuple[Any, ...]
    start: tuple[int, int, int]
    matrix: NDArray[np.float64]

    @property
    def geometry(self) -> Geometry:
        """The grid in world RAS."""
        return self.volume.geometry

    def labelmap(self, mask: NDArray[np.bool_], region: Region) -> Any:
        """Makes a labelmap that Segment Editor can modify a segment with.

        Args:
            mask: Voxels to modify, on the region, shape (k, j, i).
            region: Where the mask is in the volume.
        """
        image = slicer.vtkOrientedImageData()
        low = [a + b for a, b in zip(self.start, region.start[::-1], strict=True)]
        high = [a + b - 1 for a, b in zip(self.start, region.stop[::-1], strict=True)]
        image.SetExtent(low[0], high[0], low[1], high[1], low[2], high[2])
        image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
        vtk_to_numpy(image.GetPointData().GetScalars())[:] = mask.ravel()
        # Not shifted to the region's corner: masking by intensity asks for the same matrix.
        image.SetGeometryFromImageToWorldMatrix(slicer.util.vtkMatrixFromArray(self.matrix))
        return image


def gridOf(scriptedEffect: Any, known: EditorGrid | None = None) -> EditorGrid:
    """Reads the grid that an effect of Segment Editor works on.

    Args:
        scriptedEffect: The effect.
        known: What was read before; its volume is given back if that has not changed since.

    Raises:
        ValueError: If there is no source volume with voxels, or the segmentation is under a
            transform that is not linear.
    """
    image = scriptedEffect.sourceVolumeImageData()
    parameters = scriptedEffect.parameterSetNode()
    volumeNode = parameters.GetSourceVolumeNode()
    if image is None or volumeNode is None or image.GetPointData().GetScalars() is None:
        raise ValueError("Segment Editor has no source volume with voxels. Choose one.")
    matrix, world = _matrixOf(image), Bridge.transformToWorld(parameters.GetSegmentationNode())
    state = (volumeNode.GetID(), image.GetMTime(), matrix.tobytes(), world.tobytes())
    if known is not None and known.state == state:
        return known
    i0, i1, j0, j1, k0, k1 = image.GetExtent()
    values = vtk_to_numpy(image.GetPointData().GetScalars())
    voxels = values.reshape(k1 - k0 + 1, j1 - j0 + 1, i1 - i0 + 1).copy()
    shift = np.eye(4)
    shift[:3, 3] = (i0, j0, k0)
    volume = Volume(voxels, world @ matrix @ shift, volumeNode.GetName() or "volume")
    isKnown = known is not None and known.geometry.matches(volume.geometry)
    if known is not None and isKnown and np.array_equal(known.volume.array, voxels):
        volume = known.volume  # Resampled for no reason that matters.
    return EditorGrid(volume, state, (i0, j0, k0), matrix)


def referenceGeometry(scriptedEffect: Any) -> Geometry | None:
    """Gives the grid in world RAS without looking at voxels; None if there is none yet."""
    image = scriptedEffect.referenceGeometryImage()
    if image is None or image.IsEmpty():
        return None
    i0, i1, j0, j1, k0, k1 = image.GetExtent()
    shift = np.eye(4)
    shift[:3, 3] = (i0, j0, k0)
    world = Bridge.transformToWorld(scriptedEffect.parameterSetNode().GetSegmentationNode())
    return Geometry((k1 - k0 + 1, j1 - j0 + 1, i1 - i0 + 1), world @ _matrixOf(image) @ shift)


def _matrixOf(image: Any) -> NDArray[np.float64]:
    matrix = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)
