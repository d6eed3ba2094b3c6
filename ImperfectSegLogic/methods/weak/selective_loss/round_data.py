"""The data set of the next round: the same images, pointed to where they are, other annotations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from ImperfectSegLogic.data import Annotation, Dataset
from ImperfectSegLogic.data.datasets.linked import empty_like, link_case
from ImperfectSegLogic.training.players import Players


def annotation_of(dataset: Dataset, case: str, annotator: str | None) -> Annotation | None:
    """Reads what an annotator, or the newest one if None, said of a case; None if nothing.

    Raises:
        ValueError: If the annotator was named and did not annotate the case, or it is damaged.
        OSError: If it cannot be read.
    """
    version = dataset.find_version(case, annotator)
    return None if version is None else dataset.read(case, version)


def with_annotations(
    dataset: Dataset,
    players: Players,
    folder: Path,
    made: Iterable[tuple[str, Mapping[str, Annotation]]],
) -> Dataset:
    """Makes the data set of a round; validation cases are annotated as they were.

    Args:
        dataset: The data set so far; stays as it is.
        players: They know the cases, and whose annotations count.
        folder: Of the new data set; does not exist.
        made: For each case to train on, its annotations by who made them, the one that counts
            last; none for a case that nobody annotated.

    Raises:
        ValueError: If an annotation does not fit.
        OSError: If something cannot be read or written.
    """
    new = empty_like(dataset, folder)
    for case, by_annotator in made:
        _add(dataset, new, case, by_annotator)
    for case in players.validation_cases:
        if case not in players.train_cases:
            found = annotation_of(dataset, case, players.annotator)
            _add(dataset, new, case, {} if found is None else {"validation": found})
    return new


def _add(dataset: Dataset, new: Dataset, case: str, said: Mapping[str, Annotation]) -> None:
    link_case(dataset, new, case)
    for annotator, annotation in said.items():
        new.annotate(case, annotation, annotator)
