"""`imperfectseg queue build`: make a queue, or give it a new order."""

from __future__ import annotations

import argparse
from pathlib import Path

from ImperfectSegLogic.active.pool_units import KINDS, Division, make_pool
from ImperfectSegLogic.active.queue import Queue
from ImperfectSegLogic.active.segmenter import Segmenter
from ImperfectSegLogic.commands.predict_models import find_models
from ImperfectSegLogic.commands.queue_orders import order_of_file, order_of_strategy
from ImperfectSegLogic.commands.queue_tables import states_table
from ImperfectSegLogic.commands.terminal import bar, console, need_torch, plain
from ImperfectSegLogic.data import Dataset
from ImperfectSegLogic.data.datasets.files import make_folder
from ImperfectSegLogic.methods.base import Ranking
from ImperfectSegLogic.methods.progress import Progress

Commands = argparse._SubParsersAction
RANDOM = "random"


def add_to(commands: Commands[argparse.ArgumentParser]) -> None:
    """Adds the command to the parser."""
    made = commands.add_parser("build", help="make a queue, or give it a new order")
    made.add_argument("dataset", metavar="DATASET", type=Path)
    order = made.add_mutually_exclusive_group(required=True)
    text = "a query strategy, as NAME or NAME:key=value,key=value"
    order.add_argument("--strategy", metavar="NAME", help=text)
    text = "'random', or a file with a unit per line, best first, then tab score, tab reason"
    order.add_argument("--order", metavar="FILE", help=text)
    made.add_argument("--count", metavar="N", type=int, help="only the first ones; default: all")
    text = "how many annotators read each unit; default: %(default)s"
    made.add_argument("--readings", metavar="N", type=int, default=1, help=text)
    pool = made.add_argument_group("what to choose from, if there is no file")
    text = "of which nothing is labeled; default: %(default)s"
    pool.add_argument("--units", choices=KINDS, default="volume", help=text)
    text = "array axis that slices lie across; default: %(default)s"
    pool.add_argument("--axis", type=int, choices=(0, 1, 2), default=0, help=text)
    text = "voxels along a slice's two axes; default: 64 64"
    pool.add_argument("--patch", metavar="N", type=int, nargs=2, default=[64, 64], help=text)
    pool.add_argument("--split", metavar="NAME", help="only cases of this split; default: all")
    pool.add_argument("--fold", metavar="N", type=int, default=0, help="of the splits")
    text = "trained models that a strategy asks: files, or names here"
    pool.add_argument("--model", metavar="NAME", nargs="+", default=[], help=text)
    pool.add_argument("--device", default="auto", help="of the models; default: %(default)s")
    pool.add_argument("--seed", metavar="N", type=int, default=0, help="default: %(default)s")
    made.set_defaults(run=_build)


def _build(options: argparse.Namespace) -> None:
    dataset = Dataset.open(options.dataset)
    if options.count is not None and options.count < 1:
        raise ValueError(f"--count: got {options.count}, allowed are whole numbers from 1.")
    if options.order in (None, RANDOM):
        learned: list[str] = []
        ranking = _chosen(options, dataset, learned)
        said = ("units", "axis", "patch", "split", "fold", "model", "seed")
        about = {"strategy": options.strategy or RANDOM}
        about |= {name: getattr(options, name) for name in said}
        about |= {"learned": learned} if learned else {}
    else:
        ranking, about = order_of_file(Path(options.order)), {"order": options.order}
    few = slice(options.count)
    ranking = Ranking(ranking.items[few], ranking.scores[few], ranking.reasons[few])
    queue = Queue.build(dataset, ranking, options.readings, about)
    console.print(states_table(queue.items(), f"queue of {options.dataset}"))


def _chosen(options: argparse.Namespace, dataset: Dataset, learned: list[str]) -> Ranking:
    cases = dataset.split(options.split, options.fold) if options.split else dataset.case_ids
    rows, columns = options.patch
    division = Division(options.units, options.axis, (rows, columns))
    folder = make_folder(dataset.folder / "queue" / "measured")
    segmenter = _segmenter(options, dataset)
    with bar("Choosing", time_left=True) as listener:
        progress = Progress(listener)
        pool = make_pool(dataset, cases, division, folder, progress)
        text = options.strategy or RANDOM
        chance = (options.count, options.seed, progress)
        ranking = order_of_strategy(
            pool, text, segmenter, *chance, _earlier(dataset), learned.append
        )
    for text in learned:
        console.print(f"note: {plain(text)}")
    for case, why in pool.problems.items():
        console.print(f"note: case {plain(case)} was left out: {plain(why)}")
    return ranking


def _earlier(dataset: Dataset) -> Queue | None:
    """Gives the queue that is there already, which knows how long units took."""
    try:
        return Queue(dataset)
    except FileNotFoundError:
        return None


def _segmenter(options: argparse.Namespace, dataset: Dataset) -> Segmenter | None:
    if not options.model:
        return None
    paths = find_models(options.model, dataset)
    need_torch()
    from ImperfectSegLogic.active.model_segmenter import ModelSegmenter
    from ImperfectSegLogic.prediction.predictor import Predictor

    return ModelSegmenter(Predictor.load(paths, device=options.device))
