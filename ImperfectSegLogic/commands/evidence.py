"""`imperfectseg evidence ...`: measure what methods gain, and show what was measured."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Column, Table

from ImperfectSegLogic.active.simulation_results import GOALS
from ImperfectSegLogic.commands.terminal import bar, console, need_torch, plain
from ImperfectSegLogic.evidence.readme import write_table
from ImperfectSegLogic.evidence.spec import FOLDER, METRICS, Evidence
from ImperfectSegLogic.evidence.spec_reading import evidence_names, read_evidence
from ImperfectSegLogic.evidence.standing import (
    NO_TARGET,
    NOT_RUN,
    STALE,
    EvidenceStanding,
    gain,
    score,
    standing,
    standings,
)

if TYPE_CHECKING:
    from ImperfectSegLogic.evidence.running import Standing
    from ImperfectSegLogic.evidence.study import StudyOptions

Commands = argparse._SubParsersAction
WORK = Path("build") / "evidence"
README = FOLDER.parents[1] / "README.md"
COLORS = {"reproduced": "green", "partial": "yellow", "not reproduced": "red"}
DESCRIPTION = """\
Trains every arm of an Evidence once per seed, its baseline included, tests on the test split, and
writes NAME.json and NAME.png. Arms that are query strategies get a campaign per seed instead, in
which a robot annotates what they ask for. What is done is kept in the work folder: a run that was
stopped or killed goes on where it stopped. With --seeds, --arms, --steps, --quick or --partial the
result is one to look at and stays in the work folder.
"""


def add_to(commands: Commands[argparse.ArgumentParser]) -> None:
    """Adds the command to the parser."""
    top = commands.add_parser("evidence", help="measure what methods gain, and show it")
    own = top.add_subparsers(required=True, metavar="WHAT")
    _add_run(own)
    shown = own.add_parser("show", help="list all with their verdicts, or tell about one of them")
    shown.add_argument("name", metavar="NAME", nargs="?", help="tell about all arms of this one")
    shown.set_defaults(run=_show)
    renewed = own.add_parser("readme", help="renew the table in README.md")
    renewed.add_argument("file", metavar="FILE", type=Path, nargs="?", default=README)
    renewed.set_defaults(run=_readme)
    for command in (shown, renewed):
        _add_folder(command)


def _add_run(commands: Commands[argparse.ArgumentParser]) -> None:
    run = commands.add_parser(
        "run", help="train, test and write the result", description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    run.add_argument("name", metavar="NAME", help="of an Evidence, or all")
    run.add_argument("--data", metavar="DIR", type=Path, required=True, help="the data folder")
    run.add_argument("--work", metavar="DIR", type=Path, default=WORK, help="default: %(default)s")
    run.add_argument(
        "--jobs", metavar="N", type=int, default=1, help="trainings or campaigns at once"
    )
    run.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 or mps")
    text = "run nothing; put together the campaigns that are done, in the work folder"
    run.add_argument("--partial", action="store_true", help=text)
    run.add_argument("--overwrite", action="store_true", help="train again what is done")
    part = run.add_argument_group("to look at")
    part.add_argument("--seeds", metavar="N", type=int, nargs="+", default=[])
    part.add_argument("--arms", metavar="NAME", nargs="+", default=[], help="arms or series")
    part.add_argument("--steps", metavar="N", type=int, help="of each training")
    part.add_argument("--quick", action="store_true", help="see that it runs: few steps and cases")
    _add_folder(run)
    run.set_defaults(run=_run)


def _add_folder(command: argparse.ArgumentParser) -> None:
    text = "where the Evidences are; default: the project's own"
    command.add_argument("--folder", metavar="DIR", type=Path, default=FOLDER, help=text)


def _run(options: argparse.Namespace) -> None:
    if options.jobs < 1:
        raise ValueError(f"--jobs: got {options.jobs}, allowed is 1 or more.")
    names = evidence_names(options.folder) if options.name == "all" else (options.name,)
    each = [read_evidence(name, options.folder) for name in names]
    need_torch()
    from ImperfectSegLogic.evidence.data_sets import check_data

    for evidence in each:
        check_data(evidence.data, options.data)
    for evidence in each:
        _run_one(evidence, options)


def _run_one(declared: Evidence, options: argparse.Namespace) -> None:
    from ImperfectSegLogic.evidence.study import StudyOptions, part_of

    now = standing(declared.name, options.folder).state
    wanted = part_of(declared, options.seeds, options.arms, options.steps, options.quick)
    again = options.overwrite or options.partial
    if wanted == declared and now not in (STALE, NOT_RUN) and not again:
        console.print(f"{declared.name}: is up to date ({now}). --overwrite measures it again.")
        return
    how = StudyOptions(
        options.data, options.work, options.folder, options.jobs, options.overwrite,
        options.device, _command(declared.name, options), options.partial,
    )  # fmt: skip
    console.print(f"[bold]{declared.name}[/]: {plain(declared.title)}", highlight=False)
    with bar("Preparing") as progress:
        result, path = _measured(declared, wanted, how, progress)
    _print_targets(result)
    if isinstance(result.get("training_code"), list):
        told = "note: the training code changed on the way. --overwrite trains all with today's."
        console.print(told, highlight=False, soft_wrap=True)
    console.print(f"{result['verdict'] or NO_TARGET}. Written: {plain(path)} and .png")


def _measured(
    declared: Evidence, wanted: Evidence, how: StudyOptions, progress: Callable[[float, str], None]
) -> tuple[Mapping[str, Any], Path]:
    listener = _listener(progress)
    if wanted.campaign:
        from ImperfectSegLogic.evidence.campaign_process import run_campaign
        from ImperfectSegLogic.evidence.campaign_study import run_campaigns

        return run_campaigns(declared, wanted, how, progress, listener, run_campaign)
    from ImperfectSegLogic.evidence.study import run_study
    from ImperfectSegLogic.evidence.training_process import train_and_test

    return run_study(declared, wanted, how, progress, listener, train_and_test)


def _print_targets(result: Mapping[str, Any]) -> None:
    for target in result["targets"]:
        told = "met" if target["met"] else "not met"
        if "goal" in target:
            found = "never" if target["found"] is None else f"at {target['found']:.0%}"
            numbers = f"{found}, wanted at {target['at_most']:.0%}"
        else:
            numbers = f"{target['found']:.3f}, wanted {target['at_least']:g}"
        text = f"{target['text']}: {told} ({numbers})"
        console.print(plain(text), highlight=False, soft_wrap=True)


def _listener(progress: Callable[[float, str], None]) -> Callable[[Standing], None]:
    def told(now: Standing) -> None:
        left = "" if now.seconds_left is None else f", about {_duration(now.seconds_left)} left"
        where = f"{now.done} of {now.of} {now.what} done{left}"
        progress(now.fraction, where)
        if now.finished is not None:
            console.print(
                f"{plain(now.finished.name)}: done ({where})", highlight=False, soft_wrap=True
            )

    return told


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"


def _command(name: str, options: argparse.Namespace) -> str:
    """Gives the command as others can type it, without folders of this computer."""
    parts = ["imperfectseg", "evidence", "run", name, "--data", "DIR", "--jobs", str(options.jobs)]
    for option in ("seeds", "arms"):
        if getattr(options, option):
            parts += [f"--{option}", *(f"{one!r}" for one in getattr(options, option))]
    parts += ["--steps", str(options.steps)] if options.steps else []
    return " ".join([*parts, *(["--quick"] if options.quick else [])])


def _show(options: argparse.Namespace) -> None:
    if options.name:
        _show_one(standing(options.name, options.folder))
        return
    table = Table(
        Column("evidence", no_wrap=True),
        Column("ours, baseline", no_wrap=True),
        Column("gain (95 %)"),
        Column("survey"),
        Column("verdict", no_wrap=True),
        show_lines=True,
    )
    for one in standings(options.folder):
        found = one.evidence
        color = COLORS.get(one.state, "dim")
        scores = f"{METRICS[found.metric]} {one.ours}\n{one.baseline}" if one.ours else ""
        table.add_row(
            f"[bold]{plain(found.name)}[/]\n{plain(found.headline)}",
            plain(scores), plain(one.gain), plain(found.survey), f"[{color}]{one.state}[/]",
        )  # fmt: skip
    console.print(table)


def _show_one(one: EvidenceStanding) -> None:
    found, result = one.evidence, one.result or {"arms": {}, "targets": []}
    console.print(f"[bold]{plain(found.title)}[/]\n{plain(found.claim)}", highlight=False)
    console.print(f"survey: {plain(found.survey)}\nverdict: {one.state}", highlight=False)
    shares = [f"units to {goal:.0%}" for goal in GOALS] if found.campaign else []
    columns = ("arm", METRICS[found.metric], "by structure", "gain (95 %)", *shares, "seconds")
    table = Table(*columns)
    for arm in result["arms"].values():
        parts = (f"{name} {part['mean']:.3f}" for name, part in arm["by_structure"].items())
        seconds = arm["seconds_per_campaign" if found.campaign else "seconds_per_training"]
        told = "" if seconds is None else f"{seconds:.0f}"
        to = ["-" if one is None else f"{one:.0%}" for one in arm.get("share_to", {}).values()]
        known = (plain(arm["name"]), score(arm), plain(", ".join(parts)), gain(arm))
        table.add_row(*known, *to, told)
    if result["arms"]:
        console.print(table)
    _print_targets(result)


def _readme(options: argparse.Namespace) -> None:
    write_table(options.file, standings(options.folder), options.folder)
    console.print(f"written: {plain(options.file)}")
