"""Writing a data set as nnU-Net's raw data, version 2."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from ImperfectSegLogic.data.dataset import Dataset
from ImperfectSegLogic.data.datasets.annotation_files import Version
from ImperfectSegLogic.data.datasets.files import new_folder
from ImperfectSegLogic.data.formats.exporting import (
    Notes,
    check_consecutive,
    check_reserved,
    compact,
    each_case,
    labels_of,
    make_folders,
    newest_masks,
    tell_other_splits,
    tell_the_rest,
    test_cases,
)
from ImperfectSegLogic.data.formats.nnunet import SPLITS
from ImperfectSegLogic.data.formats.plan import Listener
from ImperfectSegLogic.data.image_files import write_volume
from ImperfectSegLogic.data.segmentation_files import write_label_map
from ImperfectSegLogic.data.volume import Volume

MOVED = "put with the test images, as training images need a mask."


def export(
    dataset: Dataset,
    target: Path,
    annotator: str | None = None,
    progress: Listener = lambda fraction, text: None,
    ending: str = ".nii.gz",
) -> list[str]:
    """Writes a data set; cases of the split `test` and those without a mask become test images.

    Args:
        dataset: The data set.
        target: The new folder, such as `Dataset001_Name`.
        annotator: Whose masks; the newest of all by default.
        progress: Called with the share that is done, from 0 to 1, and the case's id.
        ending: Of the files; `.nrrd` holds sheared grids.

    Returns:
        What the format cannot hold.

    Raises:
        ValueError: If labels are not 1, 2, 3 and so on, or nothing is annotated.
        OSError: If the folder is there already or cannot be written.
    """
    notes = Notes()
    check_consecutive(dataset, "nnU-Net")
    check_reserved(dataset, ("background", "ignore"), "nnU-Net")
    masks, testing = newest_masks(dataset, annotator, notes), test_cases(dataset)
    ignore = _ignore_label(dataset, masks)
    with new_folder(target) as folder:
        make_folders(folder, "imagesTr", "labelsTr", "imagesTs", "labelsTs")
        for case in each_case(dataset, progress):
            part = "Tr" if case in masks and case not in testing else "Ts"
            if case not in masks and case not in testing:
                notes.add(MOVED, case)
            _write_case(dataset, case, masks.get(case), folder, part, ignore, ending)
        _write_description(dataset, folder, len(set(masks) - testing), ignore, ending)
        _write_folds(dataset, set(masks) - testing, folder, notes)
    tell_other_splits(dataset, ("train", "val", "test"), notes)
    tell_the_rest(dataset, False, notes)
    return notes.lines()


def _ignore_label(dataset: Dataset, masks: Mapping[str, Version]) -> int | None:
    """Gives the number of unlabeled voxels, which nnU-Net wants to be the highest."""
    sparse = any(version.kind == "SparseMask" for version in masks.values())
    return len(dataset.labels) + 1 if sparse else None


def _write_case(
    dataset: Dataset,
    case: str,
    version: Version | None,
    folder: Path,
    part: str,
    ignore: int | None,
    ending: str,
) -> None:
    volume = dataset.image(case)
    channels = volume.array if volume.array.ndim == 4 else volume.array[None]
    for number, channel in enumerate(channels):
        path = folder / f"images{part}" / f"{case}_{number:04d}{ending}"
        write_volume(Volume(channel, volume.ijk_to_ras, case), path)
    if version:
        labels = compact(labels_of(dataset, case, version, ignore))
        write_label_map(labels, volume.geometry, folder / f"labels{part}" / f"{case}{ending}")


def _write_description(
    dataset: Dataset, folder: Path, count: int, ignore: int | None, ending: str
) -> None:
    about = dataset.description
    counts = {dataset.record(case).channels for case in dataset.case_ids}
    if len(counts) != 1:
        raise ValueError(
            f"{dataset.folder}: got cases with {sorted(counts)} channels, allowed in nnU-Net is one"
            " number for all."
        )
    names = about.channels or [f"channel_{n}" for n in range(counts.pop())]
    labels = {"background": 0} | {name: n for n, name in sorted(about.labels.items())}
    content = {
        "name": about.name,
        "description": about.text,
        "channel_names": {str(n): name for n, name in enumerate(names)},
        "labels": labels | ({} if ignore is None else {"ignore": ignore}),
        "numTraining": count,
        "file_ending": ending,
    }
    text = json.dumps(content, indent=1, ensure_ascii=False)
    (folder / "dataset.json").write_text(text + "\n", encoding="utf-8")


def _write_folds(dataset: Dataset, training: set[str], folder: Path, notes: Notes) -> None:
    folds = [
        {name: sorted(set(fold[name]) & training) for name in ("train", "val")}
        for fold in dataset.folds
        if "train" in fold and "val" in fold
    ]
    if folds:
        (folder / SPLITS).write_text(json.dumps(folds, indent=1) + "\n", encoding="utf-8")
        notes.add(f"copy {SPLITS} into nnUNet_preprocessed, where nnU-Net looks for it.")
