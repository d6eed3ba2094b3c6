"""Scores of label maps in one folder against those in another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ImperfectSegLogic.data import DenseMask, read_segmentation, read_volume
from ImperfectSegLogic.data.datasets.annotation_content import labels_in
from ImperfectSegLogic.data.datasets.files import visible
from ImperfectSegLogic.data.formats.foreign_masks import ForeignMask, names_in, read_mask
from ImperfectSegLogic.data.safe_writing import extension_of
from ImperfectSegLogic.data.segmentation_files import READABLE, SLICER
from ImperfectSegLogic.evaluation.evaluating import checked_labels
from ImperfectSegLogic.evaluation.score import Listener, Score
from ImperfectSegLogic.metrics.measures import measure
from ImperfectSegLogic.metrics.surface_distances import check_tolerance


def evaluate_folders(
    predictions: Path,
    truth: Path,
    tolerance: float = 2.0,
    listener: Listener | None = None,
    labels: Sequence[int] | None = None,
    subjects: Mapping[str, str] | None = None,
) -> list[Score]:
    """Scores label maps against those of the same name, whatever the extensions, case by case.

    Args:
        predictions: Folder with what was predicted, `.seg.nrrd` files or label maps.
        truth: Folder with what is there; its files are also the list of cases.
        tolerance: Of the surface Dice, in mm.
        listener: Called with the share that is done, from 0 to 1, and the case at hand.
        labels: Which labels; by default all of the truth's files, and a prediction with others is
            an error.
        subjects: Who was imaged, by case; by default every case is a subject of its own.

    Returns:
        One score per case and label, sorted by case.

    Raises:
        ValueError: If the folders' files do not match, or one is damaged or on another grid.
        OSError: If a folder is not there, or a file cannot be read.
    """
    check_tolerance(tolerance)
    found, there = label_maps(predictions), label_maps(truth)
    _check_names(predictions, truth, set(found), set(there))
    names = names_of(there.values())
    wanted = checked_labels(labels, names)
    scores = []
    for n, (case, path) in enumerate(there.items()):
        if listener:
            listener(n / len(there), case)
        subject = (subjects or {}).get(case) or case
        masks = _read(path, found[case], names, labels is None)
        try:
            scores += [
                Score(case, subject, label, measure(*masks, label, tolerance), truth.name)
                for label in wanted
            ]
        except ValueError as error:
            raise ValueError(f"{found[case]}: {error}") from error
    if listener:
        listener(1.0, "")
    return scores


def label_maps(folder: Path) -> dict[str, Path]:
    """Gives the label maps in a folder by their names without extension, sorted.

    Raises:
        ValueError: If there are none, or two of one name.
        OSError: If there is no such folder.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: there is no such folder. Check the path.")
    found: dict[str, Path] = {}
    for name in visible(folder):
        if not name.lower().endswith(READABLE):
            continue
        path = folder / name
        stem = name[: -len(extension_of(path, READABLE))]
        if stem in found:
            raise ValueError(f"{path}: {found[stem].name} has the same name. Remove one of them.")
        found[stem] = path
    if not found:
        raise ValueError(f"{folder}: has no label maps, which end in {', '.join(READABLE)}.")
    return found


def names_of(paths: Iterable[Path]) -> dict[int, str]:
    """Gives the labels of files and their names, `label_1` and so on where no file has one.

    Raises:
        ValueError: If a label has two names, one is damaged, or no file has a label.
        OSError: If one cannot be read.
    """
    names: dict[int, str] = {}
    for path in paths:
        for label, name in names_in(ForeignMask(path, "")).items():
            known = names.get(label, name)
            if name == f"label_{label}":
                name = known
            if known not in (name, f"label_{label}"):
                raise ValueError(
                    f"{path}: label {label} is {name!r}, elsewhere {known!r}. Give each structure"
                    " the same number and name in all files."
                )
            names[label] = name
    if not names:
        raise ValueError("truth: has no labels in any file. Check the folder.")
    return dict(sorted(names.items()))


def _check_names(predictions: Path, truth: Path, found: set[str], there: set[str]) -> None:
    for extra, where, lacking in (
        (there - found, predictions, "no prediction"),
        (found - there, truth, "no truth"),
    ):
        if extra:
            few = ", ".join(sorted(extra)[:10]) + (", ..." if len(extra) > 10 else "")
            raise ValueError(
                f"{where}: has {lacking} of {len(extra)} cases: {few}. Files of one case need the"
                " same name; leave only cases in both folders that are to be compared."
            )


def _read(
    truth: Path, prediction: Path, names: Mapping[int, str], only_these: bool
) -> tuple[DenseMask, DenseMask]:
    named = truth.name.lower().endswith(SLICER)
    grid = read_segmentation(truth).geometry if named else read_volume(truth).geometry
    mask, there = (read_mask(ForeignMask(path, ""), grid, names) for path in (prediction, truth))
    assert isinstance(mask, DenseMask)
    assert isinstance(there, DenseMask)
    unknown = sorted(labels_in(mask) - set(names))
    if unknown and only_these:
        raise ValueError(
            f"{prediction}: got labels {unknown}, the truth's are {dict(names)}. Choose labels to"
            " leave others out."
        )
    return mask, there
