"""Between SimpleITK's images and arrays with an IJK-to-RAS matrix."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ImperfectSegLogic.data.geometry import Geometry
from ImperfectSegLogic.data.whole_files import check_complete

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""ITK's x and y point left and to the back, 3D Slicer's point right and to the front."""

UNREADABLE = (
    "{}: got a file that cannot be read as an image; it is damaged, cut short or of another kind"
    " than its name says. Copy, download or export it again."
)


def matrix_of(image: Any) -> NDArray[np.float64]:
    """Gives the 4x4 IJK-to-RAS matrix of an image or reader with 2 to 4 axes, leaving out time."""
    count = min(image.GetDimension(), 3)
    full = np.array(image.GetDirection()).reshape(image.GetDimension(), -1)
    matrix = np.eye(4)
    matrix[:count, :count] = full[:count, :count] * image.GetSpacing()[:count]
    matrix[:count, 3] = image.GetOrigin()[:count]
    return LPS_TO_RAS @ matrix


def array_of(image: sitk.Image) -> NDArray[Any]:
    """Gives the voxels as (slice, row, column), with channels or time points as the first axis.

    Raises:
        ValueError: If the image has both time points and channels, or five axes or more.
    """
    array = sitk.GetArrayFromImage(image)
    channels = image.GetNumberOfComponentsPerPixel() > 1
    axes = image.GetDimension()
    if axes > 4 or (axes == 4 and channels):
        raise ValueError(
            f"got {axes} axes with {image.GetNumberOfComponentsPerPixel()} values per voxel,"
            " allowed are 3 axes, with time points or channels. Split the file first."
        )
    if channels:
        array = np.moveaxis(array, -1, 0)
    return array[..., np.newaxis, :, :] if axes == 2 else array


def image_of(array: NDArray[Any], geometry: Geometry) -> sitk.Image:
    """Makes an image of voxels (slice, row, column), optionally with a channel axis first.

    Numbers that no file format knows become the next larger kind: bool and half floats.
    """
    larger: dict[str, type] = {"?": np.uint8, "e": np.float32, "g": np.float64}
    voxels = array.astype(larger.get(array.dtype.char, array.dtype.newbyteorder("=")))
    if voxels.ndim == 4 and len(voxels) == 1:
        voxels = voxels[0]
    if voxels.ndim == 4:
        image = sitk.GetImageFromArray(np.moveaxis(voxels, 0, -1), isVector=True)
    else:
        image = sitk.GetImageFromArray(voxels)
    lps = LPS_TO_RAS @ geometry.ijk_to_ras
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(lps[:3, 3].tolist())
    image.SetDirection((lps[:3, :3] / spacing).ravel().tolist())
    return image


def load(path: Path) -> sitk.Image:
    """Reads one image file.

    Raises:
        ValueError: If it is no image that can be read; ITK's own words are its `__cause__`.
    """
    try:
        return sitk.ReadImage(str(path))
    except RuntimeError as error:
        raise ValueError(UNREADABLE.format(path)) from error


def load_header(path: Path) -> sitk.ImageFileReader:
    """Reads where an image lies and its meta-data, but no voxels.

    Raises:
        ValueError: If it is no image that can be read; ITK's own words are its `__cause__`.
    """
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        raise ValueError(UNREADABLE.format(path)) from error
    return reader


def save(image: sitk.Image, path: Path) -> None:
    """Writes one image file, compressed, and checks that all of it arrived.

    Args:
        image: The image.
        path: The temporary file that `replacing` gave.

    Raises:
        OSError: If not everything could be written.
    """
    try:
        sitk.WriteImage(image, str(path), useCompression=True)
        check_complete(path)
    except (RuntimeError, ValueError) as error:
        full = shutil.disk_usage(path.parent).free < 2**20
        raise OSError(errno.ENOSPC if full else errno.EIO, "not all was written") from error
