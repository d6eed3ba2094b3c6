"""A data folder, Evidences about it, and trainers that train nothing."""

from __future__ import annotations

import json
from concurrent.futures import Executor, Future

import numpy as np

from ImperfectSegLogic.data import write_label_map, write_volume
from Testing.Logic.training.phantom_runs import pair, scribbles_of

DATA = """
images = "hearts/*_image.nii.gz"
label_maps = "hearts/*_label.nii.gz"
scribbles = "hearts/*_scribble.nii.gz"
unlabeled = 9
subject = "([a-z]+)_"
splits = "hearts/splits.json"
[labels]
1 = "disk"
4 = "square"
"""
SPEC = """
title = "Few slices"
claim = "Balancing helps."
survey = "+0.05"
about = ["sparse-cicek2016"]
data = "hearts"
metric = "dice"
seeds = [1, 2]
headline = "balanced, share 0.5"
annotation = "slices"

[training]
dims = 2
network_settings = { features = [4, 8], strides = [2] }
patch = [24, 24]
batch = 2
steps = 2
steps_per_validation = 2

[[arms]]
name = "plain"
each = { share = [0.5, 1.0] }

[[arms]]
name = "balanced"
baseline = "plain"
methods = [{ name = "sparse-cicek2016", strength = 0.5 }]
each = { share = [0.5, 1.0] }

[[targets]]
text = "gains with half of the slices"
arm = "balanced, share 0.5"
over = "plain, share 0.5"
at_least = 0.05
interval = true

[[targets]]
text = "reaches 0.9 with all slices"
arm = "balanced, share 1"
at_least = 0.9
"""
SUBJECTS = {"train": ["ann", "bob", "cat"], "val": ["dan"], "test": ["eve", "fay"]}


def data_folder(folder):
    """Six patients with two images each."""
    (folder / "hearts").mkdir(parents=True)
    names = [name for split in SUBJECTS.values() for name in split]
    for n, case in enumerate(f"{name}_{frame}" for name in names for frame in (1, 2)):
        volume, labels = pair(n)
        path = folder / "hearts" / case
        write_volume(volume, f"{path}_image.nii.gz")
        write_label_map(labels, volume.geometry, f"{path}_label.nii.gz")
        known = scribbles_of(labels, n)
        write_label_map(
            np.where(known < 0, 9, known).astype(np.uint8),
            volume.geometry,
            f"{path}_scribble.nii.gz",
        )
    (folder / "hearts" / "splits.json").write_text(json.dumps(SUBJECTS))
    return folder


def evidence_folder(folder, text: str = SPEC, name: str = "few-slices"):
    (folder / "data").mkdir(parents=True, exist_ok=True)
    (folder / "data" / "hearts.toml").write_text(DATA)
    (folder / f"{name}.toml").write_text(text)
    return folder


class Here(Executor):
    """Runs what is submitted at once, in this process."""

    def submit(self, function, /, *arguments, **named):
        future = Future()
        try:
            future.set_result(function(*arguments, **named))
        except Exception as error:
            future.set_exception(error)
        return future


class Trainer:
    """Remembers what it trained; scores are better with methods, by a known amount."""

    def __init__(self, gain: float = 0.1, fails=()):
        self.gain, self.fails, self.trained = gain, set(fails), []

    def __call__(self, training):
        if training.name in self.fails:
            raise ValueError("loss became NaN.")
        training.folder.mkdir(parents=True, exist_ok=True)
        self.trained.append(training.name)
        value = 0.6 + 0.2 * training.arm.share + 0.01 * training.seed
        value += self.gain * bool(training.arm.methods)
        dice = {
            case: {"1": value + 0.02 * n, "4": value - 0.02 * n}
            for n, case in enumerate(training.test_cases)
        }
        iou = {c: {n: d / (2 - d) for n, d in one.items()} for c, one in dice.items()}
        return dice, iou, 12.5
