"""One step of all players: terms, gradients, update; smaller pieces where memory runs out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ImperfectSegLogic.data.sample import Batch
from ImperfectSegLogic.methods.base import Term, TrainingMethod
from ImperfectSegLogic.training.devices import is_lost_device, is_out_of_memory
from ImperfectSegLogic.training.players import Players

Found = list[Tensor | None]
"""One gradient per weight of a player; None where a term does not reach."""
Gradients = dict[str, Found]
LARGEST_GRADIENT = 12.0
"""Gradients are shortened to this norm, as in nnU-Net."""


class DivergedError(ValueError):
    """A loss or gradient became NaN or infinite."""


class LostDeviceError(ValueError):
    """The GPU is gone, or does not answer any more."""


class Optimizing:
    """The optimizers of all players."""

    def __init__(
        self,
        players: Players,
        methods: Sequence[TrainingMethod],
        device: torch.device,
        note: Callable[[str], None],
    ) -> None:
        """Takes players and methods; `note` is told what had to be changed to go on."""
        self._players, self._methods, self._note = players, methods, note
        self.device = device
        plan = players.plan
        self._optimizers = {
            name: torch.optim.AdamW(
                network.parameters(), lr=plan.learning_rate, weight_decay=plan.weight_decay
            )
            for name, network in players.networks.items()
        }
        on_gpu = device.type == "cuda" and plan.mixed_precision
        bfloat = on_gpu and torch.cuda.is_bf16_supported()
        self._half = torch.bfloat16 if bfloat else torch.float16 if on_gpu else None
        self._scaler = torch.amp.GradScaler(device.type, enabled=on_gpu and not bfloat)
        self._parts = 1
        self._move(device)

    def step(self, batch: Batch, learning_rate: float) -> dict[str, float]:
        """Makes one step and gives the value of each term.

        Where memory runs out, the batch is worked on in parts, then on the CPU; the gradients are
        those of the whole batch, but for terms that look at several samples at once.

        Raises:
            DivergedError: If a term or gradient is not finite; no weight was changed.
            LostDeviceError: If the GPU does not answer; no weight was changed.
        """
        while True:
            try:
                values, gradients = self._gradients(batch)
                break
            except (RuntimeError, MemoryError) as error:
                if is_out_of_memory(error):
                    self._shrink(len(batch), error)
                elif is_lost_device(error):
                    raise LostDeviceError(
                        f"device {self.device}: does not answer any more ({_first_line(error)})."
                        " Resume the run from its last checkpoint; with --device cpu if need be."
                    ) from error
                else:
                    raise
            finally:
                self._players.forget()
        self._update(gradients, learning_rate, batch)
        return values

    def state(self) -> dict[str, Any]:
        """Gives all that goes into a checkpoint."""
        return {
            "networks": {n: net.state_dict() for n, net in self._players.networks.items()},
            "optimizers": {n: o.state_dict() for n, o in self._optimizers.items()},
            "scaler": self._scaler.state_dict(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Takes what `state` gave.

        Raises:
            ValueError: If it is of other networks.
        """
        try:
            for name, network in self._players.networks.items():
                network.load_state_dict(state["networks"][name])
                self._optimizers[name].load_state_dict(state["optimizers"][name])
        except (KeyError, RuntimeError) as error:
            raise ValueError(
                f"checkpoint: got weights of another network ({_first_line(error)}). Resume with"
                " the network of run.json, or choose another name."
            ) from error
        if self._scaler.is_enabled():
            self._scaler.load_state_dict(state["scaler"])

    def _gradients(self, batch: Batch) -> tuple[dict[str, float], Gradients]:
        values: dict[str, float] = defaultdict(float)
        gradients: Gradients = {}
        size = -(-len(batch) // self._parts)
        for start in range(0, len(batch), size):
            part = batch.part(start, min(start + size, len(batch))).to(self.device)
            share = len(part) / len(batch)
            terms = self._terms(part)
            self._check(terms, batch)
            for term in terms:
                values[term.name] += share * float(term.value.detach())
            for name, found in self._of_players(terms, share).items():
                gradients[name] = _summed(gradients.get(name), found)
            self._players.forget()
        return dict(values), gradients

    def _terms(self, part: Batch) -> list[Term]:
        with torch.autocast(
            self.device.type, dtype=self._half or torch.bfloat16, enabled=self._half is not None
        ):
            return [t for m in self._methods for t in m.loss(self._players, part)]

    def _of_players(self, terms: list[Term], share: float) -> Gradients:
        totals: dict[str, Tensor] = {}
        for term in terms:
            added = term.weight * term.value
            totals[term.player] = totals[term.player] + added if term.player in totals else added
        found: Gradients = {}
        for place, (name, total) in enumerate(totals.items(), start=1):
            if not total.requires_grad:
                continue
            # Each player's own gradient: nobody else's weights move by its terms.
            weights = list(self._players.networks[name].parameters())
            scaled = self._scaler.scale(total * share)
            keep = place < len(totals)
            grads = torch.autograd.grad(scaled, weights, retain_graph=keep, allow_unused=True)
            found[name] = list(grads)
        return found

    def _check(self, terms: list[Term], batch: Batch) -> None:
        if not terms:
            return
        finite = torch.stack([t.value.detach().float().isfinite().all() for t in terms])
        if not bool(finite.all()):
            bad = [t.name for t, good in zip(terms, finite.tolist(), strict=True) if not good]
            raise DivergedError(self._told(f"{', '.join(bad)} became NaN or infinite", batch))

    def _update(self, gradients: Gradients, rate: float, batch: Batch) -> None:
        for name, found in gradients.items():
            weights = list(self._players.networks[name].parameters())
            for weight, gradient in zip(weights, found, strict=True):
                weight.grad = gradient
            optimizer = self._optimizers[name]
            self._scaler.unscale_(optimizer)
            norm = nn.utils.clip_grad_norm_(weights, LARGEST_GRADIENT)
            if not self._scaler.is_enabled() and not bool(norm.isfinite()):
                optimizer.zero_grad()
                raise DivergedError(self._told(f"the gradient of {name} is not finite", batch))
            for group in optimizer.param_groups:
                group["lr"] = rate
            self._scaler.step(optimizer)
            optimizer.zero_grad()
        if gradients:
            self._scaler.update()

    def _told(self, what: str, batch: Batch) -> str:
        players = self._players
        return (
            f"step {players.step + 1} of round {players.round + 1}: {what}; cases"
            f" {', '.join(sorted(set(batch.cases)))}. The weights are as before this step and the"
            " last checkpoint is kept. Look at these cases with `imperfectseg dataset show`, or"
            " lower the learning rate."
        )

    def _shrink(self, size: int, error: BaseException) -> None:
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        if self._parts < size:
            self._parts = min(self._parts * 2, size)
            self._note(
                f"memory ran out on {self.device}: each batch is worked on in {self._parts} parts"
            )
        elif self.device.type != "cpu":
            self._note(f"memory ran out on {self.device} even for one sample: going on on the CPU")
            self._half, self._parts = None, 1
            self._scaler = torch.amp.GradScaler("cpu", enabled=False)
            self._move(torch.device("cpu"))
        else:
            raise ValueError(
                "memory ran out even for one sample. Choose a smaller patch with --patch, or a"
                " smaller network."
            ) from error

    def _move(self, device: torch.device) -> None:
        self.device = device
        for network in self._players.networks.values():
            network.to(device)
        for optimizer in self._optimizers.values():
            for state in optimizer.state.values():
                for key, value in state.items():
                    if isinstance(value, Tensor) and key != "step":
                        state[key] = value.to(device)


def _summed(known: Found | None, found: Found) -> Found:
    if known is None:
        return found
    both = zip(known, found, strict=True)
    return [b if a is None else a if b is None else a + b for a, b in both]


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
