"""Which slices an expert should annotate next, by what a network with attention says of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from monai.inferers.utils import sliding_window_inference
from numpy.typing import NDArray
from torch import Tensor, nn

from ImperfectSegLogic.completion.completed import WantedSlice
from ImperfectSegLogic.data import (
    UNLABELED,
    Annotation,
    Case,
    DenseMask,
    Geometry,
    SparseMask,
    Volume,
)
from ImperfectSegLogic.networks.attention import AttentionNetwork
from ImperfectSegLogic.training.model_file import TrainedModel
from ImperfectSegLogic.training.orientation import canonical_turn
from ImperfectSegLogic.training.preprocessing import Preprocessing

WINDOWS_AT_ONCE = 8
Candidates = Mapping[str, Sequence[WantedSlice]]


def rank_slices(model: TrainedModel, case: Case) -> tuple[WantedSlice, ...]:
    """Ranks the slices of a case without a labeled voxel, those to annotate first in front.

    Args:
        model: Trained with `zhang2019c`.
        case: The image, with its annotation if there is one.

    Raises:
        ValueError: If the model was trained otherwise, or the image does not suit it.
    """
    if not isinstance(model.network, AttentionNetwork):
        how = model.made_by[0] if model.made_by else model.network_name
        raise ValueError(
            f"model: got one of {how}, allowed are models trained with zhang2019c, whose network"
            " has attention to compare with. Train one, or choose slices otherwise."
        )
    agreement = slice_agreement(model.network, model.preprocessing, model.patch, case.volume)
    axis = slice_axis_of(case.volume.geometry)
    known = annotated_slices(case.annotation, axis)
    found = [wanted_slice(axis, n, one) for n, one in enumerate(agreement) if n not in known]
    return tuple(sorted(found, key=lambda one: -one.uncertainty))


def slice_agreement(
    network: nn.Module, preprocessing: Preprocessing, patch: tuple[int, ...], volume: Volume
) -> NDArray[np.float64]:
    """Gives how far a network's answer and its attention agree on each slice.

    Agreement is the Dice of the two maps of probabilities, over all labels but background, with
    squares in the denominator: maps that are the same agree by 1, however faint they are.

    Returns:
        One number from 0 to 1 for each slice of the image across `slice_axis_of`.
    """
    answer, attention = _maps(network, preprocessing, patch, volume)
    axis = slice_axis_of(volume.geometry)
    others = tuple(a for a in range(4) if a != axis + 1)
    common = 2 * (answer * attention).sum(axis=others, dtype=np.float64)
    each = (answer**2).sum(axis=others, dtype=np.float64)
    each += (attention**2).sum(axis=others, dtype=np.float64)
    return np.asarray((common + 1) / (each + 1))


def slice_axis_of(geometry: Geometry) -> int:
    """Gives the axis of an image across its slices, as a 2-D network sees them."""
    return canonical_turn(geometry, dims=2).order[0]


def annotated_slices(annotation: Annotation | None, axis: int) -> frozenset[int]:
    """Gives the slices across an axis on which a mask has a labeled voxel; none without a mask.

    Raises:
        ValueError: If the annotation is of another kind.
    """
    if annotation is None:
        return frozenset()
    if not isinstance(annotation, DenseMask | SparseMask):
        raise ValueError(
            f"annotation: got {type(annotation).__name__}, allowed are masks, of which some slices"
            " are labeled, or none. Complete it to a mask first."
        )
    others = tuple(a for a in range(3) if a != axis)
    return frozenset(np.flatnonzero((annotation.labels != UNLABELED).any(axis=others)).tolist())


def least_agreeing(candidates: Candidates, count: int) -> list[tuple[str, WantedSlice]]:
    """Gives the most uncertain of all slices of all cases."""
    every = [(case, one) for case, found in candidates.items() for one in found]
    return sorted(every, key=lambda pair: -pair[1].uncertainty)[:count]


def drawn(
    candidates: Candidates, count: int, rng: np.random.Generator
) -> list[tuple[str, WantedSlice]]:
    """Draws slices of all cases at random."""
    every = [(case, one) for case, found in candidates.items() for one in found]
    return [every[n] for n in rng.permutation(len(every))[:count]]


def evenly_spread(
    candidates: Candidates, known: Mapping[str, frozenset[int]], count: int
) -> list[tuple[str, WantedSlice]]:
    """Gives slices one after the other, each the farthest from what is annotated in its case.

    Cases in which nothing is come first, with their middle.
    """
    there = {case: set(known[case]) for case in candidates}
    left = {case: list(found) for case, found in candidates.items()}
    chosen: list[tuple[str, WantedSlice]] = []
    while len(chosen) < count and any(left.values()):
        every = [(case, one) for case, found in left.items() for one in found]
        case, one = max(every, key=lambda pair: _distance(there[pair[0]], left[pair[0]], pair[1]))
        there[case].add(one.index)
        left[case].remove(one)
        chosen.append((case, one))
    return chosen


def _distance(known: set[int], left: Sequence[WantedSlice], one: WantedSlice) -> float:
    if known:
        return min(abs(one.index - n) for n in known)
    middle = (left[0].index + left[-1].index) / 2
    return 1e6 - abs(one.index - middle)


def wanted_slice(axis: int, index: int, agreement: float) -> WantedSlice:
    """Says how much a slice is wanted: the more, the less answer and attention agree, 0 to 1."""
    told = f"answer and attention agree by a Dice of {agreement:.2f}"
    return WantedSlice(axis, index, float(1 - agreement), told)


@torch.no_grad()
def _maps(
    network: nn.Module, preprocessing: Preprocessing, patch: tuple[int, ...], volume: Volume
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Gives probabilities of the answer and of attention, (label, k, j, i), without background."""
    image = torch.from_numpy(np.ascontiguousarray(preprocessing.prepare(volume)))
    flat = preprocessing.dims == 2
    device = next(network.parameters()).device

    def ask(windows: Tensor) -> Tensor:
        answer, attention = network(windows, attention=True).chunk(2, dim=1)
        return torch.cat([answer.softmax(dim=1)[:, 1:], attention.softmax(dim=1)[:, 1:]], dim=1)

    was_training = network.training
    network.eval()
    inputs = image.swapaxes(0, 1) if flat else image[None]
    found = sliding_window_inference(
        inputs, patch, WINDOWS_AT_ONCE, ask, 0.25, "gaussian", sw_device=device, device="cpu"
    )
    network.train(was_training)
    assert isinstance(found, Tensor)
    maps = (found.swapaxes(0, 1) if flat else found[0]).float().numpy()
    own = preprocessing.restore(maps, volume.geometry)
    half = len(own) // 2
    return own[:half], own[half:]
