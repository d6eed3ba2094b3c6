"""What a file or folder tells about a network that somebody else trained, and how it is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from ImperfectSegLogic.methods.scarce.interactive.asked_network import Asked
from ImperfectSegLogic.methods.scarce.interactive.brought_network import BroughtNetwork
from ImperfectSegLogic.methods.scarce.interactive.geodesic import Floats
from ImperfectSegLogic.methods.scarce.interactive.normalization_steps import Step, normalization
from ImperfectSegLogic.training.intensity import ChannelIntensity
from ImperfectSegLogic.training.preprocessing import Preprocessing

AXES = {2: "AR", 3: "SAR"}
"""Directions in which the axes of a network's input run, unless it says otherwise."""
PATCH = {2: (256, 256), 3: (96, 96, 96)}
MULTIPLES = (16, 32)
OUTPUTS = ("logits", "probabilities")
PLACE = {"S": 0, "I": 0, "A": 1, "P": 1, "R": 2, "L": 2}
_OTHER_WAY = "IPL"


@dataclass(frozen=True, eq=False)
class NetworkDescription:
    """How to ask a network.

    Attributes:
        dims: 2 or 3.
        channels: Values per voxel of its input.
        labels: The name of every label but 0, in the order of its output; None for as many as
            there are.
        spacing: Of its input in mm, along (slice, row, column) of the canonical grid (S, A, R);
            None if images are not resampled.
        patch: Voxels per axis of its input, in the order of its axes.
        axes: Direction in which each axis of its input runs, such as `SAR` or `RAS`.
        steps: How gray values are normalized.
        output: `logits` or `probabilities`.
        exclusive: Whether a voxel has one label only (softmax); else each label is for itself
            (sigmoid), and the output has no background.
    """

    dims: int
    channels: int
    labels: Mapping[int, str] | None
    spacing: tuple[float, float, float] | None
    patch: tuple[int, ...]
    axes: str
    steps: tuple[Step, ...]
    output: str = "logits"
    exclusive: bool = True

    def __post_init__(self) -> None:
        places = [PLACE.get(letter) for letter in self.axes]
        wanted = {0, 1, 2} if self.dims == 3 else {1, 2}
        if self.dims not in (2, 3) or set(places) != wanted or len(places) != self.dims:
            raise ValueError(
                f"axes: got {self.axes!r} for {self.dims}-D, allowed is one letter per axis, such"
                " as SAR or RAS in 3-D and AR in 2-D."
            )
        if len(self.patch) != self.dims or min(self.patch) < 1:
            raise ValueError(
                f"patch: got {list(self.patch)}, allowed are {self.dims} positive numbers."
            )
        if self.output not in OUTPUTS or self.channels < 1:
            raise ValueError(
                f"network: got output {self.output!r} and {self.channels} channels, allowed are"
                f" {', '.join(OUTPUTS)} and 1 or more channels."
            )

    def brought(self, network: nn.Module, name: str, weights_hash: str) -> BroughtNetwork:
        """Gives the network, ready to be asked.

        Args:
            network: In evaluation mode, on the CPU.
            name: For messages.
            weights_hash: For provenance.

        Raises:
            ValueError: If it does not take what the description says, or answers something else.
        """
        order = [PLACE[letter] for letter in self.axes]
        order = [place - (3 - self.dims) for place in order]
        flips = [axis for axis, letter in enumerate(self.axes) if letter in _OTHER_WAY]
        asked = Asked(network, order, flips, self.output, self.exclusive).eval()
        patch = tuple(self.patch[order.index(axis)] for axis in range(self.dims))
        count = self._probed(asked, patch, name)
        labels = self.labels or {n: f"label {n}" for n in range(1, count)}
        if len(labels) + 1 != count:
            raise ValueError(
                f"{name}: got a network that tells {count - 1} labels apart from background, but"
                f" {len(labels)} labels are named: {dict(labels)}. Name as many as it has."
            )
        intensity = (ChannelIntensity("none"),) * self.channels
        preprocessing = Preprocessing(self.dims, self.spacing or (1.0, 1.0, 1.0), intensity)
        return BroughtNetwork(
            asked,
            name,
            preprocessing,
            patch,
            labels,
            self._multiple(asked, patch),
            weights_hash,
            self._normalized,
            self.spacing is None,
            self.exclusive,
        )

    def _probed(self, asked: nn.Module, patch: Sequence[int], name: str) -> int:
        """Gives how many channels the network answers, background included."""
        given = torch.zeros((1, self.channels, *patch))
        try:
            with torch.no_grad():
                answer = asked(given)
        except (RuntimeError, TypeError, ValueError, IndexError) as error:
            told = str(error).strip().splitlines()[-1][:200]
            raise ValueError(
                f"{name}: got a network that cannot work on {self.channels} channels of"
                f" {' x '.join(map(str, patch))} voxels ({told}). Say in its description which"
                " channels, dims and patch it takes."
            ) from error
        if answer.ndim != given.ndim or answer.shape[2:] != given.shape[2:]:
            raise ValueError(
                f"{name}: got an answer of shape {tuple(answer.shape)} for an input of shape"
                f" {tuple(given.shape)}, allowed is one value per label and voxel."
            )
        return int(answer.shape[1])

    def _multiple(self, asked: nn.Module, patch: Sequence[int]) -> int:
        """Gives of what its windows can be cut to a multiple; 0 if it takes no others."""
        longest = max(patch)
        axis = list(patch).index(longest)
        for multiple in MULTIPLES:
            if longest % multiple or longest <= 3 * multiple:
                continue
            size = [3 * multiple if a == axis else n for a, n in enumerate(patch)]
            given = torch.zeros((1, self.channels, *size))
            try:
                with torch.no_grad():
                    if asked(given).shape[2:] == given.shape[2:]:
                        return multiple
            except (RuntimeError, TypeError, ValueError, IndexError):
                continue  # What it takes besides is not known; a window as a whole is fine.
        return 0

    def _normalized(self, image: Floats) -> Floats:
        for step in self.steps:
            image = step(image)
        return image


