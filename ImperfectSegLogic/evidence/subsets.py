"""Which patients are trained on: few are always part of more, for the same seed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ImperfectSegLogic.data import Dataset

STREAM = 1
"""Tells this use of a seed apart from others."""


def subject_of(dataset: Dataset, case: str) -> str:
    """Gives who was imaged; the case's id if that is not known."""
    return dataset.record(case).subject or case


def cases_of_patients(
    dataset: Dataset, cases: Sequence[str], patients: int, seed: int
) -> tuple[str, ...]:
    """Gives the cases of the first patients of an order that the seed draws.

    Args:
        dataset: The data set.
        cases: To choose from.
        patients: How many patients; 0 for all.
        seed: Of the order.

    Returns:
        Case ids in their order.

    Raises:
        ValueError: If there are not as many patients.
    """
    subject = {case: subject_of(dataset, case) for case in cases}
    every = sorted(set(subject.values()))
    if patients > len(every):
        raise ValueError(
            f"patients: got {patients}, there are {len(every)} to train on in {dataset.folder}."
        )
    order = np.random.default_rng([seed, STREAM]).permutation(len(every))
    chosen = {every[n] for n in order[: patients or None]}
    return tuple(case for case in cases if subject[case] in chosen)
