"""What the cases of a data set are like: spacing, size, gray values, annotations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ImperfectSegLogic.data import Dataset
from ImperfectSegLogic.training.case_fingerprint import CaseFingerprint, case_fingerprint
from ImperfectSegLogic.training.intensity import ChannelIntensity
from ImperfectSegLogic.training.orientation import slice_axis


@dataclass(frozen=True)
class Fingerprint:
    """What the cases of a data set are like.

    Attributes:
        each: One fingerprint per case.
        labels: The data set's labels from 1.
        channel_names: What each channel is, as far as the data set says.
    """

    each: tuple[CaseFingerprint, ...]
    labels: tuple[int, ...]
    channel_names: tuple[str, ...] = ()

    @property
    def cases(self) -> int:
        """Number of cases."""
        return len(self.each)

    @property
    def channels(self) -> int:
        """Values per voxel."""
        return self.each[0].channels

    @property
    def kinds(self) -> Counter[str]:
        """How many cases there are of each kind of annotation; `` for none."""
        return Counter(one.kind for one in self.each)

    @property
    def voxels(self) -> dict[int, int]:
        """How many voxels are annotated with each label, 0 for background."""
        sums = np.sum([one.voxels for one in self.each], axis=0)
        return dict(zip((0, *self.labels), map(int, sums), strict=True))

    @property
    def anisotropy(self) -> float:
        """How many times farther apart voxels are along the worst axis than along the best."""
        spacing = np.median([sorted(one.spacing) for one in self.each], axis=0)
        return float(spacing[-1] / spacing[0])

    @property
    def median_slices(self) -> float:
        """Number of slices along the axis with the largest spacing."""
        return float(np.median([one.shape[_slice_axis(one)] for one in self.each]))

    @property
    def intensity(self) -> tuple[ChannelIntensity, ...]:
        """How gray values are best normalized, one per channel: as nnU-Net, CT by the data set."""
        found = []
        for c in range(self.channels):
            name = self.channel_names[c] if c < len(self.channel_names) else ""
            if name.upper() != "CT":
                found.append(ChannelIntensity("zscore"))
                continue
            low = float(np.median([one.low[c] for one in self.each]))
            high = float(np.median([one.high[c] for one in self.each]))
            mean = float(np.mean([one.mean[c] for one in self.each]))
            sd = float(np.mean([one.sd[c] for one in self.each]))
            found.append(ChannelIntensity("ct", low, high, mean, sd or 1.0))
        return tuple(found)

    def median_spacing(self, dims: int) -> tuple[float, float, float]:
        """Gives the median spacing in mm; in 2-D the slice axis comes first."""
        each = [_ordered(one, one.spacing, dims) for one in self.each]
        k, j, i = (float(n) for n in np.median(each, axis=0))
        return k, j, i

    def median_shape(self, dims: int, spacing: Sequence[float]) -> tuple[float, ...]:
        """Gives the median number of voxels per axis at a spacing; 2 numbers in 2-D."""
        sizes = [
            np.multiply(_ordered(one, one.shape, dims), _ordered(one, one.spacing, dims))
            for one in self.each
        ]
        return tuple(float(n) for n in (np.median(sizes, axis=0) / spacing)[3 - dims :])


def fingerprint(
    dataset: Dataset,
    cases: Sequence[str],
    annotator: str | None = None,
    cache: Path | None = None,
    listener: Callable[[float, str], None] | None = None,
) -> Fingerprint:
    """Looks at cases one after the other.

    Args:
        dataset: The data set.
        cases: Which cases, at least one.
        annotator: Whose annotations; the newest by default.
        cache: Folder in which what was found is kept; an unchanged case is not read again.
        listener: Told the share that is done and the case at hand.

    Raises:
        ValueError: If there is no case, a case has another number of channels than the others, or
            an annotation does not lie on its image or has labels that the data set has not.
        OSError: If a case cannot be read.
    """
    if not cases:
        raise ValueError(f"{dataset.folder}: got no cases to look at. Choose another split.")
    each = []
    for n, case in enumerate(cases):
        if listener:
            listener(n / len(cases), case)
        each.append(case_fingerprint(dataset, case, annotator, cache))
        if each[-1].channels != each[0].channels:
            raise ValueError(
                f"case {case}: got {each[-1].channels} channels, {cases[0]} has"
                f" {each[0].channels}. All cases of one training need the same."
            )
    labels = tuple(sorted(dataset.labels))
    return Fingerprint(tuple(each), labels, dataset.description.channels)


def _slice_axis(one: CaseFingerprint) -> int:
    return slice_axis(one.shape, one.spacing)


def _ordered(one: CaseFingerprint, values: Sequence[float], dims: int) -> list[float]:
    axis = _slice_axis(one) if dims == 2 else 0
    return [values[axis], *(v for a, v in enumerate(values) if a != axis)]
