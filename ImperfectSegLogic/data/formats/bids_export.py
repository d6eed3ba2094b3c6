"""Writing a data set as BIDS with derivatives."""

from __future__ import annotations

import json
import re
from pathlib import Path

from ImperfectSegLogic import __version__
from ImperfectSegLogic.data.dataset import Dataset
from ImperfectSegLogic.data.datasets.annotation_content import unlabeled_value
from ImperfectSegLogic.data.datasets.annotation_files import Version
from ImperfectSegLogic.data.datasets.case_records import CaseRecord
from ImperfectSegLogic.data.datasets.files import new_folder
from ImperfectSegLogic.data.formats.bids import UNLABELED, entities
from ImperfectSegLogic.data.formats.exporting import (
    Notes,
    check_reserved,
    compact,
    each_case,
    labels_of,
    make_folders,
    newest_masks,
    tell_the_rest,
)
from ImperfectSegLogic.data.formats.plan import Listener
from ImperfectSegLogic.data.image_files import write_volume
from ImperfectSegLogic.data.segmentation import distinct_color
from ImperfectSegLogic.data.segmentation_files import write_label_map

BIDS_NAME = re.compile(r"sub-[A-Za-z0-9]+(_[a-z]+-[A-Za-z0-9]+)*")
BIDS_VERSION = "1.10.0"


def export(
    dataset: Dataset,
    target: Path,
    annotator: str | None = None,
    progress: Listener = lambda fraction, text: None,
    suffix: str = "T1w",
) -> list[str]:
    """Writes images as `sub-XX/[ses-YY/]anat`, masks as `derivatives/ANNOTATOR`.

    Args:
        dataset: The data set.
        target: The new folder.
        annotator: Whose masks; the newest of all by default.
        progress: Called with the share that is done, from 0 to 1, and the case's id.
        suffix: What kind of image they are, such as `T1w`, `T2w` or `FLAIR`.

    Returns:
        What the format cannot hold, and which names cases got.

    Raises:
        ValueError: If an image has channels or is sheared, or two cases would get one name.
        OSError: If the folder is there already or cannot be written.
    """
    notes = Notes()
    check_reserved(dataset, ("background", UNLABELED), "BIDS")
    masks = newest_masks(dataset, annotator, notes)
    names = _names(dataset, notes)
    with new_folder(target) as folder:
        _describe(folder, dataset.description.name, "raw")
        for case in each_case(dataset, progress):
            _write_image(dataset, case, folder, names[case], suffix)
            if case in masks:
                _write_mask(dataset, case, masks[case], folder, names[case])
    if dataset.folds:
        notes.add("splits cannot be held.")
    tell_the_rest(dataset, True, notes)
    return notes.lines()


def _write_image(dataset: Dataset, case: str, folder: Path, name: str, suffix: str) -> None:
    volume = dataset.image(case)
    if volume.channels > 1:
        raise ValueError(
            f"case {case}: got {volume.channels} channels, allowed in BIDS is one per file."
            " Export as nnunet instead."
        )
    make_folders(folder, _place(name))
    write_volume(volume, folder / _place(name) / f"{name}_{suffix}.nii.gz")


def _write_mask(dataset: Dataset, case: str, version: Version, folder: Path, name: str) -> None:
    unlabeled = unlabeled_value(max(dataset.labels))
    pipeline = folder / "derivatives" / version.path.parent.name
    sparse = version.kind == "SparseMask"
    _open_pipeline(pipeline, dataset, _place(name), unlabeled if sparse else None)
    labels = compact(labels_of(dataset, case, version, unlabeled))
    path = pipeline / _place(name) / f"{name}_dseg.nii.gz"
    write_label_map(labels, dataset.record(case).geometry, path)


def _names(dataset: Dataset, notes: Notes) -> dict[str, str]:
    """Gives every case a name that BIDS allows; one that it has already stays."""
    names: dict[str, str] = {}
    for case in dataset.case_ids:
        name = _name(dataset.record(case))
        if name in names.values():
            other = next(c for c, n in names.items() if n == name)
            raise ValueError(f"case {case}: would be {name} in BIDS, and so would {other}.")
        names[case] = name
    renamed = [(case, name) for case, name in names.items() if case != name]
    if renamed:
        case, name = renamed[0]
        notes.add(f"{len(renamed)} cases have other names there, such as {name} for {case}.")
    return names


def _name(record: CaseRecord) -> str:
    if BIDS_NAME.fullmatch(record.identifier):
        return record.identifier
    case, subject = (re.sub(r"[^A-Za-z0-9]", "", n) for n in (record.identifier, record.subject))
    return f"sub-{subject}_acq-{case}" if subject and subject != case else f"sub-{case}"


def _place(name: str) -> str:
    said = entities(name)
    session = f"/ses-{said['ses']}" if "ses" in said else ""
    return f"sub-{said['sub']}{session}/anat"


def _describe(folder: Path, name: str, kind: str) -> None:
    content: dict[str, object] = {"Name": name, "BIDSVersion": BIDS_VERSION, "DatasetType": kind}
    if kind == "derivative":
        content["GeneratedBy"] = [{"Name": "ImperfectSeg", "Version": __version__}]
    text = json.dumps(content, indent=1, ensure_ascii=False)
    (folder / "dataset_description.json").write_text(text + "\n", encoding="utf-8")


def _open_pipeline(pipeline: Path, dataset: Dataset, place: str, unlabeled: int | None) -> None:
    make_folders(pipeline, place)
    if not (pipeline / "dataset_description.json").exists():
        _describe(pipeline, f"Masks of {pipeline.name}", "derivative")
    table = pipeline / "dseg.tsv"
    if unlabeled is None and table.exists():
        return
    rows = [(0, "background", (0.0, 0.0, 0.0))]
    rows += [(n, name, distinct_color(n)) for n, name in sorted(dataset.labels.items())]
    rows += [] if unlabeled is None else [(unlabeled, UNLABELED, (0.5, 0.5, 0.5))]
    lines = ["index\tname\tcolor"]
    for number, name, color in rows:
        hexadecimal = "".join(f"{round(255 * c):02x}" for c in color)
        lines.append(f"{number}\t{name}\t#{hexadecimal}")
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
