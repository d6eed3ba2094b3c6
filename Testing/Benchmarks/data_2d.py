"""Reads the membranes, retinal vessels and lung tumors that benchmarks run on, as 2-D tasks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from ImperfectSegLogic.data import Volume
from Testing.Benchmarks.data import MissingDataError, Task, folder

SIDE = 256
"""Large images are cut to so many pixels a side, at a place drawn by the seed."""
LEAST_VESSEL = 0.02
"""A piece of a retina has at least that part of vessel, so as not to lie beside the retina."""
SMALLEST_TUMOR = 20
"""Tumors with fewer pixels of 2 mm are left out."""


def membranes(data: Path, number: int, seed: int) -> list[Task]:
    """Gives one piece each of `number` electron-microscopy slices; membranes are the structure."""
    root = folder(data, "em_membrane")
    paths = sorted((root / "image").glob("*.png"), key=lambda p: int(p.stem))
    rng = np.random.default_rng(seed)
    tasks = []
    for path in _drawn(paths, number, rng, root):
        image, label = _gray(path), _gray(root / "label" / path.name)
        part = _place(image.shape, rng)
        tasks.append(_task(f"slice {path.stem}", "membranes", image[part], label[part] == 0))
    return tasks


def vessels(data: Path, number: int, seed: int) -> list[Task]:
    """Gives one piece each of `number` retinas, green channel, as the first reader marked them."""
    root = folder(data, "chase")
    rng = np.random.default_rng(seed)
    tasks = []
    for path in _drawn(sorted(root.glob("*.jpg")), number, rng, root):
        image = np.asarray(Image.open(path))[..., 1]
        label = np.asarray(Image.open(root / f"{path.stem}_1stHO.png")) > 0
        part = _place(image.shape, rng)
        while label[part].mean() < LEAST_VESSEL:
            part = _place(image.shape, rng)
        tasks.append(_task(path.stem, "retinal vessels", image[part], label[part]))
    return tasks


def lung_tumors(data: Path, number: int, seed: int) -> list[Task]:
    """Gives `number` of the CT patches that hold a tumor of some size."""
    root = folder(data, "lung_tumour_patches")
    try:
        import h5py
    except ImportError as error:
        raise MissingDataError(
            "the lung tumor patches are HDF5, and h5py is not installed. Install it with: pip"
            " install 'imperfectseg[bench]'"
        ) from error
    with h5py.File(root / "val_patches.h5") as file:
        images, labels = file["images"][:, 0], file["labels"][:, 0] > 0
    large = np.flatnonzero(labels.sum(axis=(1, 2)) >= SMALLEST_TUMOR)
    chosen = sorted(np.random.default_rng(seed).permutation(large)[: number or None].tolist())
    spacing = np.diag([2.0, 2.0, 2.0, 1.0])
    return [_task(f"patch {n}", "lung tumor", images[n], labels[n], spacing) for n in chosen]


def _drawn(paths: list[Path], number: int, rng: np.random.Generator, root: Path) -> list[Path]:
    if not paths:
        raise MissingDataError(f"{root} holds no images.")
    order = rng.permutation(len(paths))[: number or None]
    return [paths[n] for n in sorted(order.tolist())]


def _place(shape: tuple[int, ...], rng: np.random.Generator) -> tuple[slice, slice]:
    j, i = (int(rng.integers(n - SIDE + 1)) for n in shape)
    return slice(j, j + SIDE), slice(i, i + SIDE)


def _gray(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("L"))


def _task(
    name: str, group: str, image: np.ndarray, truth: np.ndarray, matrix: np.ndarray | None = None
) -> Task:
    volume = Volume(image[np.newaxis].copy(), np.eye(4) if matrix is None else matrix)
    return Task(name, group, volume, truth[np.newaxis].copy(), name)
