"""The format of the Medical Segmentation Decathlon."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import SimpleITK as sitk

from ImperfectSegLogic.data.dataset import Dataset
from ImperfectSegLogic.data.datasets.files import new_folder, read_object
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
from ImperfectSegLogic.data.formats.foreign_masks import ForeignMask
from ImperfectSegLogic.data.formats.plan import ForeignCase, Listener, Plan
from ImperfectSegLogic.data.image_files import write_volume
from ImperfectSegLogic.data.itk_images import image_of, save
from ImperfectSegLogic.data.safe_writing import replacing
from ImperfectSegLogic.data.segmentation_files import write_label_map
from ImperfectSegLogic.data.volume import Volume

ENDING = ".nii.gz"


def plan(source: Path, annotator: str = "import") -> Plan:
    """Finds what the `dataset.json` of a folder such as `Task09_Spleen` lists.

    Raises:
        FileNotFoundError: If `dataset.json`, or a file that it lists, is not there.
        ValueError: If `dataset.json` is damaged.
    """
    path = source / "dataset.json"
    said = read_object(path)
    try:
        labels = {int(n): str(name) for n, name in said["labels"].items() if int(n) != 0}
        modality = dict(said["modality"])
        channels = tuple(str(modality[n]) for n in sorted(modality, key=int))
        lists = {"train": said["training"], "val": said.get("validation", [])}
        cases: list[ForeignCase] = []
        split: dict[str, list[str]] = {}
        for name, listed in lists.items():
            found = [_case(source, e["image"], e["label"], annotator) for e in listed]
            split[name], cases = [c.case for c in found], cases + found
        testing = [_case(source, _image(e), None, annotator) for e in said.get("test", [])]
        split["test"], cases = [c.case for c in testing], cases + testing
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(
            f"{path}: got a damaged description ({type(error).__name__}: {error}), wanted are"
            " labels, modality, training and test."
        ) from error
    held = {name: ids for name, ids in split.items() if ids}
    text = str(said.get("description", ""))
    name = str(said.get("name", source.name))
    return Plan(name, labels, tuple(cases), text, channels, (held,))


def export(
    dataset: Dataset,
    target: Path,
    annotator: str | None = None,
    progress: Listener = lambda fraction, text: None,
) -> list[str]:
    """Writes a data set; cases of the split `test` and those without a mask become test images.

    Args:
        dataset: The data set.
        target: The new folder, such as `Task01_Name`.
        annotator: Whose masks; the newest of all by default.
        progress: Called with the share that is done, from 0 to 1, and the case's id.

    Returns:
        What the format cannot hold.

    Raises:
        ValueError: If labels are not 1, 2, 3 and so on, a mask is sparse, or a grid is sheared.
        OSError: If the folder is there already or cannot be written.
    """
    notes = Notes()
    check_consecutive(dataset, "Decathlon folders")
    check_reserved(dataset, ("background",), "the Decathlon")
    masks, testing = newest_masks(dataset, annotator, notes), test_cases(dataset)
    training = sorted(set(masks) - testing)
    with new_folder(target) as folder:
        make_folders(folder, "imagesTr", "labelsTr", "imagesTs")
        for case in each_case(dataset, progress):
            volume, name = dataset.image(case), f"{case}{ENDING}"
            _write_image(volume, folder / f"images{'Tr' if case in training else 'Ts'}" / name)
            if case in training:
                labels = compact(labels_of(dataset, case, masks[case], None))
                write_label_map(labels, volume.geometry, folder / "labelsTr" / name)
            else:
                _tell_about_test_image(case, case in masks, case in testing, notes)
        text = json.dumps(_description(dataset, training), indent=1, ensure_ascii=False)
        (folder / "dataset.json").write_text(text + "\n", encoding="utf-8")
    _tell_the_rest(dataset, notes)
    return notes.lines()


def _tell_about_test_image(case: str, has_mask: bool, in_test: bool, notes: Notes) -> None:
    if has_mask:
        notes.add("it is in the test split, whose masks cannot be held.", case)
    elif not in_test:
        notes.add("put with the test images, as training images need a mask.", case)


def _tell_the_rest(dataset: Dataset, notes: Notes) -> None:
    tell_other_splits(dataset, ("train", "test"), notes)
    if len(dataset.folds) > 1:
        notes.add("only the first fold is held.")
    tell_the_rest(dataset, False, notes)


def _image(entry: Any) -> str:
    return str(entry["image"] if isinstance(entry, dict) else entry)


def _case(source: Path, image: str, label: str | None, annotator: str) -> ForeignCase:
    files = [source / image] + ([source / label] if label else [])
    for file in files:
        if not file.is_file():
            raise FileNotFoundError(
                f"{file}: there is no such file, but {source / 'dataset.json'} lists it. Copy it"
                " there, or take it out of the list."
            )
    case = files[0].name.removesuffix(".gz").removesuffix(".nii")
    return ForeignCase(case, (files[0],), tuple(ForeignMask(f, annotator) for f in files[1:]))


def _write_image(volume: Volume, path: Path) -> None:
    """Writes an image, channels as the fourth axis, as the Decathlon has them."""
    if volume.array.ndim == 3 or len(volume.array) == 1:
        write_volume(volume, path)
        return
    if volume.geometry.is_sheared:
        raise ValueError(
            f"{volume.name}: got an image whose axes are not at right angles, which NIfTI files as"
            " ITK writes them cannot hold. Export as nnunet with --ending .nrrd."
        )
    whole = sitk.JoinSeries([image_of(channel, volume.geometry) for channel in volume.array])
    with replacing(path, (ENDING,)) as temporary:
        save(whole, temporary)


def _description(dataset: Dataset, training: list[str]) -> dict[str, Any]:
    about = dataset.description
    testing = [case for case in dataset.case_ids if case not in training]
    counts = {dataset.record(case).channels for case in dataset.case_ids}
    names = about.channels or [f"channel_{n}" for n in range(max(counts, default=1))]
    return {
        "name": about.name,
        "description": about.text,
        "tensorImageSize": "4D" if max(counts, default=1) > 1 else "3D",
        "modality": {str(n): name for n, name in enumerate(names)},
        "labels": {"0": "background"} | {str(n): about.labels[n] for n in sorted(about.labels)},
        "numTraining": len(training),
        "numTest": len(testing),
        "training": [
            {"image": f"./imagesTr/{case}{ENDING}", "label": f"./labelsTr/{case}{ENDING}"}
            for case in training
        ],
        "test": [f"./imagesTs/{case}{ENDING}" for case in testing],
    }
