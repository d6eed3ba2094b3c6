"""What one case of a data set is like, kept so that an unchanged case is not read again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.data import Annotation, Case, Dataset
from ImperfectSegLogic.data.datasets.files import make_folder, read_object, write_json
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


def case_fingerprint(
    dataset: Dataset, case: str, annotator: str | None, cache: Path | None
) -> CaseFingerprint:
    """Looks at one case, or tells what was found when it was looked at before.

    Raises:
        ValueError: If the annotation does not lie on its image or has labels that the data set
            has not, or an image has NaN or infinite voxels.
        OSError: If the case cannot be read.
    """
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
