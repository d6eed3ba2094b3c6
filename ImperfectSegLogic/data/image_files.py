"""Reading and writing images: NIfTI, NRRD, MetaImage, DICOM series, and 2-D pictures."""

from __future__ import annotations

import os
from pathlib import Path

from ImperfectSegLogic.data.dicom_series import is_dicom, read_series
from ImperfectSegLogic.data.itk_images import array_of, image_of, load, load_header, matrix_of, save
from ImperfectSegLogic.data.nifti import check_no_twin, read_header
from ImperfectSegLogic.data.safe_writing import check_target, extension_of, replacing
from ImperfectSegLogic.data.volume import Volume
from ImperfectSegLogic.data.whole_files import check_complete

NIFTI = (".nii.gz", ".nii")
WRITABLE = (*NIFTI, ".nrrd", ".mha")
PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
READABLE = (*WRITABLE, ".nhdr", ".mhd", ".dcm", *PICTURES)


def read_volume(path: str | os.PathLike[str], series: str | None = None) -> Volume:
    """Reads an image.

    A sheared NIfTI file keeps its true matrix, which 3D Slicer and ITK would bend to right angles.

    Args:
        path: A NIfTI, NRRD, MetaImage or picture file, a DICOM file, or a folder with a DICOM
            series. A DICOM file that is one slice of a series stands for all of it.
        series: Which DICOM series to read (its UID or description), where a folder has several.

    Returns:
        The image: RAS in mm, a 2-D image as one slice, colors or time points as first axis.

    Raises:
        FileNotFoundError: If there is no such file or folder.
        PermissionError: If it may not be read.
        ValueError: If it is no image of these kinds, is cut short, or a DICOM series is not one
            regular stack of slices.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: there is no such file or folder. Check the path.")
    if not os.access(path, os.R_OK):
        raise PermissionError(f"{path}: may not be read. Ask its owner, or copy it.")
    if path.is_dir() or is_dicom(path):
        array, matrix = read_series(path, series)
        return Volume(array, matrix, path.name)
    extension = extension_of(path, READABLE)
    if extension in NIFTI:
        return _read_nifti(path)
    check_complete(path)
    image = load(path)
    try:
        return Volume(array_of(image), matrix_of(image), path.name)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def write_volume(volume: Volume, path: str | os.PathLike[str], overwrite: bool = False) -> None:
    """Writes an image as .nii.gz, .nii, .nrrd or .mha; a single channel becomes a scalar image.

    Args:
        volume: The image.
        path: The file to write.
        overwrite: Whether it may replace a file that is there.

    Raises:
        FileExistsError: If the file is there and must not be replaced.
        ValueError: If the extension is not allowed, or the format cannot hold a sheared matrix.
        OSError: If it cannot be written, as on a full disk; an earlier file stays as it was.
    """
    target = check_target(path, WRITABLE, overwrite)
    check_no_twin(target)
    if volume.geometry.is_sheared and extension_of(path, WRITABLE) in NIFTI:
        raise ValueError(
            f"{path}: got an image whose axes are not at right angles, which NIfTI files as ITK"
            " writes them cannot hold. Save as .nrrd instead."
        )
    image = image_of(volume.array, volume.geometry)
    with replacing(path, WRITABLE, overwrite) as temporary:
        save(image, temporary)


def _read_nifti(path: Path) -> Volume:
    header = read_header(path)
    matrix = header.matrix if header.matrix is not None else matrix_of(load_header(path))
    if header.is_plain:
        return Volume(header.voxels(), matrix, path.name)
    check_no_twin(path)
    check_complete(path)
    return Volume(array_of(load(path)), matrix, path.name)
