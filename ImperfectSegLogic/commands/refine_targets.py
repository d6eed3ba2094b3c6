"""What is to be refined and where it goes: one file or a folder."""

from __future__ import annotations

import argparse
from abc import abstractmethod
from pathlib import Path

import numpy as np

from ImperfectSegLogic.commands.batch import BatchTarget
from ImperfectSegLogic.commands.predict_files import PROBABILITIES, beside
from ImperfectSegLogic.data import (
    Case,
    Prompt,
    check_segmentation_target,
    read_prompts,
    read_volume,
    write_probabilities,
    write_segmentation,
)
from ImperfectSegLogic.data.datasets.files import make_folder
from ImperfectSegLogic.data.formats.image_folders import plan
from ImperfectSegLogic.data.formats.plan import ForeignCase
from ImperfectSegLogic.data.prompt_files import EXTENSIONS
from ImperfectSegLogic.data.safe_writing import check_target, extension_of
from ImperfectSegLogic.data.segmentation import Segmentation
from ImperfectSegLogic.data.segmentation_files import TARGETS
from ImperfectSegLogic.methods.progress import Progress
from ImperfectSegLogic.refinement.chain import Chain
from ImperfectSegLogic.refinement.stored import find_stored, read_stored

NOTHING = "holds background only: nothing to refine, written as it is"


class RefineTarget(BatchTarget):
    """Predictions to refine."""

    def __init__(self, options: argparse.Namespace, names: dict[int, str]) -> None:
        """Takes what was typed, and names of labels."""
        super().__init__(options)
        self._names = names

    def notes(self) -> list[str]:
        """Gives what people should know before."""
        return []

    @abstractmethod
    def refine(self, chain: Chain, one: str, progress: Progress) -> tuple[str, ...]:
        """Refines one and writes it; gives what people should know.

        Raises:
            ValueError: If it is damaged or does not suit.
            OSError: If it cannot be read or written.
        """


class FileTarget(RefineTarget):
    """One prediction, refined into one file; probabilities lie beside it."""

    def ids(self) -> list[str]:
        """Gives the file's name."""
        return [Path(self._options.input).name]

    def check(self) -> None:
        """Checks the files."""
        out, overwrite = self._options.out, self._options.overwrite
        check_segmentation_target(out, overwrite)
        if self._options.probabilities:
            check_target(beside(out, PROBABILITIES), (".nrrd",), overwrite)
        for path in (Path(self._options.input), Path(self._options.image)):
            if not path.exists():
                raise FileNotFoundError(f"{path}: there is no such file. Check the path.")

    def done(self) -> list[str]:
        """Gives nothing: a file that is there is an error, see `check`."""
        return []

    def refine(self, chain: Chain, one: str, progress: Progress) -> tuple[str, ...]:
        """Refines the prediction."""
        prompts = self._read_prompts(self._options.prompts)
        files = (Path(self._options.input), Path(self._options.image), self._options.out)
        return self._refine(chain, *files, prompts, progress)

    def _read_prompts(self, files: list[Path]) -> list[Prompt]:
        return [one for file in files for one in read_prompts(file, names=self._names)]

    def _refine(
        self,
        chain: Chain,
        source: Path,
        image: Path,
        out: Path,
        prompts: list[Prompt],
        progress: Progress,
    ) -> tuple[str, ...]:
        progress.report(0.0, f"reading {source.name}")
        volume = read_volume(image)
        options = self._options
        stored = read_stored(source, volume.geometry, self._names, options.certainty)
        if stored.prediction is None:
            empty = np.zeros(volume.geometry.shape, dtype=np.uint8)
            nothing = Segmentation.from_labels(empty, volume.geometry)
            write_segmentation(nothing, out, options.overwrite)
            return (NOTHING,)
        found = chain.refine(Case(volume, source.name), stored.prediction, prompts, progress)
        if options.probabilities:
            write_probabilities(found, beside(out, PROBABILITIES), overwrite=True)
        # The labels last: where they are, all is.
        write_segmentation(stored.segmentation(found), out, options.overwrite)
        return found.notes


class FolderTarget(FileTarget):
    """Several predictions, refined into files of one folder."""

    def __init__(self, options: argparse.Namespace, names: dict[int, str]) -> None:
        """Finds predictions and their images.

        Raises:
            FileNotFoundError: If there are none.
            ValueError: If a prediction has no image, or two have one id.
        """
        super().__init__(options, names)
        self._sources = _found(options.input)
        self._images = {one.case: one.images[0] for one in _plan(options.image)}
        lonely = [case for case in self._sources if case not in self._images]
        if lonely:
            raise ValueError(
                f"{self._sources[lonely[0]]}: there is no image {lonely[0]!r} in {options.image};"
                f" there are {', '.join(list(self._images)[:3])} and so on. Check the names."
            )

    def ids(self) -> list[str]:
        """Gives the names of the predictions."""
        return list(self._sources)

    def check(self) -> None:
        """Checks the folders and the ending of files."""
        extension_of(f"x{self._options.ending}", TARGETS)
        taken = (*self._sources.values(), *self._images.values())
        if self.place.resolve() in {path.resolve().parent for path in taken}:
            raise ValueError(
                f"--out: got {self.place}, where the predictions or images are: refined ones would"
                " be taken for them the next time. Choose another folder."
            )
        for folder in self._options.prompts:
            if not folder.is_dir():
                raise ValueError(
                    f"--prompts: got {folder}, allowed with several predictions is a folder of"
                    f" files that are called as they are, such as {self.ids()[0]}.mrk.json."
                )
        make_folder(self.place)

    def done(self) -> list[str]:
        """Gives the predictions with a refined file."""
        return [one for one in self._sources if self._out(one).exists()]

    def notes(self) -> list[str]:
        """Tells of images that have no prediction."""
        bare = len(set(self._images) - set(self._sources))
        return [f"{bare} images have no prediction to refine."] if bare else []

    def refine(self, chain: Chain, one: str, progress: Progress) -> tuple[str, ...]:
        """Refines one of the predictions."""
        files = [folder / f"{one}{e}" for folder in self._options.prompts for e in EXTENSIONS]
        prompts = self._read_prompts([file for file in files if file.is_file()])
        paths = (self._sources[one], self._images[one], self._out(one))
        return self._refine(chain, *paths, prompts, progress)

    def _out(self, one: str) -> Path:
        return self.place / f"{one}{self._options.ending}"


def _found(typed: str) -> dict[str, Path]:
    if Path(typed).is_dir():
        return find_stored(Path(typed))
    return {one.case: one.images[0] for one in _plan(typed)}


def _plan(typed: str) -> tuple[ForeignCase, ...]:
    return plan(typed, names={1: "any"}).cases
