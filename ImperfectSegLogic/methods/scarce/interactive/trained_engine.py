"""What engines share whose network was trained by `imperfectseg train` to answer prompts.

They see the image as it was prepared in training, in a window around the prompts that grows where
an object reaches its border. Each segment is asked for by itself, and all are compared. A network
for slices answers a volume slice by slice, on the slices that a segment's prompts are on; on the
others it says that the segment is not there.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.data import Case, Prediction, Prompt, Provenance
from ImperfectSegLogic.methods.packages import packages_missing
from ImperfectSegLogic.methods.progress import Progress
from ImperfectSegLogic.methods.scarce.interactive.asked import (
    Asked,
    prompted_region,
    touched_faces,
)
from ImperfectSegLogic.methods.scarce.interactive.geodesic import Floats
from ImperfectSegLogic.methods.scarce.interactive.model_case import ModelCase
from ImperfectSegLogic.methods.scarce.interactive.model_grid import ModelWindow
from ImperfectSegLogic.methods.scarce.interactive.network_engine import (
    NetworkEngine,
    Prepared,
    seed_channels,
)
from ImperfectSegLogic.methods.scarce.interactive.pointed import Pointed
from ImperfectSegLogic.methods.scarce.interactive.prior_hints import meant
from ImperfectSegLogic.methods.scarce.interactive.prompted_model import read_prompted_model
from ImperfectSegLogic.methods.scarce.interactive.seeds import Seeds, read_prompts

if TYPE_CHECKING:  # 3D Slicer has no torch of its own.
    from torch import Tensor, nn

GROWTHS = 4
"""How often a window grows where an object touches its border."""
NOTHING = -12.0
"""How much more object than background there is in a slice without prompts."""


class TrainedEngine(NetworkEngine):
    """An engine for a model file; see the module.

    Attributes:
        model: What was trained.
        method: The method that trained it, with its settings.
        notes: What had to be changed to make inputs.
    """

    def __init__(self, model: Path, device: str = "auto") -> None:
        """Reads the model.

        Args:
            model: A `model.safetensors`.
            device: `auto`, `cpu`, `cuda`, `cuda:1` or `mps`.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it is no model, damaged, or not trained for this engine.
        """
        from ImperfectSegLogic.networks.build import divisors
        from ImperfectSegLogic.training.devices import choose_device

        self.model, self.method, self._provenance = read_prompted_model(
            model, self.card.name, self.needs_model
        )
        self.network = self.model.network.to(choose_device(device)).eval()
        self._divisors = divisors(
            self.model.network_name, len(self.model.patch), self.model.network_settings
        )
        self.multiple = max(self._divisors)
        self.notes: list[str] = []
        self._case: ModelCase | None = None

    @classmethod
    def missing(cls) -> str:
        """See `InteractiveSegmenter.missing`."""
        return packages_missing()

    @property
    def provenance(self) -> Provenance:
        """See `NetworkEngine.provenance`."""
        return self._provenance

    def set_case(self, case: Case) -> None:
        """See `InteractiveSegmenter.set_case`; the image has the channels of the network."""
        self._case = None
        self._case = ModelCase(self.model, case.volume, self._divisors)

    def check(self, seeds: Seeds) -> None:
        """Checks that the network can be asked about the prompted segments.

        Raises:
            ValueError: If not.
        """

    @abstractmethod
    def inputs(self, image: Floats, pointed: Sequence[Pointed]) -> tuple[Tensor, NDArray[np.bool_]]:
        """Gives what the network looks at, shape (segment, channel, *space).

        And whether prompts contradict what it says without them, for each segment.

        Args:
            image: The window of the prepared image, shape (channel, *space).
            pointed: The segments; in 2-D, all their voxels are in slice 0.
        """

    @abstractmethod
    def margins(self, network: nn.Module, asked: Asked) -> Tensor:
        """Gives how much more object than background there is (logits), shape (input, *space)."""

    def prepare(
        self, prompts: Sequence[Prompt], previous: Prediction | None, progress: Progress
    ) -> Asked:
        """See `NetworkEngine.prepare`."""
        return self._answered(prompts, progress)[0]

    def scores(self, network: nn.Module, prepared: Prepared) -> Tensor:
        """See `NetworkEngine.scores`."""
        import torch

        assert isinstance(prepared, Asked)
        found = self.margins(network, prepared)
        if len(self.model.patch) == 2:
            whole = found.new_full((len(prepared.labels) - 1, *prepared.view.size), NOTHING)
            segment, k = torch.from_numpy(prepared.parts.T).to(found.device)
            found = whole.index_put((segment, k), found)
        every = torch.cat([torch.zeros_like(found[:1]), found])
        assert self._case is not None
        grid = self._case.grid
        moved = grid.to_image(every, prepared.view, prepared.region, prepared.step)
        return torch.log_softmax(moved, dim=0)

    def respond(
        self,
        prompts: Sequence[Prompt],
        previous: Prediction | None = None,
        progress: Progress | None = None,
    ) -> Prediction:
        """See `InteractiveSegmenter.respond`."""
        progress = progress or Progress()
        asked, answer, notes = self._answered(prompts, progress)
        progress.report(0.8, "snapping to the prompts")
        return self.finish(asked, answer, progress, notes)

    def _answered(
        self, prompts: Sequence[Prompt], progress: Progress
    ) -> tuple[Asked, Floats, list[str]]:
        """Asks in a window that grows until the objects do not reach its border."""
        from ImperfectSegLogic.methods.scarce.interactive.network_running import probabilities_of

        if self._case is None:
            raise ValueError(f"{self.card.name}: got no case. Call set_case(case) before respond.")
        progress.report(0.0, "reading prompts")
        grid, geometry = self._case.grid, self._case.volume.geometry
        seeds = read_prompts(prompts, geometry, self.card.accepts)
        self.check(seeds)
        self.notes.clear()
        view, notes = grid.window_around(prompted_region(seeds, geometry)), list[str]()
        for number in range(GROWTHS + 1):
            progress.report(0.7 * (1 - 0.5**number), "asking the network")
            asked = self._asked(self._case, seeds, view, progress)
            answer, more = probabilities_of(self, self.network, asked)
            notes += [note for note in (*self.notes, *more) if note not in notes]
            larger = grid.grown(view, touched_faces(answer, asked))
            if larger == view:
                break
            if number == GROWTHS:
                notes.append("the object goes on beyond the region looked at: prompt farther on")
            view = larger
        return meant(asked, asked.window, answer), answer, notes

    def _asked(self, case: ModelCase, seeds: Seeds, view: ModelWindow, progress: Progress) -> Asked:
        window = case.window(view, seeds, lambda _: progress.report(0.1, "reading the image"))
        k, j, i = window.gray.shape
        allowed = case.allowed(window, seeds)
        labels = (0, *seeds.segments)
        channels = np.searchsorted(labels, seeds.labels)
        pointed = case.pointed(seeds, allowed, window, view)
        inputs, parts, contradicted = self._inputs(view.cut(case.image), pointed)
        return Asked(
            inputs=inputs,
            gray=window.gray,
            seeds=seed_channels((k, j, i), window.places(seeds.voxels), channels),
            allowed=allowed,
            spacing=window.spacing,
            region=window.region,
            step=window.step,
            labels=labels,
            voxels=seeds,
            geometry=case.volume.geometry,
            view=view,
            window=window,
            parts=parts,
            contradicted=contradicted,
        )

    def _inputs(
        self, shown: Floats, pointed: Sequence[Pointed]
    ) -> tuple[Tensor, NDArray[np.int64], NDArray[np.bool_]]:
        """Gives inputs, their parts and whether they are contradicted, as in `Asked`."""
        import torch

        if len(self.model.patch) == 3:
            inputs, wrong = self.inputs(shown, pointed)
            return inputs, np.array([(n, 0) for n in range(len(pointed))]), wrong
        made, parts, contradicted = [], [], []
        for k in range(shown.shape[1]):
            there = [n for n, one in enumerate(pointed) if one.is_about(k)]
            if there:
                inputs, wrong = self.inputs(shown[:, k], [pointed[n].in_slice(k) for n in there])
                made.append(inputs)
                contradicted.append(wrong)
                parts += [(n, k) for n in there]
        assert made, "every segment has a positive prompt or a box"
        return torch.cat(made), np.array(parts), np.concatenate(contradicted)
