"""Features that a variational auto-encoder learns of small pictures of units; needs torch."""

from __future__ import annotations

import math

import numpy as np
import torch
from monai.networks.nets.varautoencoder import VarAutoEncoder
from numpy.typing import NDArray
from torch import Tensor

from ImperfectSegLogic.active.features import CHUNK

CHANNELS, STRIDES = (16, 32, 64), (2, 2, 2)
BATCH = 64
LEARNING_RATE = 2e-3
DEVIATION = 0.1
"""Of gray values, 0 to 1, around what is decoded: what is finer is noise to the auto-encoder."""


def learned_features(
    rows: NDArray[np.floating],
    space: tuple[int, ...],
    dims: int,
    steps: int,
    most: int,
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Gives the means of the latent distributions of all rows.

    It learns on the CPU, so that the same seed gives the same features whatever else the machine
    has; torch's own chance stays as it was.

    Args:
        rows: Pictures, gray values 0 to 1, shape (unit, channel * voxels of a picture).
        space: Size of a picture, 2 or 3 numbers, each divisible by 8.
        dims: How many features.
        steps: Of learning.
        most: It learns of so many units, drawn at random if there are more.
        rng: All chance comes from it.

    Returns:
        Shape (unit, feature), with mean 0.
    """
    channels = rows.shape[1] // math.prod(space)
    shape = (channels, *space)
    learned = np.sort(rng.permutation(len(rows))[:most])
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(int(rng.integers(2**31)))
        network = VarAutoEncoder(
            len(space), shape, channels, dims, CHANNELS, STRIDES, norm="BATCH", use_sigmoid=False
        )
        _learn(network, rows[learned].reshape(-1, *shape), steps)
        network.eval()
        with torch.no_grad():
            parts = [
                network.encode_forward(_tensor(rows[n : n + CHUNK].reshape(-1, *shape)))[0]
                for n in range(0, len(rows), CHUNK)
            ]
    found = torch.cat(parts).numpy()
    return np.asarray(found - found.mean(axis=0), dtype=np.float32)


def _learn(network: VarAutoEncoder, pictures: NDArray[np.floating], steps: int) -> None:
    """Makes the evidence lower bound high."""
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    network.train()
    for _ in range(steps):
        # With repetition: of a few units, a batch has each several times.
        seen = _tensor(pictures[torch.randint(len(pictures), (BATCH,)).numpy()])
        shown, mean, log_variance, _ = network(seen)
        error = ((shown - seen) ** 2).flatten(1).sum(dim=1) / (2 * DEVIATION**2)
        away = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(dim=1)
        optimizer.zero_grad()
        ((error + away).mean() / seen[0].numel()).backward()
        optimizer.step()


def _tensor(pictures: NDArray[np.floating]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(pictures, dtype=np.float32))
