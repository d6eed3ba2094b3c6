"""Spectral coordinates: where a voxel is within a shape, whatever way the shape bends."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse
from scipy.sparse.linalg import eigsh

MOST_VOXELS = 4000
"""The coordinates are smooth: larger shapes are looked at more coarsely."""
_BOX = 20
"""The box around a shape has no more voxels than this many times as many as the shape may have."""
_LEAST_VOXELS = 8
"""Of the shape, in the coarse grid, per coordinate."""
_SAME, _MORE = 1e-3, 3
"""How much like eigenvalues may differ, relatively, and how many may be like the last one."""

Floats = NDArray[np.float64]


def spectral_coordinates(
    shape: NDArray[np.bool_],
    spacing: tuple[float, float, float],
    count: int = 3,
    most_voxels: int = MOST_VOXELS,
) -> NDArray[np.float32]:
    """Gives eigenfunctions of the Laplacian of a shape, from the slowest one on.

    wachinger2018deepnat, on spectral coordinates: -Laplace(f) = lambda f, with no flow through the
    surface, by finite differences. Each f has a mean square of 1 and is divided by the square root
    of its lambda: like this it is a length in mm, which along a straight shape grows about as fast
    as the position does. Its sign is arbitrary, and so is the basis of those with the same lambda.

    Args:
        shape: Where it is, shape (k, j, i). Only its largest connected piece counts; around it,
            layer by layer, voxels have the mean of their neighbors nearer to it, and beyond the box
            that holds it, that of the nearest voxel of the box.
        spacing: In mm along k, j, i.
        count: How many, and those whose lambda is the same as that of the last one.
        most_voxels: The coarser grid that it is solved on has no more voxels of the shape.

    Returns:
        In mm, shape (coordinate, k, j, i).

    Raises:
        ValueError: If the largest piece has fewer than 8 voxels per coordinate.
    """
    if not shape.any():
        raise _too_small(0, count)
    box = ndimage.find_objects(shape.astype(np.uint8))[0]
    inner = shape[box]
    factor = _coarsening(inner, spacing, most_voxels)
    coarse, steps = _any_of_block(inner, factor), np.multiply(spacing, factor)
    pieces, _ = ndimage.label(coarse)
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    if sizes.max() < _LEAST_VOXELS * count:
        raise _too_small(int(sizes.max()), count)
    piece = pieces == sizes.argmax()
    values = _spread(_eigenfunctions(_laplacian(piece, steps), count), piece)
    around = [(s.start, n - s.stop) for s, n in zip(box, shape.shape, strict=True)]
    found = [np.pad(_refined(one, factor, inner.shape), around, mode="edge") for one in values]
    return np.stack(found)


def _too_small(voxels: int, count: int) -> ValueError:
    return ValueError(
        f"spectral coordinates: got a shape of {voxels} voxels in one piece, allowed are"
        f" {_LEAST_VOXELS * count} or more for {count} coordinates. Ask for fewer coordinates."
    )


def _coarsening(
    shape: NDArray[np.bool_], spacing: tuple[float, float, float], most: int
) -> tuple[int, ...]:
    """Gives how many voxels along k, j, i become one, finest axes first."""
    factor, voxels = [1, 1, 1], max(int(np.count_nonzero(shape)), shape.size // _BOX)
    while voxels > most * np.prod(factor):
        axes = [axis for axis in range(3) if factor[axis] < shape.shape[axis]]
        factor[min(axes, key=lambda axis: spacing[axis] * factor[axis])] += 1
    return tuple(factor)


def _any_of_block(shape: NDArray[np.bool_], factor: tuple[int, ...]) -> NDArray[np.bool_]:
    padded = np.pad(shape, [(0, -n % f) for n, f in zip(shape.shape, factor, strict=True)])
    split = [part for n, f in zip(padded.shape, factor, strict=True) for part in (n // f, f)]
    return np.asarray(padded.reshape(split).any(axis=(1, 3, 5)))


def _laplacian(piece: NDArray[np.bool_], steps: Floats) -> sparse.csc_matrix:
    """Gives -Laplace by finite differences between neighbors of a piece, in 1 / mm^2."""
    number = np.full(piece.shape, -1, dtype=np.int64)
    number[piece] = np.arange(np.count_nonzero(piece))
    rows, columns, weights = [], [], []
    for axis, step in enumerate(steps):
        size = piece.shape[axis]
        one = np.take(number, range(size - 1), axis=axis)
        other = np.take(number, range(1, size), axis=axis)
        pairs = (one >= 0) & (other >= 0)
        rows.append(one[pairs])
        columns.append(other[pairs])
        weights.append(np.full(np.count_nonzero(pairs), step**-2.0))
    i, j, w = (np.concatenate(part) for part in (rows, columns, weights))
    count = int(number.max()) + 1
    joined = sparse.coo_matrix((w, (i, j)), shape=(count, count))
    joined = joined + joined.T
    return sparse.csc_matrix(sparse.diags(np.asarray(joined.sum(axis=1)).ravel()) - joined)


def _eigenfunctions(laplacian: sparse.csc_matrix, count: int) -> Floats:
    """Gives the slowest ones that are not constant, shape (coordinate, voxel), in mm."""
    voxels = laplacian.shape[0]
    start = np.sin(np.arange(1.0, voxels + 1))  # The same every time.
    # Shifted a little below 0, where it can be inverted: the first eigenvalue is 0.
    shift = -1e-3 * laplacian.diagonal().max()
    wanted = min(count + 1 + _MORE, voxels - 1)
    squares, vectors = eigsh(laplacian, wanted, sigma=shift, which="LM", v0=start)
    order = np.argsort(squares)[1:]
    # One of several with the same lambda would depend on chance, and on how the image is turned.
    order = order[squares[order] <= squares[order[count - 1]] * (1 + _SAME)]
    scaled: Floats = (vectors[:, order] * np.sqrt(voxels / squares[order])).T
    return scaled


def _spread(values: Floats, piece: NDArray[np.bool_]) -> Floats:
    """Brings values of a piece, shape (coordinate, voxel), to the whole grid around it."""
    known = piece.astype(np.float64)
    spread = np.zeros((len(values), *piece.shape))
    spread[:, piece] = values
    while not known.all():
        sums, counts = _of_neighbors(spread), _of_neighbors(known[np.newaxis])[0]
        new = (known == 0) & (counts > 0)
        spread[:, new] = sums[:, new] / counts[new]
        known[new] = 1
    return spread


def _of_neighbors(values: Floats) -> Floats:
    """Adds up the neighbors of each voxel, shape (any, k, j, i)."""
    total = np.zeros_like(values)
    for axis in (1, 2, 3):
        low, high = [slice(None)] * 4, [slice(None)] * 4
        low[axis], high[axis] = slice(None, -1), slice(1, None)
        total[tuple(low)] += values[tuple(high)]
        total[tuple(high)] += values[tuple(low)]
    return total


def _refined(
    values: Floats, factor: tuple[int, ...], shape: tuple[int, ...]
) -> NDArray[np.float32]:
    """Brings values of the coarse grid to all voxels, linearly in between."""
    for axis, (size, step) in enumerate(zip(shape, factor, strict=True)):
        last = values.shape[axis] - 1
        at = np.clip((np.arange(size) - (step - 1) / 2) / step, 0, last)
        low = np.minimum(at.astype(np.int64), max(last - 1, 0))
        share = (at - low).reshape([-1 if a == axis else 1 for a in range(3)])
        below, above = (np.take(values, n, axis=axis) for n in (low, np.minimum(low + 1, last)))
        values = below + share * (above - below)
    return values.astype(np.float32)
