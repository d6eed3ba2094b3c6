"""Curves for TensorBoard."""

from __future__ import annotations

from pathlib import Path

from ImperfectSegLogic.training.events import Event, Listener


def tensorboard_listener(folder: Path) -> Listener:
    """Gives a listener that writes losses and scores into a folder for TensorBoard.

    Raises:
        ValueError: If TensorBoard is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise ValueError(
            "tensorboard: not installed. Install it with `pip install tensorboard`, or leave out"
            " --tensorboard; the curves are in events.jsonl too."
        ) from error
    writer = SummaryWriter(str(folder))

    def listener(event: Event) -> None:
        group = "validation" if event.kind == "validation" else "training"
        for name, value in event.values.items():
            writer.add_scalar(f"{group}/{name}", value, event.step)
        if event.kind == "note":
            writer.add_text("notes", event.text, event.step)
        writer.flush()

    return listener
