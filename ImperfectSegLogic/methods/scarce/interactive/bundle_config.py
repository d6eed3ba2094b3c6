"""Plain values from the configuration of a MONAI bundle; what would have to be run is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_DEEPEST = 20
"""How many references may lead to each other."""


class BundleConfig:
    """A bundle's `inference` configuration."""

    def __init__(self, said: Mapping[str, Any], name: str) -> None:
        """Takes what stands in the file, and its name for messages."""
        self._said, self._name = said, name

    def __contains__(self, key: str) -> bool:
        return key in self._said

    def literal(self, value: Any, where: str, depth: int = 0) -> Any:
        """Gives a value with its references put in.

        Args:
            value: Numbers, strings, lists and dictionaries; strings that begin with `@` are the
                value that stands there (`@patch`, `@network_def#channels`).
            where: What it is, for messages.
            depth: How many references led here.

        Raises:
            ValueError: If something would have to be run, or a reference leads nowhere.
        """
        if depth > _DEEPEST:
            raise ValueError(f"{self._name}: {where} refers to itself.")
        if isinstance(value, str):
            if value.startswith(("$", "%")):
                raise ValueError(
                    f"{self._name}: got {value!r} for {where}, which would have to be run or is in"
                    " another file; allowed are plain values and references to them. Write the"
                    " value itself into the file, or save the network as TorchScript in"
                    " models/model.ts."
                )
            if value.startswith("@"):
                return self.literal(self._at(value[1:], where), where, depth + 1)
            return value
        if isinstance(value, list):
            return [self.literal(one, where, depth) for one in value]
        if isinstance(value, Mapping):
            if "_target_" in value:
                raise ValueError(
                    f"{self._name}: got {value['_target_']} for {where}, allowed are plain values."
                )
            return {key: self.literal(one, f"{where}#{key}", depth) for key, one in value.items()}
        return value

    def get(self, key: str) -> Any:
        """Gives what stands under a name, as it stands there; None if nothing."""
        return self._said.get(key)

    def _at(self, reference: str, where: str) -> Any:
        found: Any = self._said
        for part in reference.replace("::", "#").split("#"):
            try:
                found = found[int(part)] if isinstance(found, list) else found[part]
            except (KeyError, IndexError, ValueError, TypeError) as error:
                raise ValueError(
                    f"{self._name}: got @{reference} for {where}, but nothing stands there."
                ) from error
        return found


def read_json_or_yaml(folder: Path, stem: str) -> tuple[dict[str, Any], Path]:
    """Reads `stem.json`, `stem.yaml` or `stem.yml` of a folder.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it is damaged, or YAML cannot be read here.
    """
    for extension in (".json", ".yaml", ".yml"):
        path = folder / f"{stem}{extension}"
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            said = _of_json(text, path) if extension == ".json" else _of_yaml(text, path)
            if not isinstance(said, dict):
                raise ValueError(f"{path}: got a {type(said).__name__}, allowed is an object.")
            return said, path
    raise FileNotFoundError(
        f"{folder}: there is no {stem}.json or {stem}.yaml. Choose the folder of a MONAI bundle,"
        " which holds the folders configs and models."
    )


def _of_json(text: str, path: Path) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}: got no JSON ({error}). Copy the bundle again.") from error


def _of_yaml(text: str, path: Path) -> Any:
    try:
        import yaml
    except ImportError as error:
        raise ValueError(
            f"{path}: YAML cannot be read here. Install it with: pip install pyyaml"
        ) from error
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"{path}: got no YAML ({error}). Copy the bundle again.") from error
