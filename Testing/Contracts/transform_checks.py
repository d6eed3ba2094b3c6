"""What every sample transform must keep; each check takes the class and raises AssertionError."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from ImperfectSegLogic.data import annotations
from ImperfectSegLogic.data.sample import Sample
from ImperfectSegLogic.methods.base import SampleTransform
from ImperfectSegLogic.methods.settings import fields_of

UNLABELED = annotations.UNLABELED
LABELS = (0, 2, 5)
SEEDS = range(3)
SIDE = 8
BIBLIOGRAPHY = Path(__file__).resolve().parents[2] / "Resources" / "references.bib"

Kind = type[SampleTransform]


def changes_nothing_it_is_given(kind: Kind) -> None:
    for sample in samples(kind):
        before = (sample.image.clone(), sample.target.clone(), sample.looked_for.clone())
        for seed in SEEDS:
            run(kind, sample, seed)
        now = (sample.image, sample.target, sample.looked_for)
        same = all(torch.equal(a, b) for a, b in zip(before, now, strict=True))
        require(kind, same, "changed the sample that it was given; it must give a new one")


def takes_all_chance_from_the_generator(kind: Kind) -> None:
    for sample in samples(kind):
        transform = always(kind)
        results = [apply(transform, sample, seed) for seed in SEEDS]
        torch.manual_seed(99)
        np.random.seed(99)
        again = [apply(transform, sample, seed) for seed in SEEDS]
        same = all(equal(a, b) for a, b in zip(results, again, strict=True))
        require(kind, same, "gave another result for the same generator")
        differ = any(not equal(results[0], other) for other in results[1:])
        require(kind, differ, "gave the same result for all generators")


def keeps_shape_type_and_device(kind: Kind) -> None:
    for sample in samples(kind):
        for channels in (1, 2, 3):
            given = with_image(sample, sample.image[:1].repeat_interleave(channels, dim=0))
            for seed in SEEDS:
                out = run(kind, given, seed)
                for name in ("image", "target", "looked_for"):
                    a, b = getattr(given, name), getattr(out, name)
                    require(kind, type(b) is torch.Tensor, f"{name} is a {type(b).__name__}")
                    require(kind, a.shape == b.shape, f"{name} {tuple(a.shape)} became {b.shape}")
                    require(kind, a.dtype == b.dtype, f"{name} {a.dtype} became {b.dtype}")
                    require(kind, a.device == b.device, f"{name} went to {b.device}")
                told = [(s.kind, s.spacing, s.case) for s in (given, out)]
                require(kind, told[0] == told[1], f"{told[0]} became {told[1]}")
                require(kind, torch.equal(given.looked_for, out.looked_for), "changed looked_for")


def gives_finite_images(kind: Kind) -> None:
    for sample in samples(kind):
        gray, flat = sample.image.expand(3, *sample.target.shape), sample.image * 0
        for image in (gray, flat, sample.image * 1e4, sample.image.sign()):
            for seed in SEEDS:
                out = run(kind, with_image(sample, image), seed)
                finite = bool(torch.isfinite(out.image).all())
                require(kind, finite, "gave voxels that are NaN or infinite")


def makes_no_new_labels(kind: Kind) -> None:
    for sample in samples(kind):
        for labels in (LABELS, LABELS[1:]):
            target = torch.tensor(labels)[checkerboard(sample.target.shape) % len(labels)]
            for seed in SEEDS:
                out = run(kind, dataclasses.replace(sample, target=target), seed)
                new = set(out.target.unique().tolist()) - {*labels, UNLABELED}
                require(kind, not new, f"made labels {sorted(new)} out of {labels}")


def keeps_unlabeled_voxels_unlabeled(kind: Kind) -> None:
    """Compares with a run in which the unlabeled voxels have a label of their own."""
    for sample in samples(kind):
        holes = checkerboard(sample.target.shape) == 1
        marked = dataclasses.replace(sample, target=torch.where(holes, 1, 0))
        given = dataclasses.replace(sample, target=torch.where(holes, UNLABELED, 0))
        for seed in SEEDS:
            where = run(kind, marked, seed).target
            expected = torch.where(where == 0, 0, UNLABELED)
            same = torch.equal(run(kind, given, seed).target, expected)
            require(kind, same, "gave a label to unlabeled voxels, or took labels away")


def moves_image_and_target_together(kind: Kind) -> None:
    """Tells the squares of a checkerboard apart in the image, and looks into the target."""
    for sample in samples(kind):
        board = checkerboard(sample.target.shape) % 2
        given = dataclasses.replace(sample, image=board[None] * 2.0 - 1.0, target=board)
        for seed in SEEDS:
            out = run(kind, given, seed)
            light, dark = (out.image[0][out.target == label] for label in (1, 0))
            middle = (light.mean() + dark.mean()) / 2
            right = torch.cat([light > middle, dark <= middle]).float().mean()
            require(kind, float(right) > 0.9, f"only {right:.0%} of the target lie on the image")


def leaves_what_comes_from_outside_unlabeled(kind: Kind) -> None:
    """Holds what moves, and is no mere exchange of voxels, to bring in something from outside."""
    for sample in samples(kind):
        full = dataclasses.replace(sample, target=sample.target + 1)
        counts = full.target.unique(return_counts=True)[1].tolist()
        moved = [run(kind, full, seed).target for seed in SEEDS]
        warped = any(target.unique(return_counts=True)[1].tolist() != counts for target in moved)
        outside = any((target == UNLABELED).any() for target in moved)
        require(kind, outside or not warped, "gave labels to what comes from outside")


def does_nothing_at_probability_zero(kind: Kind) -> None:
    names = [one.name for one in fields_of(kind.settings_type)]
    require(kind, "probability" in names, "has no setting 'probability'")
    for sample in samples(kind):
        for seed in SEEDS:
            out = apply(kind(kind.settings_type(probability=0.0)), sample, seed)
            require(kind, equal(out, sample), "changed a sample at probability 0")


def refuses_settings_beyond_their_limits(kind: Kind) -> None:
    for one in fields_of(kind.settings_type):
        beyond = [bound + by for bound, by in ((one.low, -1), (one.high, 1)) if bound is not None]
        beyond += ["no such choice"] if one.choices else []
        for value in beyond:
            message = ""
            try:
                kind(kind.settings_type(**{one.name: value}))
            except ValueError as error:
                message = str(error)
            told = kind.card.name in message and one.name in message
            require(kind, told, f"took {one.name}={value!r}, or did not name method and field")


def has_a_complete_card(kind: Kind) -> None:
    card = kind.card
    keys = re.findall(r"@\w+\{(\w+),", BIBLIOGRAPHY.read_text(encoding="utf-8"))
    require(kind, bool(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", card.name)), "name in upper case")
    unknown = set(card.paper) - set(keys)
    require(kind, bool(card.paper) and not unknown, f"papers {unknown} not in references.bib")
    row = "Traditional data augmentation"
    require(kind, card.table_row == row, f"table row {card.table_row!r}, must be {row!r}")
    wrong = [name for name in card.accepts if not hasattr(annotations, name)]
    require(kind, bool(card.accepts) and not wrong, f"accepts {wrong}, no kinds of annotation")
    require(kind, bool(card.dims) and set(card.dims) <= {2, 3}, f"dims {card.dims}")
    require(kind, card.claims.endswith("."), "claims no sentence")
    require(
        kind, bool(kind.__doc__) and any(k in kind.__doc__ for k in card.paper), "cites nothing"
    )


CHECKS = (
    changes_nothing_it_is_given,
    takes_all_chance_from_the_generator,
    keeps_shape_type_and_device,
    gives_finite_images,
    makes_no_new_labels,
    keeps_unlabeled_voxels_unlabeled,
    moves_image_and_target_together,
    leaves_what_comes_from_outside_unlabeled,
    does_nothing_at_probability_zero,
    refuses_settings_beyond_their_limits,
    has_a_complete_card,
)


def require(kind: Kind, holds: bool, said: str) -> None:
    assert holds, f"{kind.card.name}: {said}."


def always(kind: Kind) -> SampleTransform:
    """Gives the transform with everything acting."""
    names = [one.name for one in fields_of(kind.settings_type)]
    return kind(kind.settings_type(**({"probability": 1.0} if "probability" in names else {})))


def run(kind: Kind, sample: Sample, seed: int) -> Sample:
    return apply(always(kind), sample, seed)


def apply(transform: SampleTransform, sample: Sample, seed: int) -> Sample:
    return transform.apply(sample, np.random.default_rng(seed))


def equal(a: Sample, b: Sample) -> bool:
    return torch.equal(a.image, b.image) and torch.equal(a.target, b.target)


def with_image(sample: Sample, image: torch.Tensor) -> Sample:
    return dataclasses.replace(sample, image=image)


def checkerboard(shape: tuple[int, ...]) -> torch.Tensor:
    """Gives squares, or cubes, numbered along their diagonals."""
    index = torch.stack(torch.meshgrid(*[torch.arange(n) for n in shape], indexing="ij"))
    return (index // SIDE).sum(dim=0)


def samples(kind: Kind) -> Iterator[Sample]:
    """Gives a noisy, partly labeled sample for each number of dimensions that the card names."""
    for dims in kind.card.dims:
        shape = {2: (48, 40), 3: (16, 32, 24)}[dims]
        rng = np.random.default_rng(7)
        image = rng.standard_normal((1, *shape), dtype=np.float32)
        target = np.array((UNLABELED, *LABELS))[rng.integers(0, 4, shape)]
        yield Sample(
            image=torch.from_numpy(image),
            target=torch.from_numpy(target),
            looked_for=torch.tensor([True, False, True, True, True, True]),
            kind="SparseMask",
            spacing={2: (1.0, 1.5), 3: (3.0, 1.0, 1.0)}[dims],
            case="phantom",
        )
