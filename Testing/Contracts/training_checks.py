"""What every training method must keep. Each check takes a method's class and says what broke.

A method that trains a network for prompts is asked through the engine that it names: it makes its
own network, and what it has learned shows in the engine's answers to clicks.
"""

from __future__ import annotations

import copy
import dataclasses
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from ImperfectSegLogic.data import Case, Volume
from ImperfectSegLogic.data.annotations import UNLABELED
from ImperfectSegLogic.data.sample import Batch
from ImperfectSegLogic.methods.catalog import interactive_segmenter
from ImperfectSegLogic.methods.scarce.interactive.robot_user import next_click
from ImperfectSegLogic.methods.settings import fields_of, make_settings
from ImperfectSegLogic.methods.supervised import Supervised
from ImperfectSegLogic.training.model_file import TrainedModel, save_model
from ImperfectSegLogic.training.optimizing import Optimizing
from ImperfectSegLogic.training.plan import TrainingPlan
from ImperfectSegLogic.training.players import Players
from ImperfectSegLogic.training.preprocessing import ChannelIntensity

LABELS = (1, 2)
SIZE = 16
CPU = torch.device("cpu")
MOST_STEPS = {2: 180, 3: 120}
STEPS_BETWEEN_LOOKS = 30
CLICKS = 3
"""After this many simulated clicks on an object a prompted network must have found it."""


class Small(nn.Module):
    """A network that sees 7 voxels across: enough for phantoms, and quick."""

    def __init__(self, dims: int) -> None:
        super().__init__()
        conv = nn.Conv2d if dims == 2 else nn.Conv3d
        self.layers = nn.Sequential(
            conv(1, 8, 5, padding=2), nn.ReLU(), conv(8, 8, 3, padding=1), nn.ReLU(), conv(8, 3, 1)
        )

    def forward(self, image):
        return self.layers(image)


class Confident(nn.Module):
    """Says the same of every image; where it is shown prompts, that it does not know."""

    def __init__(self, logits) -> None:
        super().__init__()
        self.logits = logits

    def forward(self, shown):
        if shown.shape[1] == 1 and shown.shape[2:] == self.logits.shape[2:]:
            return self.logits
        return shown.new_zeros(len(shown), 2, *shown.shape[2:])


