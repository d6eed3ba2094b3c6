"""The default engine: the geodesic walker's answer, corrected by a network that knows no organ.

The network was trained on synthetic images only (`imperfectseg train-default`), so that it has no
favorite organ or scanner: it has learned what people mean by clicks, scribbles, boxes and earlier
masks. What it says is then snapped to the prompts and to edges.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.data import Case, Prediction, Prompt, Provenance, Volume
from ImperfectSegLogic.methods.card import MethodCard, Requires
from ImperfectSegLogic.methods.packages import absent_packages
from ImperfectSegLogic.methods.progress import Progress
from ImperfectSegLogic.methods.scarce.interactive.default_weights import weights_path
from ImperfectSegLogic.methods.scarce.interactive.geodesic import Floats
from ImperfectSegLogic.methods.scarce.interactive.geodesic_walker import GeodesicWalker, Look
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
from ImperfectSegLogic.methods.scarce.interactive.settings import Settings
from ImperfectSegLogic.methods.scarce.interactive.window import Window

if TYPE_CHECKING:
    from torch import Tensor, nn

SHARE = {2: 0.6, 3: 0.25}
"""How much the network's answer counts beside the first one's, as part of the logit. On images
unlike the synthetic ones a mean of both is better than either (chosen on ACDC and left atrium
train)."""
MOST_VOXELS = {2: 160 * 160, 3: 125_000}
"""Larger regions are looked at more coarsely, so that a response stays quick on a laptop."""


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
        self._dims = 3
        self._walker = GeodesicWalker()
        self._shown: tuple[Window, Floats] | None = None

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
        settings = replace(settings, most_voxels=MOST_VOXELS[self._dims])
        self._walker = GeodesicWalker(settings)
        self._walker.set_case(case)
        self._volume = case.volume
        self._shown = None

    @property
    def provenance(self) -> Provenance:
        """See `NetworkEngine.provenance`."""
        return Provenance(self.card.name, {}, self._networks.get(self._dims, (None, ""))[1])

    def prepare(
        self, prompts: Sequence[Prompt], previous: Prediction | None, progress: Progress
    ) -> Prepared:
        """See `NetworkEngine.prepare`."""
        if self._volume is None:
            raise ValueError("prompted U-Net: got no case. Call set_case(case) before respond.")
        look = self._walker.look(prompts, progress.part(0.0, 0.5))
        window, seeds = look.window, look.seeds
        labels = (0, *seeds.segments)
        k, j, i = window.gray.shape
        places, channels = window.places(seeds.voxels), np.searchsorted(labels, seeds.labels)
        grid = seed_channels((k, j, i), places, channels)
        return Prepared(
            self._inputs(look, grid, previous),
            window.gray,
            grid,
            look.evidence.allowed,
            window.spacing,
            window.region,
            window.step,
            labels,
            seeds,
            self._volume.geometry,
        )

    def scores(self, network: nn.Module, prepared: Prepared) -> Tensor:
        """See `NetworkEngine.scores`; objects are asked for one by one and compared."""
        import torch

        from ImperfectSegLogic.networks.prompted import first_logit

        inputs = prepared.inputs.to(next(network.parameters()).device)
        share = SHARE[inputs.ndim - 2]
        logits = share * network(inputs)[:, 0] + (1 - share) * first_logit(inputs[:, ANSWER])
        if logits.ndim == 3:
            logits = logits[:, None]
        return torch.log_softmax(torch.cat([torch.zeros_like(logits[:1]), logits]), dim=0)

    def _inputs(self, look: Look, grid: NDArray[np.int64], previous: Prediction | None) -> Tensor:
        """Gives what the network sees of each segment, shape (segment, channel, *space)."""
        import torch

        image, seeds, shown = self._image(look), look.seeds, []
        for channel, label in enumerate(seeds.segments, start=1):
            allowed = look.evidence.allowed[channel] if label in seeds.boxes else None
            answer = look.answer[channel]
            more = label_channels(look.window, answer, grid, channel, allowed, previous, label)
            shown.append(np.concatenate([image, more]))
        inputs = torch.from_numpy(np.stack(shown))
        return inputs[:, :, 0] if self._dims == 2 else inputs

    def _image(self, look: Look) -> Floats:
        """Gives the channels that show the image; those of the last window are remembered."""
        assert self._volume is not None
        window = look.window
        if self._shown is None or self._shown[0] is not window:
            raw = self._volume.array[window.region.slices]
            self._shown = (window, image_channels(raw, window))
        return self._shown[1]
