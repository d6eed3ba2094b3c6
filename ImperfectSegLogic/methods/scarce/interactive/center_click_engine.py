"""The engine of Sun 2018: each segment grows from one click in its middle, slice by slice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.data import Case, Geometry, Prediction, Prompt, Provenance, Region
from ImperfectSegLogic.methods.card import MethodCard, Requires
from ImperfectSegLogic.methods.packages import packages_missing
from ImperfectSegLogic.methods.progress import Progress
from ImperfectSegLogic.methods.scarce.interactive.asked import slices_apart
from ImperfectSegLogic.methods.scarce.interactive.center_clicks import (
    Center,
    centers_of,
    later_prompts,
)
from ImperfectSegLogic.methods.scarce.interactive.clicked_objects import leave_what_is_pointed_at
from ImperfectSegLogic.methods.scarce.interactive.geodesic import Floats
from ImperfectSegLogic.methods.scarce.interactive.network_engine import (
    NetworkEngine,
    Prepared,
    seed_channels,
)
from ImperfectSegLogic.methods.scarce.interactive.prior_hints import gray_of, meant
from ImperfectSegLogic.methods.scarce.interactive.prompted_model import read_prompted_model
from ImperfectSegLogic.methods.scarce.interactive.seeds import read_prompts
from ImperfectSegLogic.methods.scarce.interactive.settings import Settings
from ImperfectSegLogic.methods.scarce.interactive.slice_frame import Line, SliceFrame
from ImperfectSegLogic.methods.scarce.interactive.sun2018 import CLAIMS, CenterClick
from ImperfectSegLogic.methods.scarce.interactive.window import Window, Windows

if TYPE_CHECKING:  # 3D Slicer has no torch of its own.
    from torch import Tensor, nn

MOST_VOXELS = 200_000
"""Answers in larger regions are snapped to edges at lower resolution."""
LEAST = 1e-4
"""Probability of a segment where no patch is."""


@dataclass(frozen=True, eq=False)
class Clicked(Prepared):
    """What the network is asked.

    Attributes:
        window: The image on the working grid.
        frame: Where voxels are on prepared slices.
        centers: Where rays start, one for each segment and slice; `inputs` holds the patches of
            one after the other.
        lines: Slices, rows and columns that the working grid is on, see `SliceFrame.lines`.
        later: How many prompts the network does not see.
    """

    window: Window
    frame: SliceFrame
    centers: tuple[Center, ...]
    lines: tuple[Line, Line, Line]
    later: int


class Sun2018(NetworkEngine):
    """Segments what is around the first click of each segment; later prompts only hold themselves.

    In a volume it segments the slices that are clicked, each from its own first click.
    """

    card = MethodCard(
        name="sun2018",
        paper=("sun2018interactive",),
        table_row="Interactive segmentation",
        accepts=("Click", "Scribble"),
        requires=Requires.NOTHING,
        dims=(2, 3),
        claims=CLAIMS,
    )
    uses_order = True
    needs_model: ClassVar[str] = "a model.safetensors of `imperfectseg train --method sun2018`"

    def __init__(self, model: Path, device: str = "auto") -> None:
        """Reads the model.

        Args:
            model: A `model.safetensors`.
            device: `auto`, `cpu`, `cuda`, `cuda:1` or `mps`.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it is no model, damaged, or not trained with this method.
        """
        from ImperfectSegLogic.training.devices import choose_device
        from ImperfectSegLogic.training.plan import TrainingPlan

        self.model, method, self._provenance = read_prompted_model(
            model, self.card.name, self.needs_model
        )
        if self.model.preprocessing.dims != 2:
            raise ValueError(
                f"{model}: got a model for volumes, allowed is one for slices. Train it with"
                " --dims 2."
            )
        assert isinstance(method, CenterClick)
        self.grid = method.grid(TrainingPlan.of_json(self.model.card["plan"]))
        self.network = self.model.network.to(choose_device(device)).eval()
        self.multiple = 0  # Patches along a ray belong together.
        self._geometry: Geometry | None = None

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
        volume, self._geometry = case.volume, None
        if self.model.channels == 1:
            volume.check_scalar()
        self._image = self.model.preprocessing.prepare(volume)
        self._frame = SliceFrame(self.model.preprocessing, volume.geometry)
        settings = replace(Settings.for_one_slice(), most_voxels=MOST_VOXELS)
        self._windows = Windows(slices_apart(gray_of(volume), self._frame.axis), settings)
        self._geometry = volume.geometry

    def prepare(
        self, prompts: Sequence[Prompt], previous: Prediction | None, progress: Progress
    ) -> Clicked:
        """See `NetworkEngine.prepare`; an earlier answer changes nothing."""
        if self._geometry is None:
            raise ValueError(f"{self.card.name}: got no case. Call set_case(case) before respond.")
        geometry, frame = self._geometry, self._frame
        seeds = read_prompts(prompts, geometry, self.card.accepts)
        centers = centers_of(prompts, geometry, frame.axis)
        regions = [frame.region_around(one.voxel, self.grid.reach) for one in centers]
        region = Region.around(seeds.voxels)
        for one in regions:
            region = region.united(one)
        window = self._windows.at(region, regions[0], lambda f: progress.report(0.3 * f, "image"))
        labels = (0, *seeds.segments)
        k, j, i = window.gray.shape
        channels = np.searchsorted(labels, seeds.labels)
        return Clicked(
            self._patches(centers),
            window.gray,
            seed_channels((k, j, i), window.places(seeds.voxels), channels),
            np.ones((len(labels), k, j, i), dtype=bool),
            window.spacing,
            region,
            window.step,
            labels,
            seeds,
            geometry,
            window,
            frame,
            centers,
            frame.lines(region, window.step),
            later_prompts(prompts, centers),
        )

    def scores(self, network: nn.Module, prepared: Prepared) -> Tensor:
        """See `NetworkEngine.scores`; each segment is asked for by itself, and all are compared."""
        import torch

        from ImperfectSegLogic.methods.scarce.interactive.ray_patches import (
            put_together,
            spread_out,
        )

        assert isinstance(prepared, Clicked)
        device, frame = next(network.parameters()).device, prepared.frame
        inside = torch.softmax(network(prepared.inputs.to(device)).float(), dim=1)[:, 1]
        inside = inside.reshape(len(prepared.centers), self.grid.rays, *inside.shape[1:])
        canvases = put_together(inside, self._offsets().to(device), self.grid)
        slices, *lines = (torch.from_numpy(line).float().to(device) for line in prepared.lines)
        shape = (len(prepared.labels), *(len(line) for line in prepared.lines))
        chance = inside.new_zeros(shape)
        for center, canvas in zip(prepared.centers, canvases, strict=True):
            k, row, column = frame.position(center.voxel)
            said = spread_out(canvas, lines[0] - row, lines[1] - column)
            at = int((slices - k).abs().argmin())
            chance[prepared.labels.index(center.label), at] = said
        more = torch.logit(chance[1:].clamp(LEAST, 1 - LEAST))
        every = torch.log_softmax(torch.cat([torch.zeros_like(more[:1]), more]), dim=0)
        return frame.in_image_order(every)

    def finish(
        self,
        prepared: Prepared,
        probabilities: Floats,
        progress: Progress,
        notes: Sequence[str] = (),
    ) -> Prediction:
        """See `NetworkEngine.finish`; what does not touch a prompt of its segment goes, first."""
        assert isinstance(prepared, Clicked)
        prepared = meant(prepared, prepared.window, probabilities)
        kept = probabilities.copy()
        turned = prepared.frame.in_slice_order(kept)
        leave_what_is_pointed_at(turned, prepared.frame.in_slice_order(prepared.seeds))
        told = list(notes)
        if prepared.later:
            told.append(
                f"{self.card.name} learns from the first click in the middle of each segment and"
                f" slice only; later prompts ({prepared.later}) hold where they are, but its"
                " network does not see them. Move the first click, or correct with another engine"
            )
        if _goes_on(prepared, np.argmax(turned, axis=0), self.grid.reach):
            told.append(
                f"the object goes on beyond the {self.grid.reach:g} pixels around the click that"
                f" {self.card.name} looks at: train with a larger reach and patch"
            )
        return super().finish(prepared, kept, progress, told)

    def _patches(self, centers: Sequence[Center]) -> Tensor:
        """Gives the patches around centers, shape (center * ray, channel, patch, size, size)."""
        import torch

        from ImperfectSegLogic.methods.scarce.interactive.ray_patches import sampled

        places = np.array([self._frame.position(one.voxel) for one in centers])
        images = torch.from_numpy(self._image[:, places[:, 0].round().astype(int)]).transpose(0, 1)
        at = torch.from_numpy(places[:, 1:]).float()
        return sampled(images, at[:, None, None, None, None] + self._offsets())

    def _offsets(self) -> Tensor:
        import torch

        return self.grid.offsets(self.grid.turns(torch.zeros(1))[0])


def _goes_on(prepared: Clicked, said: NDArray[np.int64], reach: float) -> bool:
    """Tells whether a segment goes on where no patch around its center reaches.

    Args:
        prepared: With the centers.
        said: The channel of each place's label, shape (slice, row, column).
        reach: Pixels around a center that the network sees.
    """
    slices, rows, columns = prepared.lines
    for center in prepared.centers:
        at, row, column = prepared.frame.position(center.voxel)
        far = np.hypot(rows[:, np.newaxis] - row, columns - column) >= reach - 1
        there = said[np.abs(slices - at).argmin()][far]
        if (there == prepared.labels.index(center.label)).any():
            return True
    return False
