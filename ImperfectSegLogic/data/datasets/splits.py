"""Which cases are for training, validation and testing: `splits.json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ImperfectSegLogic.data.datasets.files import read_json, write_json

FORMAT, VERSION = "ImperfectSeg splits", 1
Fold = dict[str, tuple[str, ...]]


def read_folds(path: Path) -> list[Fold]:
    """Reads the folds; none if there is no such file.

    Raises:
        ValueError: If the file is damaged.
    """
    if not path.exists():
        return []
    listed = read_json(path, FORMAT, VERSION).get("folds")
    try:
        if not isinstance(listed, list):
            raise TypeError(type(listed).__name__)
        return [{str(n): _ids(ids) for n, ids in fold.items()} for fold in listed]
    except (AttributeError, TypeError) as error:
        raise ValueError(
            f"{path}: got damaged splits ({error}), allowed is a list of folds, each with lists of"
            ' case ids by name, such as {"train": [...], "test": [...]}.'
        ) from error


def write_folds(path: Path, folds: Sequence[Mapping[str, Sequence[str]]]) -> None:
    """Writes the folds in place of earlier ones.

    Raises:
        ValueError: If a case is in two splits of one fold, or twice in one.
        OSError: If it cannot be written; the earlier file stays as it was.
    """
    for number, fold in enumerate(folds):
        seen: dict[str, str] = {}
        for name, ids in fold.items():
            for case in ids:
                if case in seen:
                    raise ValueError(
                        f"splits, fold {number}: case {case} is in {seen[case]} and in {name},"
                        " allowed is one split. Take it out of one."
                    )
                seen[case] = name
    content = [{name: list(ids) for name, ids in fold.items()} for fold in folds]
    said = {"format": FORMAT, "version": VERSION, "folds": content}
    write_json(path, said, overwrite=True)


def _ids(listed: object) -> tuple[str, ...]:
    if not isinstance(listed, list) or not all(isinstance(case, str) for case in listed):
        raise TypeError("a split that is no list of case ids")
    return tuple(listed)
