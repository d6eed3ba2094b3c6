"""`imperfectseg train-default`: makes the weights of the default engine, from synthetic images."""

from __future__ import annotations

import argparse
from pathlib import Path

from ImperfectSegLogic.commands.terminal import bar, console, need_torch, plain
from ImperfectSegLogic.data.safe_writing import check_target
from ImperfectSegLogic.methods.progress import Progress

STEPS = {2: 4500, 3: 900}
"""Those of the weights that the project ships; in 2-D, of the first of two trainings."""
EXAMPLES = 24

Commands = argparse._SubParsersAction


def add_to(commands: Commands[argparse.ArgumentParser]) -> None:
    """Adds the command to the parser."""
    train = commands.add_parser(
        "train-default",
        help="make the weights of the default interactive engine, from synthetic images",
        description="Makes the weights of prompted-unet from synthetic images: no data is needed."
        " About an hour on two CPU cores. Point PromptedUNet(weights=FOLDER) to them, or put them"
        " into Resources/Models.",
    )
    train.add_argument(
        "--dims", type=int, choices=(2, 3), default=2, help="2-D or 3-D network; default: 2"
    )
    train.add_argument("--steps", type=int, help="default: those of the weights that are shipped")
    train.add_argument("--seed", type=int, default=1, help="default: 1")
    train.add_argument(
        "--style",
        choices=("anything", "organs"),
        default="anything",
        help="what the synthetic images are like; default: anything",
    )
    train.add_argument(
        "--start", metavar="FILE", type=Path, help="weights to go on from, in a training of its own"
    )
    train.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 or mps")
    train.add_argument(
        "--out",
        metavar="FOLDER",
        type=Path,
        required=True,
        help="gets prompted-unet-2d.safetensors",
    )
    train.add_argument(
        "--show",
        action="store_true",
        help="write a picture of synthetic images instead of training",
    )
    train.add_argument("--overwrite", action="store_true", help="replace existing weights")
    train.set_defaults(run=_train)


def _train(options: argparse.Namespace) -> None:
    need_torch()
    from ImperfectSegLogic.training.default_engine.learning import learn
    from ImperfectSegLogic.training.devices import choose_device

    if options.show:
        _show(options)
        return
    steps = STEPS[options.dims] if options.steps is None else options.steps
    if steps < 1:
        raise ValueError(f"--steps: got {steps}, allowed is 1 or more.")
    name = f"prompted-unet-{options.dims}d.safetensors"
    options.out.mkdir(parents=True, exist_ok=True)
    path = check_target(options.out / name, (".safetensors",), options.overwrite)
    with bar("Learning", time_left=True) as listener:
        learn(
            options.dims,
            steps,
            path,
            options.seed,
            choose_device(options.device),
            lambda text: console.print(plain(text)),
            Progress(listener),
            options.style,
            options.start,
        )
    console.print(f"written: {path}")


def _show(options: argparse.Namespace) -> None:
    from ImperfectSegLogic.synthetic.picture import write_picture

    options.out.mkdir(parents=True, exist_ok=True)
    path = check_target(options.out / f"synthetic-{options.dims}d.png", (".png",), True)
    write_picture(path, options.dims, options.seed, EXAMPLES, options.style)
    console.print(f"written: {path}")
