"""What is to be predicted and where it goes: one image, several, or the cases of a data set."""

from __future__ import annotations

import argparse
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ImperfectSegLogic.commands.batch import BatchTarget
from ImperfectSegLogic.commands.predict_files import PROBABILITIES, Found, beside
from ImperfectSegLogic.data import Dataset, check_segmentation_target, read_volume
from ImperfectSegLogic.data.datasets.files import check_name, make_folder
from ImperfectSegLogic.data.dicom_series import is_dicom
from ImperfectSegLogic.data.formats.image_folders import plan
from ImperfectSegLogic.data.safe_writing import check_target, extension_of
from ImperfectSegLogic.data.segmentation_files import TARGETS
from ImperfectSegLogic.methods.progress import Progress

if TYPE_CHECKING:
    from ImperfectSegLogic.prediction.predictor import Predictor


def is_dataset(images: str) -> bool:
    """Tells whether a folder is a data set."""
    return (Path(images) / "dataset.json").is_file()


def is_many(images: str) -> bool:
    """Tells whether images are several: a pattern, or a folder that is not one DICOM image."""
    path = Path(images)
    if path.is_dir():
        return not any(f.is_file() and is_dicom(f) for f in path.iterdir())
    return not path.exists() and any(sign in images for sign in "*?")


class Target(BatchTarget):
    """Images to predict."""

    def check_labels(self, labels: Mapping[int, str]) -> list[str]:
        """Checks a model's labels, and gives what people should know about them.

        Raises:
            ValueError: If they do not fit.
        """
        return []

    @abstractmethod
    def predict(self, predictor: Predictor, one: str, progress: Progress) -> tuple[str, ...]:
        """Predicts an image and writes it; gives what people should know.

        Raises:
            ValueError: If the image is damaged or does not fit the model.
            OSError: If it cannot be read, or the prediction not be written.
        """


class FileTarget(Target):
    """One image, predicted into one file; probabilities and maps lie beside it."""

    def ids(self) -> list[str]:
        """Gives the image's name."""
        return [Path(self._options.images).name]

    def check(self) -> None:
        """Checks the one file."""
        target, overwrite = self._options.out, self._options.overwrite
        check_segmentation_target(target, overwrite)
        names = list(self._options.uncertainty)
        for name in [*names, PROBABILITIES] if self._options.probabilities else names:
            check_target(beside(target, name), (".nrrd",), overwrite)
        if not Path(self._options.images).exists():
            raise FileNotFoundError(
                f"{self._options.images}: there is no such file or folder. Check the path."
            )

    def done(self) -> list[str]:
        """Gives nothing: a file that is there is an error, see `check`."""
        return []

    def predict(self, predictor: Predictor, one: str, progress: Progress) -> tuple[str, ...]:
        """Predicts the image."""
        return self._predict(predictor, Path(self._options.images), self._options.out, progress)

    def _predict(
        self, predictor: Predictor, image: Path, target: Path, progress: Progress
    ) -> tuple[str, ...]:
        found = Found.by(predictor, self._options.probabilities, read_volume(image), progress)
        found.write(target, predictor.models[0].labels, self._options.overwrite)
        return found.notes


class FolderTarget(FileTarget):
    """Several images, predicted into files of one folder."""

    def __init__(self, options: argparse.Namespace) -> None:
        """Finds the images."""
        super().__init__(options)
        found = plan(options.images, names={1: "any"}).cases
        self._images = {one.case: one.images[0] for one in found}

    def ids(self) -> list[str]:
        """Gives the names of the images."""
        return list(self._images)

    def check(self) -> None:
        """Checks the folder and the ending of its files."""
        extension_of(f"x{self._options.ending}", TARGETS)
        if self.place.resolve() in {path.resolve().parent for path in self._images.values()}:
            raise ValueError(
                f"--out: got {self.place}, where the images are: predictions would be taken for"
                " images the next time. Choose another folder."
            )
        make_folder(self.place)

    def done(self) -> list[str]:
        """Gives the images with a file of labels."""
        return [one for one in self._images if self._target(one).exists()]

    def predict(self, predictor: Predictor, one: str, progress: Progress) -> tuple[str, ...]:
        """Predicts one of the images."""
        return self._predict(predictor, self._images[one], self._target(one), progress)

    def _target(self, one: str) -> Path:
        return self.place / f"{one}{self._options.ending}"


class DatasetTarget(Target):
    """Cases of a data set, predicted into its own folder of predictions."""

    def __init__(self, options: argparse.Namespace, dataset: Dataset, name: str) -> None:
        """Takes the data set and what the predictions are to be called."""
        super().__init__(options)
        self._dataset, self._name = dataset, check_name("model", name)
        self.place = dataset.folder / "predictions" / name
        split = options.split
        self._ids = list(dataset.split(split, options.fold)) if split else dataset.case_ids

    def ids(self) -> list[str]:
        """Gives the ids of the cases."""
        return self._ids

    def check(self) -> None:
        """Checks that there are cases and that the folder can be made."""
        if not self._ids:
            raise ValueError(f"{self._dataset.folder}: got no cases. Choose another split.")
        make_folder(self.place)

    def done(self) -> list[str]:
        """Gives the cases with labels of this name."""
        return [case for case in self._dataset.predicted(self._name) if case in set(self._ids)]

    def check_labels(self, labels: Mapping[int, str]) -> list[str]:
        """Checks that the data set has the labels; tells where their names differ."""
        unknown = {n: name for n, name in labels.items() if n not in self._dataset.labels}
        if unknown:
            raise ValueError(
                f"model: got labels {unknown}, the data set has {dict(self._dataset.labels)}. "
                "Choose another model, or add the labels to dataset.json."
            )
        theirs = self._dataset.labels
        return [
            f"label {n} is {name!r} for the model, {theirs[n]!r} in the data set"
            for n, name in labels.items()
            if name != theirs[n]
        ]

    def predict(self, predictor: Predictor, one: str, progress: Progress) -> tuple[str, ...]:
        """Predicts one of the cases."""
        found = Found.by(predictor, self._options.probabilities, self._dataset.image(one), progress)
        overwrite = self._options.overwrite
        found.write_maps(self.place, one, overwrite)
        whole = found.prediction is not None
        predicted = found.prediction or found.mask
        self._dataset.add_prediction(self._name, one, predicted, whole, overwrite)
        return found.notes
