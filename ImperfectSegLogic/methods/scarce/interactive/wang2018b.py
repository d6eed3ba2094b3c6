"""Wang 2018b, DeepIGeoS: a network proposes, another one refines by the user's corrections."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.methods.base import LossTerms, Term, TrainingMethod
from ImperfectSegLogic.methods.card import MethodCard, Requires
from ImperfectSegLogic.methods.scarce.interactive.asked import Asked
from ImperfectSegLogic.methods.scarce.interactive.click_simulation import (
    pixels_on_errors,
    torch_rng,
)
from ImperfectSegLogic.methods.scarce.interactive.corrections import (
    Places,
    refinement_input,
    with_clicks,
)
from ImperfectSegLogic.methods.scarce.interactive.geodesic import Floats
from ImperfectSegLogic.methods.scarce.interactive.pointed import Pointed
from ImperfectSegLogic.methods.scarce.interactive.seeds import Seeds
from ImperfectSegLogic.methods.scarce.interactive.trained_engine import TrainedEngine
from ImperfectSegLogic.methods.settings import setting

if TYPE_CHECKING:  # 3D Slicer has no torch of its own.
    from torch import Tensor, nn

    from ImperfectSegLogic.data.sample import Batch
    from ImperfectSegLogic.training.plan import TrainingPlan
    from ImperfectSegLogic.training.players import Players
    from ImperfectSegLogic.training.prepared import PreparedCase

NAME = "deepigeos-wang2018b"
PAPER = ("wang2018deepigeos",)
ROW = "Interactive segmentation"
MORE = 3
"""Channels besides the image: the proposed mask, corrections inside, corrections outside."""


@dataclass(frozen=True)
class Settings:
    """How corrections are simulated.

    Attributes:
        least_error: Errors with fewer voxels are not corrected.
        voxels_per_correction: One voxel is corrected per so many of an error's.
    """

    least_error: int = setting(30, "voxels of the smallest error that is corrected", 1, 100_000)
    voxels_per_correction: int = setting(100, "voxels of an error per correction", 1, 100_000)


class DeepIGeoSTraining(TrainingMethod):
    """Trains a network that proposes a segmentation, and one that refines it by corrections.

    wang2018deepigeos; survey 4.3.2. The proposal network sees the image. In each of its
    connected errors that is not too small, voxels are drawn as corrections; the refinement network
    sees the image, the proposed mask, and two maps of geodesic distance to the corrections inside
    and outside of the object (section 3.2). Both are trained by cross-entropy and Dice.

    Differs from the paper: both networks are the plan's, instead of P-Net and R-Net, which keep the
    resolution, and there is no CRF-Net: the random walker of the engine takes its place, with the
    user's voxels as hard constraints. Both are trained together. The maps are exp(-distance), with
    a small price for length. The proposal knows all labels of the data set; the refinement is for
    one object, drawn from the sample's labels.
    """

    card = MethodCard(
        name=NAME,
        paper=PAPER,
        table_row=ROW,
        accepts=("DenseMask", "NoisyMask", "SparseMask"),
        requires=Requires.NOTHING,
        dims=(2, 3),
        claims="Trains an automatic proposal and its refinement by a user's corrections; fewer"
        " corrections than traditional interactive methods for the same Dice.",
    )
    settings_type = Settings
    supervises = True
    engine = NAME

    def segmenter(self, plan: TrainingPlan) -> nn.Module:
        """Makes both networks in one module, each as the plan has it but for channels."""
        from ImperfectSegLogic.methods.scarce.interactive.proposal_refinement import (
            ProposalAndRefinement,
        )
        from ImperfectSegLogic.networks.build import build_network

        name, dims, settings = plan.network, plan.dims, dict(plan.network_settings)
        proposal = build_network(name, dims, plan.channels, len(plan.labels) + 1, settings)
        refinement = build_network(name, dims, plan.channels + MORE, 2, settings)
        return ProposalAndRefinement(proposal, refinement, plan.channels)

    def validate(self, players: Players, cases: Sequence[PreparedCase]) -> dict[str, float]:
        """Gives Dice after three simulated clicks on errors, from the proposal on."""
        import torch

        from ImperfectSegLogic.methods.scarce.interactive.prompted_training import (
            scores_after_clicks,
        )

        def answer(
            image: Tensor, target: Tensor, label: int, clicks: int, rng: np.random.Generator
        ) -> list[Tensor]:
            mask = players.segmenter(image).argmax(dim=1) == label
            none = np.zeros((0, target.ndim - 1), dtype=np.int64)
            places: Places = [(none, none) for _ in image]
            found, answers = mask, []
            for _ in range(clicks):
                places = with_clicks(places, found, target, rng)
                answers.append(players.segmenter(refinement_input(image, mask, places)))
                found = answers[-1][:, 1] > answers[-1][:, 0]
            assert torch.is_tensor(found)
            return answers

        return scores_after_clicks(players.segmenter, cases, players.plan, answer)

    def loss(self, players: Players, batch: Batch) -> LossTerms:
        """Gives the supervised terms of the proposal, and the refinement's where objects are."""
        import torch

        from ImperfectSegLogic.losses.partial_cross_entropy import partial_cross_entropy
        from ImperfectSegLogic.methods.scarce.interactive.prompted_training import (
            binary_dice_loss,
            draw_objects,
        )
        from ImperfectSegLogic.methods.supervised import Supervised

        terms = tuple(
            dataclasses.replace(term, name=f"proposal_{term.name}")
            for term in Supervised().loss(players, batch)
        )
        rng = torch_rng()
        objects = draw_objects(batch, rng)
        if not objects.samples:
            return terms
        said = players.logits(batch).detach().argmax(dim=1)[list(objects.samples)]
        labels = torch.tensor(objects.labels, device=said.device)
        mask = said == labels.view(-1, *[1] * (said.ndim - 1))
        places = [
            pixels_on_errors(
                found, truth, rng, self.settings.least_error, self.settings.voxels_per_correction
            )
            for found, truth in zip(mask.cpu().numpy(), objects.target.cpu().numpy(), strict=True)
        ]
        logits = players.segmenter(refinement_input(objects.image, mask, places))
        log = torch.log_softmax(logits.float(), dim=1)
        return (
            *terms,
            Term("refinement_cross_entropy", partial_cross_entropy(log, objects.target)),
            Term("refinement_dice", binary_dice_loss(logits, objects.target)),
        )


