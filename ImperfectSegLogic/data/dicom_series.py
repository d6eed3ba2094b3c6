"""Reading a DICOM series: finding its files, ordering and checking its slices, placing it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ImperfectSegLogic.data.itk_images import LPS_TO_RAS, array_of, load, load_header, matrix_of

SERIES, DESCRIPTION = "0020|000e", "0008|103e"
POSITION, ORIENTATION, SPACING = "0020|0032", "0020|0037", "0028|0030"
INSTANCE = "0008|0018"
ROWS, COLUMNS = "0028|0010", "0028|0011"


@dataclass(frozen=True)
class Slice:
    """Where one file of a series lies: LPS in mm, as DICOM tells it; and its SOP instance UID."""

    path: str
    position: NDArray[np.float64]
    axes: NDArray[np.float64]
    spacing: NDArray[np.float64]
    shape: tuple[str, str]
    instance: str = ""

    @property
    def height(self) -> float:
        """Distance in mm from the origin along the slice's normal."""
        return float(np.cross(self.axes[0], self.axes[1]) @ self.position)


def is_dicom(path: Path) -> bool:
    """Whether a file is a DICOM file, by its content."""
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def read_series(path: Path, series: str | None) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Reads a DICOM series.

    Args:
        path: The folder with its files, or one of its files.
        series: Its series instance UID or its description, needed where a folder holds several.

    Returns:
        Voxels (slice, row, column), color first; and the 4x4 IJK-to-RAS matrix, sheared where the
        scanner's gantry was tilted.

    Raises:
        ValueError: If there is no such series, or more than one, or slices are missing, doubled,
            or not parallel and of one size.
    """
    with quiet():
        names = series_files(path, series)
        if len(names) == 1:
            image = load(Path(names[0]))
            return array_of(image), matrix_of(image)
        slices = sorted_slices(names)
        matrix = stack_matrix(slices, path)
        try:
            image = sitk.ReadImage([s.path for s in slices])
        except RuntimeError as error:
            raise ValueError(
                f"{path}: got a DICOM series with a file that cannot be read. Copy or export it"
                " again."
            ) from error
    return array_of(image), matrix


def series_files(path: Path, series: str | None) -> Sequence[str]:
    """Finds the files of one series; `read_series` tells what is allowed."""
    folder = path if path.is_dir() else path.parent
    if path.is_file():
        series = tags_of(path).get(SERIES)
    reader = sitk.ImageSeriesReader
    found = {
        uid: list(reader.GetGDCMSeriesFileNames(str(folder), uid))
        for uid in reader.GetGDCMSeriesIDs(str(folder))
    }
    texts = {uid: tags_of(Path(names[0])).get(DESCRIPTION, "") for uid, names in found.items()}
    if series is not None:
        uids = [uid for uid in found if series in (uid, texts[uid])]
    else:
        uids = list(found)
    if len(uids) == 1:
        return found[uids[0]]
    listed = "; ".join(
        f"{uid} ({texts[uid] or 'no description'}, {len(found[uid])} slices)" for uid in found
    )
    if not found:
        raise ValueError(f"{path}: got a folder without DICOM files. Choose an image file in it.")
    raise ValueError(
        f"{path}: got {len(uids)} DICOM series{f' named {series}' if series else ''}, allowed is"
        f" one. Choose with series=: {listed}."
    )


def sorted_slices(names: Sequence[str]) -> list[Slice]:
    """Gives the slices of a series in the order in which they are stacked."""
    return sorted((_slice(Path(name)) for name in names), key=lambda s: s.height)


def _slice(path: Path) -> Slice:
    tags = tags_of(path)
    try:
        numbers = {
            key: np.array([float(v) for v in tags[key].split("\\")])
            for key in (POSITION, ORIENTATION, SPACING)
        }
        position, axes = numbers[POSITION].reshape(3), numbers[ORIENTATION].reshape(2, 3)
        spacing = numbers[SPACING].reshape(2)
    except (KeyError, ValueError) as error:
        raise ValueError(
            f"{path}: got a DICOM file that does not say where its slice lies (position,"
            " orientation, pixel spacing). Choose a series of slices, or read this file alone."
        ) from error
    shape = (tags.get(ROWS, ""), tags.get(COLUMNS, ""))
    return Slice(str(path), position, axes, spacing, shape, tags.get(INSTANCE, ""))


def stack_matrix(slices: Sequence[Slice], path: Path) -> NDArray[np.float64]:
    """Gives the IJK-to-RAS matrix of a stack of two slices or more.

    Raises:
        ValueError: If slices are missing, doubled, or not parallel and of one size.
    """
    first = slices[0]
    for other in slices[1:]:
        same = other.shape == first.shape and np.allclose(other.spacing, first.spacing, rtol=1e-3)
        if not (same and np.allclose(other.axes, first.axes, atol=1e-3)):
            raise ValueError(
                f"{path}: got slices of different size, pixel spacing or orientation in one DICOM"
                f" series ({Path(first.path).name}, {Path(other.path).name}). Keep the files of one"
                " stack in a folder of their own."
            )
    step = (slices[-1].position - first.position) / (len(slices) - 1)
    _check_steps(slices, path)
    lps = np.eye(4)
    lps[:3, 0] = first.axes[0] * first.spacing[1]
    lps[:3, 1] = first.axes[1] * first.spacing[0]
    lps[:3, 2] = step
    lps[:3, 3] = first.position
    return LPS_TO_RAS @ lps


def _check_steps(slices: Sequence[Slice], path: Path) -> None:
    positions = np.array([s.position for s in slices])
    steps = np.diff(positions, axis=0)
    gaps = np.diff([s.height for s in slices])
    usual = float(np.median(gaps))
    if gaps.min() < 1e-3:
        name = Path(slices[int(gaps.argmin()) + 1].path).name
        raise ValueError(
            f"{path}: got two slices or more at one position in one DICOM series ({name}), as of a"
            " time series or a doubled file. Keep the files of one stack in a folder of their own."
        )
    straight = np.linspace(positions[0], positions[-1], len(positions))
    if np.abs(positions - straight).max() > max(0.01, 0.05 * usual):
        worst = int(np.abs(np.linalg.norm(steps, axis=1) - usual).argmax())
        raise ValueError(
            f"{path}: got slices with gaps of {gaps.min():.3f} to {gaps.max():.3f} mm in one DICOM"
            f" series, allowed is one distance. A slice seems to be missing or moved after"
            f" {Path(slices[worst].path).name}. Copy or export the series again."
        )


def tags_of(path: Path) -> dict[str, str]:
    """Gives the DICOM attributes of a file that are texts or numbers."""
    reader = load_header(path)
    return {key: reader.GetMetaData(key).strip() for key in reader.GetMetaDataKeys()}


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keeps ITK from printing warnings; what matters is raised."""
    shown = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        yield
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(shown)
