"""Scores of a model on cases of a data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ImperfectSegLogic.data import Dataset, DenseMask, NoisyMask, SparseMask
from ImperfectSegLogic.data.datasets.annotation_content import labels_in
from ImperfectSegLogic.evaluation.score import Listener, Score
from ImperfectSegLogic.metrics.measures import measure
from ImperfectSegLogic.metrics.surface_distances import check_tolerance


def evaluate(
    dataset: Dataset,
    model: str,
    cases: Sequence[str],
    annotator: str | None = None,
    tolerance: float = 2.0,
    listener: Listener | None = None,
    labels: Sequence[int] | None = None,
) -> list[Score]:
    """Scores what a model predicted, case by case, without reading images.

    Labels that were not looked for in a case are not scored there. A mask that is known to be wrong
    in places (`NoisyMask`) is the truth only for an annotator who was named.

    Args:
        dataset: The data set with predictions and annotations.
        model: Whose predictions.
        cases: Which cases.
        annotator: Whose annotations are the truth; by default the newest ones.
        tolerance: Of the surface Dice, in mm.
        listener: Called with the share that is done, from 0 to 1, and the case at hand.
        labels: Which labels; all by default.

    Returns:
        One score per case and label, in the order of the cases.

    Raises:
        ValueError: If the model, an annotator or a label is not there, predictions or masks are
            missing, or one is damaged, on another grid, or has labels that are not in the list.
        OSError: If there is no such case, or a file cannot be read.
    """
    check_tolerance(tolerance)
    wanted = checked_labels(labels, dataset.labels)
    check_predictions(dataset, model, cases)
    _check_truth(dataset, cases, annotator)
    scores = []
    for n, case in enumerate(cases):
        if listener:
            listener(n / len(cases), case)
        scores += _case_scores(dataset, model, case, annotator, tolerance, wanted)
    if listener:
        listener(1.0, "")
    return scores


def checked_labels(labels: Sequence[int] | None, known: Mapping[int, str]) -> list[int]:
    """Gives the labels to score, sorted; all by default.

    Raises:
        ValueError: If one is not known.
    """
    unknown = sorted(set(labels or ()) - set(known))
    if unknown:
        raise ValueError(f"labels: got {unknown}, allowed are {dict(known)}. Choose some of these.")
    return sorted(set(known if labels is None else labels))


def check_predictions(dataset: Dataset, model: str, cases: Sequence[str]) -> None:
    """Checks that there are cases, each only once, and that a model predicted all of them.

    Raises:
        ValueError: If it is not so.
        OSError: If a case is not in the data set.
    """
    if not cases or len(set(cases)) < len(cases):
        raise ValueError(f"cases: got {list(cases)}, allowed are one or more, each only once.")
    for case in cases:
        dataset.record(case)
    if model not in dataset.models:
        raise ValueError(
            f"model: got {model!r}, there are {dataset.models} in {dataset.folder}. Choose one of"
            " these, or train and predict with it first."
        )
    missing = sorted(set(cases) - set(dataset.predicted(model)))
    if missing:
        raise ValueError(
            f"model {model}: has no predictions of {len(missing)} of {len(cases)} cases:"
            f" {_few(missing)}. Predict them first with `imperfectseg predict`."
        )


def _check_truth(dataset: Dataset, cases: Sequence[str], annotator: str | None) -> None:
    missing = [case for case in cases if dataset.find_version(case, annotator) is None]
    if missing:
        raise ValueError(
            f"truth: {len(missing)} of {len(cases)} cases have no annotation: {_few(missing)}."
            " Annotate them, or leave them out."
        )


def _few(cases: Sequence[str]) -> str:
    return ", ".join(cases[:10]) + (", ..." if len(cases) > 10 else "")


def _case_scores(
    dataset: Dataset,
    model: str,
    case: str,
    annotator: str | None,
    tolerance: float,
    labels: Sequence[int],
) -> list[Score]:
    record = dataset.record(case)
    looked_for = labels if record.labels is None else set(labels) & set(record.labels)
    if not looked_for:
        return []
    truth, told = _truth(dataset, case, annotator)
    prediction = dataset.prediction(model, case)
    for mask in (truth, prediction):
        dataset.check_labels(case, labels_in(mask))
    try:
        return [
            Score(case, record.subject or case, n, measure(prediction, truth, n, tolerance), told)
            for n in sorted(looked_for)
        ]
    except ValueError as error:
        raise ValueError(f"case {case}: {error}") from error


def _truth(
    dataset: Dataset, case: str, annotator: str | None
) -> tuple[DenseMask | SparseMask, str]:
    version = dataset.find_version(case, annotator)
    assert version is not None
    truth = dataset.read(case, version)
    who, kind = version.path.parent.name, type(truth).__name__
    noisy = isinstance(truth, NoisyMask) and annotator is None
    if noisy or not isinstance(truth, DenseMask | SparseMask):
        raise ValueError(
            f"case {case}: got a {kind} of {who} as the truth, allowed are DenseMask, SparseMask,"
            " and NoisyMask if its annotator is named. Name another annotator."
        )
    return truth, f"{who} ({kind})"
