"""How the state of a run reads."""

from __future__ import annotations

from ImperfectSegLib.RunFolders import RUNNING, RunStatus


def described(run: RunStatus, isStopping: bool) -> str:
    """Gives in a sentence where a run stands."""
    if run.isActive and isStopping:
        return f"{run.name}: stopping after the step at hand..."
    if run.state != RUNNING:
        same = run.message.lower().startswith(run.state)
        text = run.message if same or not run.message else f"{run.state}. {run.message}"
        return f"{run.name}: {text or run.state}"
    left = f", {timeLeft(run.secondsLeft)} left" if run.secondsLeft is not None else ""
    return f"{run.name}: {run.message or 'running'}{left}"


def timeLeft(seconds: float) -> str:
    """Gives a time as people say it."""
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"about {seconds / length:.0f} {unit}"
    return f"about {max(seconds, 1):.0f} s"
