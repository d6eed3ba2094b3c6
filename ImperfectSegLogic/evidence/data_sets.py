"""Makes the data sets of Evidences from files in the data folder, once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ImperfectSegLogic.data import Dataset
from ImperfectSegLogic.data.datasets.files import make_folder, read_object
from ImperfectSegLogic.data.formats import image_folders
from ImperfectSegLogic.data.formats.plan import run
from ImperfectSegLogic.evidence.spec import DataRecipe, hash_of


def check_data(recipe: DataRecipe, data: Path) -> None:
    """Checks that the files that a data set is made of are there.

    Raises:
        FileNotFoundError: If some are not; the message says which, and where they are looked for.
    """
    if not data.is_dir():
        raise FileNotFoundError(
            f"{data}: there is no such folder. Give the folder that holds {recipe.images} with"
            " --data."
        )
    separate = (recipe.images, recipe.label_maps, recipe.scribbles)
    wanted = (*((recipe.hdf5,) if recipe.hdf5 else separate), recipe.splits)
    missing = [pattern for pattern in wanted if pattern and not any(data.glob(pattern))]
    if missing:
        raise FileNotFoundError(
            f"{data}: data set {recipe.name} is made of {', '.join(missing)}, and there is no such"
            " file. Give the folder that holds them with --data."
        )


def build(
    recipe: DataRecipe, data: Path, work: Path, progress: Callable[[float, str], None]
) -> Dataset:
    """Makes a data set, or opens the one that was made before; images in files stay where they are.

    Several processes can ask for the same one at once: one makes it, the others wait.

    Args:
        recipe: What it is made of.
        data: The data folder.
        work: Folder in which data sets are made.
        progress: Called with the share that is done, from 0 to 1, and the case's id.

    Raises:
        ValueError: If a file is damaged, or a mask does not fit its image or the labels.
        OSError: If files are missing, or the data set cannot be written.
    """
    from filelock import FileLock  # Comes with torch, which not everybody has.

    check_data(recipe, data)
    root = data.resolve()
    folder = make_folder(work) / f"{recipe.name}-{hash_of([recipe.hash, str(root)])}"
    with FileLock(folder.with_name(f".{folder.name}.lock")):
        return Dataset.open(folder) if folder.exists() else _make(recipe, root, folder, progress)


def _make(
    recipe: DataRecipe, root: Path, folder: Path, progress: Callable[[float, str], None]
) -> Dataset:
    if recipe.hdf5:
        from ImperfectSegLogic.evidence.hdf5_data import from_hdf5

        return from_hdf5(recipe, root, folder, progress)
    plan = image_folders.plan(
        str(root / recipe.images),
        str(root / recipe.label_maps),
        str(root / recipe.scribbles) if recipe.scribbles else None,
        recipe.unlabeled,
        recipe.labels,
        name=recipe.name,
    )
    splits = dict(recipe.split) if recipe.split else read_object(root / recipe.splits)
    plan = plan.with_subjects(recipe.subject).with_splits(splits)
    return run(plan, folder, "absolute", progress)
