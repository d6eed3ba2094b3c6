"""Which methods, transforms and refiners an arm uses, in which modules. Needs torch."""

from __future__ import annotations

from ImperfectSegLogic.evidence.code_hash import (
    FOLLOWED,
    GROUPS,
    PACKAGE,
    SUPERVISED,
    modules_followed,
)
from ImperfectSegLogic.evidence.spec import Arm, Choice, Evidence
from ImperfectSegLogic.methods.catalog import (
    interactive_segmenter_type,
    query_strategy,
    refiner,
    training_method,
    transform,
)
from ImperfectSegLogic.methods.scarce.traditional_augmentation.groups import augmentation_group
from ImperfectSegLogic.training.run import Named

ROBOT_USER = "ImperfectSegLogic.methods.scarce.interactive.robot_user"
"""Who clicks in tests."""
BIFSEG = "bifseg-wang2018a"
ADAPTING = "ImperfectSegLogic.methods.scarce.interactive.wang2018a"
KEEPING = tuple(
    f"{PACKAGE}.active.{name}" for name in ("queue", "annotation_times", "measured_folders")
)
"""How the names begin of modules that keep things in files, and change no answer."""
CALIBRATION = "ImperfectSegLogic.refinement.calibration"
CHAIN = "ImperfectSegLogic.refinement.chain"


def methods_of(arm: Arm) -> Named:
    """Gives the training methods of an arm as a run has them."""
    return _named(arm.methods)


def transforms_of(arm: Arm) -> Named:
    """Gives the transforms of an arm as a run has them: those of its group, then its own.

    Raises:
        ValueError: If there is no such group.
    """
    group = augmentation_group(arm.augment) if arm.augment else ()
    return (*((name, dict(settings)) for name, settings in group), *_named(arm.transforms))


def modules_of(arm: Arm) -> tuple[str, ...]:
    """Gives the modules of an arm's methods, transforms and strategy, the supervised term's too.

    Raises:
        ValueError: If there is no such method, transform or group, or a setting is not allowed.
    """
    found = {SUPERVISED} | ({GROUPS} if arm.augment else set())
    if arm.query:
        found |= _asking(type(query_strategy(arm.query, arm.query_settings)).__module__)
    found |= {type(training_method(name, said)).__module__ for name, said in methods_of(arm)}
    found |= {type(transform(name, said)).__module__ for name, said in transforms_of(arm)}
    if arm.clicks:
        methods = [training_method(name, said) for name, said in methods_of(arm)]
        engines = [interactive_segmenter_type(one.engine) for one in methods if one.engine]
        found |= {ROBOT_USER, *(kind.__module__ for kind in engines)}
        found |= {ADAPTING} if arm.adapt else set()
    return tuple(sorted(found))


def _asking(strategy: str) -> set[str]:
    """Gives a strategy's module and those of campaigns, pools and features that it goes with."""
    own = f"{PACKAGE}.active."
    start = (strategy, f"{own}simulation", f"{own}model_segmenter")
    every = modules_followed(start, (*FOLLOWED, own))
    kept = [n for n in every if n.startswith(own) and not n.startswith(KEEPING)]
    return {strategy, *kept}


def refiners_of(arm: Arm) -> Named:
    """Gives the refiners of an arm in their order."""
    return _named(arm.refine)


def refiner_modules_of(arm: Arm) -> tuple[str, ...]:
    """Gives the modules of all refiners that an arm uses, and of the search for their settings.

    Raises:
        ValueError: If there is no such refiner, or a setting is not allowed.
    """
    found = {type(refiner(name, said)).__module__ for name, said in refiners_of(arm)}
    found |= {CHAIN} if arm.refine else set()
    return tuple(sorted(found | ({CALIBRATION} if arm.calibrate else set())))


def check_about(evidence: Evidence) -> None:
    """Checks that the methods that an Evidence is about are used in it.

    Raises:
        ValueError: If one is not, an arm names something that is not there, or one that needs
            prompts is tested without, or the other way round.
    """
    for arm in evidence.arms:
        prompted = any(training_method(name, said).engine for name, said in methods_of(arm))
        if arm.adapt:
            check_adapting(arm)
        if prompted != bool(arm.clicks):
            raise ValueError(
                f"evidence {evidence.name}, arm {arm.name!r}: got {arm.clicks} clicks; allowed are"
                " 1 or more where a method trains a network for prompts, and 0 elsewhere."
            )
    used = {
        name
        for arm in evidence.arms
        for name, _ in (*methods_of(arm), *transforms_of(arm), *refiners_of(arm))
    }
    used |= {arm.query for arm in evidence.arms if arm.query}
    used |= {BIFSEG for arm in evidence.arms if arm.adapt}
    unused = [name for name in evidence.about if name not in used]
    if unused:
        raise ValueError(
            f"evidence {evidence.name}: got {', '.join(unused)} in `about`, but no arm uses it;"
            f" allowed are {', '.join(sorted(used)) or 'none'}. Add an arm, or take it out."
        )


def check_adapting(arm: Arm) -> None:
    """Checks how an arm adapts to each image.

    Raises:
        ValueError: If a setting is not allowed, or it is tested without clicks.
    """
    from ImperfectSegLogic.evidence.clicked_test import adapting

    adapting(arm.adapt)
    if not arm.clicks:
        raise ValueError(
            f"arm {arm.name!r}: got `adapt` with 0 clicks; allowed is 1 or more. Add `clicks`."
        )


def _named(choices: tuple[Choice, ...]) -> Named:
    return tuple((one.name, dict(one.settings)) for one in choices)
