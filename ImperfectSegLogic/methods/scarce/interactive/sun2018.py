"""Sun 2018: one click in the middle, patches along rays, a recurrent network that reads both ways.

Like a physician who follows the image from what is surely inside to what is surely outside, the
network sees a sequence of patches along a ray from the click, reads it outwards and inwards, and
tells for each pixel of each patch whether it is inside (sun2018interactive).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ImperfectSegLogic.methods.base import LossTerms, Term, TrainingMethod
from ImperfectSegLogic.methods.card import MethodCard, Requires
from ImperfectSegLogic.methods.settings import setting

if TYPE_CHECKING:  # 3D Slicer has no torch of its own.
    from torch import nn

    from ImperfectSegLogic.data.sample import Batch
    from ImperfectSegLogic.methods.scarce.interactive.ray_patches import RayGrid
    from ImperfectSegLogic.training.plan import TrainingPlan
    from ImperfectSegLogic.training.players import Players
    from ImperfectSegLogic.training.prepared import PreparedCase

CLAIMS = (
    "Segments a structure with fuzzy borders from one click in its middle, by comparing patches"
    " inside and outside; cannot learn from later clicks."
)


@dataclass(frozen=True)
class Settings:
    """The network, where it looks, and how it is trained; lengths in pixels of prepared slices.

    Attributes:
        rays: In a full turn, at least; more where patches would leave gaps at the ends of rays.
        size: Rows and columns of a patch; the next one on a ray is a quarter of it farther.
        reach: How far from the click an object may go; at most half of the training patch.
        features: Of the network's three levels.
        jitter: How far clicks in training are from the deepest pixel, as part of its depth.
        taught: Rays of each sample that a training step looks at.
        dice: Weight of the Dice loss beside cross-entropy.
    """

    rays: int = setting(16, "rays in a full turn, at least", 4, 256)
    size: int = setting(16, "rows and columns of a patch", choices=(8, 16, 32, 64))
    reach: int = setting(40, "pixels from the click that an object may go", 8, 1024)
    features: tuple[float, ...] = setting((8, 16, 32), "features of the three levels", 1, 1024)
    jitter: float = setting(0.5, "how far from the middle clicks are, part of the depth", 0.0, 1.0)
    taught: int = setting(8, "rays of a sample that a step looks at", 1, 256)
    dice: float = setting(1.0, "weight of the Dice loss", 0.0, 100.0)


class CenterClick(TrainingMethod):
    """Trains the recurrent network of Sun 2018 on slices (sun2018interactive; survey 4.3.2).

    Each sample teaches one object: its label is drawn among those that are there, the click near
    its deepest pixel, and the rays among all directions. The network learns inside and outside,
    not which label it is.

    Differs from the paper: patches turn with their ray, so that "outwards" is the same direction
    in all of them; they have 16 pixels instead of 32, the network fewer features, which are
    normalized, and there is the Dice loss beside cross-entropy, so that a CPU can train it; the
    multi-level framework and the level set that smooths the mask in the authors' code are left
    out, and the engine's snap to edges takes their place.
    """

    card = MethodCard(
        name="sun2018",
        paper=("sun2018interactive",),
        table_row="Interactive segmentation",
        accepts=("DenseMask", "NoisyMask", "SparseMask"),
        requires=Requires.NOTHING,
        dims=(2,),
        claims=CLAIMS,
    )
    settings_type = Settings
    supervises = True
    engine = "sun2018"

    def __init__(self, settings: Settings | None = None) -> None:
        """Takes the settings.

        Raises:
            ValueError: If a value is not within its limits, or there are not three features.
        """
        super().__init__(settings)
        if len(self.settings.features) != 3:
            raise ValueError(
                f"{self.card.name}, features: got {self.settings.features}, allowed are three"
                " numbers, one per level from the finest."
            )

    def segmenter(self, plan: TrainingPlan) -> nn.Module:
        """Makes the recurrent network; the plan's own network is not used."""
        from ImperfectSegLogic.networks.bidirectional_recurrent import BidirectionalUNet

        return BidirectionalUNet(plan.channels, [int(n) for n in self.settings.features])

    def grid(self, plan: TrainingPlan) -> RayGrid:
        """Gives where patches lie around a click."""
        from ImperfectSegLogic.methods.scarce.interactive.ray_patches import RayGrid

        known = self.settings
        return RayGrid.of(plan.patch, known.rays, known.size, known.reach)

    def loss(self, players: Players, batch: Batch) -> LossTerms:
        """Gives cross-entropy and Dice over the labeled pixels of patches along some rays."""
        import torch

        from ImperfectSegLogic.data.annotations import UNLABELED
        from ImperfectSegLogic.losses.partial_cross_entropy import partial_cross_entropy
        from ImperfectSegLogic.methods.scarce.interactive.center_lessons import drawn_lesson
        from ImperfectSegLogic.methods.scarce.interactive.prompted_training import binary_dice_loss
        from ImperfectSegLogic.methods.scarce.interactive.ray_patches import sampled

        lesson = drawn_lesson(batch, self.settings.jitter)
        if lesson is None:
            return ()
        grid = self.grid(players.plan)
        count, device = len(lesson.samples), batch.image.device
        order = torch.rand(count, grid.rays).argsort(dim=1)[:, : self.settings.taught]
        angles = grid.turns(2 * torch.pi * torch.rand(count), order).to(device)
        positions = lesson.centers[:, None, None, None, None] + grid.offsets(angles)
        patches = sampled(batch.image[lesson.samples.to(device)], positions)
        # Outside the sample nothing is labeled: 0, which `sampled` gives there, is `UNLABELED`.
        labels = (lesson.inside[:, None] - UNLABELED).float()
        truth = sampled(labels, positions, nearest=True)[:, 0].long() + UNLABELED
        logits = players.segmenter(patches)
        log = torch.log_softmax(logits.float(), dim=1)
        terms: LossTerms = (Term("cross_entropy", partial_cross_entropy(log, truth)),)
        if self.settings.dice:
            terms += (Term("dice", binary_dice_loss(logits, truth), self.settings.dice),)
        return terms

    def validate(self, players: Players, cases: Sequence[PreparedCase]) -> dict[str, float]:
        """Gives the Dice after one click in the middle of each object of some slices."""
        from ImperfectSegLogic.methods.scarce.interactive.center_lessons import dice_of_cases

        network = players.segmenter
        was_training = network.training
        scores = dice_of_cases(network.eval(), self.grid(players.plan), cases, players.plan.labels)
        network.train(was_training)
        return scores
