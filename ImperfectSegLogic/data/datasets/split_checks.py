"""Finds cases in the wrong splits, and images or subjects that leak from one to another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from ImperfectSegLogic.data.dataset import Dataset
from ImperfectSegLogic.data.datasets.findings import Finding, note, problem
from ImperfectSegLogic.data.datasets.splits import Fold


def split_findings(
    dataset: Dataset, hashes: Mapping[str, str], subjects: Mapping[str, str]
) -> Iterator[Finding]:
    """Checks the splits.

    Args:
        dataset: The data set.
        hashes: Of the voxels of each case that could be read.
        subjects: Who was imaged, for each case that says so.
    """
    try:
        folds = dataset.folds
    except (ValueError, OSError) as error:
        yield problem("splits", "", str(error))
        return
    known = set(dataset.case_ids)
    for number, fold in enumerate(folds):
        where = f" (fold {number})" if len(folds) > 1 else ""
        listed = {case for ids in fold.values() for case in ids}
        for case in sorted(listed - known):
            yield problem("splits", case, f"is in the splits{where} but not in the data set.")
        yield from _leaks(fold, {case: case for case in listed}, "the case", where)
        yield from _leaks(fold, hashes, "the same image", where)
        yield from _leaks(fold, subjects, "the subject", where)
        if known - listed:
            text = f"{len(known - listed)} of {len(known)} cases are in no split{where}."
            yield note("splits", "", text)


def _leaks(fold: Fold, keys: Mapping[str, str], what: str, where: str) -> Iterator[Finding]:
    places: defaultdict[str, defaultdict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for name, ids in fold.items():
        for case in ids:
            if case in keys:
                places[keys[case]][name].append(case)
    for key, splits in places.items():
        if len(splits) > 1:
            told = "; ".join(f"{name}: {', '.join(ids)}" for name, ids in sorted(splits.items()))
            which = f"{what} {key}" if what == "the subject" else what
            first = next(iter(splits.values()))[0]
            yield problem("leakage", first, f"{which} is in several splits{where}: {told}.")
