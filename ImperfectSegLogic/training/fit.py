"""The one training loop: data, rounds, steps, validation, checkpoints, events, cancelling."""

from __future__ import annotations

import contextlib
import shutil
import time
from pathlib import Path
from typing import Any

import torch

from ImperfectSegLogic.data import Dataset
from ImperfectSegLogic.methods.progress import CancelledError, Progress
from ImperfectSegLogic.training.batches import batches
from ImperfectSegLogic.training.checkpoints import load_checkpoint, save_checkpoint
from ImperfectSegLogic.training.devices import choose_device
from ImperfectSegLogic.training.events import Listener
from ImperfectSegLogic.training.model_file import save_model
from ImperfectSegLogic.training.optimizing import Optimizing
from ImperfectSegLogic.training.reporting import Reporter
from ImperfectSegLogic.training.run import RunDescription
from ImperfectSegLogic.training.run_folder import RunFolder
from ImperfectSegLogic.training.setting_up import (
    RunData,
    gather,
    make_players,
    methods_of,
    trained_model,
)
from ImperfectSegLogic.training.validation import scores_of

SECONDS_BETWEEN_CHECKPOINTS = 60.0


def fit(
    run: RunDescription,
    folder: Path,
    listener: Listener | None = None,
    progress: Progress | None = None,
    device: str = "auto",
    resume: bool = False,
    cache: Path | None = None,
) -> Path:
    """Trains a network; the same run gives the same weights, also when it was interrupted.

    Args:
        run: What to train.
        folder: Of the run; gets `run.json`, `state.json`, `events.jsonl`, `checkpoint.pt` and
            `model.safetensors`.
        listener: Told what happens.
        progress: Told the share that is done; cancels. A file `stop` in the folder does the same.
        device: `auto`, `cpu`, `cuda`, `cuda:1` or `mps`.
        resume: Whether to go on from the checkpoint, if there is one.
        cache: Folder for prepared images; the data set's `prepared` by default.

    Returns:
        The model's file.

    Raises:
        FileExistsError: If there is a run in the folder already and it is not to be resumed.
        ValueError: If data, settings or checkpoint do not allow to train, or the loss became NaN.
        OSError: If something cannot be read or written; the last checkpoint is kept.
        CancelledError: If it was cancelled; a checkpoint was written.
    """
    place = RunFolder(folder)
    with place.claimed():
        _take(place, run, resume)
        training = _Training(run, place, listener, progress, choose_device(device), cache)
        try:
            return training.go()
        except CancelledError:
            training.end("stopped", "Stopped; resume to go on.")
            raise
        except (ValueError, OSError) as error:
            with contextlib.suppress(OSError):  # On a full disk not even this can be written.
                training.end("failed", str(error))
            raise


def _take(place: RunFolder, run: RunDescription, resume: bool) -> None:
    place.clear_stop()
    if not (place.folder / "run.json").exists():
        run.write(place.folder)
    elif not resume:
        raise FileExistsError(
            f"{place.folder}: a run is there already. Resume it, or choose another name."
        )
    elif RunDescription.read(place.folder).identity != run.identity:
        raise ValueError(
            f"{place.folder}: got other settings than those of its run.json. Resume with those, or"
            " choose another name."
        )


