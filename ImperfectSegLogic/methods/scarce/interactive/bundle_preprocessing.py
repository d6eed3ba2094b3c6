"""What the preprocessing of a MONAI bundle means: spacing, axes and gray values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ImperfectSegLogic.methods.scarce.interactive.bundle_config import BundleConfig
from ImperfectSegLogic.methods.scarce.interactive.normalization_steps import (
    Step,
    normalized,
    ranged,
    scaled,
)

HARMLESS = (
    "LoadImage",
    "EnsureChannelFirst",
    "AddChannel",
    "AsChannelFirst",
    "EnsureType",
    "CastToType",
    "ToTensor",
    "ToDevice",
    "Compose",
    "Identity",
)
"""Steps that put no other numbers or places into an image; what they do is done anyway."""


@dataclass
class Understood:
    """What was found.

    Attributes:
        axes: Direction in which each axis of the network's input runs.
        spacing: Of the axes in mm, in their order; None if images are not resampled.
        steps: How gray values are normalized.
    """

    axes: str
    spacing: tuple[float, ...] | None = None
    steps: list[Step] = field(default_factory=list)


def understood(config: BundleConfig, dims: int, name: str) -> Understood:
    """Reads the preprocessing.

    Args:
        config: The bundle's configuration.
        dims: 2 or 3.
        name: For messages.

    Raises:
        ValueError: If a step is not known: without it the network would see other images than
            those that it was trained on.
    """
    found = Understood("RAS" if dims == 3 else "LP")
    said = config.get("preprocessing")
    steps = said.get("transforms", []) if isinstance(said, Mapping) else said or []
    if isinstance(steps, str):
        steps = config.literal([], "") if not steps.startswith("@") else _listed(config, steps)
    for number, step in enumerate(steps, start=1):
        target = str(step.get("_target_", "")) if isinstance(step, Mapping) else str(step)
        kind = target.rpartition(".")[2].removesuffix("Dict").removesuffix("d").removesuffix("D")
        kind = target.rpartition(".")[2] if kind not in KNOWN and kind not in HARMLESS else kind
        if isinstance(step, Mapping) and step.get("_disabled_") is True:
            continue
        where = f"preprocessing, step {number} ({kind})"
        if kind in KNOWN:
            given = {k: v for k, v in step.items() if not k.startswith("_") and k in READ}
            KNOWN[kind](found, config.literal(given, where))
        elif kind not in HARMLESS:
            raise ValueError(
                f"{name}: got {kind or step!r} in its preprocessing, understood are"
                f" {', '.join((*KNOWN, *HARMLESS))}. Save the network as TorchScript, and say in a"
                " .json file beside it how images are normalized."
            )
    return found


def _listed(config: BundleConfig, reference: str) -> list[Any]:
    made = config.get(reference[1:].split("#")[0])
    made = made.get("transforms", []) if isinstance(made, Mapping) else made
    return list(made or [])


def _orientation(found: Understood, said: Mapping[str, Any]) -> None:
    found.axes = str(said.get("axcodes") or found.axes)


def _spacing(found: Understood, said: Mapping[str, Any]) -> None:
    wanted: Any = said["pixdim"]
    values = wanted if isinstance(wanted, list) else [wanted] * len(found.axes)
    found.spacing = tuple(float(n) for n in values)


def _ranged(found: Understood, said: Mapping[str, Any]) -> None:
    to_low, to_high = said.get("b_min"), said.get("b_max")
    found.steps.append(
        ranged(
            float(said["a_min"]),
            float(said["a_max"]),
            0.0 if to_low is None else float(to_low),
            1.0 if to_high is None else float(to_high),
            bool(said.get("clip", False)),
        )
    )


def _normalized(found: Understood, said: Mapping[str, Any]) -> None:
    if said.get("subtrahend") is not None or said.get("divisor") is not None:
        less, by = float(said.get("subtrahend") or 0), float(said.get("divisor") or 1)
        found.steps.append(ranged(less, less + by, clip=False))
        return
    by_channel = bool(said.get("channel_wise", False))
    found.steps.append(normalized(bool(said.get("nonzero", False)), by_channel))


def _scaled(found: Understood, said: Mapping[str, Any]) -> None:
    low, high = said.get("minv", 0.0), said.get("maxv", 1.0)
    found.steps.append(scaled(float(low), float(high)))


KNOWN = {
    "Orientation": _orientation,
    "Spacing": _spacing,
    "ScaleIntensityRange": _ranged,
    "NormalizeIntensity": _normalized,
    "ScaleIntensity": _scaled,
}
READ = (
    *("axcodes", "pixdim", "a_min", "a_max", "b_min", "b_max", "clip"),
    *("subtrahend", "divisor", "nonzero", "channel_wise", "minv", "maxv"),
)
"""Arguments that are looked at; others, such as `keys` and `mode`, change nothing that counts."""
