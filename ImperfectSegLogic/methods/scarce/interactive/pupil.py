"""A copy of a network in training on one image, and what it is taught (Wang 2018a)."""

from __future__ import annotations

import copy
import time
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ImperfectSegLogic.losses.partial_cross_entropy import partial_cross_entropy
from ImperfectSegLogic.methods.scarce.interactive.geodesic import Floats, Report
from ImperfectSegLogic.methods.scarce.interactive.graph_cut import cut_labels
from ImperfectSegLogic.methods.scarce.interactive.last_layers import freeze, let_last_layers_learn
from ImperfectSegLogic.methods.scarce.interactive.network_views import Mirrored, mirrors
from ImperfectSegLogic.methods.scarce.interactive.pseudo_labels import (
    Trust,
    seed_distances,
    trust_weights,
    without_islands,
)

if TYPE_CHECKING:
    from ImperfectSegLogic.methods.scarce.interactive.network_engine import NetworkEngine, Prepared
    from ImperfectSegLogic.methods.scarce.interactive.wang2018a import Settings

_SLACK = 1e-3
"""Cross-entropy that seeds may lose before a network counts as worse on them."""
_SLOW = 0.02
"""Part of the loss that a round must take away for the network to be still learning."""
_SMALLER = 0.3
"""What the learning rate is multiplied with after steps that were too large."""
_MOST_RETREATS = 4
_MOST_VIEWS = 4
"""Mirror images that are looked at, the straight one included."""
_ALIKE = 0.6
"""Overlap (Dice) of segments in a mirror image and in the straight one, to believe it."""


def seed_loss(engine: NetworkEngine, network: nn.Module, prepared: Prepared) -> float:
    """Gives the cross-entropy of a network on the prompted voxels; 0 if there are none."""
    with torch.no_grad():
        scores = engine.scores(network, prepared).float()
    return _seed_loss(torch.log_softmax(scores, dim=0).cpu().numpy(), prepared)


