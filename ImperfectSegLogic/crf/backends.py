"""Fully connected CRFs in NumPy arrays, solved by torch or by pydensecrf2."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ImperfectSegLogic.crf.filters import features, make_filter
from ImperfectSegLogic.crf.kernels import Appearance, Kernel, per_axis
from ImperfectSegLogic.crf.mean_field import mean_field

Floats = NDArray[np.float32]
_SETTING_UP = 0.2
"""Part of the time that making filters takes, about."""


@dataclass(frozen=True, eq=False)
class Problem:
    """A CRF to solve.

    Attributes:
        unary: Energies, shape (label, k, j, i); may be written to.
        image: Gray values, shape (channel, k, j, i).
        spacing: Distance of neighboring voxels in mm along k, j, i.
        kernels: Who hears whom.
        compatibility: A matrix row by row, or nothing for the Potts model.
        iterations: Of mean field.
    """

    unary: Floats
    image: Floats
    spacing: Sequence[float]
    kernels: tuple[Kernel, ...]
    compatibility: tuple[float, ...]
    iterations: int

    def matrix(self) -> Floats | None:
        """Gives the compatibility, shape (label, label)."""
        count = len(self.unary)
        prices = np.array(self.compatibility, dtype=np.float32)
        return prices.reshape(count, count) if self.compatibility else None


def by_torch(problem: Problem, report: Callable[[float], None]) -> Floats:
    """Solves it by our own filters, on a GPU where there is one with memory enough.

    Returns:
        Probabilities, shape (label, k, j, i).
    """
    if torch.cuda.is_available():
        try:
            return _solved(problem, report, torch.device("cuda"))
        except torch.cuda.OutOfMemoryError:
            torch.cuda.empty_cache()
    return _solved(problem, report, torch.device("cpu"))


def _solved(problem: Problem, report: Callable[[float], None], device: torch.device) -> Floats:
    shape = problem.unary.shape
    image = torch.from_numpy(np.ascontiguousarray(problem.image)).to(device)
    unary = torch.from_numpy(problem.unary).to(device)
    steps = list(problem.spacing)
    kernels = problem.kernels
    matrix = problem.matrix()
    report(0.0)
    with torch.no_grad():
        filters = []
        for number, kernel in enumerate(kernels, start=1):
            filters.append(make_filter(kernel, image, steps))
            report(_SETTING_UP * number / len(kernels))
        marginals = mean_field(
            unary,
            filters,
            [kernel.weight for kernel in kernels],
            None if matrix is None else torch.from_numpy(matrix).to(device),
            problem.iterations,
            lambda fraction: report(_SETTING_UP + (1 - _SETTING_UP) * fraction),
        )
    return np.asarray(marginals.cpu().numpy().reshape(shape))


def pydensecrf_missing() -> str:
    """Tells what has to be installed for pydensecrf2; empty if nothing."""
    if importlib.util.find_spec("pydensecrf") is not None:
        return ""
    return (
        "pydensecrf2: not installed. Use backend=own, or install it with: pip install"
        " 'imperfectseg[crf-peer]' (needs a C++ compiler)."
    )


def by_pydensecrf(problem: Problem, report: Callable[[float], None]) -> Floats:
    """Solves it by the package pydensecrf2, whose filter is the paper's lattice.

    Returns:
        Probabilities, shape (label, k, j, i).

    Raises:
        ValueError: If the package is not installed, or the compatibility is not symmetric.
    """
    missing = pydensecrf_missing()
    if missing:
        raise ValueError(missing)
    matrix = problem.matrix()
    if matrix is not None and not np.array_equal(matrix, matrix.T):
        raise ValueError(
            "pydensecrf2, compatibility: got a matrix that is not symmetric, which this backend"
            " would replace by the mean with its transpose. Use backend=own."
        )
    import pydensecrf.densecrf as dense  # Optional: has to be compiled.

    labels, *space = problem.unary.shape
    report(0.0)
    crf: Any = dense.DenseCRF(int(np.prod(space)), labels)
    crf.setUnaryEnergy(np.ascontiguousarray(problem.unary.reshape(labels, -1)))
    image = torch.from_numpy(np.ascontiguousarray(problem.image))
    for kernel in problem.kernels:
        widths = per_axis(kernel.width, 3, "kernel, width")
        steps = [s / w for s, w in zip(problem.spacing, widths, strict=True)]
        seen, contrasts = image[:0], tuple[float, ...]()
        if isinstance(kernel, Appearance):
            seen, contrasts = image, per_axis(kernel.contrast, len(image), "contrast")
        found = features(seen, steps, contrasts).numpy().T
        # An axis without extent says nothing and would only cost time.
        found = np.ascontiguousarray(found[found.min(axis=1) < found.max(axis=1)])
        price = kernel.weight if matrix is None else kernel.weight * matrix
        crf.addPairwiseEnergy(found, compat=price)
    marginals, before, after = crf.startInference()
    for step in range(problem.iterations):
        crf.stepInference(marginals, before, after)
        report((step + 1) / problem.iterations)
    return np.array(marginals, dtype=np.float32).reshape(problem.unary.shape)
