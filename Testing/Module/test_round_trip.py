"""From an image file through 3D Slicer's scene to a segmentation file, and back, to the voxel.

3D Slicer turns the slices of images around whose axes are left-handed, so voxels are known here by
their values, each of which occurs once.
"""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
import slicer.util

from ImperfectSegLib import Bridge
from ImperfectSegLib.PromptStore import PromptStore
from ImperfectSegLib.SegmentationWriter import SegmentationWriter
from ImperfectSegLogic.data import Volume, read_segmentation, read_volume, write_volume
from Testing.Module.test_bridge import GRIDS, REGION, SHAPE, predict, randomLabels

VOXEL = (2, 3, 5)  # (k, j, i)


@pytest.mark.parametrize(("name", "matrix"), GRIDS, ids=[n for n, _ in GRIDS])
def test_file_to_scene_to_prompt_to_mask_to_file_and_back(scene, tmp_path, name, matrix):
    voxels = np.arange(np.prod(SHAPE), dtype=np.int16).reshape(SHAPE)
    write_volume(Volume(voxels, matrix), tmp_path / "image.nrrd")
    volumeNode = slicer.util.loadVolume(str(tmp_path / "image.nrrd"))
    volume = Bridge.volumeFromNode(volumeNode)

    # A position named by SimpleITK (LPS), clicked in the scene (RAS), is the same voxel.
    image = sitk.ReadImage(str(tmp_path / "image.nrrd"))
    lps = image.TransformIndexToPhysicalPoint(VOXEL[::-1])
    segmentation = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    segmentId = segmentation.GetSegmentation().AddEmptySegment("", "part")
    PromptStore(segmentation).addClick(segmentId, (-lps[0], -lps[1], lps[2]))
    (click,), labels = PromptStore(segmentation).prompts()
    assert labels == {1: segmentId}
    clicked = tuple(volume.geometry.to_index(click.position))
    assert volume.array[clicked] == image.GetPixel(*VOXEL[::-1]) == voxels[VOXEL]

    # A mask written into the scene and saved by Slicer is the same voxels for us and SimpleITK.
    mask = randomLabels()
    prediction = predict(volume.geometry, mask)
    SegmentationWriter().write(prediction, {1: segmentId}, segmentation, volumeNode)
    assert slicer.util.saveNode(segmentation, str(tmp_path / "parts.seg.nrrd"))
    whole = np.isin(voxels, volume.array[REGION.slices][mask == 1])
    ours = read_segmentation(
        tmp_path / "parts.seg.nrrd", read_volume(tmp_path / "image.nrrd").geometry
    )
    assert [s.name for s in ours.segments] == ["part"]
    np.testing.assert_array_equal(ours.mask(ours.segments[0].id), whole)
    saved = sitk.ReadImage(str(tmp_path / "parts.seg.nrrd"))
    for index in np.argwhere(whole):
        place = image.TransformIndexToPhysicalPoint([int(n) for n in index[::-1]])
        assert saved.GetPixel(*saved.TransformPhysicalPointToIndex(place)) == 1
    assert int(sitk.GetArrayViewFromImage(saved).astype(bool).sum()) == int(whole.sum())
