"""The data of a round: the cases of a run, with more labels than they were given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ImperfectSegLogic.completion.hexagonal_grid import padded
from ImperfectSegLogic.data import Dataset, PointGrid, SparseMask, Volume
from ImperfectSegLogic.data.datasets.linked import empty_like, link_case
from ImperfectSegLogic.training.players import Players

ANNOTATOR = "relabeled"
"""Whose annotations they are: the first version is what was given, the second what became of it."""
Change = Callable[[Volume, SparseMask, tuple[int, ...]], SparseMask]
"""From the image, what was given, and the labels that somebody looked for, to more labels."""


def relabeled(players: Players, dataset: Dataset, folder: Path, change: Change) -> Dataset:
    """Makes a data set of the cases that a run trains and validates on.

    Points become masks. Annotations of cases to validate on, and those that are not sparse, stay as
    they were given.

    Args:
        players: Know the cases, and whose annotations were given.
        dataset: The run's, or one that this function made.
        folder: Of the new data set; images stay where they are.
        change: Changes what was given, not what was made of it in an earlier round.

    Raises:
        ValueError: If something is damaged.
        OSError: If something cannot be read or written.
    """
    made = empty_like(dataset, folder)
    for case in (*players.train_cases, *players.validation_cases):
        record = dataset.record(case)
        link_case(dataset, made, case)
        earlier = dataset.versions(case, ANNOTATOR)
        version = earlier[0] if earlier else dataset.find_version(case, players.annotator)
        if version is None:
            continue
        given = dataset.read(case, version, record.geometry)
        if isinstance(given, PointGrid):
            given = padded(given, record.geometry, 0)
        made.annotate(case, given, ANNOTATOR)
        if isinstance(given, SparseMask) and case in players.train_cases:
            looked_for = tuple(dataset.labels) if record.labels is None else record.labels
            made.annotate(case, change(dataset.image(case), given, looked_for), ANNOTATOR)
    return made