def described(said: Mapping[str, Any], network: nn.Module, name: str) -> NetworkDescription:
    """Gives the description of a network from plain JSON values; see `torchscript` for the keys.

    Args:
        said: What is told.
        network: What is not told is read off its weights.
        name: For messages.

    Raises:
        ValueError: If something is not allowed.
    """
    known = ("labels", "dims", "channels", "spacing", "patch", "axes", "normalization", "output")
    unknown = sorted(set(said) - {*known, "exclusive"})
    if unknown:
        raise ValueError(f"{name}: got {unknown}, allowed are {', '.join(known)}, exclusive.")
    kernel = next((p for p in network.parameters() if p.ndim in (4, 5)), None)
    if kernel is None and not {"dims", "channels"} <= set(said):
        raise ValueError(
            f"{name}: got a network without convolutions, which does not tell its dims and"
            " channels. Say both in its description."
        )
    try:
        dims = int(said["dims"] if "dims" in said else kernel.ndim - 2)  # type: ignore[union-attr]
        channels = int(said["channels"] if "channels" in said else kernel.shape[1])  # type: ignore[union-attr]
        spacing = tuple(float(n) for n in said["spacing"]) if said.get("spacing") else None
        if spacing is not None and len(spacing) == 2:
            spacing = (1.0, *spacing)
        labels = {int(label): str(text) for label, text in dict(said.get("labels") or {}).items()}
        steps = tuple(normalization(one) for one in _listed(said.get("normalization", "zscore")))
        description = NetworkDescription(
            dims,
            channels,
            dict(sorted(labels.items())) or None,
            spacing,  # type: ignore[arg-type]
            tuple(int(n) for n in said.get("patch") or PATCH.get(dims, ())),
            str(said.get("axes") or AXES.get(dims, "")).upper(),
            steps,
            str(said.get("output", "logits")),
            bool(said.get("exclusive", True)),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{name}: got a damaged description ({error}).") from error
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    return description


def _listed(said: Any) -> list[Any]:
    return list(said) if isinstance(said, list) else [said]
