"""The network of a training, as query strategies ask it between two rounds; needs torch."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from ImperfectSegLogic.active.model_segmenter import ModelSegmenter
from ImperfectSegLogic.prediction.predictor import Predictor
from ImperfectSegLogic.training.model_file import TrainedModel
from ImperfectSegLogic.training.players import Players


def segmenter_of(players: Players, labels: Mapping[int, str]) -> ModelSegmenter:
    """Gives the segmenter of a run as it is, in evaluation mode from here on.

    Args:
        players: Of the run.
        labels: Of its data set.
    """
    plan, maker = players.plan, players.maker
    model = TrainedModel(
        players.segmenter,
        plan.network,
        dict(plan.network_settings),
        plan.preprocessing,
        plan.patch,
        {label: labels[label] for label in plan.labels},
        made_by=(maker.card.name, dataclasses.asdict(maker.settings)) if maker else None,
    )
    device = str(next(players.segmenter.parameters()).device)
    return ModelSegmenter(Predictor([model], device=device))
