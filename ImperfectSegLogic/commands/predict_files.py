"""What was predicted for one image, and the files that it becomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.data import (
    DenseMask,
    Prediction,
    Segmentation,
    Volume,
    write_probabilities,
    write_segmentation,
    write_volume,
)
from ImperfectSegLogic.data.safe_writing import extension_of
from ImperfectSegLogic.data.segmentation_files import TARGETS
from ImperfectSegLogic.methods.progress import Progress
from ImperfectSegLogic.prediction.settings import UNCERTAINTIES

if TYPE_CHECKING:
    from ImperfectSegLogic.prediction.predictor import Predictor

PROBABILITIES = "probabilities"


def beside(labels: Path, name: str) -> Path:
    """Gives the file for a map that lies beside a file of labels."""
    return labels.with_name(f"{labels.name[: -len(extension_of(labels, TARGETS))]}-{name}.nrrd")


@dataclass(frozen=True, eq=False)
class Found:
    """What was predicted for one image.

    Attributes:
        mask: Its labels.
        prediction: Its probabilities, if they are wanted.
        uncertainty: Maps by name.
        notes: What people should know.
    """

    mask: DenseMask
    prediction: Prediction | None
    uncertainty: Mapping[str, NDArray[np.float32]]
    notes: tuple[str, ...]

    @classmethod
    def by(
        cls, predictor: Predictor, probabilities: bool, volume: Volume, progress: Progress
    ) -> Found:
        """Predicts an image; the probabilities, which take much memory, only if they are wanted.

        Raises:
            ValueError: If the image does not fit the models.
        """
        if not probabilities:
            labels = predictor.predict_labels(volume, progress)
            return cls(labels.mask, None, labels.uncertainty, labels.notes)
        whole = predictor.predict(volume, progress)
        mask = DenseMask(whole.prediction.full_labels(), volume.geometry)
        return cls(mask, whole.prediction, whole.uncertainty, whole.notes)

    def write(self, path: Path, names: Mapping[int, str], overwrite: bool) -> None:
        """Writes labels, and beside them probabilities and maps.

        Raises:
            FileExistsError: If the labels are there and must not be replaced.
            ValueError: If the format cannot hold a sheared grid.
            OSError: If something cannot be written.
        """
        self.write_maps(path.parent, beside(path, "").name.removesuffix("-.nrrd"), overwrite)
        if self.prediction:
            write_probabilities(self.prediction, beside(path, PROBABILITIES), overwrite=True)
        # The labels last: where they are, all is.
        grid = self.mask.geometry
        segmentation = Segmentation.from_labels(self.mask.labels, grid, names)
        write_segmentation(segmentation, path, overwrite)

    def write_maps(self, folder: Path, stem: str, overwrite: bool) -> None:
        """Writes uncertainty maps as `STEM-NAME.nrrd`.

        Args:
            folder: Where.
            stem: How their names begin.
            overwrite: Whether maps of an earlier prediction that are not wanted now have to go.

        Raises:
            OSError: If something cannot be written.
        """
        for name in UNCERTAINTIES:
            path = folder / f"{stem}-{name}.nrrd"
            if name in self.uncertainty:
                volume = Volume(self.uncertainty[name], self.mask.geometry.ijk_to_ras)
                write_volume(volume, path, overwrite=True)
            elif overwrite:
                path.unlink(missing_ok=True)
