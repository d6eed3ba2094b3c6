"""Makes a data set of an HDF5 file that holds all images and label maps, as two arrays."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.data import Dataset, DenseMask, Volume
from ImperfectSegLogic.data.datasets.files import new_folder
from ImperfectSegLogic.evidence.spec import DataRecipe


def from_hdf5(
    recipe: DataRecipe, data: Path, folder: Path, progress: Callable[[float, str], None]
) -> Dataset:
    """Makes a data set; cases are called p000, p001 and so on in the order of the file.

    Args:
        recipe: With `hdf5`, and the names of arrays of shape (case, 1, row, column) or (case, row,
            column).
        data: The data folder.
        folder: The data set's folder, which must not be there yet.
        progress: Called with the share that is done, from 0 to 1, and the case's id.

    Raises:
        ValueError: If h5py is not installed, an array is missing or of another shape, or a subject
            or split names what is not there.
        OSError: If the file cannot be read, or the folder not be written.
    """
    images, labels = _arrays(data / recipe.hdf5, recipe)
    matrix = np.diag([*recipe.spacing[::-1], 1.0])
    subjects = {}
    with new_folder(folder) as made:
        made.rmdir()  # Which `create` makes itself.
        dataset = Dataset.create(made, dict(recipe.labels), recipe.name)
        for n, (gray, mask) in enumerate(zip(images, labels, strict=True)):
            case = f"p{n:03d}"
            progress(n / len(images), case)
            subjects[case] = _subject(recipe, case)
            volume = Volume(gray[np.newaxis], matrix, case)
            dataset.add_case(case, volume, subject=subjects[case], source=recipe.hdf5)
            whole = np.rint(mask[np.newaxis]).astype(np.uint8)
            dataset.annotate(case, DenseMask(whole, volume.geometry), "import")
        dataset.set_splits(
            {name: _cases(each, subjects, recipe) for name, each in recipe.split.items()}
        )
    progress(1.0, "")
    return Dataset.open(folder)


def _arrays(path: Path, recipe: DataRecipe) -> tuple[NDArray[Any], NDArray[Any]]:
    try:
        import h5py
    except ImportError as error:
        raise ValueError(
            f"{path}: is an HDF5 file, and h5py is not installed. Install it with: pip install h5py"
        ) from error
    with h5py.File(path) as file:
        names = (recipe.images, recipe.label_maps)
        missing = [name for name in names if name not in file]
        if missing:
            raise ValueError(
                f"{path}: has no array {missing[0]!r}, there are {', '.join(file)}. Change the"
                " recipe."
            )
        images, labels = (np.asarray(file[name]) for name in names)
    if images.ndim == 4 and images.shape[1] == 1:
        images, labels = images[:, 0], labels.reshape(labels.shape[0], *labels.shape[2:])
    if images.ndim != 3 or images.shape != labels.shape:
        raise ValueError(
            f"{path}: got arrays of shape {images.shape} and {labels.shape}, allowed are two of"
            " (case, 1, row, column) or (case, row, column)."
        )
    return images, labels


def _subject(recipe: DataRecipe, case: str) -> str:
    match = re.search(recipe.subject, case)
    if match is None:
        raise ValueError(
            f"{recipe.name}, subject: {recipe.subject!r} does not match case {case}. Change it."
        )
    return match[1] if match.re.groups else match[0]


def _cases(each: tuple[str, ...], subjects: dict[str, str], recipe: DataRecipe) -> list[str]:
    unknown = [one for one in each if one not in subjects and one not in subjects.values()]
    if unknown:
        raise ValueError(
            f"{recipe.name}, split: got {unknown[0]!r}, which is no case and no subject."
        )
    return [case for one in each for case, who in subjects.items() if one in (case, who)]
