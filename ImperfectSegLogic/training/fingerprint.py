"""What the cases of a data set are like: spacing, size, gray values, annotations."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.data import Annotation, Case, Dataset
from ImperfectSegLogic.data.datasets.files import make_folder, read_object, write_json
from ImperfectSegLogic.training.intensity import ChannelIntensity
from ImperfectSegLogic.training.orientation import canonical_grid, canonical_turn, slice_axis
from ImperfectSegLogic.training.targets import target_of

VOXELS = 20_000
"""How many voxels of each case tell about its gray values."""
FEW_VOXELS = 100
"""Where fewer voxels are annotated as foreground, all voxels tell about gray values."""
PERCENTILES = (0.5, 99.5)


@dataclass(frozen=True)
class CaseFingerprint:
    """What one case is like.

    Attributes:
        case: Its id.
        kind: Name of its annotation's class; empty if there is none.
        shape: Voxels in (slice, row, column) order after reorientation.
        spacing: In mm, in the same order.
        channels: Values per voxel.
        voxels: Number of annotated voxels by label index, background first.
        annotated_slices: On how many slices something is annotated.
        low: 0.5 % of annotated foreground voxels are darker, per channel; of all voxels if there
            is hardly any foreground.
        high: 0.5 % are brighter.
        mean: Of the same voxels.
        sd: Of the same voxels.
    """

    case: str
    kind: str
    shape: tuple[int, ...]
    spacing: tuple[float, ...]
    channels: int
    voxels: tuple[int, ...]
    annotated_slices: int
    low: tuple[float, ...]
    high: tuple[float, ...]
    mean: tuple[float, ...]
    sd: tuple[float, ...]


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
        each.append(_one(dataset, case, annotator, cache))
        if each[-1].channels != each[0].channels:
            raise ValueError(
                f"case {case}: got {each[-1].channels} channels, {cases[0]} has"
                f" {each[0].channels}. All cases of one training need the same."
            )
    labels = tuple(sorted(dataset.labels))
    return Fingerprint(tuple(each), labels, dataset.description.channels)


def _one(dataset: Dataset, case: str, annotator: str | None, cache: Path | None) -> CaseFingerprint:
    if cache is None:
        return _look(dataset.case(case, annotator), dataset.labels)
    path = make_folder(cache) / f"{case}-{content_key(dataset, case, annotator)}.json"
    if path.exists():
        said = read_object(path)
        known: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in said.items()}
        return CaseFingerprint(**known)
    found = _look(dataset.case(case, annotator), dataset.labels)
    write_json(path, asdict(found), overwrite=True)
    return found


def content_key(dataset: Dataset, case: str, annotator: str | None, *more: Any) -> str:
    """Gives a short hash of all that a prepared case depends on."""
    record, version = dataset.record(case), dataset.find_version(case, annotator)
    said = version.read() if version else None
    content = [record.sha256, record.labels, sorted(dataset.labels), said, *more]
    return hashlib.sha256(json.dumps(content, default=str).encode()).hexdigest()[:16]


def _look(case: Case, labels: Mapping[int, str]) -> CaseFingerprint:
    target = target_of(case, tuple(sorted(labels)))
    grid = canonical_grid(case.volume.geometry)
    array = case.volume.array.reshape(case.volume.channels, -1)
    inside = np.flatnonzero(target > 0)
    if len(inside) < FEW_VOXELS:
        inside = np.arange(target.size)
    inside = inside[:: max(len(inside) // VOXELS, 1)]
    values = array[:, inside].astype(np.float64)
    _check_finite(case, values)
    low, high = np.percentile(values, PERCENTILES, axis=1)
    counts = np.bincount(target[target >= 0].ravel(), minlength=len(labels) + 1)
    target, axis = (
        canonical_turn(case.volume.geometry).apply(target),
        slice_axis(grid.shape, grid.spacing),
    )
    others = tuple(a for a in range(3) if a != axis)
    return CaseFingerprint(
        case.identifier,
        kind_of(case.annotation),
        grid.shape,
        grid.spacing,
        case.volume.channels,
        tuple(int(n) for n in counts),
        int((target >= 0).any(axis=others).sum()),
        *(tuple(float(x) for x in part) for part in (low, high, values.mean(1), values.std(1))),
    )


def _check_finite(case: Case, values: NDArray[np.float64]) -> None:
    if not np.isfinite(values).all():
        raise ValueError(
            f"case {case.identifier}: got NaN or infinite voxels, allowed are finite numbers. See"
            " `imperfectseg dataset check`."
        )


def kind_of(annotation: Annotation | None) -> str:
    """Gives the name of an annotation's class; empty if there is none."""
    return "" if annotation is None else type(annotation).__name__


def _slice_axis(one: CaseFingerprint) -> int:
    return slice_axis(one.shape, one.spacing)


def _ordered(one: CaseFingerprint, values: Sequence[float], dims: int) -> list[float]:
    axis = _slice_axis(one) if dims == 2 else 0
    return [values[axis], *(v for a, v in enumerate(values) if a != axis)]
