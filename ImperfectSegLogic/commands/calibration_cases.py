"""The cases that a calibration goes by: predicted where they were not, with their truth."""

from __future__ import annotations

from ImperfectSegLogic.commands.predict_models import find_models
from ImperfectSegLogic.commands.terminal import bar, console, plain
from ImperfectSegLogic.data import Case, Dataset, DenseMask, SparseMask
from ImperfectSegLogic.methods.progress import Progress
from ImperfectSegLogic.refinement.known_cases import KnownCase


def predict_missing(dataset: Dataset, model: str, names: list[str]) -> None:
    """Predicts cases that were not predicted yet, with their probabilities.

    Raises:
        ValueError: If a case was predicted without probabilities.
        FileNotFoundError: If there is no such model.
    """
    folder = dataset.folder / "predictions" / model
    missing = [name for name in names if not (folder / f"{name}.prob.nrrd").is_file()]
    labels_only = sorted(set(missing) & set(dataset.predicted(model)))
    if labels_only:
        raise ValueError(
            f"{folder}: got labels without probabilities for {', '.join(labels_only[:3])}. Predict"
            " again with `imperfectseg predict ... --probabilities --overwrite`."
        )
    if not missing:
        return
    from ImperfectSegLogic.prediction.predictor import Predictor

    predictor = Predictor.load(find_models([model], dataset))
    with bar("Predicting", time_left=True) as listener:
        for n, name in enumerate(missing):
            part = Progress(listener).part(n / len(missing), (n + 1) / len(missing))
            found = predictor.predict(dataset.image(name), part).prediction
            dataset.add_prediction(model, name, found, probabilities=True)
    console.print(f"{len(missing)} predicted first, with probabilities: {plain(folder)}")


def known_case(dataset: Dataset, model: str, annotator: str | None, name: str) -> KnownCase:
    """Reads a case with its prediction and its truth.

    Args:
        dataset: The data set.
        model: Whose prediction.
        annotator: Whose annotation; None for the newest.
        name: The case's id.

    Raises:
        ValueError: If there is no mask, or something is damaged.
        OSError: If something is not there.
    """
    case = dataset.case(name, annotator)
    truth = case.annotation
    if not isinstance(truth, DenseMask | SparseMask):
        got = "no annotation" if truth is None else type(truth).__name__
        raise ValueError(
            f"case {name}: got {got}, allowed to calibrate by is a mask. Annotate it, or choose"
            " another --split or --annotator."
        )
    prediction = dataset.probabilities(model, name)
    looked_for = dataset.record(name).labels or tuple(dataset.labels)
    return KnownCase(Case(case.volume, name), prediction, truth, tuple(looked_for))
