"""The default engine: the geodesic walker's answer, corrected by a network that knows no organ.

The network was trained on synthetic images only (`imperfectseg train-default`), so that it has no
favorite organ or scanner: it has learned what people mean by clicks, scribbles, boxes and earlier
masks. What it says is then snapped to the prompts and to edges.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.data import Case, Geometry, Prediction, Prompt, Provenance, Volume
from ImperfectSegLogic.methods.card import MethodCard, Requires
from ImperfectSegLogic.methods.packages import absent_packages
from ImperfectSegLogic.methods.progress import Progress
from ImperfectSegLogic.methods.scarce.interactive.default_weights import weights_path
from ImperfectSegLogic.methods.scarce.interactive.geodesic import Floats
from ImperfectSegLogic.methods.scarce.interactive.geodesic_walker import GeodesicWalker, Look
from ImperfectSegLogic.methods.scarce.interactive.magnification import (
    magnification_of,
    magnified,
    magnified_prediction,
    reduced,
)
from ImperfectSegLogic.methods.scarce.interactive.network_engine import (
    NetworkEngine,
    Prepared,
    seed_channels,
)
from ImperfectSegLogic.methods.scarce.interactive.prompt_channels import (
    ANSWER,
    image_channels,
    label_channels,
)
from ImperfectSegLogic.methods.scarce.interactive.resolution import pooled
from ImperfectSegLogic.methods.scarce.interactive.seeds import Seeds, read_prompts
from ImperfectSegLogic.methods.scarce.interactive.settings import Settings
from ImperfectSegLogic.methods.scarce.interactive.window import Window

if TYPE_CHECKING:
    from torch import Tensor, nn

SHARE = {2: 0.6, 3: 0.25}
"""How much the network's answer counts beside the first one's, as part of the logit. On images
unlike the synthetic ones a mean of both is better than either (chosen on ACDC and left atrium
train)."""
MOST_VOXELS = {2: 160 * 160, 3: 125_000}
"""The network looks at larger regions more coarsely, so that a response stays quick on a laptop."""
FIRST_VOXELS = {2: 1_500_000, 3: 125_000}
"""So does the first answer, which the network changes; in 2-D it is quick enough at any size."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Looked(Prepared):
    """What the default engine's network is to look at.

    Attributes:
        coarse: What of the region the network sees; the working grid is finer where the region is
            large.
        first: Probabilities by the first answer, shape (label, k, j, i) of the working grid.
        own: The prompts, voxel by voxel of the image's own grid, which may have been magnified.
    """

    coarse: Window
    first: Floats
    own: Seeds

    @property
    def factor(self) -> tuple[int, ...]:
        """How many voxels of the working grid are one that the network sees, along k, j, i."""
        return tuple(c // s for c, s in zip(self.coarse.step, self.step, strict=True))


class PromptedUNet(NetworkEngine):
    """Segments from clicks, scribbles, boxes, lassos and an earlier mask, in 2-D and 3-D."""

    card = MethodCard(
        name="prompted-unet",
        paper=("bai2007geodesic", "grady2005random", "ronneberger2015unet"),
        table_row="Interactive segmentation",
        accepts=("Click", "Scribble", "Box", "Lasso"),
        requires=Requires.NOTHING,
        dims=(2, 3),
        claims="Segments any image from a few clicks, on ACDC slices better than GrowCut and the"
        " random walker; its network has seen synthetic images only.",
    )
    uses_order = True

    def __init__(self, weights: Path | None = None, device: str = "auto") -> None:
        """Prepares nothing yet.

        Args:
            weights: Folder with other weights than those of the project.
            device: `auto`, `cpu`, `cuda`, `cuda:1` or `mps`.
        """
        self._weights, self._device = weights, device
        self._networks: dict[int, tuple[nn.Module, str]] = {}
        self._volume: Volume | None = None
        self._own: Geometry | None = None
        self._times = (1, 1, 1)
        self._dims = 3
        self._walker = GeodesicWalker()
        self._shown: tuple[Window, Window, Floats] | None = None

    @classmethod
    def missing(cls) -> str:
        """See `InteractiveSegmenter.missing`."""
        absent = absent_packages()
        if absent:
            return (
                f"needs {', '.join(absent)}. Install it with: pip install 'imperfectseg[train]', or"
                " in 3D Slicer with the PyTorch extension"
            )
        files = [weights_path(dims) for dims in cls.card.dims]
        if not all(file.is_file() for file in files):
            return f"its weights are not in {files[0].parent}. Install ImperfectSeg again"
        return ""

    def set_case(self, case: Case) -> None:
        """See `InteractiveSegmenter.set_case`; reads the weights the first time."""
        self.look_at(case)
        dims = self._dims
        if dims not in self._networks:
            from ImperfectSegLogic.methods.scarce.interactive.default_weights import read_weights
            from ImperfectSegLogic.training.devices import choose_device

            network, fingerprint = read_weights(weights_path(dims, self._weights), dims)
            self._networks[dims] = (network.to(choose_device(self._device)), fingerprint)
        self.network = self._networks[dims][0]

    def look_at(self, case: Case) -> None:
        """Takes the image without the network, for those who bring their own."""
        case.volume.check_scalar()
        self._dims = 2 if case.volume.is_2d else 3
        settings = Settings.for_one_slice() if self._dims == 2 else Settings()
        self._walker = GeodesicWalker(replace(settings, most_voxels=FIRST_VOXELS[self._dims]))
        self._own = case.volume.geometry
        self._times = magnification_of(self._own)
        self._volume = magnified(case.volume, self._times)
        self._walker.set_case(Case(self._volume))
        self._shown = None

    @property
    def provenance(self) -> Provenance:
        """See `NetworkEngine.provenance`."""
        return Provenance(self.card.name, {}, self._networks.get(self._dims, (None, ""))[1])

    def prepare(
        self, prompts: Sequence[Prompt], previous: Prediction | None, progress: Progress
    ) -> Looked:
        """See `NetworkEngine.prepare`."""
        if self._volume is None or self._own is None:
            raise ValueError("prompted U-Net: got no case. Call set_case(case) before respond.")
        own = None
        if max(self._times) > 1:
            own = read_prompts(prompts, self._own, self.card.accepts)
        if previous is not None:
            previous = magnified_prediction(previous, self._times, self._volume.geometry)
        look = self._walker.look(prompts, progress.part(0.0, 0.5))
        window, seeds = look.window, look.seeds
        labels = (0, *seeds.segments)
        channels = np.searchsorted(labels, seeds.labels)
        coarse, image = self._image(window)
        sizes = window.gray.shape, coarse.gray.shape
        fine, grid = (
            seed_channels(size, at.places(seeds.voxels), channels)
            for size, at in zip(sizes, (window, coarse), strict=True)
        )
        return Looked(
            self._inputs(look, coarse, image, grid, previous),
            window.gray,
            fine,
            look.evidence.allowed,
            window.spacing,
            window.region,
            window.step,
            labels,
            seeds,
            self._volume.geometry,
            coarse=coarse,
            first=look.answer,
            own=look.seeds if own is None else own,
        )

    def finish(
        self,
        prepared: Prepared,
        probabilities: Floats,
        progress: Progress,
        notes: Sequence[str] = (),
    ) -> Prediction:
        """See `NetworkEngine.finish`."""
        found = super().finish(prepared, probabilities, progress, notes)
        assert isinstance(prepared, Looked)
        assert self._own is not None
        return (
            found if max(self._times) == 1 else reduced(found, self._times, self._own, prepared.own)
        )

    def scores(self, network: nn.Module, prepared: Prepared) -> Tensor:
        """See `NetworkEngine.scores`; objects are asked for one by one and compared."""
        inputs = prepared.inputs.to(next(network.parameters()).device)
        return joined(network(inputs)[:, 0], prepared, SHARE[inputs.ndim - 2])

    def _inputs(
        self,
        look: Look,
        coarse: Window,
        image: Floats,
        grid: NDArray[np.int64],
        previous: Prediction | None,
    ) -> Tensor:
        """Gives what the network sees of each segment, shape (segment, channel, *space)."""
        import torch

        seeds, shown = look.seeds, []
        factor = tuple(c // s for c, s in zip(coarse.step, look.window.step, strict=True))
        for channel, label in enumerate(seeds.segments, start=1):
            allowed = look.evidence.allowed[channel] if label in seeds.boxes else None
            answer = pooled(look.answer[channel], factor)
            box = None
            if allowed is not None:
                box = pooled(np.where(allowed, np.float32(1), np.float32(-1)), factor)
            more = label_channels(coarse, answer, grid, channel, box, previous, label)
            shown.append(np.concatenate([image, more]))
        inputs = torch.from_numpy(np.stack(shown))
        return inputs[:, :, 0] if self._dims == 2 else inputs

    def _image(self, window: Window) -> tuple[Window, Floats]:
        """Gives what the network sees of the image; that of the last window is remembered."""
        assert self._volume is not None
        if self._shown is None or self._shown[0] is not window:
            coarse = window.coarser(MOST_VOXELS[self._dims])
            raw = self._volume.array[window.region.slices]
            self._shown = (window, coarse, image_channels(raw, coarse))
        return self._shown[1:]


def joined(logits: Tensor, prepared: Prepared, share: float = 1.0) -> Tensor:
    """Changes the first answer as the network wants it: its change is brought to the finer grid.

    Args:
        logits: The network's, shape (segment, *space) of what it saw.
        prepared: What it looked at.
        share: How much of the change counts.

    Returns:
        Logarithms of probabilities, shape (label, k, j, i) of the working grid.
    """
    import torch

    from ImperfectSegLogic.networks.prompted import CLEAREST, first_logit

    assert isinstance(prepared, Looked)
    first = torch.from_numpy(prepared.first).to(logits.device)
    change = share * (logits - first_logit(prepared.inputs[:, ANSWER].to(logits.device)))
    if change.ndim == 3:
        change = change[:, None]
    if max(prepared.factor) > 1:
        scale = tuple(float(f) for f in prepared.factor)
        change = torch.nn.functional.interpolate(
            change[:, None], scale_factor=scale, mode="trilinear"
        )[:, 0]
        k, j, i = first.shape[1:]
        change = change[:, :k, :j, :i]
    changes = torch.cat([torch.zeros_like(change[:1]), change])
    return torch.log_softmax(torch.log(first.clamp(CLEAREST, 1 - CLEAREST)) + changes, dim=0)
