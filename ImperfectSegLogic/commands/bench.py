"""`imperfectseg bench interactive`: measure interactive engines on real images.

The measurement itself, its data sets and its peers are part of a source checkout, not of what pip
installs; this command finds it, says what is missing, and starts it.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

Commands = argparse._SubParsersAction
CHECKOUT = Path(__file__).resolve().parents[2]
MODULE = "Testing.Benchmarks.interactive"
SETS = (
    "acdc", "left-atrium", "brats", "medscribble", "em", "chase", "prostate", "spleen", "lung",
    "speed",
)  # fmt: skip
PROMPTS = ("clicks", "random-clicks", "center-lines", "contours", "freehand", "box", "lasso")
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
DESCRIPTION = """\
Plays a simulated user against every interactive engine and, beside them, GrowCut and the random
walker, on the same images with the same prompts: Dice after 1, 2, 3, 5 and 10 prompts, prompts to a
Dice of 0.80, 0.85 and 0.90, seconds per response, memory, start-up. Needs a source checkout.

Every task is written as soon as it is done. The same command goes on where it was stopped, and
measures again only what changed: code, weights, tasks, seed.
"""
EPILOG = f"""\
sets: {", ".join(SETS)} (made images: times and start-up, no data needed)
prompts: {", ".join(PROMPTS)};
  a box or a lasso is followed by clicks; MedScribble has its own, drawn by people
"""


def add_to(commands: Commands[argparse.ArgumentParser]) -> None:
    """Adds the command to the parser."""
    top = commands.add_parser("bench", help="measure interactive engines on real images")
    own = top.add_subparsers(required=True, metavar="WHAT")
    bench = own.add_parser(
        "interactive", help="accuracy per prompt, time and memory, beside classical methods",
        description=DESCRIPTION, epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    bench.add_argument("--data", metavar="DIR", type=Path, help="the folder with acdc/ and others")
    bench.add_argument(
        "--sets", metavar="NAME", nargs="+", choices=SETS, default=[], help="default: all"
    )
    bench.add_argument(
        "--engines", metavar="NAME", nargs="+", default=[],
        help="NAME, or NAME=MODEL where it needs a model; default: all that need none",
    )  # fmt: skip
    bench.add_argument(
        "--prompts", metavar="KIND", nargs="+", choices=PROMPTS, default=["clicks"],
        help="kinds of prompts; default: clicks",
    )  # fmt: skip
    bench.add_argument("--split", choices=("train", "val", "test"), default="test")
    bench.add_argument("--quick", action="store_true", help="few tasks, to see that it runs")
    bench.add_argument("--jobs", metavar="N", type=int, default=1, help="engines at once")
    bench.add_argument("--threads", metavar="N", type=int, default=1, help="of each engine")
    bench.add_argument("--seed", metavar="N", type=int, help="which tasks are drawn")
    bench.add_argument(
        "--out", metavar="DIR", type=Path, help="default: Testing/output/interactive"
    )
    bench.add_argument("--fresh", action="store_true", help="measure everything anew")
    bench.set_defaults(run=_interactive)


def _interactive(options: argparse.Namespace) -> int:
    for name in ("jobs", "threads"):
        if getattr(options, name) < 1:
            raise ValueError(f"--{name}: got {getattr(options, name)}, allowed is 1 or more.")
    checkout = _checkout()
    _check_data(options)
    # Killed together: what was started ends when its parent is gone.
    command = [sys.executable, "-m", MODULE, *_words(options), "--parent", str(os.getpid())]
    environment = {**os.environ, **dict.fromkeys(THREADS, str(options.threads))}
    try:
        return subprocess.run(command, cwd=checkout, env=environment, check=False).returncode
    except KeyboardInterrupt:  # The measurement got it too, and has told what there is to tell.
        return 130


def _checkout() -> Path:
    """Gives the folder that has the measurement.

    Raises:
        ValueError: If there is none, or a package that measuring needs is not installed.
    """
    if not CHECKOUT.joinpath(*MODULE.split(".")).with_suffix(".py").is_file():
        raise ValueError(
            "bench: the measurement is part of a source checkout, but ImperfectSeg was installed"
            f" without one ({CHECKOUT}). Clone the repository and run `make bench` there."
        )
    if importlib.util.find_spec("matplotlib") is None:
        raise ValueError(
            "bench: matplotlib is not installed. Install it with: pip install 'imperfectseg[bench]'"
        )
    return CHECKOUT


def _check_data(options: argparse.Namespace) -> None:
    if options.sets == ["speed"]:
        return
    if options.data is None:
        raise ValueError(
            "--data: got nothing. Give the folder that holds acdc/, medscribble/ and the other"
            " image sets, or measure times alone with --sets speed."
        )
    if not options.data.is_dir():
        raise ValueError(f"--data: {options.data} is not there. Give the folder with the images.")


def _words(options: argparse.Namespace) -> list[str]:
    """Gives the options as words for the measurement; paths must not depend on the folder."""
    words = ["--split", options.split, "--jobs", str(options.jobs)]
    words += ["--threads", str(options.threads), "--prompts", *options.prompts]
    words += ["--data", str(options.data.resolve())] if options.data else []
    words += ["--out", str(options.out.resolve())] if options.out else []
    words += ["--seed", str(options.seed)] if options.seed is not None else []
    words += ["--sets", *options.sets] if options.sets else []
    if options.engines:
        words += ["--engines", *(_absolute(one) for one in options.engines)]
    return words + [f"--{name}" for name in ("quick", "fresh") if getattr(options, name)]


def _absolute(engine: str) -> str:
    name, _, model = engine.partition("=")
    return f"{name}={Path(model).resolve()}" if model else name
