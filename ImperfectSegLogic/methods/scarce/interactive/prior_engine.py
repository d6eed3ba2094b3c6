"""What engines for networks without prompts share: the network's answer, corrected by prompts.

The network segments the image by itself, once. Prompts say which of its labels are wanted, and
where its answer is wrong: what is near a contradicting prompt and looks alike goes with the prompt.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ImperfectSegLogic.data import Case, Geometry, Prediction, Prompt, Provenance, Region
from ImperfectSegLogic.methods.packages import packages_missing
from ImperfectSegLogic.methods.progress import Progress
from ImperfectSegLogic.methods.scarce.interactive.box_limits import allowed_by_boxes
from ImperfectSegLogic.methods.scarce.interactive.brought_network import BroughtNetwork
from ImperfectSegLogic.methods.scarce.interactive.geodesic import Floats
from ImperfectSegLogic.methods.scarce.interactive.local_correction import corrected
from ImperfectSegLogic.methods.scarce.interactive.network_engine import (
    NetworkEngine,
    Prepared,
    seed_channels,
)
from ImperfectSegLogic.methods.scarce.interactive.prior_hints import gray_of, meant, with_cores
from ImperfectSegLogic.methods.scarce.interactive.seeds import Seeds, read_prompts
from ImperfectSegLogic.methods.scarce.interactive.settings import Settings
from ImperfectSegLogic.methods.scarce.interactive.window import (
    Window,
    Windows,
    cut_faces,
    face,
    first_region,
    grown_at,
    margin_of,
)

if TYPE_CHECKING:  # 3D Slicer has no torch of its own.
    from torch import Tensor, nn

    from ImperfectSegLogic.methods.scarce.interactive.image_windows import ImageWindows, Look

GROWTHS = 6
"""How often the region grows where the object touches its border."""
MOST_VOXELS = 16_000_000
"""It does not grow beyond."""
_LEAST = 1e-6


@dataclass(frozen=True, eq=False)
class PriorPrepared(Prepared):
    """What `PriorEngine` has to know besides.

    Attributes:
        look: What the network looks at.
        window: The image on the working grid.
        tick: Told the share of windows that are done; cancels.
        notes: What to tell the user.
    """

    look: Look
    window: Window
    tick: Callable[[float], None]
    notes: tuple[str, ...] = ()


class PriorEngine(NetworkEngine):
    """A network that segments by itself, with prompts to correct it; any number of labels."""

    def __init__(self, brought: BroughtNetwork, device: str = "auto") -> None:
        """Takes the network and where it is to run: `auto`, `cpu`, `cuda` or `mps`."""
        from ImperfectSegLogic.training.devices import choose_device

        self.brought = brought
        self.network = brought.network.to(choose_device(device)).eval()
        self.multiple = brought.multiple
        self._settings = Settings()
        self._geometry: Geometry | None = None
        self._windows: Windows | None = None
        self._seen: ImageWindows | None = None

    @classmethod
    def missing(cls) -> str:
        """See `InteractiveSegmenter.missing`."""
        return packages_missing()

    @property
    def provenance(self) -> Provenance:
        """What stands in predictions."""
        said = {"model": self.brought.name}
        return Provenance(self.card.name, said, self.brought.weights_hash)

    def set_case(self, case: Case) -> None:
        """See `InteractiveSegmenter.set_case`; the image has the channels of the network."""
        from ImperfectSegLogic.methods.scarce.interactive.image_windows import ImageWindows

        volume, self._geometry = case.volume, None
        if self.brought.channels == 1:
            volume.check_scalar()
        self._seen = ImageWindows(self.brought, volume)
        gray = gray_of(volume)
        self._settings = Settings.for_one_slice() if volume.is_2d else Settings()
        self._windows = Windows(gray, self._settings)
        self._geometry = volume.geometry

    def prepare(
        self, prompts: Sequence[Prompt], previous: Prediction | None, progress: Progress
    ) -> PriorPrepared:
        """See `NetworkEngine.prepare`; asks the network where the wanted labels end."""
        if self._geometry is None or self._windows is None:
            raise ValueError(f"{self.card.name}: got no case. Call set_case(case) before respond.")
        self.brought.check_labels({prompt.label for prompt in prompts})
        seeds = read_prompts(prompts, self._geometry, self.card.accepts)
        region, notes = self._region(seeds, progress)
        window = self._windows.at(region, region, lambda f: progress.report(0.4 + 0.1 * f, ""))
        return self._prepared(seeds, region, window, progress, notes)

    def scores(self, network: nn.Module, prepared: Prepared) -> Tensor:
        """See `NetworkEngine.scores`; what the network calls by other labels is background."""
        import torch

        assert isinstance(prepared, PriorPrepared)
        return torch.log(
            self._asked(network, prepared.look, prepared.labels, prepared.tick) + _LEAST
        )

    def finish(
        self,
        prepared: Prepared,
        probabilities: Floats,
        progress: Progress,
        notes: Sequence[str] = (),
    ) -> Prediction:
        """See `NetworkEngine.finish`; corrects the answer where prompts contradict it, first."""
        assert isinstance(prepared, PriorPrepared)
        prior = np.where(prepared.allowed, probabilities, np.float32(0)).astype(np.float32)
        total = prior.sum(axis=0)
        prior[0][total == 0] = total[total == 0] = 1
        prior /= total
        window = prepared.window
        said = meant(prepared, window, prior)
        fixed = corrected(
            prior,
            with_cores(said, prior),
            window,
            self._settings,
            lambda f: progress.report(0.8 + 0.1 * f, "correcting"),
        )
        return super().finish(said, fixed, progress, (*prepared.notes, *notes))

    def _prepared(
        self,
        seeds: Seeds,
        region: Region,
        window: Window,
        progress: Progress,
        notes: Sequence[str],
    ) -> PriorPrepared:
        assert self._geometry is not None
        assert self._seen is not None
        labels = (0, *seeds.segments)
        k, j, i = window.gray.shape
        look = self._seen.look(region, window.step)
        channels = np.searchsorted(labels, seeds.labels)
        return PriorPrepared(
            inputs=look.inputs,
            gray=window.gray,
            seeds=seed_channels((k, j, i), window.places(seeds.voxels), channels),
            allowed=allowed_by_boxes(seeds, self._geometry, region.start, (k, j, i), window.step),
            spacing=window.spacing,
            region=region,
            step=window.step,
            labels=labels,
            voxels=seeds,
            geometry=self._geometry,
            look=look,
            window=window,
            tick=lambda f: progress.report(0.5 + 0.3 * f, "asking the network"),
            notes=tuple(notes),
        )

    def _region(self, seeds: Seeds, progress: Progress) -> tuple[Region, list[str]]:
        """Gives a region that the wanted labels do not touch the border of, and notes."""
        from ImperfectSegLogic.methods.scarce.interactive.network_running import answered

        assert self._geometry is not None
        assert self._seen is not None
        shape, margin = self._geometry.shape, margin_of(self._settings, self._geometry)
        free = [n for n, label in enumerate(seeds.segments, 1) if label not in seeds.boxes]
        region, notes = first_region(seeds, self._geometry, margin), list[str]()
        labels = (0, *seeds.segments)
        for number in range(GROWTHS):
            done = 0.4 * number / GROWTHS
            look = self._seen.look(region, (1, 1, 1))

            def tick(fraction: float, done: float = done) -> None:
                progress.report(done + 0.4 / GROWTHS * fraction, "asking the network")

            def ask(network: nn.Module, look: Look = look) -> Tensor:
                return self._asked(network, look, labels, tick)

            found, more = answered(ask, self.network, self.multiple)
            notes += more
            said = np.argmax(found.numpy(), axis=0)
            touched = [
                where
                for where in cut_faces(region, shape)
                if np.isin(said[face(*where, thickness=2)], free).any()
            ]
            larger = grown_at(region, touched, margin, shape)
            if not touched:
                return region, notes
            if number == GROWTHS - 1 or np.prod(larger.shape) > MOST_VOXELS:
                break
            region = larger
        notes.append("the object goes on beyond the region that was looked at: click further on")
        return region, notes

    def _asked(
        self, network: nn.Module, look: Look, labels: Sequence[int], tick: Callable[[float], None]
    ) -> Tensor:
        """Gives probabilities of some labels, shape (label, k, j, i); 0 gets all others'."""
        import torch

        assert self._seen is not None
        own = network is self.network or getattr(network, "network", None) is self.network
        keep = own and not torch.is_grad_enabled()
        every = self._seen.probabilities(network, look, keep, tick)
        known = (0, *self.brought.labels)
        wanted = [known.index(label) for label in labels[1:]]
        if not self.brought.exclusive:  # Labels that nobody asked for say nothing.
            odds = torch.logit(every[wanted], _LEAST)
            return torch.softmax(torch.cat([torch.zeros_like(odds[:1]), odds]), dim=0)
        others = [channel for channel in range(len(known)) if channel not in wanted]
        return torch.cat([every[others].sum(dim=0, keepdim=True), every[wanted]])
