"""What is in a data set, in a few lines: cases, splits, annotations and by whom."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ImperfectSegLogic.data import Dataset
from ImperfectSegLogic.data.datasets.files import check_name
from ImperfectSegLogic.methods.progress import Progress


@dataclass(frozen=True)
class DatasetSummary:
    """What is in a data set.

    Attributes:
        dataset: The data set.
        cases: How many cases there are.
        splits: How many cases each split has, and how many of them are annotated.
        kinds: How many cases have an annotation of a kind by an annotator.
        unannotated: How many cases nobody annotated.
        trainable: How many annotated cases `train` has; without such a split, how many are in none.
    """

    dataset: Dataset
    cases: int
    splits: Mapping[str, tuple[int, int]]
    kinds: Mapping[tuple[str, str], int]
    unannotated: int
    trainable: int

    @property
    def labels(self) -> str:
        """The labels and their names."""
        names = self.dataset.labels
        return ", ".join(f"{number} {names[number]}" for number in sorted(names))

    @property
    def problem(self) -> str:
        """What keeps from training; empty if nothing does."""
        if not self.cases:
            return f"{self.dataset.folder}: there are no cases. Add some first."
        if not self.trainable:
            return (
                f"{self.dataset.folder}: no case to train on has an annotation. Annotate some, or"
                " move annotated cases into the split train."
            )
        return ""

    def asHtml(self) -> str:
        """Gives the summary for a label."""
        title = self.dataset.description.name or self.dataset.folder.name
        lines = [f"<b>{html.escape(title)}</b>: {_count(self.cases, 'case')}"]
        lines.append(f"Labels: {html.escape(self.labels)}")
        for name, (cases, annotated) in self.splits.items():
            told = f"{_count(cases, 'case')}, {annotated} annotated"
            lines.append(f"Split {html.escape(name)}: {told}")
        for (kind, annotator), cases in sorted(self.kinds.items()):
            lines.append(f"{kind} by {html.escape(annotator)}: {_count(cases, 'case')}")
        if self.unannotated:
            lines.append(f"Without annotation: {_count(self.unannotated, 'case')}")
        return "<br>".join(lines)


def summarize(folder: Path, progress: Progress) -> DatasetSummary:
    """Looks at a data set; no image is read. May run beside the window.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it is damaged.
        CancelledError: If it was cancelled.
    """
    dataset = Dataset.open(folder)
    cases, folds = dataset.case_ids, dataset.folds
    kinds: Counter[tuple[str, str]] = Counter()
    annotated = set()
    for number, case in enumerate(cases):
        progress.report(number / len(cases), case)
        for annotator in dataset.annotators(case):
            kinds[dataset.versions(case, annotator)[-1].kind, annotator] += 1
            annotated.add(case)
    listed = folds[0] if folds else {}
    splits = {name: (len(ids), len(annotated.intersection(ids))) for name, ids in listed.items()}
    others = annotated.difference(*listed.values())
    trainable = splits["train"][1] if "train" in splits else len(others)
    unannotated = len(cases) - len(annotated)
    return DatasetSummary(dataset, len(cases), splits, kinds, unannotated, trainable)


def checkName(dataset: Dataset, name: str, taken: Sequence[str]) -> None:
    """Checks that a new model can have a name.

    Raises:
        ValueError: If it is no name for a file, or there is such a model already.
    """
    check_name("model", name)
    if name in taken:
        raise ValueError(
            f"model name: got {name!r}, which is taken in {dataset.folder}. Choose another name,"
            " or select that model and resume it."
        )


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
