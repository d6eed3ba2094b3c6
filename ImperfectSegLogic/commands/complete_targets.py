"""The cases of a data set that have something to complete, and what became of them."""

from __future__ import annotations

import argparse
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ImperfectSegLogic import __version__
from ImperfectSegLogic.commands.batch import BatchTarget
from ImperfectSegLogic.completion.completed import Completed
from ImperfectSegLogic.data import Dataset, NoisyMask, Volume, write_volume
from ImperfectSegLogic.data.datasets.annotation_files import Version
from ImperfectSegLogic.data.datasets.files import (
    check_name,
    make_folder,
    read_json,
    sha256,
    write_json,
)
from ImperfectSegLogic.methods.progress import Progress

FORMAT, VERSION = "ImperfectSeg completion", 1
PREFIX = "completed-"
KINDS: dict[str, tuple[str, ...]] = {
    "recist": ("RecistMarks",),
    "scribbles": ("SparseMask",),
    "slices": ("SparseMask",),
    "grid": ("PointGrid",),
    "frames": ("DenseMask", "NoisyMask"),
}
"""What is completed, by what `--from` says."""


class CompletionTarget(BatchTarget):
    """Cases to complete; each is done if it was done with the same input and settings."""

    def __init__(self, options: argparse.Namespace, dataset: Dataset) -> None:
        """Takes what was typed; nothing is read yet."""
        name = options.name or f"{PREFIX}{options.kind}"
        place = dataset.folder / "predictions" / check_name("--as", name)
        super().__init__(argparse.Namespace(**{**vars(options), "out": place}))
        self._dataset, self.name = dataset, name
        self._model = _hash(options.model)

    @abstractmethod
    def complete(self, one: str, progress: Progress) -> tuple[str, ...]:
        """Completes one and writes what came of it; gives notes.

        Raises:
            ValueError: If it cannot be completed.
            OSError: If something cannot be read or written.
        """

    @abstractmethod
    def cases_of(self, one: str) -> list[str]:
        """Gives the cases that one of the ids stands for."""

    @property
    def chosen(self) -> list[str]:
        """The cases that were asked for, all by default.

        Raises:
            ValueError: If one is not there.
        """
        known, asked = self._dataset.case_ids, self._options.cases
        unknown = sorted(set(asked) - set(known))
        if unknown:
            raise ValueError(f"--cases: got {', '.join(unknown)}, there are {', '.join(known)}.")
        return [case for case in known if not asked or case in set(asked)]

    def check(self) -> None:
        """Checks that there is something to complete and somewhere to put it."""
        if not self.ids():
            kinds, who = " or ".join(KINDS[self._options.kind]), self._options.annotator
            by = f" by {', '.join(who)}" if who else ""
            raise ValueError(
                f"{self._dataset.folder}: got no case with {kinds}{by} for --from"
                f" {self._options.kind}. Annotate one first, or choose another kind or annotator."
            )
        make_folder(self.place)

    def done(self) -> list[str]:
        """Gives those that were completed with the same input and settings."""
        return [one for one in self.ids() if self._is_done(one)]

    def inputs(self, case: str) -> Mapping[str, Version]:
        """Gives the newest versions of the wanted kind by annotator, completed ones left out."""
        wanted, found = self._options.annotator, {}
        for name in wanted or self._dataset.annotators(case):
            if not wanted and (name == self.name or name.startswith(PREFIX)):
                continue
            versions = self._dataset.versions(case, name)
            suited = [v for v in versions if v.kind in KINDS[self._options.kind]]
            if suited:
                found[name] = suited[-1]
        return found

    def wanted(self) -> dict[str, list[dict[str, Any]]]:
        """Gives the slices worth annotating next, by case."""
        found = {}
        for case in self._dataset.case_ids:
            if (path := self._record(case)).is_file():
                found[case] = list(read_json(path, FORMAT, VERSION)["wanted"])
        return found

    def write(self, one: str, case: str, completed: Completed) -> None:
        """Writes a mask as an annotation, and its probabilities and uncertainty."""
        found, image = completed.prediction, self._dataset.record(case).geometry
        labels = found.full_labels()
        self._dataset.add_prediction(self.name, case, found, True, overwrite=True)
        entropy = labels * 0.0
        entropy[found.region.slices] = found.entropy()
        path = self.place / f"{case}-entropy.nrrd"
        write_volume(Volume(entropy.astype("float32"), image.ijk_to_ras), path, overwrite=True)
        number = self._dataset.annotate(case, NoisyMask(labels, image), self.name)
        # The record last: where it is, all is.
        said = {
            "format": FORMAT, "version": VERSION, "annotation": number,
            "settings": self._settings(one), "notes": list(found.notes),
            "wanted": [asdict(slice_) for slice_ in completed.wanted],
        }  # fmt: skip
        write_json(self._record(case), said, overwrite=True)

    def outputs(self, one: str) -> Sequence[str]:
        """Gives the cases that get a mask."""
        return self.cases_of(one)

    def _is_done(self, one: str) -> bool:
        settings = self._settings(one)
        for case in self.outputs(one):
            path = self._record(case)
            if not path.is_file() or read_json(path, FORMAT, VERSION)["settings"] != settings:
                return False
        return True

    def _settings(self, one: str) -> dict[str, Any]:
        options = self._options
        given = {
            case: {name: version.number for name, version in self.inputs(case).items()}
            for case in self.cases_of(one)
        }
        images = {case: self._dataset.record(case).sha256 for case in self.cases_of(one)}
        return {
            "from": options.kind, "engine": options.engine or "", "model": self._model,
            "prefer": options.prefer or "", "program": __version__, "inputs": given,
            "images": images,
        }  # fmt: skip

    def _record(self, case: str) -> Path:
        return self.place / f"{case}-completion.json"


def _hash(model: str | None) -> str:
    """Gives a hash of a model's file; a folder or a name counts as it was typed."""
    if model is None:
        return ""
    return sha256(Path(model)) if Path(model).is_file() else model
