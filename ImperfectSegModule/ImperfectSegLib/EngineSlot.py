"""Which engine answers, made when it is needed and not before, beside the window."""

from __future__ import annotations

import threading
from typing import Any

from ImperfectSegLogic.methods.base import InteractiveSegmenter
from ImperfectSegLogic.methods.catalog import (
    default_segmenter,
    interactive_segmenter,
    interactive_segmenter_type,
)


class EngineSlot:
    """Holds an engine, or what to make it from; `made` makes it, in any thread.

    Making a network engine imports PyTorch and reads weights, which takes seconds.
    """

    def __init__(self, engine: InteractiveSegmenter | None = None) -> None:
        """Args: `engine` is used as it is; the default one is made if there is none."""
        self._lock = threading.Lock()  # Held for a moment only, so that the window never waits.
        self._making = threading.Lock()
        self._engine = engine
        self._name, self._model = "", ""
        self._adapting = False
        self._wrapped: Any = None

    @property
    def kind(self) -> type[InteractiveSegmenter]:
        """What kind of engine answers; of one that is adapted, what it was made around.

        Raises:
            ValueError: If there is none of the name that was chosen.
        """
        engine: Any = self._engine
        if engine is not None:
            return type(engine.base if self._isWrapped(engine) else engine)
        return interactive_segmenter_type(self._name) if self._name else default_segmenter()

    def use(self, engine: InteractiveSegmenter) -> None:
        """Takes an engine that is made already."""
        with self._lock:
            self._engine, self._name, self._model = engine, "", ""

    def choose(self, name: str, model: str = "") -> None:
        """Lets another engine be made.

        Args:
            name: As on its card; empty for the default one.
            model: Path of the file that some of them need; empty for none.
        """
        with self._lock:
            if self._engine is None or (name, model) != (self._name, self._model):
                self._engine, self._name, self._model = None, name, model

    def adapts(self, adapting: bool) -> None:
        """Lets the engine's network be adapted to the image, or no longer."""
        with self._lock:
            self._adapting = adapting
            engine: Any = self._engine
            if not adapting and self._isWrapped(engine):
                self._engine = engine.base

    def made(self) -> InteractiveSegmenter:
        """Gives the engine, made if need be.

        Raises:
            ValueError: If something is missing, or the model does not suit.
            FileNotFoundError: If there is no such model.
        """
        with self._making:
            while True:
                with self._lock:
                    known, name, model, adapting = self._now()
                engine = known
                if engine is None:
                    engine = interactive_segmenter(
                        name or default_segmenter().card.name, model or None
                    )
                wrapped = self._wrapped
                if adapting and not self._isWrapped(engine) and not whyNotAdapting(type(engine)):
                    engine = wrapped = _adapter()(engine)
                assert engine is not None
                with self._lock:
                    if (known, name, model, adapting) != self._now():
                        continue  # Another one was chosen meanwhile.
                    self._engine, self._wrapped = engine, wrapped
                return engine

    def _now(self) -> tuple[InteractiveSegmenter | None, str, str, bool]:
        return self._engine, self._name, self._model, self._adapting

    def _isWrapped(self, engine: Any) -> bool:
        """Whether the slot itself has put an engine into one that adapts it."""
        return engine is not None and engine is self._wrapped


def whyNotAdapting(kind: type[InteractiveSegmenter]) -> str:
    """Tells why an engine cannot be adapted to an image; empty if it can."""
    from ImperfectSegLogic.methods.scarce.interactive.network_engine import NetworkEngine

    if not issubclass(kind, NetworkEngine):
        return f"{kind.card.name} has no network that could learn. Choose an engine with one."
    return kind.missing()


def _adapter() -> Any:
    from ImperfectSegLogic.methods.scarce.interactive.wang2018a import BIFSeg

    return BIFSeg
