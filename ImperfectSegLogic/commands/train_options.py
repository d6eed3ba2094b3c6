"""What `imperfectseg train` can be told about data and plan."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ImperfectSegLogic.networks.settings import NETWORKS


def add_data_options(train: argparse.ArgumentParser) -> None:
    """Adds which cases and annotations to use."""
    data = train.add_argument_group("data")
    data.add_argument("--train-split", metavar="NAME", help="default: train, else all cases")
    data.add_argument("--val-split", metavar="NAME", help="default: val, if there is one")
    data.add_argument("--fold", metavar="N", type=int, default=0, help="of the splits")
    data.add_argument("--annotator", metavar="NAME", help="whose annotations; default: newest")
    data.add_argument("--cache", metavar="FOLDER", type=Path, help="for prepared images")
    data.add_argument(
        "--missing-labels", action="store_true", help="allow labels that are annotated nowhere"
    )


def add_plan_options(train: argparse.ArgumentParser) -> None:
    """Adds what the plan can be told."""
    plan = train.add_argument_group("plan")
    plan.add_argument("--network", choices=NETWORKS, help="default: unet")
    text = "what differs from its defaults, such as features=16x32x64,strides=2x2,dropout=0.1"
    plan.add_argument("--network-settings", metavar="KEY=VALUE,...", default="", help=text)
    plan.add_argument("--dims", type=int, choices=(2, 3), help="slices or volumes")
    plan.add_argument("--patch", metavar="N", type=int, nargs="+", help="voxels per axis")
    plan.add_argument("--batch", metavar="N", type=int, help="samples per step")
    plan.add_argument("--spacing", metavar="MM", type=float, nargs=3, help="slice, row, column")
    plan.add_argument("--steps", metavar="N", type=int, help="steps per round; default: 2000")
    plan.add_argument("--validate-every", metavar="N", type=int, help="steps; default: 100")
    plan.add_argument(
        "--patience", metavar="N", type=int, help="validations without gain; 0: never stop early"
    )
    plan.add_argument("--learning-rate", metavar="X", type=float, help="default: 0.002")
    plan.add_argument("--rounds", metavar="N", type=int, default=1, help="default: %(default)s")


def overrides_of(options: argparse.Namespace) -> dict[str, Any]:
    """Gives the fields of the plan that were typed.

    Raises:
        ValueError: If they are not of the right form.
    """
    given = {
        "network": options.network,
        "patch": options.patch and tuple(options.patch),
        "batch": options.batch,
        "spacing": options.spacing and tuple(options.spacing),
        "steps": options.steps,
        "steps_per_validation": options.validate_every,
        "patience": options.patience,
        "learning_rate": options.learning_rate,
    }
    from ImperfectSegLogic.training.run import parse_pairs

    known = {name: value for name, value in given.items() if value is not None}
    settings = parse_pairs(options.network_settings, "--network-settings")
    return {**known, "network_settings": settings} if settings else known
