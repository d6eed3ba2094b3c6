"""Reading and writing predictions: probabilities as an NRRD file that 3D Slicer opens too."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from ImperfectSegLogic.data.geometry import Geometry, Region
from ImperfectSegLogic.data.image_files import read_volume
from ImperfectSegLogic.data.itk_images import image_of, load_header, save
from ImperfectSegLogic.data.prediction import Prediction, Provenance
from ImperfectSegLogic.data.safe_writing import check_target, extension_of, replacing

EXTENSIONS = (".nrrd",)
KEY, VERSION = "ImperfectSeg_Prediction", 1


def write_probabilities(
    prediction: Prediction, path: str | os.PathLike[str], overwrite: bool = False
) -> None:
    """Writes the probabilities of a prediction's region, with all that is known about them.

    Args:
        prediction: The prediction.
        path: A `.nrrd` file; 3D Slicer shows it as a volume with a component per label.
        overwrite: Whether it may replace a file that is there.

    Raises:
        FileExistsError: If the file is there and must not be replaced.
        ValueError: If the extension is not allowed.
        TypeError: If the settings in the provenance hold something that JSON cannot.
        OSError: If it cannot be written, as on a full disk; an earlier file stays as it was.
    """
    check_target(path, EXTENSIONS, overwrite)
    whole, source = prediction.geometry, prediction.provenance
    matrix = whole.ijk_to_ras.copy()
    matrix[:3, 3] = whole.to_ras(prediction.region.start)
    said = {
        "version": VERSION,
        "labels": prediction.labels,
        "region_start": prediction.region.start,
        "image_shape": whole.shape,
        "image_ijk_to_ras": whole.ijk_to_ras.tolist(),
        "method": source.method,
        "settings": dict(source.settings),
        "weights_hash": source.weights_hash,
    }
    voxels = prediction.probabilities.astype(np.float32, copy=False)
    image = image_of(voxels, Geometry(prediction.region.shape, matrix))
    image.SetMetaData(KEY, json.dumps(said))
    with replacing(path, EXTENSIONS, overwrite) as temporary:
        save(image, temporary)


def read_probabilities(path: str | os.PathLike[str]) -> Prediction:
    """Reads what `write_probabilities` wrote, exactly.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is cut short, or no such file.
    """
    path = Path(path)
    if path.exists():
        extension_of(path, EXTENSIONS)
    array = read_volume(path).array
    array = array if array.ndim == 4 else array[np.newaxis]
    header = load_header(path)
    if not header.HasMetaDataKey(KEY):
        raise ValueError(
            f"{path}: got an image that does not tell which labels its values are about. Choose a"
            " file that was saved as probabilities."
        )
    try:
        return _prediction(array, json.loads(header.GetMetaData(KEY)))
    except (ValueError, TypeError, KeyError, AssertionError) as error:
        raise ValueError(f"{path}: got probabilities with a damaged header ({error}).") from error


def _prediction(array: np.ndarray[Any, Any], said: dict[str, Any]) -> Prediction:
    if said["version"] != VERSION:
        raise ValueError(f"version {said['version']}, allowed is {VERSION}")
    k, j, i = (int(n) for n in said["region_start"])
    stop = (k + array.shape[1], j + array.shape[2], i + array.shape[3])
    shape = tuple(said["image_shape"])
    if len(said["labels"]) != len(array) or any(b > n for b, n in zip(stop, shape, strict=True)):
        raise ValueError(f"labels {said['labels']} and image {shape} for voxels {array.shape}")
    return Prediction(
        array.astype(np.float32, copy=False),
        tuple(int(label) for label in said["labels"]),
        Region((k, j, i), stop),
        Geometry(shape, np.array(said["image_ijk_to_ras"])),
        Provenance(said["method"], said["settings"], said["weights_hash"]),
    )
