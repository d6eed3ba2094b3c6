"""What a data set is about: `dataset.json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ImperfectSegLogic.data.datasets.files import read_json, write_json

FORMAT, VERSION, FILE = "ImperfectSeg dataset", 1, "dataset.json"
HIGHEST = 65534
"""The highest label; one more stands for "unlabeled" in the files of sparse masks."""


@dataclass(frozen=True)
class Description:
    """What a data set is about.

    Attributes:
        name: What people call it.
        labels: The name of every label from 1; 0 is background.
        text: A few words about it.
        channels: What each value of a voxel is, such as `CT`; none if not known.

    Raises:
        ValueError: If a label is not from 1 to 65534, or a name is empty or there twice.
    """

    name: str
    labels: Mapping[int, str]
    text: str = ""
    channels: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        names = list(self.labels.values())
        bad = [n for n in self.labels if isinstance(n, bool) or not 1 <= n <= HIGHEST]
        if bad or not names or len(set(names)) < len(names) or not all(names):
            raise ValueError(
                f"labels: got {dict(self.labels)}, allowed are one or more numbers from 1 to"
                f" {HIGHEST}, each with a name of its own, such as 1=liver. 0 is background."
            )

    def write(self, folder: Path) -> None:
        """Writes `dataset.json` into a folder that has none yet."""
        said = {"format": FORMAT, "version": VERSION, "name": self.name, "description": self.text}
        labels = {str(n): self.labels[n] for n in sorted(self.labels)}
        write_json(folder / FILE, {**said, "labels": labels, "channels": self.channels})

    @classmethod
    def read(cls, folder: Path) -> Description:
        """Reads the `dataset.json` of a folder.

        Raises:
            FileNotFoundError: If there is none.
            ValueError: If it is damaged or of a newer version.
        """
        path = folder / FILE
        if not path.is_file():
            raise FileNotFoundError(
                f"{folder}: there is no data set here (no {FILE}). Choose another folder, or make"
                " one with: imperfectseg dataset create"
            )
        said = read_json(path, FORMAT, VERSION)
        try:
            labels = {int(number): str(name) for number, name in said["labels"].items()}
            channels = tuple(str(channel) for channel in said.get("channels", ()))
            return cls(str(said["name"]), labels, str(said.get("description", "")), channels)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(
                f"{path}: got a damaged description ({type(error).__name__}: {error}). Restore it"
                " from a copy."
            ) from error
