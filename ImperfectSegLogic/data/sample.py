"""What a network is trained on: pieces of prepared images with their targets. Needs torch."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ImperfectSegLogic.data.annotations import UNLABELED


@dataclass(frozen=True, eq=False)
class Sample:
    """A piece of one image; 2-D (row, column) or 3-D (slice, row, column), on any device.

    Attributes:
        image: Normalized gray values, float32, shape (channel, *space).
        target: Index of each voxel's label among the data set's (0 is background), `UNLABELED`
            where nobody said anything and where the piece reaches beyond the image; int64, shape
            (*space).
        looked_for: Which labels somebody looked for in this case, bool, shape (label,), always on
            the CPU; the background of the target may be any of the others. The first, background,
            is true.
        kind: Name of the annotation's class, such as `SparseMask`; empty if there is none.
        spacing: Distance of neighboring voxels in mm, in the order of the spatial axes.
        case: The id of the case it was cut from.
    """

    image: Tensor
    target: Tensor
    looked_for: Tensor
    kind: str
    spacing: tuple[float, ...]
    case: str

    def __post_init__(self) -> None:
        assert self.image.shape[1:] == self.target.shape, (self.image.shape, self.target.shape)
        assert self.image.dtype == torch.float32
        assert self.target.dtype == torch.int64
        assert len(self.spacing) == self.target.ndim

    @property
    def dims(self) -> int:
        """Number of spatial axes: 2 or 3."""
        return self.target.ndim


@dataclass(frozen=True, eq=False)
class Batch:
    """Samples of one size, stacked.

    Attributes:
        image: Shape (sample, channel, *space).
        target: Shape (sample, *space).
        looked_for: Shape (sample, label); always on the CPU.
        kinds: One annotation kind per sample.
        spacings: One spacing per sample.
        cases: One case id per sample.
    """

    image: Tensor
    target: Tensor
    looked_for: Tensor
    kinds: tuple[str, ...]
    spacings: tuple[tuple[float, ...], ...]
    cases: tuple[str, ...]

    @classmethod
    def of(cls, samples: Sequence[Sample]) -> Batch:
        """Stacks samples of one size, at least one."""
        return cls(
            torch.stack([s.image for s in samples]),
            torch.stack([s.target for s in samples]),
            torch.stack([s.looked_for for s in samples]),
            tuple(s.kind for s in samples),
            tuple(s.spacing for s in samples),
            tuple(s.case for s in samples),
        )

    def __len__(self) -> int:
        return len(self.cases)

    @property
    def labeled(self) -> Tensor:
        """Where the target says something, bool, shape (sample, *space)."""
        return self.target != UNLABELED

    def to(self, device: torch.device) -> Batch:
        """Gives the batch on a device; `looked_for` stays on the CPU, where it is asked for."""
        image = self.image.to(device, non_blocking=True)
        return dataclasses.replace(
            self, image=image, target=self.target.to(device, non_blocking=True)
        )

    def samples(self) -> list[Sample]:
        """Gives the samples one by one; their tensors are views."""
        parts = zip(
            self.image,
            self.target,
            self.looked_for,
            self.kinds,
            self.spacings,
            self.cases,
            strict=True,
        )
        return [Sample(*part) for part in parts]

    def part(self, start: int, stop: int) -> Batch:
        """Gives some of the samples; the tensors are views."""
        one = slice(start, stop)
        return Batch(
            self.image[one],
            self.target[one],
            self.looked_for[one],
            self.kinds[one],
            self.spacings[one],
            self.cases[one],
        )
