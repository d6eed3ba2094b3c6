"""Mean field where voxels hear their neighbors only, those that share a face."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Problem:
    """A CRF of neighbors to solve.

    Attributes:
        unary: Energies, shape (label, k, j, i).
        image: Gray values, shape (channel, k, j, i).
        spacing: Distance of neighboring voxels in mm along k, j, i.
        weight: Price of different labels at neighbors of one gray value, 1 mm apart.
        contrast: Difference of gray values from which on neighbors count less, one per channel.
        in_slices: Whether voxels hear neighbors in their own slice only.
        iterations: Of mean field.
    """

    unary: Floats
    image: Floats
    spacing: Sequence[float]
    weight: float
    contrast: Sequence[float]
    in_slices: bool
    iterations: int


def solved(problem: Problem, report: Callable[[float], None]) -> Floats:
    """Gives probabilities, shape (label, k, j, i), on a GPU where one has memory enough."""
    if torch.cuda.is_available():
        try:
            return _solved(problem, report, torch.device("cuda"))
        except torch.cuda.OutOfMemoryError:
            torch.cuda.empty_cache()
    return _solved(problem, report, torch.device("cpu"))


def _solved(problem: Problem, report: Callable[[float], None], device: torch.device) -> Floats:
    # In slices, each of them is a sample; in space, there is one sample.
    unary, image = (
        one.transpose(0, 1) if problem.in_slices else one[None]
        for one in (torch.from_numpy(given).to(device) for given in (problem.unary, problem.image))
    )
    steps = problem.spacing[1:] if problem.in_slices else problem.spacing
    contrast = torch.tensor(problem.contrast, device=device)
    with torch.no_grad():
        prices = couplings_by_contrast(image, steps, problem.weight, contrast)
        found = mean_field_of_neighbors(unary, prices, problem.iterations, report).exp_()
    found = found.transpose(0, 1) if problem.in_slices else found[0]
    return np.asarray(found.cpu().numpy())


def couplings_by_contrast(
    image: Tensor, spacing: Sequence[float], weight: float, contrast: Tensor
) -> list[Tensor]:
    """Gives neighbors a price for different labels: weight exp(-|dI|^2 / (2 contrast^2)) / mm.

    The form of Boykov and Jolly (`boykov2001interactive`), section 2.

    Args:
        image: Gray values, shape (sample, channel, *space).
        spacing: Distance of neighbors in mm, one per axis of space.
        weight: Of two neighbors of the same gray value, 1 mm apart.
        contrast: Difference of gray values from which on neighbors count less, one per channel.

    Returns:
        Per axis, shape (sample, *space) with one voxel less along it.
    """
    scaled = image / contrast.view(-1, *[1] * (image.ndim - 2))
    prices = []
    for axis, distance in enumerate(spacing):
        squares = torch.diff(scaled, dim=axis + 2).square().sum(dim=1)
        prices.append(weight / distance * torch.exp(-0.5 * squares))
    return prices


def mean_field_of_neighbors(
    unary: Tensor,
    couplings: Sequence[Tensor],
    iterations: int,
    report: Callable[[float], None] | None = None,
) -> Tensor:
    """Finds marginals of the Potts model E(x) = sum_i u_i(x_i) + sum_ij w_ij [x_i != x_j].

    Beliefs b, at first -u, go part of the way to what voxels hear in each step:
    b_i <- b_i + (sum_j w_ij q_j - u_i - b_i) / (1 + s_i / 2), where q is the softmax of b and s_i
    the sum of the prices of a voxel. A fixed point is one of the mean field equations. All voxels
    move at once, so that flips of the image change nothing. Steps are so short that the free energy
    never rises: this is mirror descent, and the free energy curves at most 1 + s_i / 2 times as
    much as the divergence of q_i does. With whole steps and high prices, the labels of a
    checkerboard would change places for ever.

    Args:
        unary: Energies, shape (sample, label, *space).
        couplings: The price w of each pair of neighbors, per axis of space; shape (sample, *space)
            with one voxel less along that axis.
        iterations: How many steps; 0 gives the softmax of -unary.
        report: Told the fraction done after each step.

    Returns:
        Logarithms of probabilities, the same shape as `unary`; differentiable in both.
    """
    beliefs = -unary
    step = 1 / (1 + heard_from_neighbors(torch.ones_like(unary[:, :1]), couplings) / 2)
    marginals, heard = torch.empty_like(unary), torch.empty_like(unary)
    for number in range(iterations):
        if torch.is_grad_enabled():
            heard = heard_from_neighbors(torch.softmax(beliefs, dim=1), couplings)
            beliefs = beliefs + step * (heard - unary - beliefs)
        else:  # Without new arrays, whose pages would take most of the time.
            torch.softmax(beliefs, dim=1, out=marginals)
            heard_from_neighbors(marginals, couplings, heard)
            beliefs += heard.sub_(unary).sub_(beliefs).mul_(step)
        if report is not None:
            report((number + 1) / iterations)
    return torch.log_softmax(beliefs, dim=1)


def heard_from_neighbors(
    marginals: Tensor, couplings: Sequence[Tensor], out: Tensor | None = None
) -> Tensor:
    """Gives sum_j w_ij q_j over the neighbors j of each voxel, shape (sample, label, *space).

    Args:
        marginals: The q, of the same shape.
        couplings: The w, see `mean_field_of_neighbors`.
        out: Where to write it, if not to a new tensor.
    """
    heard = torch.zeros_like(marginals) if out is None else out.zero_()
    for axis, price in enumerate(couplings, start=2):
        some = marginals.shape[axis] - 1
        price = price.unsqueeze(1)
        heard.narrow(axis, 0, some).addcmul_(price, marginals.narrow(axis, 1, some))
        heard.narrow(axis, 1, some).addcmul_(price, marginals.narrow(axis, 0, some))
    return heard
