"""What all exporters share: which annotations they can take, and what they tell about the rest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.data.annotations import DenseMask, SparseMask
from ImperfectSegLogic.data.dataset import Dataset
from ImperfectSegLogic.data.datasets.annotation_content import MASKS
from ImperfectSegLogic.data.datasets.annotation_files import Version
from ImperfectSegLogic.data.formats.plan import Listener

MASK_KINDS = (*MASKS, "SparseMask")


@dataclass
class Notes:
    """What a format cannot hold, by what and then by case."""

    cases: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(self, text: str, case: str = "") -> None:
        """Notes something about a case, or about all."""
        self.cases[text].append(case)

    def lines(self) -> list[str]:
        """Gives a line for each thing, with the cases that it is about."""
        return [f"{_listed(cases)}{text}" for text, cases in self.cases.items()]


def each_case(dataset: Dataset, progress: Listener) -> Iterator[str]:
    """Gives the ids of all cases, telling how far it is."""
    cases = dataset.case_ids
    for number, case in enumerate(cases):
        progress(number / len(cases), case)
        yield case
    progress(1.0, "")


def newest_masks(dataset: Dataset, annotator: str | None, notes: Notes) -> dict[str, Version]:
    """Finds the newest mask of every case without reading it; notes what is left out.

    Args:
        dataset: The data set.
        annotator: Whose; the newest of all by default.
        notes: Where to tell.

    Raises:
        ValueError: If nobody of that name annotated anything.
    """
    found = {}
    for case in dataset.case_ids:
        there = dataset.annotators(case)
        if annotator is not None and annotator not in there:
            notes.add(f"not annotated by {annotator}.", case)
            continue
        version = dataset.find_version(case, annotator)
        if version is None:
            notes.add("not annotated.", case)
            continue
        if len(there) > 1 or len(dataset.versions(case, there[0])) > 1:
            notes.add("it has other annotations or versions, which stay here.", case)
        if version.kind not in MASK_KINDS:
            notes.add(f"its {version.kind} cannot be held, only masks.", case)
            continue
        if version.kind == "NoisyMask":
            notes.add("it will not be told that the mask is noisy.", case)
        if dataset.record(case).labels is not None:
            notes.add("it will not be told which labels were looked for.", case)
        found[case] = version
    if annotator is not None and not found:
        raise ValueError(f"{dataset.folder}: no mask by annotator {annotator!r}. Choose another.")
    return found


def labels_of(
    dataset: Dataset, case: str, version: Version, unlabeled: int | None
) -> NDArray[np.uint16]:
    """Reads a mask as plain numbers, with `unlabeled` where nobody said anything.

    Raises:
        ValueError: If the mask is sparse and there is no number for unlabeled, or it is damaged.
    """
    mask = dataset.read(case, version)
    assert isinstance(mask, DenseMask | SparseMask)
    if isinstance(mask, DenseMask):
        return mask.labels.astype(np.uint16)
    if unlabeled is None:
        raise ValueError(
            f"case {case}: got a SparseMask, whose unlabeled voxels this format cannot hold."
            " Export as nnunet, folder or bids, or choose another annotator."
        )
    return np.where(mask.labeled, mask.labels, unlabeled).astype(np.uint16)


def compact(labels: NDArray[np.uint16]) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Gives labels in one byte each if that is enough."""
    return labels.astype(np.uint8) if int(labels.max()) < 256 else labels


def check_consecutive(dataset: Dataset, format_name: str) -> None:
    """Checks that labels are 1, 2, 3 and so on.

    Raises:
        ValueError: If they are not.
    """
    if sorted(dataset.labels) != list(range(1, len(dataset.labels) + 1)):
        raise ValueError(
            f"{dataset.folder}: got labels {sorted(dataset.labels)}, allowed in {format_name} are"
            " 1, 2, 3 and so on. Export as folder or bids instead."
        )


def check_reserved(dataset: Dataset, reserved: tuple[str, ...], format_name: str) -> None:
    """Checks that no label has a name that means something else in a format.

    Raises:
        ValueError: If one has.
    """
    taken = [name for name in dataset.labels.values() if name.lower() in reserved]
    if taken:
        raise ValueError(
            f"{dataset.folder}: got a label named {taken[0]!r}, which {format_name} keeps for"
            " something else. Rename it in dataset.json."
        )


def test_cases(dataset: Dataset) -> set[str]:
    """Gives the cases of the split `test` of the first fold; none if there is no such split."""
    folds = dataset.folds
    return set(folds[0].get("test", ())) if folds else set()


def tell_other_splits(dataset: Dataset, held: tuple[str, ...], notes: Notes) -> None:
    """Notes which splits a format cannot hold."""
    names = {name for fold in dataset.folds for name in fold}
    for name in sorted(names - set(held)):
        notes.add(f"the split {name!r} cannot be held.")


def tell_the_rest(dataset: Dataset, subjects: bool, notes: Notes) -> None:
    """Notes that subjects, predictions and models stay behind."""
    if not subjects and any(dataset.record(case).subject for case in dataset.case_ids):
        notes.add("who was imaged cannot be held.")
    if dataset.models:
        notes.add(f"models and predictions ({', '.join(dataset.models)}) stay here.")


def make_folders(root: Path, *names: str) -> None:
    """Makes folders in a folder."""
    for name in names:
        (root / name).mkdir(parents=True, exist_ok=True)


def _listed(cases: list[str]) -> str:
    if not any(cases):
        return ""
    more = f" and {len(cases) - 3} more" if len(cases) > 3 else ""
    return f"{', '.join(cases[:3])}{more}: "
