"""nnInteractive as an engine, through its own package and with weights that the user has.

The package (Apache 2.0) is installed by `pip install nninteractive`. Its weights are for
non-commercial use only (CC BY-NC-SA 4.0): they are neither shipped nor downloaded; who has them
gives their folder. It wants a GPU with 6 to 10 GB of memory; on a CPU a click takes long.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.data import (
    Case,
    Geometry,
    Prediction,
    Prompt,
    Provenance,
    Region,
    Volume,
)
from ImperfectSegLogic.methods.base import InteractiveSegmenter
from ImperfectSegLogic.methods.card import MethodCard, Requires
from ImperfectSegLogic.methods.progress import Progress
from ImperfectSegLogic.methods.scarce.interactive.box_limits import allowed_by_boxes
from ImperfectSegLogic.methods.scarce.interactive.network_engine import (
    Prepared,
    finished,
    seed_channels,
)
from ImperfectSegLogic.methods.scarce.interactive.rasterize import box_region
from ImperfectSegLogic.methods.scarce.interactive.seeds import Seeds, read_prompts
from ImperfectSegLogic.methods.scarce.interactive.settings import Settings
from ImperfectSegLogic.methods.scarce.interactive.window import Windows

if TYPE_CHECKING:  # 3D Slicer has no torch of its own.
    from ImperfectSegLogic.methods.scarce.interactive.nninteractive_session import (
        Interaction,
        Session,
    )

SURE = 0.9
"""Probability of what the network answers; it gives masks only."""
MARGIN = (4, 4, 4)
"""Voxels around masks and prompts that the answer is about."""


class NNInteractive(InteractiveSegmenter):
    """nnInteractive's network; prompts are told in their order (isensee2025nninteractive).

    Segments are asked for one after the other; prompts of one are negative for the others. What was
    told before is remembered, so that a further click costs one pass of the network per segment.
    """

    card = MethodCard(
        name="nninteractive",
        paper=("isensee2025nninteractive",),
        table_row="Interactive segmentation",
        accepts=("Click", "Scribble", "Box", "Lasso"),
        requires=Requires.NOTHING,
        dims=(3,),
        claims="Segments volumes from few prompts with a network that was trained on 120 data sets;"
        " whose weights are for non-commercial use only; wants a GPU.",
    )
    needs_model: ClassVar[str] = (
        "the folder of nnInteractive's weights (non-commercial license, CC BY-NC-SA 4.0), such as"
        " nnInteractive_v1.0"
    )
    uses_order = True

    def __init__(self, model: str | os.PathLike[str], device: str = "auto") -> None:
        """Reads the network.

        Raises:
            FileNotFoundError: If the folder holds no trained network.
            ValueError: If it cannot be read, or holds more than weights.
        """
        from ImperfectSegLogic.methods.scarce.interactive.nninteractive_session import Session
        from ImperfectSegLogic.training.devices import choose_device

        self._folder = Path(model)
        self._session: Session = Session(self._folder, choose_device(device))
        self._volume: Volume | None = None
        self._windows: Windows | None = None
        self._answers: dict[tuple[Interaction, ...], NDArray[np.bool_]] = {}

    @classmethod
    def missing(cls) -> str:
        """See `InteractiveSegmenter.missing`."""
        if importlib.util.find_spec("nnInteractive") and importlib.util.find_spec("torch"):
            return ""
        return (
            "nnInteractive is not installed. Install it with: pip install nninteractive. Its"
            " weights are to be had from its authors, for non-commercial use only"
        )

    def set_case(self, case: Case) -> None:
        """See `InteractiveSegmenter.set_case`."""
        self._volume = None
        case.volume.check_scalar()
        if case.volume.is_2d:
            raise ValueError(
                f"{case.volume.name}: got one slice, a 2-D image; nnInteractive takes volumes only."
                " Choose another engine."
            )
        self._session.set_image(case.volume.array)
        self._answers = {}
        self._windows = Windows(case.volume, Settings())
        self._volume = case.volume

    def respond(
        self,
        prompts: Sequence[Prompt],
        previous: Prediction | None = None,
        progress: Progress | None = None,
    ) -> Prediction:
        """See `InteractiveSegmenter.respond`."""
        if self._volume is None:
            raise ValueError("nnInteractive: got no case. Call set_case(case) before respond.")
        progress = progress or Progress()
        progress.report(0.0, "reading prompts")
        seeds = read_prompts(prompts, self._volume.geometry, self.card.accepts)
        masks, notes = self._masks(prompts, seeds, progress.part(0.0, 0.8))
        prepared, prior = self._prepared(seeds, masks, progress)
        progress.report(0.85, "snapping to the prompts")
        source = Provenance(self.card.name, {"model": self._folder.name})
        return finished(prepared, prior, progress, source, notes)

    def _masks(
        self, prompts: Sequence[Prompt], seeds: Seeds, progress: Progress
    ) -> tuple[list[NDArray[np.bool_]], list[str]]:
        """Gives the mask of every segment; on the CPU where the GPU's memory runs out."""
        import torch

        from ImperfectSegLogic.methods.scarce.interactive.nninteractive_session import Session
        from ImperfectSegLogic.training.devices import is_out_of_memory

        notes: list[str] = []
        while True:
            try:
                return self._asked(prompts, seeds, progress), notes
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                if self._session.device.type == "cpu":
                    raise ValueError(
                        "memory ran out on the CPU. Close other programs, or crop the image."
                    ) from error
            assert self._volume is not None
            notes.append("memory ran out on the GPU: nnInteractive goes on on the CPU")
            self._session = Session(self._folder, torch.device("cpu"))
            self._session.set_image(self._volume.array)

    def _asked(
        self, prompts: Sequence[Prompt], seeds: Seeds, progress: Progress
    ) -> list[NDArray[np.bool_]]:
        from ImperfectSegLogic.methods.scarce.interactive.nninteractive_session import (
            interactions_of,
        )

        assert self._volume is not None
        session, geometry = self._session, self._volume.geometry
        wanted = [
            interactions_of(prompts, label, geometry, session.takes_boxes_3d)
            for label in seeds.segments
        ]
        for number, told in enumerate(wanted):
            if told in self._answers:
                continue
            first = session.begin(told)
            for count in range(first, len(told)):
                share = (number + count / len(told)) / len(wanted)
                progress.report(share, "asking nnInteractive")
                session.tell(told[count])
            self._answers[told] = session.mask
        masks = [self._answers[told] for told in wanted]
        self._answers = dict(zip(wanted, masks, strict=True))
        return masks

    def _prepared(
        self, seeds: Seeds, masks: list[NDArray[np.bool_]], progress: Progress
    ) -> tuple[Prepared, NDArray[np.float32]]:
        """Gives the working grid around masks and prompts, and what the masks say there."""
        import torch

        from ImperfectSegLogic.methods.scarce.interactive.resolution import averaged

        assert self._volume is not None
        assert self._windows is not None
        geometry = self._volume.geometry
        region = _around(seeds, masks, geometry).grown(MARGIN, geometry.shape)
        window = self._windows.at(region, region, lambda f: progress.report(0.8 + 0.05 * f, ""))
        k, j, i = window.gray.shape
        labels = (0, *seeds.segments)
        inside = [averaged(mask[region.slices], window.step, lambda _: None) for mask in masks]
        odds = [share * SURE + (1 - share) * (1 - SURE) for share in inside]
        prior = np.stack([np.prod([1 - one for one in odds], axis=0), *odds]).astype(np.float32)
        allowed = allowed_by_boxes(seeds, geometry, region.start, (k, j, i), window.step)
        prior = np.where(allowed, prior, np.float32(0))
        places, channels = window.places(seeds.voxels), np.searchsorted(labels, seeds.labels)
        prepared = Prepared(
            inputs=torch.empty(0),
            gray=window.gray,
            seeds=seed_channels((k, j, i), places, channels),
            allowed=allowed,
            spacing=window.spacing,
            region=region,
            step=window.step,
            labels=labels,
            voxels=seeds,
            geometry=geometry,
        )
        return prepared, prior / prior.sum(axis=0)


def _around(seeds: Seeds, masks: list[NDArray[np.bool_]], geometry: Geometry) -> Region:
    """Gives the smallest region that holds all masks and prompts."""
    found = [Region.around(np.argwhere(mask)) for mask in masks if mask.any()]
    if len(seeds.voxels):
        found.append(Region.around(seeds.voxels))
    for boxes in seeds.boxes.values():
        found += [inside for box in boxes if (inside := box_region(box, geometry))]
    region = found[0]
    for other in found[1:]:
        region = region.united(other)
    return region
