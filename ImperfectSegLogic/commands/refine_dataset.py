"""The predictions of a data set, refined into its own folder of predictions."""

from __future__ import annotations

import argparse

from ImperfectSegLogic.commands.refine_targets import RefineTarget
from ImperfectSegLogic.data import Case, Dataset, Prediction
from ImperfectSegLogic.data.datasets.files import check_name, make_folder
from ImperfectSegLogic.methods.progress import Progress
from ImperfectSegLogic.refinement.chain import Chain
from ImperfectSegLogic.refinement.label_probabilities import prediction_of_labels


class DatasetTarget(RefineTarget):
    """Predictions of a data set, refined into its own folder of predictions."""

    def __init__(self, options: argparse.Namespace, dataset: Dataset, name: str) -> None:
        """Takes the data set and what the refined predictions are to be called."""
        super().__init__(options, dict(dataset.labels))
        self._dataset, self._name = dataset, check_name("model", name)
        self.place = dataset.folder / "predictions" / name
        split, predicted = options.split, dataset.predicted(options.model)
        self._ids = list(dataset.split(split, options.fold)) if split else predicted
        self._missing = [case for case in self._ids if case not in set(predicted)]

    def ids(self) -> list[str]:
        """Gives the ids of the cases."""
        return self._ids

    def check(self) -> None:
        """Checks that all cases are predicted and that the folder can be made."""
        model, there = self._options.model, ", ".join(self._dataset.models) or "none"
        if self._missing or not self._ids:
            which = ", ".join(self._missing[:3]) or "any case"
            raise ValueError(
                f"{self._dataset.folder}: got no prediction of {model} for {which}; there are"
                f" models and predictions of {there}. Make them with `imperfectseg predict"
                f" {model} {self._dataset.folder} --probabilities`."
            )
        make_folder(self.place)

    def done(self) -> list[str]:
        """Gives the cases with labels of this name."""
        return [case for case in self._dataset.predicted(self._name) if case in set(self._ids)]

    def refine(self, chain: Chain, one: str, progress: Progress) -> tuple[str, ...]:
        """Refines the prediction of one case."""
        image = self._dataset.image(one)
        prediction = self._prediction(one)
        found = chain.refine(Case(image, one), prediction, (), progress)
        keep = self._options.probabilities
        self._dataset.add_prediction(self._name, one, found, keep, self._options.overwrite)
        return found.notes

    def _prediction(self, one: str) -> Prediction:
        try:
            return self._dataset.probabilities(self._options.model, one)
        except FileNotFoundError:
            mask = self._dataset.prediction(self._options.model, one)
        among, certainty = list(self._names), self._options.certainty
        return prediction_of_labels(mask.labels, mask.geometry, among, certainty)
