"""A small engine whose network looks at gray values and prompts only, for tests of adaptation."""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage
from torch import nn

from ImperfectSegLogic.data import Provenance, Region
from ImperfectSegLogic.methods.card import MethodCard, Requires
from ImperfectSegLogic.methods.scarce.interactive.network_engine import (
    NetworkEngine,
    Prepared,
    seed_channels,
)
from ImperfectSegLogic.methods.scarce.interactive.rasterize import box_region
from ImperfectSegLogic.methods.scarce.interactive.seeds import read_prompts


class GrayNetwork(nn.Module):
    """Says that what is brighter than a threshold is the object; one voxel at a time."""

    def __init__(self, threshold: float) -> None:
        super().__init__()
        self.first = nn.Conv3d(3, 4, 1)
        self.last = nn.Conv3d(4, 1, 1)
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            self.first.weight.normal_(0, 0.05, generator=generator)
            self.last.weight.normal_(0, 0.05, generator=generator)
            self.first.weight[0, :, 0, 0, 0] = torch.tensor([3.0, 0.5, -0.5])
            self.first.bias.zero_()
            self.first.bias[0] = -3.0 * threshold
            self.last.weight[0, 0] = 6.0
            self.last.bias.zero_()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(torch.tanh(self.first(x)))


class GrayEngine(NetworkEngine):
    """Looks at the whole image at full resolution; any number of labels, one after the other."""

    card = MethodCard(
        name="gray-engine",
        paper=(),
        table_row="Interactive segmentation",
        accepts=("Click", "Scribble", "Box"),
        requires=Requires.NOTHING,
        dims=(2, 3),
        claims="For tests.",
    )

    def __init__(self, threshold: float = 0.7) -> None:
        self.network = GrayNetwork(threshold).eval()
        self.case = None

    @property
    def provenance(self) -> Provenance:
        return Provenance(self.card.name, {"made": "by hand"}, "abc")

    def set_case(self, case):
        case.volume.check_scalar()
        self.case = case

    def prepare(self, prompts, previous, progress):
        if self.case is None:
            raise ValueError("gray engine: got no case.")
        progress.report(0.0, "preparing")
        geometry = self.case.volume.geometry
        seeds = read_prompts(prompts, geometry, self.card.accepts)
        labels = (0, *seeds.segments)
        low, high = np.percentile(self.case.volume.array, (1, 99))
        gray = ((self.case.volume.array - low) / (high - low)).astype(np.float32)
        grid = seed_channels(geometry.shape, seeds.voxels, np.searchsorted(labels, seeds.labels))
        allowed = np.ones((len(labels), *geometry.shape), dtype=bool)
        for label, boxes in seeds.boxes.items():
            inside = np.zeros(geometry.shape, dtype=bool)
            for box in boxes:
                inside[box_region(box, geometry).slices] = True
            allowed[labels.index(label)] = inside
        shown = [
            np.stack([gray, _blobs(grid == channel), _blobs((grid >= 0) & (grid != channel))])
            for channel in range(1, len(labels))
        ]
        return Prepared(
            torch.from_numpy(np.stack(shown)),
            gray,
            grid,
            allowed,
            geometry.spacing,
            Region((0, 0, 0), geometry.shape),
            (1, 1, 1),
            labels,
            seeds,
            geometry,
        )

    def scores(self, network, prepared):
        logits = network(prepared.inputs)[:, 0]
        return torch.cat([torch.zeros_like(logits[:1]), logits])


def _blobs(mask):
    away = ndimage.distance_transform_edt(~mask) if mask.any() else np.full(mask.shape, 99.0)
    return np.exp(-(away**2) / 8).astype(np.float32)