class Pointwise(nn.Module):
    """What it says of a voxel depends on the gray value of that voxel alone."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, shown):
        return torch.cat([torch.zeros_like(shown[:, :1]), self.weight * shown[:, :1]], dim=1)


def plan_of(dims: int) -> TrainingPlan:
    return TrainingPlan(
        dims=dims,
        channels=1,
        labels=LABELS,
        spacing=(1.0, 1.0, 1.0),
        intensity=(ChannelIntensity("none", 0.0, 1.0, 0.0, 1.0),),
        label_voxels=(800, 100, 100),
        patch=(SIZE,) * dims,
        batch=2,
        network_settings={"features": (8, 16), "strides": (2,)},
        learning_rate=5e-3,
    )


def players_of(method, dims: int, seed: int = 0) -> Players:
    torch.manual_seed(seed)
    plan = plan_of(dims)
    segmenter = method.segmenter(plan) or Small(dims)
    networks = {"segmenter": segmenter, **method.players(plan)}
    return Players(networks, plan, predict=lambda volume: None, steps=100)


def batch_of(dims: int, kinds=("DenseMask", "SparseMask"), seed: int = 0) -> Batch:
    """Bright and dark boxes on gray; of sparse samples every third voxel is labeled."""
    generator = torch.Generator().manual_seed(seed)
    space = (SIZE,) * dims
    target = torch.zeros((len(kinds), *space), dtype=torch.int64)
    inner, corner = slice(4, 9), slice(10, 15)
    target[(slice(None), *[inner] * dims)] = 1
    target[(slice(None), *[corner] * dims)] = 2
    gray = torch.tensor([0.0, 1.5, -1.5])[target]
    image = (gray + 0.3 * torch.randn(gray.shape, generator=generator)).unsqueeze(1)
    for n, kind in enumerate(kinds):
        if kind == "":
            target[n] = UNLABELED
        elif kind not in ("DenseMask", "NoisyMask"):
            flat = target[n].view(-1)
            flat[torch.arange(len(flat)) % 3 != 0] = UNLABELED
    looked_for = torch.ones((len(kinds), 3), dtype=torch.bool)
    spacings, cases = ((1.0,) * dims,) * len(kinds), tuple(f"case{n}" for n in range(len(kinds)))
    return Batch(image, target, looked_for, tuple(kinds), spacings, cases)


def kinds_for(method_class) -> tuple[str, ...]:
    """Two kinds that the method accepts, and an unlabeled sample if it is to use those."""
    taken = [k for k in method_class.card.accepts if k in ("DenseMask", "SparseMask", "NoisyMask")]
    kinds = (*taken, *taken)[:2] or ("DenseMask", "DenseMask")
    return (*kinds, "") if method_class.card.requires.name == "UNLABELED" else kinds


# The checks --------------------------------------------------------------------------------------


def check_every_term_reaches_its_network(method_class):
    for dims in method_class.card.dims:
        method = method_class()
        players = players_of(method, dims)
        terms = method.loss(players, batch_of(dims, kinds_for(method_class)))
        assert terms, "the method says nothing about an annotated batch"
        for term in terms:
            assert term.player in players.networks, f"{term.name}: no player {term.player!r}"
            weights = list(players[term.player].parameters())
            assert term.value.requires_grad, f"{term.name} has no gradient"
            found = torch.autograd.grad(term.value, weights, retain_graph=True, allow_unused=True)
            moved = sum(float(g.abs().sum()) for g in found if g is not None)
            assert moved > 0, f"{term.name} does not reach {term.player}"
        trained = {term.player for term in terms}
        assert trained == set(players.networks), f"{set(players.networks) - trained}: not trained"


def check_unlabeled_voxels_get_no_gradient(method_class):
    if not method_class.supervises:
        return
    for dims in method_class.card.dims:
        method = method_class()
        players = players_of(method, dims)
        batch = batch_of(dims, ("SparseMask", "SparseMask"))
        gradients = _gradients_of_answers(method, players, batch)
        if any(one.shape[2:] != batch.target.shape[1:] for one in gradients):
            _check_by_gray_values(method, players, batch_of(dims, ("DenseMask", "DenseMask")))
            continue
        at = sum(one.abs().sum(dim=1) for one in gradients)
        assert float(at[batch.target != UNLABELED].sum()) > 0, "labeled voxels get no gradient"
        assert float(at[batch.target == UNLABELED].sum()) == 0, "unlabeled voxels get a gradient"


def check_what_nobody_looked_for_is_not_background(method_class):
    if not method_class.supervises:
        return
    for dims in method_class.card.dims:
        method = method_class()
        players = players_of(method, dims)
        batch = batch_of(dims, kinds_for(method_class)[:2])
        target = torch.where(batch.target == 2, 0, batch.target)
        looked_for = torch.tensor([[True, True, False]] * 2)
        batch = dataclasses.replace(batch, target=target, looked_for=looked_for)
        found = []
        for label in (2, 0):
            confident = torch.zeros((len(batch), 3, *target.shape[1:]))
            confident[:, label] = 12.0
            players.networks = {**players.networks, "segmenter": Confident(confident)}
            players.forget()
            torch.manual_seed(0)
            with torch.no_grad():
                found.append(sum(float(t.value) for t in method.loss(players, batch)))
        one, other = found
        assert abs(one - other) < 1e-3, "a label that nobody looked for is held for background"


def check_a_batch_without_labels_is_harmless(method_class):
    for dims in method_class.card.dims:
        method = method_class()
        players = players_of(method, dims)
        terms = method.loss(players, batch_of(dims, ("", "")))
        for term in terms:
            assert bool(torch.isfinite(term.value)), f"{term.name} is {float(term.value)}"
            if method_class.supervises:
                assert float(term.value.detach()) == 0, f"{term.name} supervises without labels"


def check_inputs_stay_as_they_are(method_class):
    for dims in method_class.card.dims:
        method = method_class()
        players = players_of(method, dims)
        batch = batch_of(dims, kinds_for(method_class))
        before = copy.deepcopy(batch)
        weights = copy.deepcopy([net.state_dict() for net in players.networks.values()])
        sum(t.value for t in method.loss(players, batch)).backward()
        for name in ("image", "target", "looked_for"):
            assert torch.equal(getattr(batch, name), getattr(before, name)), f"{name} was changed"
        after = [net.state_dict() for net in players.networks.values()]
        for old, new in zip(weights, after, strict=True):
            for name in old:
                assert torch.equal(old[name], new[name]), f"{name} was changed without an optimizer"


def check_a_seed_fixes_the_result(method_class):
    for dims in method_class.card.dims:
        one, other = (_trained(method_class, dims, steps=3)[0] for _ in range(2))
        assert _same(one, other), "the same seed gave other weights"


def check_it_learns_a_phantom(method_class):
    for dims in method_class.card.dims:
        method = method_class()
        players = players_of(method, dims)
        # As in a run: the supervised term is there unless the method takes its place.
        methods = [method] if method.supervises or method.engine else [Supervised(), method]
        optimizing = Optimizing(players, methods, CPU, print)
        batch = batch_of(dims, ("DenseMask", "DenseMask"), seed=99)
        first = last = _dice(method_class, players, batch)
        for start in range(0, MOST_STEPS[dims], STEPS_BETWEEN_LOOKS):
            some = range(start, start + STEPS_BETWEEN_LOOKS)
            values = _steps(players, optimizing, dims, some, method_class)
            assert all(value == value for value in values.values())
            last = _dice(method_class, players, batch)
            if last > max(0.85, first):
                break
        assert last > max(0.85, first), f"{dims}-D: Dice went from {first:.2f} to {last:.2f} only"


def check_a_stored_state_goes_on_the_same(method_class):
    dims = method_class.card.dims[0]
    method = method_class()
    players = players_of(method, dims)
    optimizing = Optimizing(players, [method], CPU, print)
    _steps(players, optimizing, dims, range(2), method_class)
    stored = copy.deepcopy(optimizing.state())
    _steps(players, optimizing, dims, range(2, 4), method_class)
    again = method_class()
    resumed = players_of(again, dims, seed=5)
    going_on = Optimizing(resumed, [again], CPU, print)
    going_on.restore(stored)
    resumed.step = 2
    _steps(resumed, going_on, dims, range(2, 4), method_class)
    assert _same(players, resumed), "a resumed training gave other weights"


def check_it_works_in_half_precision(method_class):
    for dims in method_class.card.dims:
        method = method_class()
        players = players_of(method, dims)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            terms = method.loss(players, batch_of(dims, kinds_for(method_class)))
        assert all(bool(torch.isfinite(t.value)) for t in terms), "not finite in half precision"


def check_settings_have_limits_and_texts(method_class):
    kind = method_class.settings_type
    assert dataclasses.is_dataclass(kind), "settings are no dataclass"
    assert kind.__dataclass_params__.frozen, "settings can be changed"
    for one in fields_of(kind):
        assert one.text, f"{one.name} says nothing about itself"
        bad = []
        if one.low is not None:
            bad.append(one.low - 1)
        if one.high is not None:
            bad.append(one.high + 1)
        if one.choices:
            bad.append("no such choice")
        free = one.kind in (bool, str)  # A text with no choices is a name.
        assert bad or free, f"{one.name} has no limits"
        for value in bad:
            with pytest.raises(ValueError, match=f"{method_class.card.name}, {one.name}: got"):
                method_class(make_settings(kind, {one.name: value}, method_class.card.name))


TRAINING_CHECKS = tuple(f for name, f in globals().items() if name.startswith("check_"))


# What they share ---------------------------------------------------------------------------------


def _gradients_of_answers(method, players, batch):
    """Gives the gradient of the loss in all that the segmenter answered."""
    answers = []
    hook = players.segmenter.register_forward_hook(lambda *told: answers.append(told[2]))
    value = sum(t.weight * t.value for t in method.loss(players, batch))
    hook.remove()
    asked = [one for one in answers if one.requires_grad]
    return torch.autograd.grad(value, asked)


def _check_by_gray_values(method, players, batch):
    """For methods that ask about other grids than that of the image, such as patches of it."""
    target, image = batch.target.clone(), batch.image.clone().requires_grad_()
    target[..., SIZE // 2 :] = UNLABELED
    batch = dataclasses.replace(batch, image=image, target=target)
    players.networks = {**players.networks, "segmenter": Pointwise()}
    value = sum(t.weight * t.value for t in method.loss(players, batch))
    at = torch.autograd.grad(value, image)[0].abs()
    assert float(at[..., : SIZE // 2].sum()) > 0, "labeled voxels get no gradient"
    # One voxel farther, as gray values between voxels are interpolated.
    assert float(at[..., SIZE // 2 + 1 :].sum()) == 0, "unlabeled voxels get a gradient"


def _steps(players, optimizing, dims, numbers, method_class):
    values = {}
    for number in numbers:
        torch.manual_seed(number)
        batch = batch_of(dims, kinds_for(method_class), seed=number)
        values = optimizing.step(batch, players.plan.learning_rate)
        players.step += 1
    return values


def _trained(method_class, dims, steps):
    method = method_class()
    players = players_of(method, dims)
    optimizing = Optimizing(players, [method], CPU, print)
    return players, _steps(players, optimizing, dims, range(steps), method_class)


def _same(one: Players, other: Players) -> bool:
    return all(
        torch.equal(value, other[name].state_dict()[key])
        for name, network in one.networks.items()
        for key, value in network.state_dict().items()
    )


def _dice(method_class, players: Players, batch: Batch) -> float:
    if method_class.engine:
        return _dice_after_clicks(method_class(), players, batch)
    with torch.no_grad():
        found = players.segmenter(batch.image).argmax(dim=1)
    scores = []
    for label in (1, 2):
        ours, truth = found == label, batch.target == label
        scores.append(2 * float((ours & truth).sum()) / float(ours.sum() + truth.sum()))
    return min(scores)


def _dice_after_clicks(method, players: Players, batch: Batch) -> float:
    """Asks the network as a user does: by its engine, from a file, with clicks on each object."""
    plan = players.plan
    model = TrainedModel(
        players.segmenter,
        plan.network,
        plan.network_settings,
        plan.preprocessing,
        plan.patch,
        {1: "bright", 2: "dark"},
        {"plan": plan.to_json()},
        (method.card.name, dataclasses.asdict(method.settings)),
        method.engine,
    )
    with tempfile.TemporaryDirectory() as folder:
        save_model(model, Path(folder) / "model.safetensors")
        engine = interactive_segmenter(method.engine, Path(folder) / "model.safetensors")
    scores = []
    for image, target in zip(batch.image, batch.target, strict=True):
        gray = image[0].numpy()
        volume = Volume(gray if gray.ndim == 3 else gray[np.newaxis], np.eye(4))
        engine.set_case(Case(volume))
        for label in (1, 2):
            truth = (target == label).numpy().reshape(volume.geometry.shape)
            found, clicks = np.zeros_like(truth), []
            for _ in range(CLICKS):
                click = next_click(found, truth, volume.geometry, label)
                if click is not None:
                    found = engine.respond([*clicks, click]).full_labels() == label
                    clicks.append(click)
            scores.append(2 * float((found & truth).sum()) / float(found.sum() + truth.sum()))
    return min(scores)
