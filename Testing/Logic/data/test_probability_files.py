import json

import numpy as np
import pytest
import SimpleITK as sitk

from ImperfectSegLogic.data import (
    Geometry,
    Prediction,
    Provenance,
    Region,
    read_probabilities,
    read_volume,
    write_probabilities,
    write_volume,
)
from Testing.Logic.data.grids import ALL, volume

WHOLE = (6, 7, 8)
REGION = Region((1, 0, 3), (4, 2, 8))


def prediction(matrix, labels=(0, 2, 300), region=REGION):
    random = np.random.default_rng(0).random((len(labels), *region.shape), dtype=np.float32)
    return Prediction(
        random / random.sum(axis=0),
        labels,
        region,
        Geometry(WHOLE, matrix),
        Provenance("geodesic ä", {"width": 0.1, "steps": [1, 2], "name": "x\ny"}, "abc"),
    )


@pytest.mark.parametrize("name", ALL)
def test_everything_comes_back_exactly(tmp_path, name):
    wanted = prediction(ALL[name])
    write_probabilities(wanted, tmp_path / "p.nrrd")
    got = read_probabilities(tmp_path / "p.nrrd")
    assert got.probabilities.dtype == np.float32
    np.testing.assert_array_equal(got.probabilities, wanted.probabilities)
    np.testing.assert_array_equal(got.geometry.ijk_to_ras, ALL[name])
    assert (got.geometry.shape, got.region) == (WHOLE, REGION)
    assert (got.labels, got.provenance) == (wanted.labels, wanted.provenance)


@pytest.mark.parametrize("labels", [(0,), (0, 1), (0, 1, 2, 3)])
def test_any_number_of_labels(tmp_path, labels):
    wanted = prediction(ALL["oblique"], labels)
    write_probabilities(wanted, tmp_path / "p.nrrd")
    got = read_probabilities(tmp_path / "p.nrrd")
    np.testing.assert_array_equal(got.probabilities, wanted.probabilities)


@pytest.mark.parametrize("region", [Region((0, 0, 0), WHOLE), Region((5, 6, 7), WHOLE)])
def test_whole_image_and_one_voxel(tmp_path, region):
    wanted = prediction(ALL["sheared"], region=region)
    write_probabilities(wanted, tmp_path / "p.nrrd")
    assert read_probabilities(tmp_path / "p.nrrd").region == region


@pytest.mark.parametrize("name", ALL)
def test_as_an_image_the_region_lies_where_it_is(tmp_path, name):
    wanted = prediction(ALL[name])
    write_probabilities(wanted, tmp_path / "p.nrrd")
    got = read_volume(tmp_path / "p.nrrd")
    np.testing.assert_allclose(
        got.geometry.to_ras((0, 1, 2)), wanted.geometry.to_ras((1, 1, 5)), atol=1e-9
    )


def test_an_image_is_no_prediction(tmp_path):
    write_volume(volume(ALL["oblique"]), tmp_path / "p.nrrd")
    with pytest.raises(ValueError, match=r"p\.nrrd: got an image that does not tell which labels"):
        read_probabilities(tmp_path / "p.nrrd")


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"labels": [0, 1]},
        {"labels": "x"},
        {"region_start": [1, 2]},
        {"region_start": [4, 0, 0]},
        {"image_ijk_to_ras": [[0] * 4] * 4},
        {"settings": None, "method": None, "labels": None},
    ],
)
def test_a_damaged_header(tmp_path, change):
    write_probabilities(prediction(ALL["oblique"]), tmp_path / "p.nrrd")
    image = sitk.ReadImage(str(tmp_path / "p.nrrd"))
    key = "ImperfectSeg_Prediction"
    image.SetMetaData(key, json.dumps(json.loads(image.GetMetaData(key)) | change))
    sitk.WriteImage(image, str(tmp_path / "p.nrrd"))
    with pytest.raises(ValueError, match=r"p\.nrrd: got probabilities with a damaged header"):
        read_probabilities(tmp_path / "p.nrrd")


def test_wrong_names(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_probabilities(tmp_path / "p.nrrd")
    with pytest.raises(ValueError, match=r"got \.nii, allowed are \.nrrd"):
        write_probabilities(prediction(ALL["oblique"]), tmp_path / "p.nii")
