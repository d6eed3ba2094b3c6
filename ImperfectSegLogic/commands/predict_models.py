"""Which model files are meant by what was typed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ImperfectSegLogic.data import Dataset

FILE = "model.safetensors"


def find_models(typed: Sequence[str], dataset: Dataset | None) -> list[Path]:
    """Gives model files.

    Args:
        typed: Files, folders with a `model.safetensors`, or names of a data set's models.
        dataset: The data set whose models may be named, if there is one.

    Raises:
        FileNotFoundError: If there is no such model.
    """
    return [_find(one, dataset) for one in typed]


def name_of(path: Path) -> str:
    """Gives what people call a model: its folder's name, or the file's own."""
    return path.resolve().parent.name if path.name == FILE else path.name.removesuffix(path.suffix)


def _find(typed: str, dataset: Dataset | None) -> Path:
    tried = [Path(typed), Path(typed) / FILE]
    if dataset:
        tried.insert(0, dataset.folder / "models" / typed / FILE)
    for path in tried:
        if path.is_file():
            return path
    if dataset and (dataset.folder / "models" / typed).is_dir():
        raise FileNotFoundError(
            f"model {typed}: has no {FILE} yet. Wait until its training has saved one, or go on"
            " with `imperfectseg train ... --resume`."
        )
    names = [n for n in dataset.models if _is_trained(dataset, n)] if dataset else []
    there = f" {dataset.folder} has {', '.join(names) or 'none'}." if dataset else ""
    raise FileNotFoundError(
        f"model {typed}: there is no such file, nor a folder with a {FILE}.{there} Check the name."
    )


def _is_trained(dataset: Dataset, name: str) -> bool:
    return (dataset.folder / "models" / name / FILE).is_file()
