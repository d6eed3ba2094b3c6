"""A folder of images and one of label maps, or names with a pattern."""

from __future__ import annotations

import glob
import re
from collections.abc import Mapping
from pathlib import Path

from ImperfectSegLogic.data.dataset import Dataset
from ImperfectSegLogic.data.datasets.annotation_content import unlabeled_value
from ImperfectSegLogic.data.datasets.annotation_files import Version
from ImperfectSegLogic.data.datasets.files import new_folder
from ImperfectSegLogic.data.formats.exporting import (
    Notes,
    compact,
    each_case,
    labels_of,
    make_folders,
    newest_masks,
    tell_the_rest,
)
from ImperfectSegLogic.data.formats.foreign_masks import ForeignMask, names_in
from ImperfectSegLogic.data.formats.plan import ForeignCase, Listener, Plan
from ImperfectSegLogic.data.image_files import READABLE, write_volume
from ImperfectSegLogic.data.segmentation_files import SLICER, write_label_map

ENDINGS = (SLICER, *READABLE)
SCRIBBLES = "scribbles"
"""Who drew the label maps that are given as scribbles, after the annotator's own name."""


def plan(
    images: str,
    labels: str | None = None,
    scribbles: str | None = None,
    unlabeled: int = 255,
    names: Mapping[int, str] | None = None,
    annotator: str = "import",
    name: str = "",
) -> Plan:
    """Finds images and their label maps.

    Args:
        images: A folder, where each file or DICOM folder is an image and its name the case's id;
            or a pattern such as `data/*_image.nii.gz`, where the id is what `*` stands for.
        labels: A folder or pattern of label maps with the same ids.
        scribbles: The same, of label maps where most voxels are unlabeled. Their annotator is
            `import-scribbles`.
        unlabeled: The number of unlabeled voxels in `scribbles`.
        names: The name of every label; by default what the label maps hold, which reads them all.
        annotator: Whose annotations these will be.
        name: What the data set will be called.

    Raises:
        FileNotFoundError: If there is nothing of that name.
        ValueError: If two files have one id, or a label map has no image.
    """
    found = _matches(images)
    strokes = _masks(scribbles, f"{annotator}-{SCRIBBLES}", unlabeled, found)
    whole = _masks(labels, annotator, None, found)
    cases = tuple(
        # The whole masks last, so that they are the newest.
        ForeignCase(case, (path,), tuple(m[case] for m in (strokes, whole) if case in m))
        for case, path in found.items()
    )
    notes = []
    if not names:
        names = _names([mask for masks in (whole, strokes) for mask in masks.values()])
        notes.append(f"labels as found in the label maps: {dict(names)}.")
    return Plan(name, names, cases, notes=tuple(notes))


def export(
    dataset: Dataset,
    target: Path,
    annotator: str | None = None,
    progress: Listener = lambda fraction, text: None,
    ending: str = ".nii.gz",
) -> list[str]:
    """Writes the folders `images`, `labels` and `scribbles`, file names being the cases' ids.

    Args:
        dataset: The data set.
        target: The new folder.
        annotator: Whose masks; the newest of all by default.
        progress: Called with the share that is done, from 0 to 1, and the case's id.
        ending: Of the files; `.nrrd` holds sheared grids.

    Returns:
        What the format cannot hold.

    Raises:
        ValueError: If the ending is not allowed, or a grid is sheared and it cannot hold that.
        OSError: If the folder is there already or cannot be written.
    """
    notes = Notes()
    masks = newest_masks(dataset, annotator, notes)
    with new_folder(target) as folder:
        make_folders(folder, "images", "labels")
        for case in each_case(dataset, progress):
            write_volume(dataset.image(case), folder / "images" / f"{case}{ending}")
            if case in masks:
                _write_mask(dataset, case, masks[case], folder, ending)
    if any(version.kind == "SparseMask" for version in masks.values()):
        notes.add(f"unlabeled voxels in scribbles are {unlabeled_value(max(dataset.labels))}.")
    _tell(dataset, notes)
    return notes.lines()


def _write_mask(dataset: Dataset, case: str, version: Version, folder: Path, ending: str) -> None:
    part = "scribbles" if version.kind == "SparseMask" else "labels"
    make_folders(folder, part)
    unlabeled = unlabeled_value(max(dataset.labels))
    values = compact(labels_of(dataset, case, version, unlabeled))
    write_label_map(values, dataset.record(case).geometry, folder / part / f"{case}{ending}")


def _tell(dataset: Dataset, notes: Notes) -> None:
    told = " ".join(f"{n}={name}" for n, name in sorted(dataset.labels.items()))
    notes.add(f"names of labels cannot be held: {told}")
    if dataset.folds:
        notes.add("splits cannot be held.")
    if dataset.description.text or dataset.description.channels:
        notes.add("the description and the names of channels cannot be held.")
    tell_the_rest(dataset, False, notes)


def _matches(pattern: str) -> dict[str, Path]:
    """Gives files by id, sorted."""
    folder = Path(pattern)
    if folder.is_dir():
        paths = [p for p in folder.iterdir() if not p.name.startswith(".")]
        pairs = [(_stem(path), path) for path in paths if path.is_dir() or _ending(path)]
    else:
        parts = re.split(r"([*?])", Path(pattern).as_posix())
        group = {"*": "([^/]*)", "?": "([^/])"}
        expression = re.compile("".join(group.get(part, re.escape(part)) for part in parts))
        paths = [Path(name) for name in glob.glob(pattern)]  # noqa: PTH207
        pairs = []
        for path in paths:
            if match := expression.fullmatch(path.as_posix()):
                pairs.append(("_".join(match.groups()) or _stem(path), path))
    if not pairs:
        raise FileNotFoundError(
            f"{pattern}: there is no such file. Give a folder of images, or a pattern in quotes"
            " such as 'data/*_image.nii.gz'."
        )
    found: dict[str, Path] = {}
    for case, path in sorted(pairs):
        if case in found:
            raise ValueError(
                f"{path}: is case {case}, and so is {found[case].name}. Rename one of the two."
            )
        found[case] = path
    return found


def _masks(
    pattern: str | None, annotator: str, unlabeled: int | None, images: Mapping[str, Path]
) -> dict[str, ForeignMask]:
    if pattern is None:
        return {}
    found = _matches(pattern)
    lonely = [case for case in found if case not in images]
    if lonely:
        raise ValueError(
            f"{found[lonely[0]]}: there is no image {lonely[0]!r}; there are"
            f" {', '.join(list(images)[:3])} and so on. Check the patterns."
        )
    return {case: ForeignMask(path, annotator, unlabeled) for case, path in found.items()}


def _names(masks: list[ForeignMask]) -> dict[int, str]:
    names: dict[int, str] = {}
    for mask in masks:
        for label, name in names_in(mask).items():
            if names.setdefault(label, name) != name:
                raise ValueError(
                    f"{mask.path}: label {label} is {name!r}, elsewhere {names[label]!r}. Give the"
                    " names of labels."
                )
    if not names:
        raise ValueError("names of labels: got none and no label maps. Give names, as 1=liver.")
    return dict(sorted(names.items()))


def _ending(path: Path) -> str:
    fitting = [e for e in ENDINGS if path.name.lower().endswith(e)]
    return max(fitting, key=len, default="")


def _stem(path: Path) -> str:
    return path.name if path.is_dir() else path.name[: len(path.name) - len(_ending(path))]
