"""Which engines take part in the interactive benchmark, and whether anything is missing."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ImperfectSegLogic.data import Case, Prompt, Volume
from ImperfectSegLogic.evidence.code_hash import ROOT, code_hash
from ImperfectSegLogic.methods.catalog import INTERACTIVE_SEGMENTERS, interactive_segmenter_type
from ImperfectSegLogic.methods.scarce.interactive.default_weights import PLACES
from Testing.Benchmarks.players import Engine, Player

CLASSICAL = ("random-walker", "growcut")
ADAPTING = "bifseg-wang2018a"
"""Too slow for all: it plays a part of the tasks, to the third prompt, and adapts at that one."""
ADAPTS_AT = 3
ADAPTED_TASKS = 5
SECONDS = 8.0
"""An adaptation may take that long; with the answer before and after it stays below 10 s."""
_PACKAGES = ("ImperfectSegLogic.", "Testing.Benchmarks.")


@dataclass(frozen=True)
class Entry:
    """An engine as it was named: `NAME`, or `NAME=MODEL` for those that need a model's file."""

    name: str
    model: str | None = None

    @classmethod
    def read(cls, text: str) -> Entry:
        """Reads what stands on the command line."""
        name, _, model = text.partition("=")
        return cls(name, model or None)

    def __str__(self) -> str:
        return f"{self.name}={self.model}" if self.model else self.name

    @property
    def told(self) -> str:
        """Its name in tables and files."""
        if self.model is None:
            return self.name
        return f"{self.name} ({'-'.join(Path(self.model).with_suffix('').parts[-2:])})"

    @property
    def is_classical(self) -> bool:
        """Whether it is one of those that ours are compared with."""
        return self.name in CLASSICAL


def all_entries() -> list[Entry]:
    """Gives all engines that need no model from the user, ours first."""
    ours = [k.card.name for k in INTERACTIVE_SEGMENTERS if not k.needs_model]
    return [Entry(n) for n in dict.fromkeys((*ours, ADAPTING, *CLASSICAL))]


def missing(entry: Entry) -> str:
    """Tells what is missing for an engine, empty if nothing.

    Raises:
        ValueError: If there is no engine of that name, or its model is not there.
    """
    if entry.name == "growcut":
        there = importlib.util.find_spec("slicer") is not None
        return "" if there else "slicer-core is not installed: pip install 'imperfectseg[host]'"
    if entry.name == "random-walker":
        return ""
    kind = _kind(entry.name)
    if kind.needs_model and entry.model is None:
        raise ValueError(
            f"--engines: {entry.name} needs {kind.needs_model}. Write {entry.name}=PATH."
        )
    if entry.model is not None and not Path(entry.model).exists():
        raise ValueError(f"--engines: {entry.model} is not there, got {entry}.")
    return kind.missing()


def accepts(entry: Entry) -> tuple[str, ...]:
    """Gives the kinds of prompts that an engine takes."""
    if entry.name in CLASSICAL:
        return ("Click", "Scribble")
    return _kind(entry.name).card.accepts


def make(entry: Entry, adapts_at: int = ADAPTS_AT) -> Player:
    """Makes an engine; `adapts_at` is the response at which the adapting one adapts."""
    if entry.name in CLASSICAL:
        from Testing.Benchmarks.peers import GrowCut, RandomWalker

        return RandomWalker() if entry.name == "random-walker" else GrowCut()
    if entry.name == ADAPTING:
        return Adapting(entry.model, adapts_at)
    return Engine(entry.name, entry.model)


def fingerprint(entry: Entry, *more: str) -> str:
    """Gives a hash of all that an engine's results depend on: code, weights, its model, `more`."""
    if entry.name in CLASSICAL:
        modules = ["Testing.Benchmarks.peers"]
        files: list[Path] = []
    else:
        modules = ["Testing.Benchmarks.players", _kind(entry.name).__module__]
        modules += [__name__] if entry.name == ADAPTING else []
        files = sorted(PLACES[0].glob("*.safetensors"))
    files += _files(Path(entry.model)) if entry.model else []
    whole = hashlib.sha256(_hash(tuple(modules)).encode())
    for path in files:
        whole.update(path.read_bytes())
    whole.update("\n".join(more).encode())
    return whole.hexdigest()[:16]


@functools.cache
def _hash(modules: tuple[str, ...]) -> str:
    return code_hash(modules, ROOT, _PACKAGES)


class Adapting:
    """The default engine, whose network learns from the image once there are a few prompts."""

    def __init__(self, model: str | None, at: int) -> None:
        from ImperfectSegLogic.methods.scarce.interactive.wang2018a import BIFSeg, Settings

        self.name, self.notes = ADAPTING, ()
        base = None if model is None else BIFSeg(model=Path(model)).base
        base = base or BIFSeg().base
        self._segmenter = BIFSeg(base, Settings(seconds=SECONDS, adapts_first=False))
        self._at = at

    def start(self, volume: Volume) -> None:
        self._segmenter.set_case(Case(volume))
        self._previous, self._responses = None, 0

    def respond(self, prompts: Sequence[Prompt]) -> np.ndarray:
        self._responses += 1
        answer = self._segmenter.respond(prompts, self._previous)
        if self._responses == self._at:
            answer = self._segmenter.adapt(prompts, self._previous)
        self._previous, self.notes = answer, answer.notes
        return answer.full_labels() == 1


def _kind(name: str):
    if name == ADAPTING:
        from ImperfectSegLogic.methods.scarce.interactive.wang2018a import BIFSeg

        return BIFSeg
    try:
        return interactive_segmenter_type(name)
    except ValueError as error:
        raise ValueError(f"--engines: {error} Also: {', '.join((ADAPTING, *CLASSICAL))}.") from None


def _files(model: Path) -> list[Path]:
    return [model] if model.is_file() else sorted(p for p in model.rglob("*") if p.is_file())
