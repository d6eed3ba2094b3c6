"""One image to segment, with what is known about it."""

from __future__ import annotations

from dataclasses import dataclass

from ImperfectSegLogic.data.annotations import Annotation, DenseMask, SparseMask
from ImperfectSegLogic.data.volume import Volume


@dataclass(frozen=True, eq=False)
class Case:
    """One image to segment, with its annotation if there is one.

    Attributes:
        volume: The image.
        identifier: Unique name in its data set.
        annotation: None means unlabeled.

    Raises:
        ValueError: If the annotation's grid is not the image's.
    """

    volume: Volume
    identifier: str = "case"
    annotation: Annotation | None = None

    def __post_init__(self) -> None:
        mask = self.annotation
        if isinstance(mask, DenseMask | SparseMask) and not mask.geometry.matches(
            self.volume.geometry
        ):
            raise ValueError(
                f"case {self.identifier}: the annotation's grid is not the image's. Resample it to"
                " the image first."
            )
