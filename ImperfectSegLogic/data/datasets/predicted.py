"""What models predicted for a data set, and where models are."""

from __future__ import annotations

from pathlib import Path

from ImperfectSegLogic.data.annotations import DenseMask
from ImperfectSegLogic.data.datasets import predictions
from ImperfectSegLogic.data.datasets.annotation_content import labels_in
from ImperfectSegLogic.data.datasets.files import check_name, make_folder, visible
from ImperfectSegLogic.data.datasets.folder import Folder
from ImperfectSegLogic.data.prediction import Prediction


class Predicted(Folder):
    """A data set's folder with models and predictions."""

    def add_prediction(
        self,
        model: str,
        case: str,
        predicted: Prediction | DenseMask,
        probabilities: bool = False,
        overwrite: bool = False,
    ) -> None:
        """Writes what a model predicted for a case.

        Args:
            model: The model's name.
            case: Which case.
            predicted: The prediction, or just its labels.
            probabilities: Whether to keep the probabilities too, which takes much more space.
            overwrite: Whether to replace what the model predicted before.

        Raises:
            FileExistsError: If there is a prediction already and it must not be replaced.
            ValueError: If its grid or labels are not the case's, or a mask has no probabilities.
            OSError: If there is no such case, or it cannot be written.
        """
        if isinstance(predicted, Prediction):
            mask = DenseMask(predicted.full_labels(), predicted.geometry)
            self.check_labels(case, predicted.labels[1:])
        else:
            mask = predicted
            self.check_labels(case, labels_in(mask))
        self.check_place(case, mask)
        folder = self._predictions(model)
        predictions.write_prediction(folder, case, predicted, self.labels, probabilities, overwrite)

    def prediction(self, model: str, case: str) -> DenseMask:
        """Reads the labels that a model predicted for a case.

        Raises:
            FileNotFoundError: If there are none.
            ValueError: If the file is damaged or not on the image's grid.
        """
        grid = self.record(case).geometry
        return predictions.read_labels(self._predictions(model), case, grid, self.labels)

    def probabilities(self, model: str, case: str) -> Prediction:
        """Reads the probabilities that a model predicted for a case.

        Raises:
            FileNotFoundError: If there are none, as after `add_prediction` without them.
            ValueError: If the file is damaged.
        """
        return predictions.read_whole(self._predictions(model), check_name("case", case))

    def predicted(self, model: str) -> list[str]:
        """Gives the sorted ids of the cases that a model has predicted."""
        return predictions.predicted_cases(self._predictions(model))

    @property
    def models(self) -> list[str]:
        """The sorted names of the models that have a folder or predictions here."""
        parts = ("models", "predictions")
        return sorted({name for part in parts for name in visible(self.folder / part)})

    def model_folder(self, model: str) -> Path:
        """Gives the folder for a model's files, and makes it if it is not there.

        Raises:
            ValueError: If the name is not allowed.
            OSError: If it cannot be made.
        """
        return make_folder(self.folder / "models" / check_name("model", model))

    def _predictions(self, model: str) -> Path:
        return self.folder / "predictions" / check_name("model", model)
