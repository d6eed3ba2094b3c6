"""BIDS: images of subjects, and label maps of derivatives."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from ImperfectSegLogic.data.datasets.files import read_object
from ImperfectSegLogic.data.formats.foreign_masks import ForeignMask, names_in
from ImperfectSegLogic.data.formats.plan import ForeignCase, Plan

ENDINGS = (".nii.gz", ".nii")
UNLABELED = "unlabeled"
"""The name in a `dseg.tsv` of voxels that nobody labeled."""
FREE = ("space", "desc", "label", "res", "den")
"""Entities that a label map may have beyond those of its image."""
NATIVE = ("", "orig", "T1w", "T2w", "individual")
"""Names of spaces that are the image's own grid."""


def plan(source: Path, suffix: str = "T1w", annotator: str = "") -> Plan:
    """Finds images `sub-XX[/ses-YY]/anat/*_SUFFIX.nii.gz` and their `*_dseg.nii.gz`.

    Names of labels come from the `dseg.tsv` files of `derivatives/PIPELINE`; the annotator is the
    pipeline.

    Args:
        source: The folder with `dataset_description.json`.
        suffix: Which images, such as `T1w`, `T2w` or `FLAIR`.
        annotator: Only this pipeline; all by default.

    Raises:
        FileNotFoundError: If there are no such images.
        ValueError: If two pipelines name a label differently, or a `dseg.tsv` is damaged.
    """
    about = source / "dataset_description.json"
    said = read_object(about) if about.exists() else {}
    images = _files(source, suffix)
    if not images:
        raise FileNotFoundError(
            f"{source}: there are no files sub-*/anat/*_{suffix}.nii.gz. Check the folder, or"
            " choose another suffix."
        )
    labels: dict[int, str] = {}
    notes: list[str] = []
    masks: dict[str, list[ForeignMask]] = {}
    for pipeline in sorted((source / "derivatives").glob(annotator or "*")):
        for path in _files(pipeline, "dseg"):
            case = _image_of(path, images, suffix, notes)
            if case:
                masks.setdefault(case, []).append(_mask(path, pipeline, labels))
    if not labels:
        raise ValueError(f"{source}: there is no label map derivatives/*/sub-*/anat/*_dseg.nii.gz.")
    cases = tuple(
        ForeignCase(
            _case(path, suffix), (path,), tuple(masks.get(_case(path, suffix), ())), _subject(path)
        )
        for path in images
    )
    return Plan(str(said.get("Name", source.name)), labels, cases, notes=tuple(notes))


def _files(root: Path, suffix: str) -> list[Path]:
    found = [p for e in ENDINGS for p in root.glob(f"sub-*/**/anat/*_{suffix}{e}")]
    return sorted(found)


def _case(path: Path, suffix: str) -> str:
    return path.name.split(".", 1)[0].removesuffix(f"_{suffix}")


def _subject(path: Path) -> str:
    return path.name.split("_", 1)[0]


def entities(name: str) -> dict[str, str]:
    """Gives the entities of a BIDS name, such as `{"sub": "01", "ses": "pre"}`."""
    return dict(re.findall(r"(?:^|_)([a-zA-Z]+)-([a-zA-Z0-9+]+)", name))


def _image_of(path: Path, images: list[Path], suffix: str, notes: list[str]) -> str:
    """Gives the case that a label map is about; empty, and a note, if there is none."""
    said = entities(path.name)
    if said.get("space", "") not in NATIVE:
        notes.append(f"{path}: left out, it is in the space {said['space']}, not the image's.")
        return ""
    wanted = {name: value for name, value in said.items() if name not in FREE}
    fitting = [image for image in images if entities(image.name) == wanted]
    if not fitting:
        notes.append(f"{path}: left out, there is no {suffix} image with the same entities.")
        return ""
    return _case(fitting[0], suffix)


def _mask(path: Path, pipeline: Path, labels: dict[int, str]) -> ForeignMask:
    names = _names(path, pipeline)
    unlabeled = [number for number, name in names.items() if name == UNLABELED]
    mask = ForeignMask(path, pipeline.name, unlabeled[0] if unlabeled else None)
    for number, name in (names or names_in(mask)).items():
        if number != 0 and name != UNLABELED and labels.setdefault(number, name) != name:
            raise ValueError(
                f"{path}: label {number} is {name!r}, elsewhere {labels[number]!r}. Import one"
                " pipeline only."
            )
    return mask


def _names(path: Path, pipeline: Path) -> Mapping[int, str]:
    """Reads the nearest table of labels: the mask's own, or one of a folder above it."""
    own = path.with_name(path.name.split(".", 1)[0] + ".tsv")
    tables = [own] if own.exists() else []
    folder = path.parent
    while not tables:
        tables = sorted(p for p in folder.glob("*dseg.tsv") if "sub-" not in p.name)
        if folder == pipeline:
            break
        folder = folder.parent
    return read_table(tables[0]) if tables else {}


def read_table(path: Path) -> dict[int, str]:
    """Reads the names of labels from a `dseg.tsv`.

    Raises:
        ValueError: If it has no columns `index` and `name`, or an index is no whole number.
    """
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    rows = [line.split("\t") for line in lines if line.strip()]
    try:
        index, name = rows[0].index("index"), rows[0].index("name")
        return {int(row[index]): row[name] for row in rows[1:]}
    except (ValueError, IndexError) as error:
        raise ValueError(
            f"{path}: got a damaged table ({error}), wanted are columns index and name."
        ) from error
