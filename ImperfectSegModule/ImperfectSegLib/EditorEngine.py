"""The engine that answers in Segment Editor: which there are, and asking the chosen one."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from ImperfectSegLib.EngineSlot import EngineSlot
from ImperfectSegLogic.data import Case, Prediction, Prompt, Volume
from ImperfectSegLogic.methods import catalog
from ImperfectSegLogic.methods.base import InteractiveSegmenter
from ImperfectSegLogic.methods.progress import Progress


def engineNames() -> list[str]:
    """Gives the names of all engines, best first, also of those that something is missing for."""
    return [kind.card.name for kind in catalog.INTERACTIVE_SEGMENTERS]


def engineTitles() -> list[str]:
    """Gives what to call all engines, in the same order, for people."""
    kinds = catalog.INTERACTIVE_SEGMENTERS
    return [f"{k.card.name} (not installed)" if k.missing() else k.card.name for k in kinds]


def defaultEngineName() -> str:
    """Gives the name of the best engine that can be used as things are."""
    return catalog.default_segmenter().card.name


def modelWanted(name: str) -> str:
    """Gives what file an engine needs, for people; empty if none.

    Raises:
        ValueError: If there is no engine of that name.
    """
    return catalog.interactive_segmenter_type(name).needs_model


def engineProblem(name: str, model: str) -> str:
    """Gives why an engine cannot be used, and what to do; empty if it can.

    Args:
        name: As on its card.
        model: Path of its model; empty if there is none.
    """
    try:
        kind = catalog.interactive_segmenter_type(name)
    except ValueError as error:
        return str(error)
    if kind.missing():
        return f"{name}: {kind.missing()}"
    if kind.needs_model and not model:
        return f"{name} needs {kind.needs_model}. Choose its file below."
    return ""


class EditorEngine:
    """Asks the chosen engine, which is made when it is first needed, and shows it an image once.

    `respond` touches nothing of the scene and may run in any thread; one call works at a time.
    """

    def __init__(self) -> None:
        self._busy = threading.Lock()
        self._slot = EngineSlot()
        self._shown: tuple[InteractiveSegmenter, Volume] | None = None

    def respond(
        self,
        choice: tuple[str, str],
        volume: Volume,
        prompts: Sequence[Prompt],
        progress: Progress,
    ) -> Prediction:
        """Segments an image by prompts.

        Args:
            choice: Name of the engine, and path of its model or nothing.
            volume: The image; the same object as long as it is the same image.
            prompts: All of them, in their order.
            progress: Told how far the work is; cancels it.

        Raises:
            ValueError: If the engine cannot be made, or see `InteractiveSegmenter`.
            FileNotFoundError: If there is no such model.
        """
        while not self._busy.acquire(timeout=0.05):
            progress.report(0.0, "Stopping the computation before")
        try:
            name, model = choice
            self._slot.choose(name, model if modelWanted(name) else "")
            engine = self._slot.made()
            progress.report(0.0, "The engine is there")
            shown = self._shown
            if shown is None or shown[0] is not engine or shown[1] is not volume:
                self._shown = None
                engine.set_case(Case(volume, volume.name))
                self._shown = (engine, volume)
            return engine.respond(prompts, None, progress)
        finally:
            self._busy.release()
