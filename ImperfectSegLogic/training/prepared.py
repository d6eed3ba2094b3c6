"""Cases prepared for training: arrays on disk, of which a sample reads only what it needs."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.data import UNLABELED, Dataset
from ImperfectSegLogic.data.datasets.files import make_folder, new_folder, read_object, write_json
from ImperfectSegLogic.training.case_fingerprint import content_key, kind_of
from ImperfectSegLogic.training.plan import TrainingPlan
from ImperfectSegLogic.training.targets import target_of

VERSION = 1
"""Part of the cache's key; rises when prepared cases change."""
POSITIONS = 4000
"""How many annotated voxels of each label a case remembers; samples are cut around them."""


@dataclass(frozen=True)
class PreparedCase:
    """One prepared case; its arrays stay on disk.

    Attributes:
        folder: Where the arrays are.
        case: Its id.
        kind: Name of its annotation's class; empty if there is none.
        looked_for: Whether somebody looked for each label, background first.
        shape: Voxels in (slice, row, column) order.
        spacing: In mm, in the same order.
        counts: Number of annotated voxels by label index.
    """

    folder: Path
    case: str
    kind: str
    looked_for: tuple[bool, ...]
    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]
    counts: tuple[int, ...]

    @property
    def is_labeled(self) -> bool:
        """Whether a voxel is annotated."""
        return any(self.counts)

    def image(self) -> NDArray[np.float32]:
        """Opens the image, shape (channel, slice, row, column); nothing is read yet."""
        return np.load(self.folder / "image.npy", mmap_mode="r")

    def target(self) -> NDArray[np.int16]:
        """Opens the target, shape (slice, row, column); nothing is read yet."""
        return np.load(self.folder / "target.npy", mmap_mode="r")

    def positions(self, label: int) -> NDArray[np.int64]:
        """Opens flat indices of annotated voxels of one label; none if there are none."""
        return np.load(self.folder / f"positions-{label}.npy", mmap_mode="r")


def prepare(
    dataset: Dataset,
    cases: Sequence[str],
    plan: TrainingPlan,
    cache: Path,
    annotator: str | None = None,
    listener: Callable[[float, str], None] | None = None,
) -> list[PreparedCase]:
    """Prepares cases that are not in the cache yet, one after the other.

    Args:
        dataset: The data set.
        cases: Which cases.
        plan: For which network.
        cache: Folder for prepared cases; several runs and processes may share it.
        annotator: Whose annotations; the newest by default.
        listener: Told the share that is done and the case at hand.

    Raises:
        ValueError: If an image or annotation is damaged or does not fit the plan.
        OSError: If something cannot be read, or the cache not be written.
    """
    make_folder(cache)
    found = []
    for n, case in enumerate(cases):
        if listener:
            listener(n / len(cases), case)
        found.append(_one(dataset, case, plan, cache, annotator))
    return found


def _one(
    dataset: Dataset, case: str, plan: TrainingPlan, cache: Path, annotator: str | None
) -> PreparedCase:
    key = content_key(dataset, case, annotator, VERSION, asdict(plan.preprocessing))
    folder = cache / f"{case}-{key}"
    if not folder.exists():
        # Another process may be faster; it makes the same.
        with contextlib.suppress(FileExistsError):
            _make(dataset, case, plan, folder, annotator)
    return _open(folder)


@functools.lru_cache(maxsize=4096)
def _open(folder: Path) -> PreparedCase:
    said = read_object(folder / "prepared.json")
    listed: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in said.items()}
    return PreparedCase(folder, **listed)


def _make(
    dataset: Dataset, identifier: str, plan: TrainingPlan, folder: Path, annotator: str | None
) -> None:
    case = dataset.case(identifier, annotator)
    listed = dataset.record(identifier).labels
    prepare = plan.preprocessing
    grid = case.volume.geometry
    image = prepare.prepare(case.volume)
    if not np.isfinite(image).all():
        raise ValueError(
            f"case {identifier}: got NaN or infinite voxels, allowed are finite numbers. See"
            " `imperfectseg dataset check`."
        )
    target = prepare.prepare_labels(target_of(case, plan.labels), grid).astype(np.int16)
    counts = np.bincount(target[target != UNLABELED], minlength=len(plan.labels) + 1)
    with new_folder(folder) as made:
        np.save(made / "image.npy", image.astype(np.float32))
        np.save(made / "target.npy", target)
        _save_positions(made, target, len(counts), identifier)
        said = PreparedCase(
            made,
            identifier,
            kind_of(case.annotation),
            (True, *(listed is None or label in listed for label in plan.labels)),
            (target.shape[0], target.shape[1], target.shape[2]),
            prepare.prepared_spacing(grid),
            tuple(int(n) for n in counts),
        )
        content = {k: v for k, v in asdict(said).items() if k != "folder"}
        write_json(made / "prepared.json", content)


def _save_positions(folder: Path, target: NDArray[np.int16], labels: int, case: str) -> None:
    flat = target.ravel()
    rng = np.random.default_rng(np.frombuffer(case.encode(), dtype=np.uint8))
    for label in range(labels):
        found = np.flatnonzero(flat == label)
        if len(found) > POSITIONS:
            found = np.sort(rng.choice(found, POSITIONS, replace=False))
        np.save(folder / f"positions-{label}.npy", found.astype(np.int64))
