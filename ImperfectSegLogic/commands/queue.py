"""`imperfectseg queue ...`: who annotates what next, in a data set that several people share."""

from __future__ import annotations

import argparse
from pathlib import Path

from ImperfectSegLogic.active.queue import Queue
from ImperfectSegLogic.active.queue_items import Lease
from ImperfectSegLogic.active.unit import parse
from ImperfectSegLogic.commands import queue_build, queue_readers, queue_simulate
from ImperfectSegLogic.commands.queue_annotation import read_annotation
from ImperfectSegLogic.commands.queue_tables import (
    annotators_table,
    check_json,
    item_content,
    items_table,
    queue_content,
    states_table,
    write_json_file,
)
from ImperfectSegLogic.commands.terminal import console, plain
from ImperfectSegLogic.data import Dataset

Commands = argparse._SubParsersAction
DESCRIPTION = """\
A queue in the data set's folder tells everybody what to annotate next, and lends it to one of them.
It needs no server: the folder can be on a network share. Units are named CASE for a volume,
CASE@AXIS:INDEX for a slice across an array axis (0 for axial ones of most images), and
CASE@AXIS:INDEX+ROW,COLUMN:ROWSxCOLUMNS for a patch of a slice.
"""


def add_to(commands: Commands[argparse.ArgumentParser]) -> None:
    """Adds the command to the parser."""
    top = commands.add_parser(
        "queue",
        help="tell annotators what to annotate next",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    own = top.add_subparsers(required=True, metavar="WHAT")
    queue_build.add_to(own)
    _add_next(own)
    _add_done(own)
    skipped = _one_unit(own, "skip", "set a unit aside, with a reason")
    skipped.add_argument("--reason", metavar="TEXT", required=True)
    skipped.set_defaults(run=_skip)
    _add_release(own)
    _add_status(own)
    queue_readers.add_to(own)
    queue_simulate.add_to(own)


def _add_next(commands: Commands[argparse.ArgumentParser]) -> None:
    given = commands.add_parser("next", help="lend the next unit; exit code 1 if none is free")
    given.add_argument("dataset", metavar="DATASET", type=Path)
    given.add_argument("--annotator", metavar="NAME", required=True, help="to whom")
    text = "first what is lent to this annotator already, as after a crash"
    given.add_argument("--resume", action="store_true", help=text)
    text = "after which others may get it; default: %(default)s"
    given.add_argument("--hours", metavar="H", type=float, default=8.0, help=text)
    given.add_argument("--json", metavar="FILE", type=Path, help="also write what it is")
    given.add_argument("--overwrite", action="store_true", help="replace an earlier file")
    given.set_defaults(run=_next)


def _add_done(commands: Commands[argparse.ArgumentParser]) -> None:
    ended = _one_unit(commands, "done", "save the annotation of a unit and mark it as done")
    text = "segmentation or label map of the whole image; of a slice or patch only that part counts"
    ended.add_argument("--annotation", metavar="FILE", type=Path, required=True, help=text)
    text = "in a label map: voxels that nobody labeled; default: all are labeled"
    ended.add_argument("--unlabeled", metavar="NUMBER", type=int, help=text)
    text = "how long it took; default: since it was lent"
    ended.add_argument("--seconds", metavar="S", type=float, help=text)
    ended.set_defaults(run=_done)


def _one_unit(
    commands: Commands[argparse.ArgumentParser], name: str, text: str
) -> argparse.ArgumentParser:
    made = commands.add_parser(name, help=text)
    made.add_argument("dataset", metavar="DATASET", type=Path)
    made.add_argument("unit", metavar="UNIT", help="as `next` named it")
    made.add_argument("--annotator", metavar="NAME", required=True, help="to whom it is lent")
    return made


def _add_release(commands: Commands[argparse.ArgumentParser]) -> None:
    freed = commands.add_parser("release", help="make units free that are lent or set aside")
    freed.add_argument("dataset", metavar="DATASET", type=Path)
    freed.add_argument("units", metavar="UNIT", nargs="*")
    freed.add_argument("--annotator", metavar="NAME", help="all that is lent to this annotator")
    freed.add_argument("--skipped", action="store_true", help="all that was skipped")
    freed.add_argument("--flagged", action="store_true", help="all whose files were not right")
    freed.set_defaults(run=_release)


def _add_status(commands: Commands[argparse.ArgumentParser]) -> None:
    told = commands.add_parser("status", help="tell how far the queue is")
    told.add_argument("dataset", metavar="DATASET", type=Path)
    told.add_argument("--units", action="store_true", help="also list the units")
    told.add_argument("--json", metavar="FILE", type=Path, help="also write all there is")
    told.add_argument("--overwrite", action="store_true", help="replace an earlier file")
    told.set_defaults(run=_status)


def _next(options: argparse.Namespace) -> int:
    check_json(options.json, options.overwrite)
    queue = Queue(Dataset.open(options.dataset))
    lease = queue.next(options.annotator, options.hours * 3600, options.resume)
    if lease is None:
        console.print(states_table(queue.items(), f"nothing is free for {options.annotator}"))
        return 1
    image = queue.dataset.record(lease.unit.case).image_path(queue.dataset.folder)
    console.print(f"[bold]{plain(lease.unit.name())}[/] ({lease.unit.kind})", highlight=False)
    console.print(f"score {lease.item.score:.4g}: {plain(lease.item.reason)}", highlight=False)
    console.print(f"image: {plain(image)}", highlight=False, soft_wrap=True)
    content = item_content(lease.item) | {"image": str(image)}
    write_json_file(options.json, content, options.overwrite)
    return 0


def _done(options: argparse.Namespace) -> None:
    queue = Queue(Dataset.open(options.dataset))
    lease = _lease(queue, options)
    annotation = read_annotation(queue.dataset, lease.unit, options.annotation, options.unlabeled)
    version = queue.done(lease, annotation, options.seconds)
    console.print(f"done: {plain(lease.unit.name())}, version {version} of {options.annotator}")


def _skip(options: argparse.Namespace) -> None:
    queue = Queue(Dataset.open(options.dataset))
    queue.skip(_lease(queue, options), options.reason)
    console.print(f"skipped: {plain(options.unit)}")


def _release(options: argparse.Namespace) -> None:
    queue = Queue(Dataset.open(options.dataset))
    items = {item.unit: item for item in queue.items()}
    wanted = {parse(name) for name in options.units}
    for unit in wanted - items.keys():
        raise ValueError(f"{unit.name()}: is not in the queue. See `imperfectseg queue status`.")
    asides = [s for s in ("skipped", "flagged") if getattr(options, s)]
    wanted |= {unit for unit, item in items.items() if item.state in asides}
    if options.annotator:
        wanted |= {lease.unit for lease in queue.held(options.annotator)}
    if not (options.units or asides or options.annotator):
        raise ValueError("release: got nothing to release. Name units, or choose an option.")
    count = sum(queue.release(unit) for unit in sorted(wanted))
    console.print(f"released: {count} units")


def _status(options: argparse.Namespace) -> None:
    check_json(options.json, options.overwrite)
    queue = Queue(Dataset.open(options.dataset))
    items = queue.items()
    console.print(states_table(items, f"queue of {options.dataset}"))
    console.print(annotators_table(items))
    for lease in queue.expired():
        name, own = plain(lease.unit.name()), lease.reading
        console.print(f"note: {name} was not renewed by {own.annotator} for {own.lease:g} s.")
    if options.units:
        console.print(items_table(items))
    write_json_file(options.json, queue_content(queue), options.overwrite)


def _lease(queue: Queue, options: argparse.Namespace) -> Lease:
    unit, held = parse(options.unit), queue.held(options.annotator)
    for lease in held:
        if lease.unit == unit:
            return lease
    names = ", ".join(lease.unit.name() for lease in held) or "nothing"
    raise ValueError(
        f"{options.unit}: is not lent to {options.annotator}, who has {names}. Get a unit with"
        " `imperfectseg queue next`."
    )
