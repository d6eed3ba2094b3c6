"""BIFSeg: adapts the network of any interactive engine to the one image at hand (Wang 2018a).

Labels and weights take turns: a graph cut turns the network's answer into labels that hold to the
prompts and to edges, and the network learns these labels, prompted voxels most, uncertain ones not
at all (Algorithm 2 of the survey).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ImperfectSegLogic.data import Case, Prediction, Prompt, Provenance
from ImperfectSegLogic.methods.card import MethodCard, Requires
from ImperfectSegLogic.methods.progress import CancelledError, Progress
from ImperfectSegLogic.methods.scarce.interactive.geodesic import Floats
from ImperfectSegLogic.methods.scarce.interactive.network_engine import NetworkEngine, Prepared
from ImperfectSegLogic.methods.settings import check_settings, setting

if TYPE_CHECKING:  # 3D Slicer has no torch of its own.
    from torch import Tensor, nn


@dataclass(frozen=True)
class Settings:
    """How `BIFSeg` adapts."""

    seconds: float = setting(8.0, "seconds that an adaptation may take", 0.1, 3600)
    steps: int = setting(0, "network steps instead of seconds; 0 for seconds", 0, 100_000)
    steps_per_cut: int = setting(10, "network steps between two graph cuts", 1, 1000)
    layers: int = setting(0, "how many of the last layers learn; 0 for all", 0, 1000)
    learning_rate: float = setting(1e-3, "learning rate of Adam", 1e-7, 1.0)
    smoothness: float = setting(1.0, "price of a border in the graph cut", 0.0, 1000)
    contrast: float = setting(0.1, "step of gray values where a border gets cheap", 1e-3, 10)
    seed_weight: float = setting(5.0, "weight of a prompted voxel", 1.0, 1000)
    near: float = setting(0.2, "geodesic distance within which a seed doubts others", 0.0, 100)
    low: float = setting(0.2, "probability of a segment that background may have", 0.0, 0.5)
    high: float = setting(0.7, "probability that a segment must have", 0.5, 1.0)
    mirrors: bool = setting(True, "look at mirror images too")
    drops_islands: bool = setting(True, "parts without a prompt become background")
    adapts_first: bool = setting(False, "answers wait for an adaptation; else only `adapt` adapts")


class BIFSeg(NetworkEngine):
    """Answers like the engine it is made around, with a copy of its network once that is adapted.

    `adapt` may run in one thread while another one calls `respond`, which never waits for it. The
    engine's own network stays as it is. A later call of `adapt` starts from the copy.
    """

    card = MethodCard(
        name="bifseg-wang2018a",
        paper=("wang2018interactive", "boykov2001interactive"),
        table_row="Interactive segmentation",
        accepts=("Click", "Scribble", "Box", "Lasso"),
        requires=Requires.NOTHING,
        dims=(2, 3),
        claims="",
    )
    is_stateless = False

    def __init__(
        self,
        base: NetworkEngine | None = None,
        settings: Settings | None = None,
        model: Path | None = None,
    ) -> None:
        """Wraps an engine.

        Args:
            base: Any engine with a network; not used elsewhere meanwhile. If not given, the engine
                that the model is for, or the default engine; answers then wait for an adaptation if
                `settings` say nothing else.
            settings: How to adapt.
            model: A model's file, see `base`.

        Raises:
            ValueError: If a setting is not within its limits, or the model does not suit.
        """
        assert base is None or model is None, "an engine or a model, not both"
        self.settings = settings or Settings(adapts_first=base is None)
        check_settings(self.settings, self.card.name)
        self.base = base or _engine_of(model)
        self.multiple = self.base.multiple
        self._swapping, self._preparing = threading.Lock(), threading.Lock()
        self._adapted: nn.Module | None = None
        self._turn = 0

    @classmethod
    def missing(cls) -> str:
        """See `InteractiveSegmenter.missing`."""
        return default_engine().missing()

    @property
    def network(self) -> nn.Module:  # type: ignore[override]
        """The adapted copy, or the engine's own network as long as there is none."""
        with self._swapping:
            return self.base.network if self._adapted is None else self._adapted

    @property
    def is_adapted(self) -> bool:
        """Whether there is an adapted copy."""
        with self._swapping:
            return self._adapted is not None

    @property
    def provenance(self) -> Provenance:
        """What stands in predictions: the engine's own as long as nothing is adapted."""
        own = self.base.provenance
        if not self.is_adapted:
            return own
        said = {"engine": own.method, "engine_settings": dict(own.settings)}
        return Provenance(self.card.name, {**said, **asdict(self.settings)}, own.weights_hash)

    def set_case(self, case: Case) -> None:
        """See `InteractiveSegmenter.set_case`; forgets what was learned from the image before."""
        self.forget()
        with self._preparing:
            self.base.set_case(case)

    def forget(self) -> None:
        """Goes back to the engine's own network; ends an adaptation that is running."""
        self._begin()
        with self._swapping:
            self._adapted = None

    def prepare(
        self, prompts: Sequence[Prompt], previous: Prediction | None, progress: Progress
    ) -> Prepared:
        """See `NetworkEngine.prepare`."""
        with self._preparing:
            return self.base.prepare(prompts, previous, progress)

    def scores(self, network: nn.Module, prepared: Prepared) -> Tensor:
        """See `NetworkEngine.scores`."""
        return self.base.scores(network, prepared)

    def finish(
        self,
        prepared: Prepared,
        probabilities: Floats,
        progress: Progress,
        notes: Sequence[str] = (),
    ) -> Prediction:
        """See `NetworkEngine.finish`."""
        answer = self.base.finish(prepared, probabilities, progress, notes)
        return replace(answer, provenance=self.provenance)

    def respond(
        self,
        prompts: Sequence[Prompt],
        previous: Prediction | None = None,
        progress: Progress | None = None,
    ) -> Prediction:
        """See `InteractiveSegmenter.respond`."""
        if not self.settings.adapts_first:
            return super().respond(prompts, previous, progress)
        with self._swapping:
            before = self._adapted
        try:
            return self.adapt(prompts, previous, progress)
        except CancelledError:
            with self._swapping:
                self._adapted = before
            raise

    def adapt(
        self,
        prompts: Sequence[Prompt],
        previous: Prediction | None = None,
        progress: Progress | None = None,
        seconds: float | None = None,
    ) -> Prediction:
        """Adapts until the time is used or nothing changes any more, then answers.

        What is learned serves `respond` after each graph cut. A copy of the network that got worse
        on the prompted voxels, or broke, is thrown away. Another `adapt` ends this one.

        Args:
            prompts: All prompts given so far, in their order.
            previous: As in `respond`.
            progress: Told how far the work is; cancels it, and what was learned so far stays.
            seconds: How long it may take instead of what the settings say.

        Raises:
            ValueError: As `respond`, or if `seconds` is not above 0.
            CancelledError: If it was cancelled, or ended by `forget`, `set_case` or another
                `adapt`.
        """
        from ImperfectSegLogic.methods.scarce.interactive.adaptation_clock import Clock
        from ImperfectSegLogic.methods.scarce.interactive.adapting import adapt_network
        from ImperfectSegLogic.methods.scarce.interactive.network_running import probabilities_of
        from ImperfectSegLogic.training.devices import is_out_of_memory

        if seconds is not None and not seconds > 0:
            raise ValueError(f"adapting: got {seconds} seconds, allowed is more than 0.")
        steps = self.settings.steps if seconds is None else 0
        clock = Clock(steps, self.settings.seconds if seconds is None else seconds)
        turn = self._begin()
        watched = _Watched(progress or Progress(), lambda: self._turn == turn)
        prepared = self.prepare(prompts, previous, watched.part(0.0, 0.05))
        notes: list[str] = []
        try:
            adapt_network(
                self.base,
                self._best_start(prepared),
                prepared,
                self.settings,
                clock,
                watched.part(0.05, 0.95),
                lambda network: self._swap(network, turn),
            )
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            notes.append(f"memory ran out: the network was adapted for {clock.steps} steps only")
        answer, more = probabilities_of(self.base, self.network, prepared)
        return self.finish(prepared, answer, watched.part(0.95, 1.0), (*notes, *more))

    def _best_start(self, prepared: Prepared) -> nn.Module:
        """Gives the adapted copy, unless the engine's own network is better on the prompts."""
        from ImperfectSegLogic.methods.scarce.interactive.pupil import seed_loss

        own, adapted = self.base.network, self.network
        if adapted is not own:
            losses = [seed_loss(self.base, network, prepared) for network in (own, adapted)]
            if losses[0] < losses[1]:
                with self._swapping:
                    self._adapted = None
                return own
        return adapted

    def _begin(self) -> int:
        """Ends an adaptation that is running; gives the number of the next one."""
        with self._swapping:
            self._turn += 1
            return self._turn

    def _swap(self, network: nn.Module, turn: int) -> None:
        with self._swapping:
            if self._turn != turn:
                raise CancelledError("ended by another adaptation")
            self._adapted = network


