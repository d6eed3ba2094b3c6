"""What every refiner must keep; each check takes the class and raises AssertionError."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import torch

from ImperfectSegLogic.data import Click, Prediction, Region, prompts, write_probabilities
from ImperfectSegLogic.data.datasets.files import sha256
from ImperfectSegLogic.methods.base import Refiner
from ImperfectSegLogic.methods.progress import CancelledError, Progress
from ImperfectSegLogic.methods.settings import fields_of
from Testing.Contracts.refiner_scenes import LABELS, Scene, scene, scenes

BIBLIOGRAPHY = Path(__file__).resolve().parents[2] / "Resources" / "references.bib"
ROW = "CRF-based post segmentation"
ALIKE = 0.99
AGAIN = 1e-5 if torch.cuda.is_available() else 0.0
"""By how much answers to one question may differ: a GPU adds in any order."""
"""Share of voxels that must get the same label where only rounding may differ."""

Kind = type[Refiner]


def gives_probabilities_of_the_same_region(kind: Kind) -> None:
    for given in scenes(kind):
        k, j, i = given.case.volume.geometry.shape
        part = Region((0, 3, 2), (k, j - 1, i - 2))
        for one in (given, given.cut(part)):
            out = run(kind, one)
            require(kind, type(out) is Prediction, f"gave a {type(out).__name__}")
            same = out.region == one.prediction.region
            require(kind, same, f"{one.prediction.region} became {out.region}")
            require(kind, out.labels == LABELS, f"labels {LABELS} became {out.labels}")
            on_grid = out.geometry.matches(one.prediction.geometry)
            require(kind, on_grid, "gave another grid")
            require(kind, sums_to_one(out), "gave values that are no probabilities")
            kept = out.probabilities.dtype == np.float32
            require(kind, kept, f"gave {out.probabilities.dtype}, must be float32")


def changes_nothing_it_is_given(kind: Kind) -> None:
    for given in scenes(kind):
        # Copies that can be written to: a view's protection can be gone around.
        image = given.case.volume.array.copy()
        values = given.prediction.probabilities.copy()
        before = image.copy(), values.copy()
        run(kind, given.with_image(image).with_probabilities(values), clicks_at(given))
        same = np.array_equal(image, before[0]) and np.array_equal(values, before[1])
        require(kind, same, "changed the image or the prediction that it was given")


def answers_the_same_every_time(kind: Kind) -> None:
    for given in scenes(kind):
        refiner = kind()
        first = refiner.refine(given.case, given.prediction).probabilities
        other = scene(2 if given.case.volume.geometry.shape[0] == 1 else 3, seed=8)
        refiner.refine(other.case, other.prediction)
        torch.manual_seed(99)
        np.random.seed(99)
        again = refiner.refine(given.case, given.prediction).probabilities
        by = float(np.abs(first - again).max())
        require(kind, by <= AGAIN, f"gave another answer to the same question, by {by:.2g}")


def keeps_what_prompts_say(kind: Kind) -> None:
    for given in scenes(kind):
        wrong = clicks_at(given)
        out = run(kind, given, wrong).full_labels()
        for click in wrong:
            index = tuple(given.prediction.geometry.to_index(np.array(click.position)))
            require(kind, out[index] == click.label, f"gave {out[index]} where {click} was")
        plain = run(kind, given).full_labels()
        require(kind, same_share(plain, out) > 0.5, "lost the rest when it was given prompts")


def keeps_what_is_certain_where_nothing_speaks_against_it(kind: Kind) -> None:
    """The right answer, in an image without noise, must stay right."""
    for given in scenes(kind):
        clean = np.select([given.truth == 2, given.truth == 5], [100.0, 180.0], 20.0)
        own = np.stack([given.truth == label for label in LABELS])
        sure = np.where(own, np.float32(0.99), np.float32(0.005))
        out = run(kind, given.with_image(clean.astype(np.float32)).with_probabilities(sure))
        share = same_share(out.full_labels(), given.truth)
        require(kind, share >= 0.95, f"left {share:.0%} of a right answer")


def goes_with_the_axes(kind: Kind) -> None:
    """What is flipped is refined to what is flipped."""
    for given in scenes(kind):
        wanted = run(kind, given).full_labels()
        for axis in range(3):
            found = np.flip(run(kind, given.flipped(axis)).full_labels(), axis)
            share = same_share(found, wanted)
            require(kind, share >= ALIKE, f"gave {share:.1%} the same along axis {axis}")


def refuses_what_is_no_prediction_of_the_image(kind: Kind) -> None:
    for given in scenes(kind):
        values = given.prediction.probabilities
        bad = values.copy()
        bad[0, 0, 0, 0] = np.nan
        k, j, i = values.shape[1:]
        whole = given.case.volume.array
        other = np.concatenate([whole, whole], axis=1)
        alone = {"labels": (0,)}
        for what, one in {
            "sums other than 1": given.with_probabilities(values * np.float32(0.8)),
            "NaN": given.with_probabilities(bad),
            "logits": given.with_probabilities(values * 6 - 5 / 3),
            "an image of another grid": given.with_image(other),
            "one label only": given.with_probabilities(np.ones((1, k, j, i), np.float32), **alone),
        }.items():
            require(kind, is_refused(kind, one), f"took {what}")


def answers_or_refuses_hard_images(kind: Kind) -> None:
    """NaN is no image; a constant one, or an unsure prediction, must not make nonsense."""
    for given in scenes(kind):
        even = np.full_like(given.prediction.probabilities, 1 / 3)
        flat = given.with_image(np.full_like(given.case.volume.array, 7))
        large = given.with_image(given.case.volume.array * np.float32(1e6))
        stack = given.with_image(np.stack([given.case.volume.array] * 2))
        whole = given.with_image(given.case.volume.array.astype(np.int16))
        holes = given.case.volume.array.copy()
        holes[0, 2:4, 2:4] = np.nan
        unsure, broken = given.with_probabilities(even), given.with_image(holes)
        for one in (unsure, flat, large, stack, whole, broken):
            if not is_refused(kind, one):
                require(kind, sums_to_one(run(kind, one)), "gave values that are no probabilities")
        require(kind, not is_refused(kind, whole), "refused an image of whole numbers")
        require(kind, not is_refused(kind, unsure), "refused an unsure prediction")


def tells_how_far_it_is_and_can_be_cancelled(kind: Kind) -> None:
    for given in scenes(kind):
        told = shares_told(kind, given)
        require(kind, bool(told), "never told how far it is")
        rising = told == sorted(told) and told[0] >= 0 and told[-1] <= 1
        require(kind, rising, f"told {told}, which does not rise from 0 to 1")
        stopped = Progress()
        stopped.cancel()
        try:
            kind().refine(given.case, given.prediction, (), stopped)
        except CancelledError:
            continue
        require(kind, False, "went on when it was cancelled")


def tells_where_the_answer_comes_from(kind: Kind) -> None:
    for given in scenes(kind):
        out = run(kind, given)
        source = out.provenance
        require(kind, kind.card.name in source.method, f"calls itself {source.method!r}")
        fields = {one.name for one in fields_of(kind.settings_type)}
        unsaid = sorted(fields - set(source.settings))
        require(kind, not unsaid, f"does not tell its settings {unsaid}")
        said = json.dumps(dict(source.settings))
        require(kind, "unet-2d" in source.method + said, "forgot whose prediction it refined")
        require(kind, source.weights_hash == "abc123", "forgot the hash of the weights")
        require(kind, "a note" in out.notes, "forgot the notes on the prediction")


def answers_can_be_stored(kind: Kind, folder: Path) -> None:
    for n, given in enumerate(scenes(kind)):
        path = folder / f"{n}.nrrd"
        try:
            write_probabilities(run(kind, given), path)
        except (TypeError, ValueError, AssertionError) as error:
            require(kind, False, f"gave something that cannot be stored ({error})")
        require(kind, bool(sha256(path)), "stored nothing")


def refuses_settings_beyond_their_limits(kind: Kind) -> None:
    for one in fields_of(kind.settings_type):
        beyond = [bound + by for bound, by in ((one.low, -1), (one.high, 1)) if bound is not None]
        beyond = [(value,) for value in beyond] if one.kind is tuple else beyond
        for value in [*beyond, *(["no such choice"] if one.choices else [])]:
            message = ""
            try:
                kind(kind.settings_type(**{one.name: value}))
            except ValueError as error:
                message = str(error)
            told = kind.card.name in message and one.name in message
            require(kind, told, f"took {one.name}={value!r}, or did not name method and field")


def searches_numbers_that_it_has(kind: Kind) -> None:
    known = {one.name: one for one in fields_of(kind.settings_type)}
    for name in kind.searched:
        require(kind, name in known, f"wants {name!r} searched, which is no setting")
        one = known[name]
        numbers = one.default if one.kind is tuple else (one.default,)
        fits = one.kind in (int, float, tuple) and all(n > 0 for n in numbers)
        require(kind, fits, f"wants {name!r} searched, which is no number above 0")


def has_a_complete_card(kind: Kind) -> None:
    card = kind.card
    keys = re.findall(r"@\w+\{(\w+),", BIBLIOGRAPHY.read_text(encoding="utf-8"))
    require(kind, bool(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", card.name)), "name in upper case")
    unknown = set(card.paper) - set(keys)
    require(kind, not unknown, f"papers {unknown} not in references.bib")
    require(kind, card.table_row == ROW, f"table row {card.table_row!r}, must be {ROW!r}")
    wrong = [name for name in card.accepts if not hasattr(prompts, name)]
    require(kind, not wrong, f"accepts {wrong}, no kinds of prompt")
    require(kind, bool(card.dims) and set(card.dims) <= {2, 3}, f"dims {card.dims}")
    require(kind, card.claims.endswith("."), "claims no sentence")
    cited = not card.paper or any(key in (kind.__doc__ or "") for key in card.paper)
    require(kind, bool(kind.__doc__) and cited, "cites nothing")


CHECKS = (
    gives_probabilities_of_the_same_region,
    changes_nothing_it_is_given,
    answers_the_same_every_time,
    keeps_what_prompts_say,
    keeps_what_is_certain_where_nothing_speaks_against_it,
    goes_with_the_axes,
    refuses_what_is_no_prediction_of_the_image,
    answers_or_refuses_hard_images,
    tells_how_far_it_is_and_can_be_cancelled,
    tells_where_the_answer_comes_from,
    answers_can_be_stored,
    refuses_settings_beyond_their_limits,
    searches_numbers_that_it_has,
    has_a_complete_card,
)


def require(kind: Kind, holds: bool, said: str) -> None:
    assert holds, f"{kind.card.name}: {said}."


def run(kind: Kind, given: Scene, clicks: tuple[Click, ...] = ()) -> Prediction:
    return kind().refine(given.case, given.prediction, clicks)


def shares_told(kind: Kind, given: Scene) -> list[float]:
    told: list[float] = []
    kind().refine(given.case, given.prediction, (), Progress(lambda f, _: told.append(f)))
    return told


def clicks_at(given: Scene) -> tuple[Click, ...]:
    """Clicks that say otherwise than the prediction: one in each ball, one outside."""
    grid = given.prediction.geometry
    inside = [np.argwhere(given.truth == label).mean(axis=0).round() for label in LABELS[1:]]
    corner = np.zeros(3)
    pairs = [(inside[0], 5), (inside[1], 2), (corner, 2)]
    return tuple(Click(grid.to_ras(index), label=label) for index, label in pairs)


def is_refused(kind: Kind, given: Scene) -> bool:
    try:
        run(kind, given)
    except ValueError as error:
        require(kind, len(str(error)) > 20, f"refused without saying why ({error})")
        return True
    return False


def sums_to_one(out: Prediction) -> bool:
    values = out.probabilities
    right = np.isfinite(values).all() and values.min() >= 0 and values.max() <= 1 + 1e-5
    return bool(right and np.allclose(values.sum(axis=0), 1, atol=1e-4))


def same_share(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.mean(one == other))
