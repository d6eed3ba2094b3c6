"""What a run was started with: enough to start it again, and to resume it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ImperfectSegLogic.data import Dataset
from ImperfectSegLogic.data.datasets.files import read_json, write_json
from ImperfectSegLogic.methods.base import SampleTransform, TrainingMethod
from ImperfectSegLogic.methods.catalog import training_method, transform
from ImperfectSegLogic.training.plan import TrainingPlan

FORMAT, VERSION = "ImperfectSeg run", 1
Named = tuple[tuple[str, Mapping[str, Any]], ...]
"""Methods by name, each with the settings that differ from its defaults."""


@dataclass(frozen=True)
class RunDescription:
    """What a run was started with.

    Attributes:
        dataset: The data set's folder.
        plan: How to train.
        train_cases: Case ids; those without annotation serve methods that want them.
        validation_cases: Case ids to choose the best weights by; may be none.
        methods: Training methods.
        transforms: Sample transforms, in the order in which they are applied.
        annotator: Whose annotations; the newest of each case if None.
        seed: Fixes all chance.
        rounds: How often the steps are gone through; between rounds methods may change the data.
        missing_labels: Whether labels may be annotated nowhere.
    """

    dataset: str
    plan: TrainingPlan
    train_cases: tuple[str, ...]
    validation_cases: tuple[str, ...] = ()
    methods: Named = ()
    transforms: Named = ()
    annotator: str | None = None
    seed: int = 0
    rounds: int = 1
    missing_labels: bool = False

    def make_methods(self) -> list[TrainingMethod]:
        """Makes the training methods, without the supervised term chosen by annotation kind.

        Raises:
            ValueError: If there is no such method, a setting is not allowed, two methods want to
                take the place of the supervised term, or one whose network needs prompts is not
                alone.
        """
        made = [training_method(name, settings) for name, settings in self.methods]
        supervising = [m.card.name for m in made if m.supervises]
        if len(supervising) > 1:
            raise ValueError(
                f"methods: got {', '.join(supervising)}, each of which takes the place of the"
                " supervised term; allowed is one of them. Leave out the others."
            )
        prompted = next((m.card.name for m in made if m.engine), "")
        if prompted and len(made) > 1:
            others = ", ".join(m.card.name for m in made if m.card.name != prompted)
            raise ValueError(
                f"methods: got {prompted} with {others}; its network answers prompts, which other"
                f" methods cannot give it; allowed is {prompted} alone. Leave out the others."
            )
        for method in made:
            if self.plan.dims not in method.card.dims:
                raise ValueError(
                    f"{method.card.name}: got {self.plan.dims}-D, allowed is"
                    f" {' or '.join(f'{d}-D' for d in method.card.dims)}. Change --dims."
                )
        return made

    def make_transforms(self) -> list[SampleTransform]:
        """Makes the sample transforms.

        Raises:
            ValueError: If there is no such transform, or a setting is not allowed.
        """
        return [transform(name, settings) for name, settings in self.transforms]

    def open_dataset(self) -> Dataset:
        """Opens the data set.

        Raises:
            OSError: If it is gone.
            ValueError: If it is damaged.
        """
        return Dataset.open(self.dataset)

    @property
    def identity(self) -> str:
        """A hash of all that a checkpoint depends on; where the data set lies does not matter."""
        content = {k: v for k, v in self.to_json().items() if k != "dataset"}
        content["plan"] = {k: v for k, v in content["plan"].items() if k != "why"}
        text = json.dumps(content, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def to_json(self) -> dict[str, Any]:
        """Gives the description as plain values."""
        said = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return {**said, "plan": self.plan.to_json()}

    @classmethod
    def of_json(cls, said: Mapping[str, Any]) -> RunDescription:
        """Makes a description of what `to_json` gave."""
        known = dict(said)
        known["plan"] = TrainingPlan.of_json(said["plan"])
        for name in ("train_cases", "validation_cases"):
            known[name] = tuple(said[name])
        for name in ("methods", "transforms"):
            known[name] = tuple((str(n), dict(s)) for n, s in said[name])
        return cls(**known)

    def write(self, folder: Path) -> None:
        """Writes `run.json` into a run's folder.

        Raises:
            OSError: If it cannot be written.
        """
        content = {"format": FORMAT, "version": VERSION, "run": self.to_json()}
        write_json(folder / "run.json", content, overwrite=True)

    @classmethod
    def read(cls, folder: Path) -> RunDescription:
        """Reads `run.json` of a run's folder.

        Raises:
            FileNotFoundError: If there is none.
            ValueError: If it is damaged or of a newer version.
        """
        path = folder / "run.json"
        said = read_json(path, FORMAT, VERSION)
        try:
            return cls.of_json(said["run"])
        except (KeyError, TypeError) as error:
            raise ValueError(
                f"{path}: got a damaged run ({type(error).__name__}: {error}). Start a new run."
            ) from error


def cases_of(
    dataset: Dataset, train: str | None = None, validation: str | None = None, fold: int = 0
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Gives the cases to train and to validate on.

    Args:
        dataset: The data set.
        train: Name of the split to train on; by default `train` if there is one, else all cases
            that no split holds back.
        validation: Name of the split to choose the best weights by; by default `val` if there is
            one.
        fold: Of the splits.

    Raises:
        ValueError: If there is no such split or fold.
    """
    folds = dataset.folds
    there = folds[fold] if 0 <= fold < len(folds) else {}
    chosen = dataset.split(validation, fold) if validation else there.get("val", ())
    if train or "train" in there:
        return dataset.split(train or "train", fold), tuple(chosen)
    held_back = {case for ids in there.values() for case in ids} | set(chosen)
    return tuple(c for c in dataset.case_ids if c not in held_back), tuple(chosen)


def parse_named(texts: Sequence[str], option: str) -> Named:
    """Gives methods that were typed as `NAME` or `NAME:key=value,key=value`.

    Raises:
        ValueError: If one is not of this form.
    """
    found = []
    for text in texts:
        name, _, said = text.partition(":")
        if not name:
            raise ValueError(
                f"{option}: got {text!r}, allowed is NAME or NAME:key=value,key=value."
            )
        found.append((name, parse_pairs(said, option)))
    return tuple(found)


def parse_pairs(text: str, option: str) -> dict[str, str]:
    """Gives settings that were typed as `key=value,key=value`.

    Raises:
        ValueError: If they are not of this form.
    """
    pairs = [pair.partition("=") for pair in text.split(",") if pair]
    if any(not key or not value for key, _, value in pairs):
        raise ValueError(f"{option}: got {text!r}, allowed is key=value,key=value.")
    return {key: value for key, _, value in pairs}
