"""nnU-Net's raw data format, version 2, with its ignore label."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ImperfectSegLogic.data.datasets.files import read_object
from ImperfectSegLogic.data.formats.foreign_masks import ForeignMask
from ImperfectSegLogic.data.formats.plan import Folds, ForeignCase, Plan
from ImperfectSegLogic.data.image_files import PICTURES

SPLITS = "splits_final.json"


def plan(source: Path, annotator: str = "import") -> Plan:
    """Finds what is in a folder such as `Dataset001_Name`.

    Training images are the split `train`, test images `test`; folds are taken from a
    `splits_final.json` if one is there.

    Raises:
        FileNotFoundError: If `dataset.json` or the label map of a training image is not there.
        ValueError: If `dataset.json` is damaged.
    """
    said = read_object(source / "dataset.json")
    try:
        ending = str(said["file_ending"])
        channels = dict(said.get("channel_names") or said["modality"])
        names = tuple(str(channels[key]) for key in sorted(channels, key=int))
        labels, ignore, notes = _labels(said["labels"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(
            f"{source / 'dataset.json'}: got a damaged description ({type(error).__name__}:"
            f" {error}), wanted are file_ending, channel_names and labels."
        ) from error
    training, testing = (
        _images(source / part, ending, len(names)) for part in ("imagesTr", "imagesTs")
    )
    cases = [
        _case(source, "labelsTr", c, f, ending, annotator, ignore) for c, f in training.items()
    ]
    for case in cases:
        if not case.masks:
            wanted = source / "labelsTr" / f"{case.case}{ending}"
            raise FileNotFoundError(
                f"{wanted}: there is no such file. Each training image has one."
            )
    cases += [
        _case(source, "labelsTs", c, f, ending, annotator, ignore) for c, f in testing.items()
    ]
    folds = _folds(source, list(training), list(testing))
    text = str(said.get("description", ""))
    return Plan(str(said.get("name", source.name)), labels, tuple(cases), text, names, folds, notes)


def _labels(said: Mapping[str, Any]) -> tuple[dict[int, str], int | None, tuple[str, ...]]:
    """Gives names by number, the ignore label, and what regions of several labels become."""
    regions = {n: v for n, v in said.items() if isinstance(v, list) and n != "background"}
    single = {n: int(v) for n, v in said.items() if not isinstance(v, list)}
    ignore = single.pop("ignore", None)
    labels = {value: name for name, value in single.items() if value != 0}
    for value in sorted({int(v) for region in regions.values() for v in region} - set(labels)):
        labels[value] = f"label_{value}"
    notes = [
        f"region {n!r} of labels {v} is not kept, only the labels." for n, v in regions.items()
    ]
    return labels, ignore, tuple(notes)


def _images(folder: Path, ending: str, channels: int) -> dict[str, tuple[Path, ...]]:
    pattern = re.compile(rf"(.+)_(\d{{4}}){re.escape(ending)}")
    found: dict[str, dict[int, Path]] = {}
    for path in sorted(folder.glob("*")) if folder.is_dir() else []:
        if match := pattern.fullmatch(path.name):
            found.setdefault(match[1], {})[int(match[2])] = path
    for case, files in found.items():
        colors = ending in PICTURES and sorted(files) == [0]  # All in one picture.
        if sorted(files) != list(range(channels)) and not colors:
            raise FileNotFoundError(
                f"{folder / case}: got channels {sorted(files)}, wanted are 0 to {channels - 1} as"
                f" dataset.json says. Add the missing files {case}_NNNN{ending}."
            )
    return {case: tuple(files[n] for n in sorted(files)) for case, files in found.items()}


def _case(
    source: Path,
    part: str,
    case: str,
    files: tuple[Path, ...],
    ending: str,
    annotator: str,
    ignore: int | None,
) -> ForeignCase:
    mask = source / part / f"{case}{ending}"
    masks = (ForeignMask(mask, annotator, ignore),) if mask.exists() else ()
    return ForeignCase(case, files, masks)


def _folds(source: Path, training: list[str], testing: list[str]) -> Folds:
    held = {"test": testing} if testing else {}
    path = source / SPLITS
    if not path.exists():
        return ({"train": training, **held},)
    try:
        listed = json.loads(path.read_text(encoding="utf-8"))
        return tuple({"train": f["train"], "val": f["val"], **held} for f in listed)
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(
            f"{path}: got damaged splits ({type(error).__name__}: {error}), wanted is a list of"
            " folds with train and val."
        ) from error
