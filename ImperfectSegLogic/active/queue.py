"""The queue of a data set: who annotates what next, without a server and without loss."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ImperfectSegLogic.active import queue_files as files
from ImperfectSegLogic.active.queue_choice import QueueChoice, check_asked
from ImperfectSegLogic.active.queue_items import LEASE, Lease, Standing
from ImperfectSegLogic.active.queue_ranking import add_ranking
from ImperfectSegLogic.active.queue_saving import save
from ImperfectSegLogic.data import Annotation, Dataset
from ImperfectSegLogic.data.datasets.files import make_folder
from ImperfectSegLogic.methods.base import Ranking


class LeaseLostError(ValueError):
    """The unit is somebody else's by now, or is done."""


class Queue(QueueChoice):
    """What to annotate, in plain files in the data set's folder.

    Several people and processes can use one queue at the same time, each with an object of its
    own. Every change is one file that is written whole or not at all, so that a process that is
    killed leaves a queue that works, and its lease expires. Nothing is ever overwritten.

    Attributes:
        dataset: Where annotations go.
    """

    @classmethod
    def build(
        cls,
        dataset: Dataset,
        ranking: Ranking,
        readings: int = 1,
        about: Mapping[str, Any] | None = None,
    ) -> Queue:
        """Makes a queue, or gives the one that is there a new order.

        What was lent, done or set aside before stays so; units that are not in the new ranking
        are not lent any more.

        Args:
            dataset: The data set.
            ranking: Names of units, most wanted first.
            readings: How many annotators shall read each unit.
            about: Where the ranking comes from, for the records; what JSON can hold.

        Raises:
            ValueError: If a unit is there twice or of an unknown case, or a score is not finite.
            OSError: If it cannot be written, as on a full disk; an earlier order stays.
        """
        folder = make_folder(dataset.folder / "queue")
        for part in ("rankings", "events"):
            files.sweep(make_folder(folder / part))
        add_ranking(folder / "rankings", ranking, readings, about or {}, set(dataset.case_ids))
        return cls(dataset)

    def next(self, annotator: str, lease: float = LEASE, resume: bool = False) -> Lease | None:
        """Lends the most wanted unit that is free to an annotator.

        Units whose case is gone or damaged are flagged on the way.

        Args:
            annotator: Who. An annotator reads a unit once.
            lease: Seconds without `renew` after which others may get it.
            resume: Whether to take back first what is lent to this annotator already, as after a
                crash. Another process that works under the same name loses it by that.

        Returns:
            The unit; None if nothing is free.

        Raises:
            ValueError: If the annotator's name is not allowed.
            OSError: If it cannot be written.
        """
        check_asked(annotator, lease)
        items, ranked = self.items(), self.ranking().ranked
        own = {held.unit for held in self.held(annotator)} if resume else set()
        items = [i for i in items if i.unit in ranked or i.unit in own]
        items.sort(key=lambda item: item.unit not in own)
        present = files.now(self._history.folder)
        for item in items:
            given = self._lend(item, annotator, lease, resume, present)
            if given and (problem := self.problem(item.unit)):
                self.flag(item.unit, problem)
            elif given:
                return given
        return None

    def renew(self, lease: Lease) -> None:
        """Notes that the annotator is still at work.

        Raises:
            LeaseLostError: If the unit was lent to somebody else meanwhile, or is done.
            OSError: If it cannot be written.
        """
        standing = self._history.standing(lease.unit, lease.reading.sequence)
        if lease.reading not in standing.readings:
            raise LeaseLostError(self._lost(lease))
        files.touch(self._history.folder, lease.unit, lease.reading.sequence)

    def done(self, lease: Lease, annotation: Annotation, seconds: float | None = None) -> int:
        """Saves an annotation, and then marks its unit as done; both are on disk on return.

        Args:
            lease: What `next` gave.
            annotation: Of the whole case, or a `SparseMask` with labels in the unit, to which
                `save` adds what the annotator labeled in this case before.
            seconds: How long the annotator was at work; since it was lent by default.

        Returns:
            The number of the annotation's version.

        Raises:
            LeaseLostError: If it was lent to somebody else meanwhile. The annotation is saved.
            ValueError: If the annotation does not suit; the unit stays lent.
            OSError: If something cannot be written, as on a full disk; the unit stays lent.
        """
        if seconds is not None and not (math.isfinite(seconds) and seconds >= 0):
            raise ValueError(f"seconds at work: got {seconds}, allowed are numbers from 0.")
        own = lease.reading
        version = save(self.dataset, lease.unit, annotation, own.annotator)
        present = files.now(self._history.folder)
        if seconds is None and present >= own.began:  # Else the server's clock was turned back.
            seconds = present - own.began
        ended = replace(own, ended=present, seconds=seconds, version=version)

        def settled(standing: Standing) -> Standing:
            readings = tuple(ended if r == own else r for r in standing.readings)
            return replace(standing, readings=readings)

        kept = f" The annotation is kept as version {version} of {own.annotator}."
        self._settle(lease, "done", settled, kept)
        return version

    def skip(self, lease: Lease, reason: str) -> None:
        """Sets a unit aside, for all annotators, until it is released.

        Raises:
            LeaseLostError: If it was lent to somebody else meanwhile, or is done.
            ValueError: If there is no reason.
            OSError: If it cannot be written.
        """
        if not reason.strip():
            raise ValueError(f"{lease.unit.name()}: got no reason to skip it. Give one.")

        def settled(standing: Standing) -> Standing:
            left = tuple(r for r in standing.readings if r != lease.reading)
            return replace(standing, aside="skipped", why=reason.strip(), readings=left)

        self._settle(lease, "skipped", settled)

    def _settle(
        self, lease: Lease, what: str, settled: Callable[[Standing], Standing], kept: str = ""
    ) -> None:
        """Ends a lease that has not been lost."""

        def change(standing: Standing) -> Standing | None:
            return settled(standing) if lease.reading in standing.readings else None

        own = lease.reading
        known = lease.item.standing.sequence
        if not self._history.change(lease.unit, change, what, own.annotator, known):
            raise LeaseLostError(self._lost(lease) + kept)

    def _lost(self, lease: Lease) -> str:
        standing = self._history.standing(lease.unit, lease.reading.sequence)
        others = ", ".join(r.annotator for r in standing.readings) or "nobody"
        return (
            f"{lease.unit.name()}: is not lent to {lease.reading.annotator} any more; it was done,"
            f" set aside, released, or not renewed for {lease.reading.lease:g} s (now with"
            f" {others}). Take the next unit."
        )
