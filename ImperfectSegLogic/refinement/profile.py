"""Which refiners to apply, with which settings: a JSON file, usually beside a model."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ImperfectSegLogic.data.datasets.files import read_json, write_json
from ImperfectSegLogic.data.safe_writing import check_target

EXTENSIONS = (".json",)
FORMAT, VERSION = "ImperfectSeg refinement profile", 1
MODEL_FILE = "model.safetensors"


@dataclass(frozen=True)
class Step:
    """A refiner by the name on its card, with the settings that are not defaults."""

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Profile:
    """Refiners that are applied one after the other.

    Attributes:
        steps: In their order, at least one.
        margin: Only what is this near to a segment is refined, in mm; None refines all.
        about: How it was found, in plain JSON values, for people: data set, cases, scores.
    """

    steps: tuple[Step, ...]
    margin: float | None = None
    about: Mapping[str, Any] = field(default_factory=dict)


def read_profile(path: str | os.PathLike[str]) -> Profile:
    """Reads what `write_profile` wrote; whether there are such refiners is not looked at.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged, of another kind, or of a newer version.
    """
    said = read_json(Path(path), FORMAT, VERSION)
    try:
        steps = tuple(Step(str(one["name"]), dict(one["settings"])) for one in said["steps"])
        margin = None if said.get("margin") is None else float(said["margin"])
        about = dict(said.get("about", {}))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path}: got a profile with damaged steps ({error!r}), allowed is a list of objects"
            " with name and settings. Restore it from a copy, or calibrate again."
        ) from error
    if not steps:
        raise ValueError(f"{path}: got a profile without steps, allowed is at least one.")
    return Profile(steps, margin, about)


def write_profile(profile: Profile, path: str | os.PathLike[str], overwrite: bool = False) -> None:
    """Writes a profile.

    Args:
        profile: The profile.
        path: A `.json` file.
        overwrite: Whether it may replace a file that is there.

    Raises:
        FileExistsError: If the file is there and must not be replaced.
        ValueError: If the extension is not allowed.
        TypeError: If settings hold something that JSON cannot.
        OSError: If it cannot be written; an earlier file stays as it was.
    """
    assert profile.steps, "a profile has at least one step"
    check_target(path, EXTENSIONS, overwrite)
    steps = [{"name": one.name, "settings": dict(one.settings)} for one in profile.steps]
    said = {"format": FORMAT, "version": VERSION, "steps": steps, "margin": profile.margin}
    write_json(Path(path), {**said, "about": dict(profile.about)}, overwrite)


def profile_beside(model: Path) -> Path:
    """Gives the file for a model's profile: `refine.json` in its folder, or `NAME.refine.json`.

    Args:
        model: The model's file; one that is not called `model.safetensors` may share its folder.
    """
    own = model.name == MODEL_FILE
    return model.with_name("refine.json" if own else f"{model.stem}.refine.json")
