"""Which methods there are. A new method is one line here."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ImperfectSegLogic.methods.base import (
    InteractiveSegmenter,
    QueryStrategy,
    Refiner,
    SampleTransform,
    TrainingMethod,
)
from ImperfectSegLogic.methods.scarce.interactive.center_click_engine import Sun2018
from ImperfectSegLogic.methods.scarce.interactive.geodesic_walker import GeodesicWalker
from ImperfectSegLogic.methods.scarce.interactive.monai_bundle import MonaiBundleEngine
from ImperfectSegLogic.methods.scarce.interactive.nninteractive import NNInteractive
from ImperfectSegLogic.methods.scarce.interactive.prompted_unet import PromptedUNet
from ImperfectSegLogic.methods.scarce.interactive.sakinis2019 import Sakinis2019
from ImperfectSegLogic.methods.scarce.interactive.torchscript import TorchScriptEngine
from ImperfectSegLogic.methods.scarce.interactive.trained_model import TrainedModelEngine
from ImperfectSegLogic.methods.scarce.interactive.wang2018b import DeepIGeoS
from ImperfectSegLogic.methods.settings import make_settings

INTERACTIVE_SEGMENTERS: tuple[type[InteractiveSegmenter], ...] = (
    PromptedUNet,
    GeodesicWalker,
    Sakinis2019,
    DeepIGeoS,
    Sun2018,
    TrainedModelEngine,
    TorchScriptEngine,
    MonaiBundleEngine,
    NNInteractive,
)
"""All interactive segmenters, best first; the one to use by default is `default_segmenter()`."""

# What trains is named, not imported: it needs torch, which 3D Slicer does not bring.
TRANSFORMS: tuple[str, ...] = (
    "scarce.traditional_augmentation.christ2016:GaussianNoise",
    "scarce.traditional_augmentation.sirinukunwattana2017:GaussianBlur",
    "scarce.traditional_augmentation.zhang2019:StackedTransformations",
    "scarce.traditional_augmentation.liskowski2016:SaturationAndValue",
    "scarce.traditional_augmentation.dong2017:Brightness",
    "scarce.traditional_augmentation.fu2017:Contrast",
    "scarce.traditional_augmentation.alex2017:HistogramMatching",
    "scarce.traditional_augmentation.ronneberger2015:CoarseGridDeformation",
    "scarce.traditional_augmentation.milletari2016:BSplineDeformation",
    "scarce.traditional_augmentation.cicek2016:FineGridDeformation",
)
"""All sample transforms, as `module:class` below this package."""

TRAINING_METHODS: tuple[str, ...] = (
    "weak.selective_loss.cicek2016:ClassBalancedSparse",
    "weak.selective_loss.bokhorst2018:BalancedSparse",
    "weak.selective_loss.silvestri2018:PointGridTraining",
    "weak.selective_loss.tang2018:RegularizedLoss",
    "weak.selective_loss.can2018:GrownScribbles",
    "weak.selective_loss.cai2018:GrownRecist",
    "weak.selective_loss.bai2018:RecurrentSequence",
    "weak.selective_loss.zhang2019c:AttentionGuided",
    "scarce.interactive.sakinis2019:SakinisTraining",
    "scarce.interactive.wang2018b:DeepIGeoSTraining",
    "scarce.interactive.sun2018:CenterClick",
    "scarce.crf.zheng2015:CRFAsRNN",
    "scarce.crf.fu2016a:DeepVessel",
    "scarce.crf.monteiro2018:VolumetricCRFAsRNN",
    "scarce.crf.chen2018:PosteriorCRFTraining",
    "scarce.crf.cai2016:GraphDecisionFusion",
    "scarce.active_learning.feature_entropy:FeatureEntropy",
    "scarce.active_learning.own_masks:OwnMasks",
    "scarce.active_learning.image_noise:ImageNoise",
)
"""All training methods, as `module:class` below this package."""

REFINERS: tuple[str, ...] = (
    "scarce.crf.krahenbuhl2011:DenseCRF",
    "scarce.crf.roth2015:LocalCRF",
    "scarce.crf.wachinger2018:SpectralCRF",
    "scarce.crf.roth2015:GaussianSmoothing",
    "scarce.crf.clean_up:CleanUp",
)
"""All refiners, as `module:class` below this package, best first."""

QUERY_STRATEGIES: tuple[str, ...] = (
    "scarce.active_learning.random_choice:RandomChoice",
    "scarce.active_learning.luth2025:ForegroundAwareRandom",
    "scarce.active_learning.settles2009:Entropy",
    "scarce.active_learning.houlsby2011:BALD",
    "scarce.active_learning.sener2018:KCenter",
    "scarce.active_learning.yang2017:SuggestiveAnnotation",
    "scarce.active_learning.kuo2018:CostSensitive",
    "scarce.active_learning.gorriz2017:CostEffective",
    "scarce.active_learning.ozdemir2018:BordaCount",
    "scarce.active_learning.sourati2018:FisherInformation",
    "scarce.active_learning.sourati2019:LayerwiseFisherInformation",
    "scarce.active_learning.mahapatra2018:AleatoricPlusEpistemic",
    "scarce.active_learning.zheng2019:RepresentativeAnnotation",
)
"""All query strategies, as `module:class` below this package, baselines first."""


def default_segmenter() -> type[InteractiveSegmenter]:
    """Gives the first interactive segmenter that can be used as things are, without a model."""
    return next(k for k in INTERACTIVE_SEGMENTERS if not k.needs_model and not k.missing())


def interactive_segmenter(
    name: str, model: str | os.PathLike[str] | None = None
) -> InteractiveSegmenter:
    """Makes an interactive segmenter.

    Args:
        name: As on its card.
        model: The file or folder that some of them need.

    Raises:
        ValueError: If there is none of that name, something is missing, or the model does not suit.
        FileNotFoundError: If there is no such model.
    """
    kind = interactive_segmenter_type(name)
    if kind.missing():
        raise ValueError(f"{name}: {kind.missing()}")
    if kind.needs_model and model is None:
        raise ValueError(f"{name}: got no model; it needs {kind.needs_model}. Give its path.")
    if not kind.needs_model and model is not None:
        raise ValueError(
            f"{name}: got the model {model}, but it brings all it needs. Leave out the model, or"
            " choose another engine."
        )
    return kind(model=Path(model)) if model is not None else kind()  # type: ignore[call-arg]


def interactive_segmenter_type(name: str) -> type[InteractiveSegmenter]:
    """Gives an interactive segmenter's class by the name on its card.

    Raises:
        ValueError: If there is none of that name.
    """
    for kind in INTERACTIVE_SEGMENTERS:
        if kind.card.name == name:
            return kind
    allowed = ", ".join(kind.card.name for kind in INTERACTIVE_SEGMENTERS)
    raise ValueError(f"interactive segmenter: got {name!r}, allowed are {allowed}.")


def transforms() -> tuple[type[SampleTransform], ...]:
    """Gives all sample transforms; needs torch and MONAI."""
    return tuple(_load(line) for line in TRANSFORMS)


def training_methods() -> tuple[type[TrainingMethod], ...]:
    """Gives all training methods; needs torch and MONAI."""
    return tuple(_load(line) for line in TRAINING_METHODS)


def refiners() -> tuple[type[Refiner], ...]:
    """Gives all refiners; needs torch."""
    return tuple(_load(line) for line in REFINERS)


def query_strategies() -> tuple[type[QueryStrategy], ...]:
    """Gives all query strategies; needs no torch."""
    return tuple(_load(line) for line in QUERY_STRATEGIES)


def transform(name: str, settings: Mapping[str, Any] | None = None) -> SampleTransform:
    """Makes a sample transform by the name on its card.

    Raises:
        ValueError: If there is none of that name, or a setting is not allowed.
    """
    return _make("transform", transforms(), name, settings)


def training_method(name: str, settings: Mapping[str, Any] | None = None) -> TrainingMethod:
    """Makes a training method by the name on its card.

    Raises:
        ValueError: If there is none of that name, or a setting is not allowed.
    """
    return _make("training method", training_methods(), name, settings)


def refiner(name: str, settings: Mapping[str, Any] | None = None) -> Refiner:
    """Makes a refiner by the name on its card.

    Raises:
        ValueError: If there is none of that name, or a setting is not allowed.
    """
    return _make("refiner", refiners(), name, settings)


def query_strategy(name: str, settings: Mapping[str, Any] | None = None) -> QueryStrategy:
    """Makes a query strategy by the name on its card.

    Raises:
        ValueError: If there is none of that name, or a setting is not allowed.
    """
    return _make("query strategy", query_strategies(), name, settings)


def _load(line: str) -> Any:
    module, _, name = line.partition(":")
    return getattr(importlib.import_module(f"ImperfectSegLogic.methods.{module}"), name)


def _make(what: str, known: Any, name: str, settings: Mapping[str, Any] | None) -> Any:
    for kind in known:
        if kind.card.name == name:
            return kind(make_settings(kind.settings_type, settings or {}, name))
    allowed = ", ".join(kind.card.name for kind in known)
    raise ValueError(f"{what}: got {name!r}, allowed are {allowed}.")
