"""What models predicted for the cases of a data set: `predictions/MODEL/CASE.*`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ImperfectSegLogic.data.annotations import DenseMask
from ImperfectSegLogic.data.datasets.annotation_content import mask_of_file, write_mask
from ImperfectSegLogic.data.datasets.files import make_folder, visible
from ImperfectSegLogic.data.geometry import Geometry
from ImperfectSegLogic.data.prediction import Prediction
from ImperfectSegLogic.data.probability_files import read_probabilities, write_probabilities

LABELS, PROBABILITIES = ".seg.nrrd", ".prob.nrrd"


def write_prediction(
    folder: Path,
    case: str,
    predicted: Prediction | DenseMask,
    names: Mapping[int, str],
    probabilities: bool,
    overwrite: bool,
) -> None:
    """Writes a prediction's labels, and its probabilities if wanted.

    Raises:
        FileExistsError: If there is a prediction and it must not be replaced.
        ValueError: If probabilities are wanted of a mask.
        OSError: If it cannot be written.
    """
    paths = [folder / f"{case}{LABELS}", folder / f"{case}{PROBABILITIES}"]
    if not overwrite and any(path.exists() for path in paths):
        raise FileExistsError(f"{paths[0]}: is there already. Overwrite it, or rename the model.")
    make_folder(folder)
    if not probabilities:
        paths[1].unlink(missing_ok=True)  # Else it would be another prediction's.
    elif not isinstance(predicted, Prediction):
        raise ValueError(f"{case}: got a mask, which has no probabilities. Give a prediction.")
    else:
        write_probabilities(predicted, paths[1], overwrite=True)
    if isinstance(predicted, Prediction):
        predicted = DenseMask(predicted.full_labels(), predicted.geometry)
    write_mask(predicted, paths[0], names)


def read_labels(folder: Path, case: str, grid: Geometry, names: Mapping[int, str]) -> DenseMask:
    """Reads the labels that a model predicted.

    Raises:
        FileNotFoundError: If there are none.
        ValueError: If the file is damaged or not on the image's grid.
    """
    mask = mask_of_file("DenseMask", folder / f"{case}{LABELS}", grid, names, -1)
    assert isinstance(mask, DenseMask)
    return mask


def read_whole(folder: Path, case: str) -> Prediction:
    """Reads the probabilities that a model predicted.

    Raises:
        FileNotFoundError: If there are none.
        ValueError: If the file is damaged.
    """
    return read_probabilities(folder / f"{case}{PROBABILITIES}")


def predicted_cases(folder: Path) -> list[str]:
    """Gives the sorted ids of the cases that a model has predicted."""
    return [n.removesuffix(LABELS) for n in visible(folder) if n.endswith(LABELS)]