class _Watched(Progress):
    """A progress that also stops work which something else has ended."""

    def __init__(self, whole: Progress, is_wanted: Callable[[], bool]) -> None:
        super().__init__()
        self._whole, self._is_wanted = whole, is_wanted

    def cancel(self) -> None:
        self._whole.cancel()

    @property
    def is_cancelled(self) -> bool:
        return self._whole.is_cancelled or not self._is_wanted()

    def report(self, fraction: float, message: str = "") -> None:
        if self.is_cancelled:
            raise CancelledError("cancelled")
        self._whole.report(fraction, message)


def default_engine() -> type[NetworkEngine]:
    """Gives the engine that is adapted if nobody names one."""
    from ImperfectSegLogic.methods.scarce.interactive.prompted_unet import PromptedUNet

    return PromptedUNet


def _engine_of(model: Path | None) -> NetworkEngine:
    """Makes the engine that a model is for; the default engine if there is no model."""
    if model is None:
        return default_engine()()
    from ImperfectSegLogic.methods.catalog import interactive_segmenter
    from ImperfectSegLogic.training.model_file import load_model

    engine = interactive_segmenter(load_model(model).engine or "trained-model", model)
    if not isinstance(engine, NetworkEngine):
        raise ValueError(
            f"{model}: got a model for the engine {engine.card.name}, allowed are those whose"
            " answer is one pass of a network. Use that engine as it is."
        )
    return engine
