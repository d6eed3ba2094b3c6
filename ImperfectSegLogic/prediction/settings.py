"""How a trained model is applied to an image."""

from __future__ import annotations

from dataclasses import dataclass

UNCERTAINTIES = ("entropy", "variance", "mutual_information")
"""Maps that tell where a prediction is unsure; the last two need several passes."""


@dataclass(frozen=True)
class PredictionSettings:
    """How a trained model is applied to an image.

    One pass is one model, one flip and one dropout mask; all combinations are averaged.

    Attributes:
        flips: Test-time augmentation: whether to predict the image in all its flips (4 in 2-D, 8
            in 3-D).
        mc_samples: MC dropout: how many dropout masks to draw; 0 predicts without dropout.
        uncertainty: Maps to make, of `UNCERTAINTIES`.
        overlap: Share of a window that the next one covers again, from 0 to 0.9.
        windows_at_once: How many windows the network sees at once; never changes the result.
        slab_megabytes: Memory for the slices at hand; larger images are worked on in slabs.
        seed: Fixes the dropout masks.

    Raises:
        ValueError: If one of them is not allowed.
    """

    flips: bool = False
    mc_samples: int = 0
    uncertainty: tuple[str, ...] = ()
    overlap: float = 0.5
    windows_at_once: int = 4
    slab_megabytes: float = 512
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "uncertainty", tuple(self.uncertainty))
        unknown = sorted(set(self.uncertainty) - set(UNCERTAINTIES))
        if unknown:
            raise ValueError(
                f"uncertainty: got {', '.join(unknown)}, allowed are {', '.join(UNCERTAINTIES)}."
            )
        limits = (
            ("mc_samples", 0, 10_000),
            ("windows_at_once", 1, 4096),
            ("seed", 0, 2**63),
            ("overlap", 0, 0.9),
            ("slab_megabytes", 0, 1e9),
        )
        for name, low, high in limits:
            if not low <= getattr(self, name) <= high:
                raise ValueError(
                    f"{name}: got {getattr(self, name)}, allowed is {low:g} to {high:g}."
                )