class DeepIGeoS(TrainedEngine):
    """Proposes by itself, and refines where prompts contradict the proposal, in 2-D and 3-D.

    See `trained_engine`. The proposal could be had without prompts, but the verb wants one: the
    first prompt says which segment is wanted and where, and as long as all prompts of a segment
    agree with the proposal, the proposal is the answer. A model with several labels proposes for
    the label that a prompt names; one with a single label for any. A box limits where its segment
    may be, and its middle counts as a correction where nothing is proposed.
    """

    card = MethodCard(
        name=NAME,
        paper=PAPER,
        table_row=ROW,
        accepts=("Click", "Scribble", "Box", "Lasso"),
        requires=Requires.NOTHING,
        dims=(2, 3),
        claims="Segments the structures that it was trained on by itself, and refines by prompts.",
    )
    needs_model = "a model that was trained with deepigeos-wang2018b"

    def check(self, seeds: Seeds) -> None:
        """See `TrainedEngine.check`."""
        known = self.model.labels
        unknown = [label for label in seeds.segments if label not in known]
        if unknown and len(known) > 1:
            told = ", ".join(f"{number} ({name})" for number, name in known.items())
            raise ValueError(
                f"prompts: got label {', '.join(map(str, unknown))}, which this model was not"
                f" trained for; allowed are {told}. Give the segment one of these numbers."
            )

    def inputs(self, image: Floats, pointed: Sequence[Pointed]) -> tuple[Tensor, NDArray[np.bool_]]:
        """See `TrainedEngine.inputs`."""
        import torch

        from ImperfectSegLogic.methods.scarce.interactive.network_running import answered

        shown = torch.from_numpy(image)[None]

        def ask(network: nn.Module) -> Tensor:
            proposed: Tensor = network(shown.to(next(network.parameters()).device))
            return proposed

        logits, notes = answered(ask, self.network, self.multiple)
        self.notes += notes
        said = logits[0].argmax(dim=0).cpu()
        masks, places, contradicted = [], Places(), []
        for one in pointed:
            mask = said == self._channel(one.label)
            axes = slice(3 - mask.ndim, 3)
            given, outside = one.inside[:, axes], one.outside[:, axes]
            inside = given if mask.any() else one.hints[:, axes]
            missed = not bool(mask[tuple(inside.T)].all()) if len(inside) else False
            wrong = bool(mask[tuple(outside.T)].any()) if len(outside) else False
            masks.append(mask)
            places.append((inside, outside))
            contradicted.append(missed or wrong)
        images = shown.expand(len(pointed), *shown.shape[1:])
        return refinement_input(images, torch.stack(masks), places), np.array(contradicted)

    def margins(self, network: nn.Module, asked: Asked) -> Tensor:
        """See `TrainedEngine.margins`; the proposal's, or the refinement's where contradicted."""
        import torch

        inputs = asked.inputs.to(next(network.parameters()).device)
        found = torch.empty(0)
        each = []
        for n, (segment, _) in enumerate(asked.parts):
            one = inputs[n : n + 1]
            if asked.contradicted[n]:
                logits = network(one)[0]
                found = logits[1] - logits[0]
            else:
                logits = network(one[:, : self.model.channels])[0]
                channel = self._channel(asked.labels[int(segment) + 1])
                others = [c for c in range(len(logits)) if c != channel]
                found = logits[channel] - torch.logsumexp(logits[others], dim=0)
            each.append(found)
        return torch.stack(each)

    def _channel(self, label: int) -> int:
        known = list(self.model.labels)
        return 1 + known.index(label) if label in known else 1
