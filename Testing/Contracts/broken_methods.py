"""Training methods with a planted fault each; the check named beside it must reject it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from ImperfectSegLogic.data.annotations import UNLABELED
from ImperfectSegLogic.methods.base import Term
from ImperfectSegLogic.methods.scarce.interactive.sakinis2019 import SakinisTraining
from ImperfectSegLogic.methods.settings import setting
from ImperfectSegLogic.methods.supervised import Supervised
from Testing.Contracts import training_checks as checks


class Silent(Supervised):
    """Cuts the gradient off."""

    def loss(self, players, batch):
        return tuple(
            dataclasses.replace(t, value=t.value.detach().requires_grad_())
            for t in super().loss(players, batch)
        )


class IdlePlayer(Supervised):
    """Brings a network that nothing trains."""

    def players(self, plan):
        return {"idle": nn.Linear(1, 1)}


class UnlabeledIsBackground(Supervised):
    """Takes unlabeled voxels for background."""

    def loss(self, players, batch):
        known = dataclasses.replace(batch, target=batch.target.clamp_min(0))
        players._answers[id(known)] = (known, players.logits(batch))
        return super().loss(players, known)


class PartialIsComplete(Supervised):
    """Does not care which labels were looked for."""

    def loss(self, players, batch):
        known = dataclasses.replace(batch, looked_for=torch.ones_like(batch.looked_for))
        players._answers[id(known)] = (known, players.logits(batch))
        return super().loss(players, known)


class DividesByNothing(Supervised):
    """The mean over no voxels is NaN."""

    def loss(self, players, batch):
        value = functional.cross_entropy(
            players.logits(batch), batch.target, ignore_index=UNLABELED
        )
        return (Term("cross_entropy", value),)


class ChangesTheImage(Supervised):
    """Normalizes the batch in place."""

    def loss(self, players, batch):
        batch.image.mul_(0.5)
        return super().loss(players, batch)


class MovesWeights(Supervised):
    """Takes the optimizer's work over."""

    def loss(self, players, batch):
        terms = super().loss(players, batch)
        with torch.no_grad():
            for weight in players.segmenter.parameters():
                weight.data.mul_(0.99)
        return terms


class OwnChance(Supervised):
    """Draws from a generator that no seed reaches."""

    generator = torch.Generator()

    def loss(self, players, batch):
        factor = 1 + torch.rand(1, generator=self.generator)
        terms = super().loss(players, batch)
        return (*terms, Term("chance", factor.squeeze() * players.logits(batch).pow(2).mean()))


class LearnsNothing(Supervised):
    """Makes everything background."""

    def loss(self, players, batch):
        return (Term("nothing", -players.logits(batch)[:, 0].mean()),)


class Forgets(Supervised):
    """Keeps a number that no checkpoint holds."""

    def __init__(self, settings=None):
        super().__init__(settings)
        self._seen = 0

    def loss(self, players, batch):
        self._seen += 1
        return tuple(
            dataclasses.replace(t, value=t.value * self._seen) for t in super().loss(players, batch)
        )


class NotInHalf(Supervised):
    """Overflows what half precision can hold."""

    def loss(self, players, batch):
        logits = players.logits(batch)
        large = torch.tensor(3e38, dtype=torch.float32).to(logits.dtype)
        value = logits.mean() + (0 if logits.dtype == torch.float32 else large * 2)
        return (Term("large", value),)


class PromptedUnlabeledIsBackground(SakinisTraining):
    """Takes unlabeled voxels for background of the object that is clicked on."""

    def loss(self, players, batch):
        known = dataclasses.replace(batch, target=batch.target.clamp_min(0))
        return super().loss(players, known)


class ClicksOfItsOwn(SakinisTraining):
    """Begins with clicks on objects that no seed reaches."""

    generator = np.random.default_rng()

    def _begun(self, image, target, share, rng):
        return super()._begun(image, target, share, self.generator)


class DeafToClicks(SakinisTraining):
    """Never shows the network where the user clicked, so that it cannot know which object."""

    def _click(self, inputs, logits, target, rng, which=None):
        return inputs


@dataclass(frozen=True)
class Loose:
    weight: float = setting(1.0, "takes anything")


class NoLimits(Supervised):
    """Has a setting without limits."""

    settings_type = Loose


BROKEN = (
    (checks.check_every_term_reaches_its_network, Silent),
    (checks.check_every_term_reaches_its_network, IdlePlayer),
    (checks.check_unlabeled_voxels_get_no_gradient, UnlabeledIsBackground),
    (checks.check_what_nobody_looked_for_is_not_background, PartialIsComplete),
    (checks.check_a_batch_without_labels_is_harmless, DividesByNothing),
    (checks.check_inputs_stay_as_they_are, ChangesTheImage),
    (checks.check_inputs_stay_as_they_are, MovesWeights),
    (checks.check_a_seed_fixes_the_result, OwnChance),
    (checks.check_it_learns_a_phantom, LearnsNothing),
    (checks.check_a_stored_state_goes_on_the_same, Forgets),
    (checks.check_it_works_in_half_precision, NotInHalf),
    (checks.check_settings_have_limits_and_texts, NoLimits),
    (checks.check_unlabeled_voxels_get_no_gradient, PromptedUnlabeledIsBackground),
    (checks.check_a_seed_fixes_the_result, ClicksOfItsOwn),
    (checks.check_it_learns_a_phantom, DeafToClicks),
)
