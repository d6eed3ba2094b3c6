"""How to train: network, patch, batch, steps. Proposed from a data set's fingerprint."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ImperfectSegLogic.networks.patches import check_patch, divisors, suited_settings
from ImperfectSegLogic.training.fingerprint import Fingerprint
from ImperfectSegLogic.training.preprocessing import ChannelIntensity, Preprocessing

ANISOTROPIC = 3.0
"""From this ratio of spacings on, slices are too far apart for a 3-D network (as in nnU-Net)."""
FEW_SLICES = 16
"""Images with fewer slices are segmented in 2-D."""
BYTES_PER_VOXEL = 4 * 16 * 14
"""Memory of one voxel in training, 16 features at full resolution; measured with the U-Net."""
CPU_VOXELS = 8 * 128 * 128
"""A CPU core is given no more voxels per step than this, so that a step takes a fraction of a
second; memory would allow more."""


@dataclass(frozen=True)
class TrainingPlan:
    """How to train one network.

    Attributes:
        dims: 2 (slices) or 3 (volumes).
        channels: Values per voxel.
        labels: The data set's labels from 1, in rising order.
        spacing: Of prepared images in mm, (slice, row, column); in 2-D only the last two count.
        intensity: How gray values are normalized, one per channel.
        label_voxels: Annotated voxels of the training cases by label, background first.
        patch: Voxels per axis of a sample, 2 or 3 numbers.
        batch: Samples per step.
        network: `unet`, `dynunet`, `segresnet` or `vnet`.
        network_settings: What differs from the network's defaults.
        steps: Steps per round.
        steps_per_validation: Steps between two looks at the validation cases.
        patience: Validations without gain before a round ends early; 0 for never.
        learning_rate: At the beginning; falls to 0 as a polynomial of power 0.9.
        weight_decay: Of AdamW.
        foreground_share: Share of samples that are cut around a voxel of a label drawn at random,
            from 0 to 1; the others around any annotated voxel.
        unlabeled_share: Share of samples from unannotated cases, where a method uses them.
        mixed_precision: Whether a GPU may use half precision.
        why: What decided, for people.
    """

    dims: int
    channels: int
    labels: tuple[int, ...]
    spacing: tuple[float, float, float]
    intensity: tuple[ChannelIntensity, ...]
    label_voxels: tuple[int, ...]
    patch: tuple[int, ...]
    batch: int
    network: str = "unet"
    network_settings: Mapping[str, Any] = field(default_factory=dict)
    steps: int = 2000
    steps_per_validation: int = 100
    patience: int = 10
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    foreground_share: float = 0.5
    unlabeled_share: float = 0.5
    mixed_precision: bool = True
    why: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("batch", "steps", "steps_per_validation"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: got {getattr(self, name)}, allowed is 1 or more.")
        for name in ("foreground_share", "unlabeled_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name}: got {getattr(self, name)}, allowed is 0 to 1.")
        if self.dims not in (2, 3) or len(self.patch) != self.dims:
            raise ValueError(
                f"patch: got {self.patch} for {self.dims}-D, allowed are 2 numbers in 2-D and 3 in"
                " 3-D. Give both --dims and --patch."
            )
        check_patch(self.network, self.dims, self.network_settings, self.patch)

    @property
    def preprocessing(self) -> Preprocessing:
        """How images are prepared for the network."""
        return Preprocessing(self.dims, self.spacing, self.intensity)

    def to_json(self) -> dict[str, Any]:
        """Gives the plan as plain values."""
        return dataclasses.asdict(self)

    @classmethod
    def of_json(cls, said: Mapping[str, Any]) -> TrainingPlan:
        """Makes a plan of what `to_json` gave."""
        known = dict(said)
        known["intensity"] = tuple(ChannelIntensity(**one) for one in said["intensity"])
        for name in ("labels", "spacing", "label_voxels", "patch", "why"):
            known[name] = tuple(said[name])
        return cls(**known)


def propose(
    fingerprint: Fingerprint,
    dims: int | None = None,
    memory: int | None = None,
    **overrides: Any,
) -> TrainingPlan:
    """Proposes how to train, in the spirit of nnU-Net: rules from a data set's fingerprint.

    Args:
        fingerprint: What the training cases are like.
        dims: 2 or 3; decided by spacing and number of slices if None.
        memory: Bytes of the GPU to use; None for a CPU, where time sets the limit.
        **overrides: Fields of the plan that somebody has decided.

    Raises:
        ValueError: If an override is not allowed.
    """
    known = {f.name for f in dataclasses.fields(TrainingPlan)}
    unknown = sorted(set(overrides) - known)
    if unknown:
        raise ValueError(f"training plan: got {unknown}, allowed are {sorted(known)}.")
    chosen, why = _dims(fingerprint) if dims is None else (dims, f"{dims}-D: as asked for")
    spacing = tuple(overrides.get("spacing") or fingerprint.median_spacing(chosen))
    network = str(overrides.get("network", "unet"))
    batch = int(overrides.get("batch") or (8 if chosen == 2 else 2))
    voxels = CPU_VOXELS if memory is None else int(memory * 0.8 / BYTES_PER_VOXEL)
    fits = "one step stays short on a CPU" if memory is None else f"{memory / 2**30:.1f} GiB of GPU"
    patch = tuple(overrides.get("patch") or ())
    reasons = [why, f"spacing {_told(spacing)} mm: median of {fingerprint.cases} cases"]
    shape = fingerprint.median_shape(chosen, spacing)
    suited = suited_settings(network, chosen, patch or _fitting(shape, voxels // batch))
    settings = {**suited, **overrides.pop("network_settings", {})}
    if not patch:
        patch = _patch(shape, voxels // batch, divisors(network, chosen, settings))
        reasons.append(f"patch {_told(patch)}, batch {batch}: {fits}")
    base = {
        "dims": chosen,
        "channels": fingerprint.channels,
        "labels": fingerprint.labels,
        "spacing": spacing,
        "intensity": fingerprint.intensity,
        "label_voxels": tuple(fingerprint.voxels.values()),
        "patch": patch,
        "batch": batch,
        "network_settings": settings,
        "why": tuple(reasons),
    }
    return TrainingPlan(**{**base, **{k: v for k, v in overrides.items() if v is not None}})


def _dims(fingerprint: Fingerprint) -> tuple[int, str]:
    ratio, slices = fingerprint.anisotropy, fingerprint.median_slices
    if slices < FEW_SLICES:
        return 2, f"2-D: {slices:.0f} slices an image (median), fewer than {FEW_SLICES}"
    if ratio > ANISOTROPIC:
        return 2, f"2-D: slices are {ratio:.1f} times farther apart than voxels in them"
    return 3, f"3-D: {slices:.0f} slices an image, {ratio:.1f} times as far apart as voxels"


def _fitting(shape: tuple[float, ...], voxels: int) -> tuple[int, ...]:
    return _patch(shape, voxels, (1,) * len(shape))


def _patch(shape: tuple[float, ...], voxels: int, by: tuple[int, ...]) -> tuple[int, ...]:
    # Shrink the longest axis until it fits: what is left is as close to a cube as the image allows.
    sizes = [
        max(2 * d, math.ceil(n / d) * d) if d > 1 else max(1, math.ceil(n))
        for n, d in zip(shape, by, strict=True)
    ]
    while math.prod(sizes) > voxels:
        longest = max(
            range(len(sizes)),
            key=lambda axis: sizes[axis] / by[axis] if sizes[axis] > 2 * by[axis] else 0,
        )
        if sizes[longest] <= 2 * by[longest]:
            break
        sizes[longest] -= by[longest]
    return tuple(sizes)


def _told(numbers: tuple[float, ...]) -> str:
    return " x ".join(f"{n:.4g}" for n in numbers)