class Pupil:
    """A copy of a network in training, with what it is taught."""

    def __init__(
        self,
        engine: NetworkEngine,
        network: nn.Module,
        prepared: Prepared,
        settings: Settings,
        report: Report,
    ) -> None:
        self._engine, self._prepared, self._settings = engine, prepared, settings
        self.network = _frozen_copy(network)
        learning = let_last_layers_learn(
            self.network, settings.layers, lambda asked: engine.scores(asked, prepared)
        )
        if not learning:
            raise ValueError(
                f"adapting: the network of {engine.card.name} has no weights that can learn; it was"
                " frozen when it was saved. Save it without freezing, or use it as it is."
            )
        self._optimizer = torch.optim.Adam(learning, lr=settings.learning_rate)
        flat = prepared.gray.shape[0] == 1
        ways = mirrors(2 if flat else 3)[: _MOST_VIEWS if settings.mirrors else 1]
        self._views: list[nn.Module] = [Mirrored(self.network, way) for way in ways]
        self._steps = 0
        self._distances = seed_distances(
            prepared.seeds, len(prepared.labels), prepared.gray, prepared.spacing, report
        )
        self._probabilities = np.zeros(0, dtype=np.float32)
        self._lesson = (torch.zeros(0), torch.zeros(0))
        self._losses: list[float] = []
        self._most_loss = seed_loss(engine, network, prepared)
        self._good: list[Tensor] = []
        self._retreats = 0
        began = time.monotonic()
        if not self.look():
            raise ValueError(
                f"adapting: the network of {engine.card.name} answers numbers that are not finite."
                " Use another model or engine."
            )
        self.seconds_to_look = time.monotonic() - began

    def look(self) -> bool:
        """Takes the network's answer; tells whether it is finite and no worse on the seeds."""
        with torch.no_grad():
            log = self._log_probabilities(self._views[0]).cpu().numpy()
        if not np.isfinite(log).all() or _seed_loss(log, self._prepared) > self._most_loss + _SLACK:
            return False
        self._probabilities = self._allowed(self._seen_every_way(np.exp(log)))
        self._good = [one.detach().clone() for one in self.network.parameters()]
        return True

    def goes_back(self) -> bool:
        """Goes back to the last good weights, for smaller steps; false if it did so too often."""
        with torch.no_grad():
            for one, good in zip(self.network.parameters(), self._good, strict=True):
                one.copy_(good)
        self._optimizer.state.clear()
        for group in self._optimizer.param_groups:
            group["lr"] *= _SMALLER
        self._retreats += 1
        return self._retreats < _MOST_RETREATS

    def _log_probabilities(self, network: nn.Module) -> Tensor:
        return torch.log_softmax(self._engine.scores(network, self._prepared).float(), dim=0)

    def _seen_every_way(self, straight: Floats) -> Floats:
        """Gives the mean over mirror images; those that tell another story are left out for good.

        A network that knows left from right says nonsense about a mirrored patient.
        """
        seen, views = [straight], self._views[:1]
        for view in self._views[1:]:
            with torch.no_grad():
                mirrored = torch.exp(self._log_probabilities(view)).cpu().numpy()
            if np.isfinite(mirrored).all() and _agree(straight, mirrored):
                seen.append(mirrored)
                views.append(view)
        self._views = views
        return np.mean(seen, axis=0)

    def copied(self) -> nn.Module:
        """Gives a copy of the network as it is now, that learns no more."""
        return _frozen_copy(self.network)

    def cut(self, report: Report) -> NDArray[np.int64]:
        """Finds the labels and weights of the next steps; gives the labels."""
        settings, prepared = self._settings, self._prepared
        labels = cut_labels(
            self._probabilities,
            prepared.seeds,
            prepared.allowed,
            prepared.gray,
            prepared.spacing,
            settings.smoothness,
            settings.contrast,
            report,
        )
        if settings.drops_islands:
            labels = without_islands(labels, prepared.seeds)
        trust = Trust(settings.seed_weight, settings.near, settings.low, settings.high)
        weights = trust_weights(self._probabilities, prepared.seeds, self._distances, trust)
        self._lesson = (torch.from_numpy(labels)[None], torch.from_numpy(weights)[None])
        return labels

    def step(self) -> None:
        """Takes one step of the optimizer."""
        view = self._views[self._steps % len(self._views)]
        self._steps += 1
        log = self._log_probabilities(view)
        labels, weights = (part.to(log.device) for part in self._lesson)
        loss = partial_cross_entropy(log[None], labels, weights)
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        self._losses.append(float(loss.detach()))

    def has_learned(self) -> bool:
        """Whether the loss got less since this was asked last."""
        losses, self._losses = self._losses, []
        return bool(losses) and losses[-1] < (1 - _SLOW) * losses[0]

    def _allowed(self, probabilities: Floats) -> Floats:
        kept = np.where(self._prepared.allowed, probabilities, np.float32(0))
        total = kept.sum(axis=0)
        kept[0][total == 0] = total[total == 0] = 1
        return kept / total


def _frozen_copy(network: nn.Module) -> nn.Module:
    with torch.no_grad():  # With gradients, copies of compiled networks could not learn.
        made = copy.deepcopy(network)
    freeze(made)
    return made


def _seed_loss(log_probabilities: Floats, prepared: Prepared) -> float:
    at = np.nonzero(prepared.seeds >= 0)
    if not len(at[0]):
        return 0.0
    return -float(log_probabilities[(prepared.seeds[at], *at)].mean())


def _agree(straight: Floats, mirrored: Floats) -> bool:
    """Whether two answers have their segments at much the same places."""
    one, other = np.argmax(straight, axis=0), np.argmax(mirrored, axis=0)
    both = float(np.count_nonzero((one == other) & (one > 0)))
    return 2 * both >= _ALIKE * float(np.count_nonzero(one) + np.count_nonzero(other))
