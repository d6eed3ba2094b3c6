"""A simulated user, who clicks in the middle of what is most wrong."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ImperfectSegLogic.data import Click, Geometry, Region


def next_click(
    prediction: NDArray[np.bool_], truth: NDArray[np.bool_], geometry: Geometry, label: int = 1
) -> Click | None:
    """Gives the click that corrects the largest connected error at its deepest voxel.

    Depth is measured in mm and the image's border counts as the error's border. Of errors or
    voxels that are alike, the first in raster order is taken, missed voxels before wrong ones.

    Args:
        prediction: The mask so far, shape (slice, row, column).
        truth: What it should be, same shape.
        geometry: Their grid.
        label: The label that both masks are about.

    Returns:
        A positive click on missed voxels, a negative one on wrong ones; None if nothing is wrong.

    Raises:
        ValueError: If the masks are not on the grid.
    """
    for name, mask in (("prediction", prediction), ("truth", truth)):
        if mask.shape != geometry.shape:
            raise ValueError(
                f"{name}: got a mask of shape {mask.shape}, allowed is the grid's {geometry.shape}."
            )
    missed = _largest(truth & ~prediction)
    wrong = _largest(prediction & ~truth)
    if missed is None and wrong is None:
        return None
    positive = wrong is None or (missed is not None and missed[0] >= wrong[0])
    chosen = missed if positive else wrong
    assert chosen is not None
    return Click(
        position=geometry.to_ras(_deepest(chosen[1], geometry)), label=label, positive=positive
    )


def _largest(errors: NDArray[np.bool_]) -> tuple[int, NDArray[np.bool_]] | None:
    """Gives the size and mask of the largest connected part; neighbors share a face."""
    parts, count = ndimage.label(errors)
    if not count:
        return None
    sizes = np.bincount(parts.ravel())[1:]
    return int(sizes.max()), np.asarray(parts == sizes.argmax() + 1)


def _deepest(mask: NDArray[np.bool_], geometry: Geometry) -> NDArray[np.int64]:
    """Gives the index (k, j, i) of the voxel of a mask that is farthest from all others, in mm."""
    region = Region.around(np.argwhere(mask))
    flat = [axis for axis in range(3) if mask.shape[axis] == 1]
    pad = [(0, 0) if axis in flat else (1, 1) for axis in range(3)]
    part = np.pad(mask[region.slices], pad)
    depth = ndimage.distance_transform_edt(part, sampling=geometry.spacing)
    at = np.array(np.unravel_index(np.argmax(depth), part.shape), dtype=np.int64)
    return at - np.array([before for before, _ in pad]) + np.array(region.start)
