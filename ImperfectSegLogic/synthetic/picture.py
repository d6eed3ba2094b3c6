"""A picture of synthetic images, to see what the default engine has learned from."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ImperfectSegLogic.synthetic.tasks import synthetic_task

COLUMNS = 8


def write_picture(path: Path, dims: int, seed: int, count: int, style: str) -> None:
    """Draws the first images of a seed with the outlines of their objects; needs Matplotlib.

    Args:
        path: A `.png` file, replaced if it is there.
        dims: 2 or 3; of 3-D images, the slice where the object is largest.
        seed: Of the images.
        count: How many.
        style: One of `synthetic.tasks.STYLES`.
    """
    from matplotlib.figure import Figure

    rows = -(-count // COLUMNS)
    figure = Figure(figsize=(2 * COLUMNS, 2 * rows), layout="tight")
    axes = np.atleast_2d(figure.subplots(rows, COLUMNS, squeeze=False))
    for number, axis in enumerate(axes.ravel()):
        axis.axis("off")
        if number < count:
            task = synthetic_task(dims, (seed, number), style)
            k = int(np.argmax(task.truth.sum(axis=(1, 2))))
            axis.imshow(task.volume.array[k], cmap="gray")
            axis.contour(task.truth[k], [0.5], colors="tab:red", linewidths=0.8)
    figure.savefig(path, dpi=60)
