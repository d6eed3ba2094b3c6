"""What a run needs before its first step: cases, methods, networks."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import monai
import torch
from torch import nn

from ImperfectSegLogic import __version__
from ImperfectSegLogic.data import Dataset, Prediction, Volume
from ImperfectSegLogic.methods.base import TrainingMethod
from ImperfectSegLogic.methods.card import Requires
from ImperfectSegLogic.methods.supervised import Supervised
from ImperfectSegLogic.networks.build import build_network
from ImperfectSegLogic.training.model_file import TrainedModel
from ImperfectSegLogic.training.plan import TrainingPlan
from ImperfectSegLogic.training.players import Players
from ImperfectSegLogic.training.prepared import PreparedCase, prepare
from ImperfectSegLogic.training.run import RunDescription


@dataclass(frozen=True)
class RunData:
    """Prepared cases of one round.

    Attributes:
        labeled: Training cases in which a voxel is annotated.
        unlabeled: Training cases without, for methods that use them.
        validation: Annotated cases to choose the best weights by.
    """

    labeled: tuple[PreparedCase, ...]
    unlabeled: tuple[PreparedCase, ...]
    validation: tuple[PreparedCase, ...]


def gather(
    run: RunDescription,
    dataset: Dataset,
    cache: Path,
    note: Callable[[str], None],
    listener: Callable[[float, str], None],
) -> RunData:
    """Prepares the cases of a run and checks that they can teach what they should.

    Raises:
        ValueError: If no training voxel is annotated, or a label nowhere.
        OSError: If something cannot be read or written.
    """
    annotator = run.annotator if dataset.folder == Path(run.dataset) else None
    every = prepare(dataset, run.train_cases, run.plan, cache, annotator, listener)
    labeled = tuple(case for case in every if case.is_labeled)
    others = tuple(case for case in every if not case.is_labeled)
    _check_labeled(run, labeled, others)
    _check_missing(run, dataset, labeled, note)
    uses_unlabeled = any(m.card.requires is Requires.UNLABELED for m in methods_of(run))
    if others and not uses_unlabeled:
        names = ", ".join(case.case for case in others[:5]) + (" ..." if len(others) > 5 else "")
        note(f"{len(others)} cases without annotated voxels are not used: {names}")
    validation = prepare(dataset, run.validation_cases, run.plan, cache, annotator, listener)
    chosen = tuple(case for case in validation if case.is_labeled)
    if len(chosen) < len(validation):
        note(f"{len(validation) - len(chosen)} validation cases have no annotated voxels")
    if not chosen:
        note("no validation cases: the weights of the last step are kept, not the best ones")
    return RunData(labeled, others if uses_unlabeled else (), chosen)


def _check_labeled(
    run: RunDescription, labeled: tuple[PreparedCase, ...], others: tuple[PreparedCase, ...]
) -> None:
    if labeled:
        return
    kinds = sorted({case.kind or "no annotation" for case in others})
    raise ValueError(
        f"{run.dataset}: got {len(others)} training cases without one annotated voxel"
        f" ({', '.join(kinds)}). Annotate some, or choose another annotator or split."
    )


def _check_missing(
    run: RunDescription,
    dataset: Dataset,
    labeled: tuple[PreparedCase, ...],
    note: Callable[[str], None],
) -> None:
    missing = {
        label: dataset.labels[label]
        for n, label in enumerate(run.plan.labels, start=1)
        if not any(case.counts[n] for case in labeled)
    }
    if missing and not run.missing_labels:
        raise ValueError(
            f"{run.dataset}: labels {missing} are annotated in no training case, so that nothing"
            " could be learned of them. Annotate them, take them out of dataset.json, or allow it"
            " with --missing-labels."
        )
    if missing:
        note(f"labels {missing} are annotated in no training case and will not be found")


def methods_of(run: RunDescription) -> list[TrainingMethod]:
    """Makes a run's methods; the supervised term comes first unless one takes its place.

    Raises:
        ValueError: If there is no such method, or a setting is not allowed.
    """
    chosen = run.make_methods()
    return chosen if any(m.supervises for m in chosen) else [Supervised(), *chosen]


def make_players(run: RunDescription, methods: list[TrainingMethod]) -> Players:
    """Makes the segmenter and the networks that methods bring, with random weights.

    Raises:
        ValueError: If the network is not known, two methods make the segmenter, or two bring a
            network of the same name.
    """
    plan = run.plan
    segmenter, maker = _segmenter(plan, methods)
    networks = {"segmenter": segmenter}
    for method in methods:
        for name, network in method.players(plan).items():
            if name in networks:
                raise ValueError(
                    f"{method.card.name}: brings a network {name!r}, which is there already. Leave"
                    " out one of the methods."
                )
            networks[name] = network

    return Players(
        networks,
        plan,
        lambda volume: _predicted(segmenter, plan, volume, maker),
        steps=plan.steps,
        rounds=run.rounds,
        maker=maker,
        train_cases=run.train_cases,
        validation_cases=run.validation_cases,
        annotator=run.annotator,
    )


def _segmenter(
    plan: TrainingPlan, methods: Sequence[TrainingMethod]
) -> tuple[nn.Module, TrainingMethod | None]:
    """Gives the segmenter and the method that made it; None for the plan's own network."""
    made = [(one, method) for method in methods if (one := method.segmenter(plan)) is not None]
    if len(made) > 1:
        raise ValueError(
            f"methods: got {' and '.join(m.card.name for _, m in made)}, each of which makes the"
            " network that segments; allowed is one of them. Leave out the others."
        )
    if made:
        return made[0]
    labels, settings = len(plan.labels) + 1, dict(plan.network_settings)
    return build_network(plan.network, plan.dims, plan.channels, labels, settings), None


def trained_model(
    name: str, run: RunDescription, dataset: Dataset, players: Players, best: Mapping[str, Any]
) -> TrainedModel:
    """Gives the segmenter as it is, with all that a model's file tells about it."""
    plan = run.plan
    card = {
        "name": name,
        "dataset": dataset.description.name,
        "training_cases": len(run.train_cases),
        "methods": [[name, dict(said)] for name, said in run.methods],
        "transforms": [[name, dict(said)] for name, said in run.transforms],
        "seed": run.seed,
        "steps": players.round * plan.steps + players.step,
        "scores": dict(best["scores"]),
        "plan": plan.to_json(),
        "versions": {
            "imperfectseg": __version__,
            "python": platform.python_version(),
            "torch": torch.__version__,
            "monai": monai.__version__,
        },
    }
    labels = {label: dataset.labels[label] for label in plan.labels}
    return _model(players.segmenter, plan, labels, card, players.maker)


def _model(
    network: nn.Module,
    plan: TrainingPlan,
    labels: dict[int, str],
    card: dict[str, Any],
    maker: TrainingMethod | None,
) -> TrainedModel:
    return TrainedModel(
        network,
        plan.network,
        dict(plan.network_settings),
        plan.preprocessing,
        plan.patch,
        labels,
        card,
        (maker.card.name, asdict(maker.settings)) if maker else None,
        maker.engine if maker else "",
    )


def _predicted(
    network: nn.Module, plan: TrainingPlan, volume: Volume, maker: TrainingMethod | None
) -> Prediction:
    # Here, because prediction knows training's files, not the other way round.
    from ImperfectSegLogic.prediction.predict import PredictionSettings, predict

    model = _model(network, plan, {label: str(label) for label in plan.labels}, {}, maker)
    device = str(next(network.parameters()).device)
    return predict((model,), volume, PredictionSettings(), device=device).prediction
