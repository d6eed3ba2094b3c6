"""Which query strategies there are, looked up beside the window."""

from __future__ import annotations

from dataclasses import dataclass

from ImperfectSegLogic.methods.packages import absent_packages
from ImperfectSegLogic.methods.settings import SettingField, fields_of

NEEDED = ("rich", "skimage")
"""What making a queue needs and 3D Slicer does not bring."""
FOR_MODELS = ("torch", "monai", "safetensors", "filelock")
"""What models need besides, and with them the strategies that ask one."""


@dataclass(frozen=True)
class StrategyEntry:
    """A strategy to choose.

    Attributes:
        name: As on its card.
        text: What is claimed of it.
        needsModel: Whether it asks a trained model.
        fields: What can be set.
    """

    name: str
    text: str
    needsModel: bool
    fields: tuple[SettingField, ...]


@dataclass(frozen=True)
class Strategies:
    """What there is to choose from.

    Attributes:
        entries: The strategies.
        missing: Packages that must be installed first to make a queue at all.
        missingForModels: Those that must be installed for models.
    """

    entries: tuple[StrategyEntry, ...] = ()
    missing: tuple[str, ...] = ()
    missingForModels: tuple[str, ...] = ()


def lookUpStrategies() -> Strategies:
    """Gives what there is; takes about a second the first time."""
    missing = tuple(absent_packages(NEEDED))
    forModels = tuple(absent_packages(FOR_MODELS))
    if missing:
        return Strategies((), missing, forModels)
    from ImperfectSegLogic.methods.catalog import query_strategies  # Imports what may be missing.

    entries = tuple(
        StrategyEntry(
            kind.card.name, kind.card.claims, kind.needs_segmenter, fields_of(kind.settings_type)
        )
        for kind in query_strategies()
    )
    return Strategies(entries, (), forModels)
