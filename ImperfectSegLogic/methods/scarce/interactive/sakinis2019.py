"""Sakinis 2019: a U-Net that sees the image and the user's clicks, trained by simulated clicks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.methods.base import LossTerms, Term, TrainingMethod
from ImperfectSegLogic.methods.card import MethodCard, Requires
from ImperfectSegLogic.methods.scarce.interactive.asked import Asked
from ImperfectSegLogic.methods.scarce.interactive.click_maps import add_blob, blobs
from ImperfectSegLogic.methods.scarce.interactive.click_simulation import (
    clicks_on_errors,
    torch_rng,
)
from ImperfectSegLogic.methods.scarce.interactive.geodesic import Floats
from ImperfectSegLogic.methods.scarce.interactive.pointed import Pointed
from ImperfectSegLogic.methods.scarce.interactive.trained_engine import TrainedEngine
from ImperfectSegLogic.methods.settings import setting

if TYPE_CHECKING:  # 3D Slicer has no torch of its own.
    from torch import Tensor, nn

    from ImperfectSegLogic.data.sample import Batch
    from ImperfectSegLogic.training.plan import TrainingPlan
    from ImperfectSegLogic.training.players import Players
    from ImperfectSegLogic.training.prepared import PreparedCase

NAME = "sakinis2019"
PAPER = ("sakinis2019interactive",)
ROW = "Interactive segmentation"
MAPS = 2
"""Channels besides the image: clicks on the object, clicks on background."""


@dataclass(frozen=True)
class Settings:
    """How clicks are simulated and shown.

    Attributes:
        most_clicks: A step draws a number of clicks from 1 to this one.
        first_click: Share of the samples that begin with a click on the object; the others begin
            with the answer without clicks.
        sigma: Of the Gaussian blob around a click.
    """

    most_clicks: int = setting(6, "most simulated clicks in a step", 1, 50)
    first_click: float = setting(0.8, "share of samples that begin with a click", 0.0, 1.0)
    sigma: float = setting(3.0, "radius of the blob around a click, in voxels", 0.5, 50.0)


class SakinisTraining(TrainingMethod):
    """Trains the plan's network to segment what is clicked on.

    sakinis2019interactive; survey 4.3.2. The network sees the image, and as two more channels a
    Gaussian blob around each click on the object and on background. In a step it answers with the
    clicks so far, and the simulated user clicks into an error, the likelier the larger it is; the
    answer after the last click is trained by the Dice loss.

    Differs from the paper: the network is the plan's; it works in 3-D too; the number of clicks is
    drawn evenly; where a blob lies within an error, see `click_simulation`. Clicks look the same
    wherever voxels are not cubes, as blobs are round in voxels, not in mm.
    """

    card = MethodCard(
        name=NAME,
        paper=PAPER,
        table_row=ROW,
        accepts=("DenseMask", "NoisyMask", "SparseMask"),
        requires=Requires.NOTHING,
        dims=(2, 3),
        claims="Trains a network for clicks; one click beats the best automatic model for colon"
        " cancer (Dice 0.64 to 0.56).",
    )
    settings_type = Settings
    supervises = True
    engine = NAME

    def segmenter(self, plan: TrainingPlan) -> nn.Module:
        """Makes the plan's network with two more channels; logits of background and object."""
        from ImperfectSegLogic.networks.build import build_network

        channels, settings = plan.channels + MAPS, dict(plan.network_settings)
        return build_network(plan.network, plan.dims, channels, 2, settings)

    def validate(self, players: Players, cases: Sequence[PreparedCase]) -> dict[str, float]:
        """Gives Dice after three simulated clicks, the first one on the object."""
        from ImperfectSegLogic.methods.scarce.interactive.prompted_training import (
            scores_after_clicks,
        )

        def answer(
            image: Tensor, target: Tensor, label: int, clicks: int, rng: np.random.Generator
        ) -> list[Tensor]:
            inputs, answers = self._begun(image, target, 1.0, rng), []
            for number in range(clicks):
                answers.append(players.segmenter(inputs))
                if number < clicks - 1:
                    self._click(inputs, answers[-1], target, rng)
            return answers

        return scores_after_clicks(players.segmenter, cases, players.plan, answer)

    def loss(self, players: Players, batch: Batch) -> LossTerms:
        """Gives the Dice loss after simulated clicks; nothing if no sample has an object."""
        import torch

        from ImperfectSegLogic.methods.scarce.interactive.prompted_training import (
            binary_dice_loss,
            draw_objects,
        )

        rng = torch_rng()
        objects = draw_objects(batch, rng)
        if not objects.samples:
            return ()
        clicks = int(rng.integers(1, self.settings.most_clicks + 1))
        inputs = self._begun(objects.image, objects.target, self.settings.first_click, rng)
        with torch.no_grad():
            for _ in range(clicks - 1):
                self._click(inputs, players.segmenter(inputs), objects.target, rng)
        return (Term("dice", binary_dice_loss(players.segmenter(inputs), objects.target)),)

    def _begun(
        self, image: Tensor, target: Tensor, share: float, rng: np.random.Generator
    ) -> Tensor:
        """Gives the network's input with a click on the object in a share of the samples."""
        import torch

        maps = torch.zeros(
            (len(image), MAPS, *image.shape[2:]), device=image.device, dtype=image.dtype
        )
        inputs = torch.cat([image, maps], dim=1)
        nothing = inputs.new_zeros((len(image), 2, *image.shape[2:]))
        begins = rng.random(len(image)) < share
        return self._click(inputs, nothing, target, rng, begins)

    def _click(
        self,
        inputs: Tensor,
        logits: Tensor,
        target: Tensor,
        rng: np.random.Generator,
        which: NDArray[np.bool_] | None = None,
    ) -> Tensor:
        """Adds a click to each sample's maps, or to some of them; in place."""
        for n, click in enumerate(clicks_on_errors(logits, target, rng)):
            if click is not None and (which is None or which[n]):
                channel = -2 if click.positive else -1
                add_blob(inputs[n, channel], click.place, self.settings.sigma)
        return inputs


class Sakinis2019(TrainedEngine):
    """Answers clicks with a network that `sakinis2019` trained, for any number of segments.

    See `trained_engine`. A scribble or lasso is shown as a blob along its voxels; a box limits
    where its segment may be, and if nothing else says where that is, its middle counts as a click.
    """

    card = MethodCard(
        name=NAME,
        paper=PAPER,
        table_row=ROW,
        accepts=("Click", "Scribble", "Box", "Lasso"),
        requires=Requires.NOTHING,
        dims=(2, 3),
        claims="Segments what it was trained on, and other structures, from few clicks.",
    )
    needs_model = "a model that was trained with sakinis2019"

    def inputs(self, image: Floats, pointed: Sequence[Pointed]) -> tuple[Tensor, NDArray[np.bool_]]:
        """See `TrainedEngine.inputs`."""
        import torch

        space, sigma = image.shape[1:], self.method.settings.sigma
        made = []
        for one in pointed:
            places = (p[:, 3 - len(space) :] for p in (one.hints, one.outside))
            maps = [blobs(space, p, sigma) for p in places]
            made.append(np.concatenate([image, np.stack(maps)]))
        return torch.from_numpy(np.stack(made)), np.zeros(len(made), dtype=bool)

    def margins(self, network: nn.Module, asked: Asked) -> Tensor:
        """See `TrainedEngine.margins`."""
        device = next(network.parameters()).device
        logits = network(asked.inputs.to(device))
        return logits[:, 1] - logits[:, 0]