class _Training:
    """A run at work: where it stands, and how it goes on."""

    def __init__(
        self,
        run: RunDescription,
        place: RunFolder,
        listener: Listener | None,
        progress: Progress | None,
        device: torch.device,
        cache: Path | None,
    ) -> None:
        self.run, self.place, self.cache, self.plan = run, place, cache, run.plan
        self.tell = Reporter(place, listener, progress, lambda: (self.done, self.of))
        self.dataset: Dataset = run.open_dataset()
        self.methods, self.transforms = methods_of(run), run.make_transforms()
        torch.manual_seed(run.seed)
        self.players = make_players(run, self.methods)
        self.optimizing = Optimizing(self.players, self.methods, device, self.tell.note)
        self.best: dict[str, Any] = {"dice": -1.0, "weights": None, "scores": {}, "stale": 0}
        self._saved = time.monotonic()

    # Where it stands --------------------------------------------------------------------------

    @property
    def done(self) -> int:
        """Steps done, over all rounds."""
        return self.players.round * self.plan.steps + self.players.step

    @property
    def of(self) -> int:
        """Steps in all."""
        return self.run.rounds * self.plan.steps

    def go(self) -> Path:
        """Trains from the checkpoint, or from the beginning, to the end."""
        if self.place.checkpoint.exists():
            self._restore()
        else:
            self._change_data(0)
        while self.players.round < self.run.rounds:
            cache = self.cache or Path(self.run.dataset) / "prepared"
            data = gather(self.run, self.dataset, cache, self.tell.note, self.tell.preparing)
            self.tell.begin()
            self._round(data)
            self._next_round()
        path = self._save_model()
        self.end("done", f"Done: {self._scores()}")
        return path

    def _round(self, data: RunData) -> None:
        players, plan = self.players, self.plan
        for network in players.networks.values():
            network.train()
        seed = (self.run.seed, players.round)
        for batch in batches(data, plan, seed, players.step, self.transforms, self.optimizing):
            torch.manual_seed(hash((*seed, players.step)))
            rate = plan.learning_rate * (1 - players.step / plan.steps) ** 0.9
            values = self.optimizing.step(batch, rate)
            players.step += 1
            values["learning_rate"] = rate
            self.tell.step(values, is_last=players.step == plan.steps)
            if players.step % plan.steps_per_validation == 0 or players.step == plan.steps:
                self._validate(data)
                if 0 < plan.patience <= self.best["stale"]:
                    self.tell.note(f"no gain in {plan.patience} validations: the round ends early")
                    players.step = plan.steps
                self._save()
            elif time.monotonic() - self._saved > SECONDS_BETWEEN_CHECKPOINTS:
                self._save()
            self._look_for_stop()
            if players.step >= plan.steps:
                break

    def _next_round(self) -> None:
        players = self.players
        if self.best["weights"] is not None:
            players.segmenter.load_state_dict(self.best["weights"])
        number = players.round + 1
        if number < self.run.rounds:
            self._change_data(number)
            self.best |= {"dice": -1.0, "stale": 0}
        players.round, players.step = number, 0
        self._save()

    def _change_data(self, number: int) -> None:
        """Asks all methods for the data of a round."""
        for place, method in enumerate(self.methods):
            folder = self.place.folder / "rounds" / f"{number}-{place}-{method.card.name}"
            shutil.rmtree(folder, ignore_errors=True)  # Of a round that was interrupted.
            folder.parent.mkdir(exist_ok=True)
            change = method.between_rounds if number else method.before_rounds
            self._take_data(change(self.players, self.dataset, folder))
        with contextlib.suppress(OSError):
            (self.place.folder / "rounds").rmdir()  # Nobody made anything.

    def _take_data(self, dataset: Dataset) -> None:
        self.dataset = dataset
        if not self._is_own:
            self.players.annotator = None

    def _validate(self, data: RunData) -> None:
        if not data.validation:
            return
        scores = scores_of(self.players, self.methods, data.validation, self.optimizing.device)
        self.tell.validation(scores)
        if scores["dice"] > self.best["dice"]:
            weights = self.players.segmenter.state_dict()
            kept = {name: value.detach().cpu().clone() for name, value in weights.items()}
            self.best = {"dice": scores["dice"], "weights": kept, "scores": scores, "stale": 0}
            self._save_model()
        else:
            self.best["stale"] += 1

    @property
    def _is_own(self) -> bool:
        """Whether the data is still that of the run, not what a method made of it."""
        return self.dataset.folder == Path(self.run.dataset)

    # Files ------------------------------------------------------------------------------------

    def _save(self) -> None:
        content = {
            "identity": self.run.identity,
            "round": self.players.round,
            "step": self.players.step,
            "dataset": "" if self._is_own else str(self.dataset.folder),
            "best": self.best,
            **self.optimizing.state(),
        }
        save_checkpoint(self.place.checkpoint, content)
        self._saved = time.monotonic()

    def _restore(self) -> None:
        content = load_checkpoint(self.place.checkpoint, self.run.identity)
        self.optimizing.restore(content)
        self.players.round, self.players.step = content["round"], content["step"]
        self.best = content["best"]
        if content["dataset"]:
            self._take_data(Dataset.open(content["dataset"]))
        self.tell.note(f"resumed at step {self.done} of {self.of}")

    def _save_model(self) -> Path:
        model = trained_model(
            self.place.folder.name, self.run, self.dataset, self.players, self.best
        )
        save_model(model, self.place.model, overwrite=True)
        return self.place.model

    # How it ends ------------------------------------------------------------------------------

    def end(self, state: str, text: str) -> None:
        """Tells that the run is over for now."""
        self.tell.end(state, text, self.best["scores"])

    def _look_for_stop(self) -> None:
        if self.tell.should_stop:
            self._save()
            self.place.clear_stop()
            raise CancelledError(f"{self.place.folder}: stopped at step {self.done} of {self.of}")
        self.tell.share()

    def _scores(self) -> str:
        scores = self.best["scores"]
        return ", ".join(f"{n} {v:.3f}" for n, v in scores.items()) or "no validation cases"
