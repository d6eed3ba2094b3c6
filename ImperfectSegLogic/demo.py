"""The demo: a scripted user segments a real brain by clicks, round by round.

The image is the MNI152 average T1 brain at 1 mm that nilearn's wheel carries, together with a map
of white matter, which serves as the reference. White matter branches through the whole brain, too
much for a few clicks, so the user asks for it inside a box.
"""

from __future__ import annotations

import importlib.util
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.data import (
    Box,
    Case,
    Click,
    Geometry,
    Prediction,
    Prompt,
    Segmentation,
    read_volume,
    write_prompts,
    write_segmentation,
)
from ImperfectSegLogic.data.safe_writing import replacing
from ImperfectSegLogic.methods.catalog import default_segmenter
from ImperfectSegLogic.metrics.dice import dice

LEFT, RIGHT, WHITE = 1, 2, 3
NAMES = {LEFT: "Left lateral ventricle", RIGHT: "Right lateral ventricle", WHITE: "White matter"}

# What the user points at before looking at any result: RAS in mm. Left is negative R.
FIRST_CLICKS: tuple[tuple[int, tuple[float, float, float]], ...] = (
    (LEFT, (-13, -15, 25)),
    (RIGHT, (13, -15, 25)),
    (WHITE, (28, -25, 28)),
)
# Then the ends of the ventricles, and the third ventricle, which belongs to neither.
VENTRICLE_CLICKS: tuple[tuple[int, bool, tuple[float, float, float]], ...] = (
    (LEFT, True, (-24, -42, 10)),
    (RIGHT, True, (24, -42, 10)),
    (LEFT, True, (-8, 14, 12)),
    (RIGHT, True, (8, 14, 12)),
    (LEFT, False, (0, -25, 5)),
)
WHITE_BOX = Box(np.array([28.0, -25.0, 30.0]), np.array([60.0, 60.0, 50.0]), label=WHITE)
CORRECTIONS = 6
NUMBER_OF_ROUNDS = 2 + CORRECTIONS


@dataclass(frozen=True)
class Round:
    """One round: all prompts so far, the answer to them, and how good and how fast it was."""

    title: str
    prompts: tuple[Prompt, ...]
    prediction: Prediction
    seconds: float
    dice: float


def image_paths() -> tuple[Path, Path]:
    """Gives the files of the T1 brain and of its white-matter map.

    Raises:
        FileNotFoundError: If nilearn is not installed.
    """
    found = importlib.util.find_spec("nilearn")
    if found is None or not found.submodule_search_locations:
        raise FileNotFoundError(
            "the demo's brain is not there: it travels inside nilearn. Run"
            " `pip install imperfectseg[demo]`, or `make demo` in a checkout."
        )
    folder = Path(found.submodule_search_locations[0]) / "datasets" / "data"
    pattern = "mni_icbm152_{}_tal_nlin_sym_09a_converted.nii.gz"
    return folder / pattern.format("t1"), folder / pattern.format("wm")


def rounds() -> Iterator[Round]:
    """Plays the scripted user; gives each round as soon as it is answered."""
    brain_path, white_path = image_paths()
    brain = read_volume(brain_path)
    white = read_volume(white_path).array > 127
    segmenter = default_segmenter()()
    white &= _in_box(brain.geometry)
    prompts: list[Prompt] = [WHITE_BOX]
    prompts += [Click(np.array(ras), label=label) for label, ras in FIRST_CLICKS]
    title = "one click in each structure, a box for white matter"
    prediction: Prediction | None = None
    for number in range(NUMBER_OF_ROUNDS):
        if prediction is not None:
            new, title = _corrections(number, prediction, white)
            prompts.extend(new)
        started = time.perf_counter()
        if number == 0:
            segmenter.set_case(Case(brain, "MNI152"))
        prediction = segmenter.respond(prompts, prediction)
        seconds = time.perf_counter() - started
        score = dice(prediction.full_labels() == WHITE, white)
        yield Round(title, tuple(prompts), prediction, seconds, score)


def write(last: Round, folder: Path, overwrite: bool = False) -> list[Path]:
    """Writes the image, the segments and the prompts as files that 3D Slicer opens.

    Raises:
        FileExistsError: If a file is there already and `overwrite` is not set.
    """
    folder.mkdir(parents=True, exist_ok=True)
    image, segments, clicks = (
        folder / n for n in ("brain.nii.gz", "brain.seg.nrrd", "clicks.mrk.json")
    )
    for path in (image, segments, clicks):
        if path.exists() and not overwrite:
            raise FileExistsError(f"{path} is there already. Choose another --out or --overwrite.")
    with replacing(image, (".nii.gz",), overwrite) as temporary:
        shutil.copyfile(image_paths()[0], temporary)
    labels = last.prediction.full_labels()
    segmentation = Segmentation.from_labels(labels, last.prediction.geometry, NAMES)
    write_segmentation(segmentation, segments, overwrite)
    write_prompts(list(last.prompts), clicks, overwrite)
    return [image, segments, clicks]


def _in_box(geometry: Geometry) -> NDArray[np.bool_]:
    """Tells which voxels have their center in the white-matter box, which is not rotated."""
    places = geometry.to_ras(np.moveaxis(np.indices(geometry.shape), 0, -1))
    inside = np.abs(places - WHITE_BOX.center) <= WHITE_BOX.size / 2
    return np.asarray(inside.all(axis=-1))


def _corrections(
    number: int, prediction: Prediction, white: NDArray[np.bool_]
) -> tuple[list[Prompt], str]:
    if number == 1:
        clicks: list[Prompt] = [
            Click(np.array(ras), label=label, positive=sign)
            for label, sign, ras in VENTRICLE_CLICKS
        ]
        return clicks, "the ends of the ventricles, and not the third ventricle"
    # Here, because what draws its lines takes a second to import.
    from ImperfectSegLogic.methods.scarce.interactive.robot_user import next_click

    found = prediction.full_labels() == WHITE
    click = next_click(found, white, prediction.geometry, WHITE)
    if click is None:
        return [], "nothing left to correct"
    what = "missed" if click.positive else "wrong"
    return [click], f"the middle of the largest {what} piece of white matter"
