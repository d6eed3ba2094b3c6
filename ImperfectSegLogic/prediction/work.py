"""All passes of all models over an image, slab by slab."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from ImperfectSegLogic.data import Volume
from ImperfectSegLogic.methods.progress import Progress
from ImperfectSegLogic.prediction.dropout import dropout_layers
from ImperfectSegLogic.prediction.member import Member, passes_of
from ImperfectSegLogic.prediction.running import Runner
from ImperfectSegLogic.prediction.settings import PredictionSettings
from ImperfectSegLogic.prediction.statistics import PassStatistics
from ImperfectSegLogic.training.devices import choose_device
from ImperfectSegLogic.training.model_file import TrainedModel
from ImperfectSegLogic.training.preprocessing import Preprocessing

OF_SEVERAL_PASSES = {"variance", "mutual_information"}


class Work:
    """All passes of all models over an image.

    Attributes:
        settings: How.
        labels: Of the models, 0 first.
        turn: Slabs are some slices of the image after this turn.
        maps: Uncertainties by name on the image's own grid, filled slab by slab.
    """

    def __init__(
        self,
        models: Sequence[TrainedModel],
        volume: Volume,
        settings: PredictionSettings,
        progress: Progress | None,
        device: str,
    ) -> None:
        """Checks everything and prepares the image; see `predict` for arguments and errors."""
        check_models(models, settings)
        self.settings = settings
        self.labels = (0, *models[0].labels)
        self._progress = progress or Progress()
        self._progress.report(0.0, f"preparing {volume.name}")
        prepared: dict[Preprocessing, torch.Tensor] = {}
        for model in models:
            if model.preprocessing not in prepared:
                image = model.preprocessing.prepare(volume)
                prepared[model.preprocessing] = torch.from_numpy(image)
        self._members = [
            Member(m, prepared[m.preprocessing], volume.geometry, settings) for m in models
        ]
        self.turn = self._members[0].turn
        self.maps: Mapping[str, NDArray[np.float32]] = {
            name: np.zeros(volume.geometry.shape, dtype=np.float32) for name in settings.uncertainty
        }
        networks = list({id(m.network): m.network for m in models}.values())
        self._runner = Runner(networks, choose_device(device), settings.windows_at_once)
        self._name = volume.name
        self._done = 0
        self._of = sum(
            len(member.passes) * member.steps(self._slices_of(member, slices))
            for slices in self.slabs()
            for member in self._members
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """What had to be changed on the way."""
        return tuple(self._runner.notes)

    def running(self) -> contextlib.AbstractContextManager[None]:
        """Has the networks ready while a `with` block runs."""
        return self._runner.placed()

    def slabs(self) -> Iterator[range]:
        """Gives consecutive slices after `turn`; all of them once, as many as memory allows."""
        first = self._members[0]
        total = first.own_shape[0]
        size = total
        if all(m.turn == self.turn for m in self._members):
            # At hand at once: sums of windows, one pass, and the mean of passes.
            own = 2 * int(np.prod(first.own_shape[1:]))
            prepared = max(int(np.prod(m.shape)) for m in self._members) / total
            room = (
                self.settings.slab_megabytes * 2**20 / (4 * len(self.labels) * (own + 2 * prepared))
            )
            # Windows at the border of a slab are looked through for both: not too thin.
            least = max(-(-m.window[0] * total // m.shape[0]) for m in self._members)
            size = min(max(int(room), least, 1), total)
        for start in range(0, total, size):
            yield range(start, min(start + size, total))

    def fill(self, slices: range, mean: NDArray[np.float32]) -> None:
        """Makes the passes over some slices.

        Args:
            slices: One of the slabs.
            mean: To be filled with probabilities, shape (label, slice, row, column); all 0.

        Raises:
            CancelledError: If it was cancelled.
        """
        maps = {
            name: self.turn.apply(one)[slices.start : slices.stop]
            for name, one in self.maps.items()
        }
        statistics = PassStatistics(mean, maps)
        for member in self._members:
            for one in member.passes:
                own = self._slices_of(member, slices)
                found = member.probabilities(one, own, self._runner, self._tick)
                if member.turn != self.turn:
                    found = self.turn.apply(member.turn.undo(found))
                statistics.add(found)
        statistics.finish()

    def _slices_of(self, member: Member, slices: range) -> range:
        # Of a member with another turn all slices: then there is one slab with the whole image.
        return slices if member.turn == self.turn else range(member.own_shape[0])

    def _tick(self) -> None:
        self._done += 1
        self._progress.report(self._done / self._of, f"predicting {self._name}")


def check_models(models: Sequence[TrainedModel], settings: PredictionSettings) -> None:
    """Checks that models go together and can do what is asked of them.

    Raises:
        ValueError: If there is none, one needs prompts, their labels differ, MC dropout is asked
            of a network without dropout, or an uncertainty of several passes of one pass.
    """
    if not models:
        raise ValueError("models: got none, allowed is at least one.")
    for model in models:
        if model.engine:
            raise ValueError(
                f"model {model.card.get('name', '')}: got a network that needs prompts, allowed are"
                " those that answer an image by themselves. Use it with `imperfectseg segment"
                f" --engine {model.engine} --model FILE`, or in the panel ImperfectSeg Interactive."
            )
    for model in models[1:]:
        if dict(model.labels) != dict(models[0].labels):
            raise ValueError(
                f"models: got labels {dict(model.labels)} and {dict(models[0].labels)}, allowed are"
                " models with the same labels. Leave one out."
            )
    for model in models:
        if settings.mc_samples and not dropout_layers(model.network):
            raise ValueError(
                f"MC samples: got {model.network_name} without dropout, allowed are networks that"
                " were trained with it. Train with the network's setting dropout=0.2, or leave MC"
                " samples out."
            )
    passes = sum(len(passes_of(len(model.patch), settings)) for model in models)
    needing = sorted(OF_SEVERAL_PASSES & set(settings.uncertainty))
    if needing and passes == 1:
        raise ValueError(
            f"{' and '.join(needing)}: got one pass, allowed are several, which can differ. Add"
            " flips, MC samples or more models, or choose entropy."
        )
