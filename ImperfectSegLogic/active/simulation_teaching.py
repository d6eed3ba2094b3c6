"""How a network learns in a simulated campaign, by `fit`, and how it is scored; needs torch."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ImperfectSegLogic.active.model_segmenter import ModelSegmenter
from ImperfectSegLogic.active.segmenter import Segmenter
from ImperfectSegLogic.active.simulation_data import LabeledSet
from ImperfectSegLogic.active.simulation_results import Dice
from ImperfectSegLogic.data import Dataset
from ImperfectSegLogic.evidence.overlap import overlap
from ImperfectSegLogic.methods.progress import Progress
from ImperfectSegLogic.prediction.predictor import Predictor
from ImperfectSegLogic.prediction.settings import PredictionSettings
from ImperfectSegLogic.training.devices import choose_device, memory_of
from ImperfectSegLogic.training.fingerprint import fingerprint
from ImperfectSegLogic.training.fit import fit
from ImperfectSegLogic.training.model_file import load_model
from ImperfectSegLogic.training.plan import propose
from ImperfectSegLogic.training.run import Named, RunDescription

OVERLAP = PredictionSettings().overlap
SEEDS_APART = 1000
"""Between the seeds of the models of an ensemble: those of different campaigns stay apart."""


@dataclass(frozen=True)
class Teaching:
    """Trains from scratch by `fit`, and scores; see `simulation.Teacher`.

    Attributes:
        dims: 2 or 3; decided by the images if None.
        overrides: Fields of the training plan that somebody has decided.
        models: Networks that are trained each time, alike but for their seeds; their probabilities
            are averaged.
        flips: Whether images are predicted in all flips, which makes several passes.
        device: `auto`, `cpu`, `cuda`, `cuda:1` or `mps`.
        overlap: Of windows, as a share.
        asked_in_flips: Whether strategies are told of predictions in all flips, also if scores are
            not.
        windows_at_once: How many windows a network sees at once; never changes a result.
        methods: Training methods, as in `RunDescription`.
        rounds: Of each training, between which methods may change its data.

    Raises:
        ValueError: If there are no models or no rounds.
    """

    dims: int | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)
    models: int = 1
    flips: bool = False
    device: str = "auto"
    overlap: float = OVERLAP
    asked_in_flips: bool = False
    windows_at_once: int = 4
    methods: Named = ()
    rounds: int = 1

    def __post_init__(self) -> None:
        for what, number in (("models", self.models), ("rounds of a training", self.rounds)):
            if number < 1:
                raise ValueError(f"{what}: got {number}, allowed is 1 or more.")

    def known_by(self) -> str:
        """See `simulation.Teacher`."""
        said: list[Any] = [self.dims, dict(self.overrides), self.models, self.flips]
        said += [self.overlap] if self.overlap != OVERLAP else []
        said += [["methods", self.methods, self.rounds]] if self.methods or self.rounds > 1 else []
        return json.dumps(said, sort_keys=True, default=str)

    def train(
        self,
        labeled: LabeledSet,
        data: Dataset,
        robot: str,
        seed: int,
        folder: Path,
        progress: Progress,
    ) -> None:
        """See `simulation.Teacher`; spacing and patch are proposed by all images alike."""
        for n in range(self.models):
            place = folder / f"model{n}"
            if (place / "run.json").exists():  # On a GPU, another patch might fit now.
                run = replace(RunDescription.read(place), dataset=str(data.folder))
            else:
                run = self._described(labeled, data, robot, seed + n * SEEDS_APART)
            part = progress.part(n / self.models, (n + 1) / self.models)
            fit(run, place, None, part, self.device, True, folder / "prepared")

    def _described(
        self, labeled: LabeledSet, data: Dataset, robot: str, seed: int
    ) -> RunDescription:
        cases = tuple(case for case in sorted(labeled.train) if data.versions(case, robot))
        known = data.folder.parent / "fingerprints"
        # Sizes of images are known before anything is annotated; gray values under labels are not.
        every = fingerprint(labeled.dataset, labeled.train, labeled.annotator, known)
        own = fingerprint(data, cases, robot, known)
        learned = {"intensity": own.intensity, "label_voxels": tuple(own.voxels.values())}
        memory = memory_of(choose_device(self.device))
        plan = propose(every, self.dims, memory, **{**learned, **self.overrides})
        return RunDescription(
            str(data.folder), plan, cases, labeled.validation, self.methods, annotator=robot,
            seed=seed, rounds=self.rounds, missing_labels=True,
        )  # fmt: skip

    def scores(self, labeled: LabeledSet, folder: Path, progress: Progress) -> dict[str, Dice]:
        """See `simulation.Teacher`."""
        predictor = self._predictor(folder, self.flips)
        found: dict[str, Dice] = {}
        for number, case in enumerate(labeled.test):
            progress.report(number / len(labeled.test), f"scoring {case}")
            truth = labeled.truth(case).labels
            labels = predictor.predict_labels(labeled.dataset.image(case)).mask.labels
            looked_for = labeled.looked_for(case)
            found[case] = {n: overlap(labels == n, truth == n) for n in looked_for}
        return found

    def tidy(self, folder: Path) -> None:
        """See `simulation.Teacher`."""
        shutil.rmtree(folder / "prepared", ignore_errors=True)
        for made in folder.glob("model*/rounds"):  # By methods, of this training only.
            shutil.rmtree(made)
        for checkpoint in folder.glob("model*/checkpoint.pt"):
            checkpoint.unlink()  # Three times as large as the model.

    def segmenter(self, folder: Path) -> Segmenter:
        """See `simulation.Teacher`."""
        return ModelSegmenter(self._predictor(folder, self.flips or self.asked_in_flips))

    def _predictor(self, folder: Path, flips: bool) -> Predictor:
        paths = [folder / f"model{n}" / "model.safetensors" for n in range(self.models)]
        settings = PredictionSettings(
            flips=flips, overlap=self.overlap, windows_at_once=self.windows_at_once
        )
        return Predictor([load_model(path) for path in paths], settings, self.device)
