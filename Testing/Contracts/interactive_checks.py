"""What every interactive segmenter must keep; each check takes a subject, raises AssertionError."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import torch

from ImperfectSegLogic.data import Box, Case, Click, Prediction, Recist, Scribble, Volume
from ImperfectSegLogic.data import prompts as prompt_kinds
from ImperfectSegLogic.methods.progress import CancelledError
from ImperfectSegLogic.methods.scarce.interactive.network_engine import NetworkEngine
from Testing.Contracts.interactive_scenes import (
    LABELS,
    CancelAt,
    Scene,
    Subject,
    dice,
    differ,
    moved,
    probability,
    prompts_of,
    ready,
    scene,
    scenes,
    turned,
)
from Testing.Contracts.memory_faults import FakeGpu, SmallMemory, network_of, with_network
from Testing.Logic.methods.phantoms import click, rotation

SAME = 1e-4
BIBLIOGRAPHY = Path(__file__).resolve().parents[2] / "Resources" / "references.bib"


def hard_constraints_hold(subject: Subject) -> None:
    for shown in scenes(subject):
        engine, prompts = ready(subject, shown), prompts_of(subject, shown)
        for count in range(1, len(prompts) + 1):
            answer = engine.respond(prompts[:count])
            for prompt in prompts[:count]:
                if isinstance(prompt, Scribble):
                    ends = [Click(p, label=prompt.label) for p in prompt.points]
                else:
                    ends = [prompt] if isinstance(prompt, Click) else []
                for one in ends:
                    require(subject, probability(answer, one) > 0.5, f"does not keep {one}")


def gives_sound_probabilities(subject: Subject) -> None:
    for shown in scenes(subject):
        engine, prompts = ready(subject, shown), prompts_of(subject, shown)
        for count in range(1, len(prompts) + 1):
            check_sound(subject, shown, engine.respond(prompts[:count]))


def says_nothing_about_other_segments(subject: Subject) -> None:
    for shown in scenes(subject):
        engine = ready(subject, shown)
        for label, center in zip(LABELS, (shown.first, shown.second), strict=True):
            answer = engine.respond([click(shown.geometry, center, label)])
            told = f"got a prompt for {label}, answered {answer.labels}"
            require(subject, answer.labels == (0, label), told)


def leaves_what_is_far_away_alone(subject: Subject) -> None:
    """A small object in a long image: the region must not be all of it."""
    for dims in subject.kind.card.dims:
        small = scene(dims)
        margin = [(0, 0)] * 3
        margin[2] = (0, 300)
        background = np.pad(small.volume.array, margin, mode="wrap")
        background[:, :, small.geometry.shape[2] :] = np.random.default_rng(1).normal(
            100, 4, background[:, :, small.geometry.shape[2] :].shape
        )
        engine = subject.make(dims)
        volume = Volume(background, small.volume.ijk_to_ras, "long")
        engine.set_case(Case(volume))
        prompts = [click(small.geometry, small.first), click(small.geometry, (0, 1, 27), 0)]
        answer = engine.respond(prompts)
        wide = answer.region.stop[2]
        local = wide < volume.geometry.shape[2] or not (answer.full_labels()[:, :, 150:]).any()
        require(subject, local, f"answers for {wide} of {volume.geometry.shape[2]} columns")


def more_prompts_never_raise(subject: Subject) -> None:
    for shown in scenes(subject):
        engine, prompts = ready(subject, shown), prompts_of(subject, shown)[:2]
        rng, free = np.random.default_rng(5), ~np.any(list(shown.truth.values()), axis=0)
        previous = None
        for _ in range(10):
            label = int(rng.choice((0, *LABELS)))
            places = np.argwhere(free if not label else shown.truth[label])
            prompts.append(click(shown.geometry, tuple(rng.choice(places)), label))
            previous = working(subject, engine.respond, prompts, previous)
            check_sound(subject, shown, previous)


def order_matters_as_declared(subject: Subject) -> None:
    """First clicks of two segments may change places always; all prompts, if it says so."""
    for shown in scenes(subject):
        engine, prompts = ready(subject, shown), prompts_of(subject, shown)
        if not engine.is_stateless:
            continue
        orders = [[prompts[1], prompts[0], *prompts[2:]]]
        if not engine.uses_order:
            mixed = np.random.default_rng(2).permutation(len(prompts))
            orders += [prompts[::-1], [prompts[n] for n in mixed]]
        expected = engine.respond(prompts)
        for order in orders:
            by = differ(expected, engine.respond(order))
            require(subject, by <= SAME, f"another order of prompts changed it by {by:.2g}")


def answers_the_same_again(subject: Subject) -> None:
    for shown in scenes(subject):
        engine, prompts = ready(subject, shown), prompts_of(subject, shown)
        if not engine.is_stateless:
            continue
        expected = engine.respond(prompts)
        engine.respond(prompts[:1])
        require(subject, differ(expected, engine.respond(prompts)) <= SAME, "remembers prompts")
        engine.set_case(scene(shown.dims, seed=9).case)
        engine.respond(prompts[:2])
        engine.set_case(shown.case)
        require(subject, differ(expected, engine.respond(prompts)) <= SAME, "remembers an image")
        np.random.seed(99)
        torch.manual_seed(99)
        again = ready(subject, shown).respond(prompts)
        require(subject, differ(expected, again) <= SAME, "depends on chance")


def changes_nothing_it_is_given(subject: Subject) -> None:
    for shown in scenes(subject):
        array = np.array(shown.volume.array)
        engine = subject.make(shown.dims)
        engine.set_case(Case(Volume(array, shown.volume.ijk_to_ras)))
        prompts = prompts_of(subject, shown)
        before = [values_of(prompt) for prompt in prompts]
        first = engine.respond(prompts[:2])
        kept = first.probabilities.copy()
        engine.respond(prompts, previous=first)
        require(subject, bool((array == shown.volume.array).all()), "changed the image")
        require(subject, bool((kept == first.probabilities).all()), "changed an earlier answer")
        same = [values_of(prompt) for prompt in prompts] == before
        require(subject, same, "changed the prompts")


def can_be_cancelled_at_any_time(subject: Subject) -> None:
    for shown in scenes(subject):
        prompts = prompts_of(subject, shown)
        counting = CancelAt()
        expected = ready(subject, shown).respond(prompts, progress=counting)
        require(subject, counting.count >= 3, f"reports only {counting.count} times")
        engine = ready(subject, shown)
        for number in sorted({1, counting.count // 3, counting.count // 2, counting.count}):
            fresh = ready(subject, shown)
            for one in (engine, fresh):  # The first may remember some of its work.
                progress = CancelAt(number)
                try:
                    one.respond(prompts, progress=progress)
                    stopped = not progress.is_cancelled
                except CancelledError:
                    stopped = True
                require(subject, stopped, "did not stop when it was cancelled")
                answer = one.respond(prompts)
                check_sound(subject, shown, answer)
                by = differ(expected, answer) if one.is_stateless else 0
                require(subject, by <= SAME, f"a cancel changed the next answer by {by:.2g}")


def falls_back_to_tiles_where_memory_runs_out(subject: Subject) -> None:
    for dims in subject.kind.card.dims:
        shown = scene(dims, columns=128)
        # Of one segment: engines that ask for each by itself have to cut the image.
        prompts = [prompt for prompt in prompts_of(subject, shown) if prompt.label < 2]
        engine = ready(subject, shown)
        if not isinstance(engine, NetworkEngine):
            return
        seen = SmallMemory(network_of(engine), None)
        with with_network(engine, seen):
            engine.respond(prompts)
        engine = ready(subject, shown)
        with with_network(engine, SmallMemory(network_of(engine), max(seen.sizes) - 1)):
            answer = working(subject, engine.respond, prompts)
        check_sound(subject, shown, answer)
        told = any("memory" in n and "tiles" in n for n in answer.notes)
        require(subject, told, f"said nothing of tiles: {answer.notes}")


def falls_back_to_the_cpu_where_memory_runs_out(subject: Subject) -> None:
    for shown in scenes(subject):
        engine, prompts = ready(subject, shown), prompts_of(subject, shown)
        if not isinstance(engine, NetworkEngine):
            return
        network_of(engine).to("cpu")  # Where there is a GPU, it would round in its own way.
        expected = engine.respond(prompts)
        engine = ready(subject, shown)
        network_of(engine).to("cpu")
        with FakeGpu.around(engine) as gpu:
            answer = working(subject, engine.respond, prompts)
            require(subject, not gpu.is_on_gpu, "did not go on on the CPU")
        told = any("CPU" in note for note in answer.notes)
        require(subject, told, f"said nothing of the CPU: {answer.notes}")
        by = differ(expected, answer) if engine.is_stateless else 0
        require(subject, by <= SAME, f"the CPU's answer differs by {by:.2g}")


def says_so_where_there_is_no_memory_at_all(subject: Subject) -> None:
    for shown in scenes(subject):
        engine, prompts = ready(subject, shown), prompts_of(subject, shown)
        if not isinstance(engine, NetworkEngine):
            return
        with with_network(engine, SmallMemory(network_of(engine), 0)):
            message = refused(engine.respond, prompts)
        require(subject, "memory ran out" in message, f"said {message!r}")
        check_sound(subject, shown, engine.respond(prompts))


def answers_alike_wherever_the_image_lies(subject: Subject) -> None:
    """A rigid motion of the world changes nothing; another order of voxels next to nothing."""
    for shown in scenes(subject):
        engine, prompts = ready(subject, shown), prompts_of(subject, shown)
        if not engine.is_stateless:
            continue
        expected = engine.respond(prompts)
        motion = np.eye(4)
        motion[:3, :3], motion[:3, 3] = rotation(25.0), (11.0, -7.0, 30.0)
        other = subject.make(shown.dims)
        other.set_case(Case(Volume(shown.volume.array, motion @ shown.volume.ijk_to_ras)))
        by = differ(expected, other.respond([moved(prompt, motion) for prompt in prompts]))
        require(subject, by <= 0.02, f"an oblique image changed the answer by {by:.2g}")
        for axes, flipped in (((0, 1, 2), (1,)), ((0, 2, 1), (2,))):
            other = subject.make(shown.dims)
            other.set_case(Case(turned(shown.volume, axes, flipped)))
            found = np.flip(other.respond(prompts).full_labels(), flipped).transpose(axes)
            for label in LABELS:
                alike = dice(found == label, expected.full_labels() == label)
                told = f"with axes {axes}, {flipped} flipped, label {label}: Dice {alike:.2f}"
                require(subject, alike > 0.9, told)


def refuses_bad_images_clearly(subject: Subject) -> None:
    for shown in scenes(subject):
        array, matrix = np.array(shown.volume.array), shown.volume.ijk_to_ras
        holed = array.copy()
        holed[0, 3, 4] = np.nan
        bad = {"NaN": holed, "one value": array * 0, "channels": np.stack([array] * 5)}
        for what, voxels in bad.items():
            engine = ready(subject, shown)
            message = refused(engine.set_case, Case(Volume(voxels, matrix, "bad")))
            clear = ("bad" in message and "allowed" in message) or "same value" in message
            require(subject, clear, f"{what}: said {message!r}")
            engine.set_case(shown.case)
            check_sound(subject, shown, engine.respond(prompts_of(subject, shown)[:2]))


def refuses_bad_prompts_clearly(subject: Subject) -> None:
    for shown in scenes(subject):
        engine, geometry = ready(subject, shown), shown.geometry
        middle = click(geometry, shown.first)
        beyond = [n + 5 for n in geometry.shape]
        line = geometry.to_ras([shown.first, shown.second])
        bad = {
            "no prompt": ([], "none"),
            "outside": ([middle, click(geometry, beyond)], "outside"),
            "unknown kind": ([middle, Recist(long_axis=line, short_axis=line)], "Recist"),
            "two labels": ([middle, click(geometry, shown.first, 3)], "label"),
            "only background": ([click(geometry, shown.first, 0)], "background"),
        }
        if "Box" in subject.kind.card.accepts:
            flat = Box(center=geometry.to_ras(shown.first), size=(0.0, 9.0, 0.0))
            bad["box without extent"] = ([middle, flat], "slice")
        for what, (prompts, said) in bad.items():
            message = refused(engine.respond, prompts)
            require(subject, said in message and len(message) > 30, f"{what}: said {message!r}")
        check_sound(subject, shown, engine.respond([middle]))
        message = refused(subject.make(shown.dims).respond, [middle])
        require(subject, "case" in message, f"without an image: said {message!r}")


def refuses_dimensions_it_does_not_know(subject: Subject) -> None:
    known = subject.kind.card.dims
    for dims in {2, 3} - set(known):
        message = refused(subject.make(known[0]).set_case, scene(dims).case)
        require(subject, f"{dims}-D" in message or "slice" in message, f"said {message!r}")


def has_a_complete_card(subject: Subject) -> None:
    card = subject.kind.card
    keys = re.findall(r"@\w+\{(\w+),", BIBLIOGRAPHY.read_text(encoding="utf-8"))
    unknown = set(card.paper) - set(keys)
    require(subject, bool(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", card.name)), "name")
    require(subject, bool(card.paper) and not unknown, f"papers {unknown} not in references.bib")
    require(subject, card.table_row == "Interactive segmentation", f"row {card.table_row!r}")
    wrong = [name for name in card.accepts if not hasattr(prompt_kinds, name)]
    require(subject, bool(card.accepts) and not wrong, f"accepts {wrong}, no kinds of prompt")
    require(subject, bool(card.dims) and set(card.dims) <= {2, 3}, f"dims {card.dims}")
    require(subject, card.claims.endswith("."), "claims no sentence")


def finds_a_bright_ball(subject: Subject) -> None:
    """Only what brings all it needs: other engines are as good as the user's model."""
    if subject.kind.needs_model:
        return
    for shown in scenes(subject):
        k = shown.first[0]
        prompts = [
            click(shown.geometry, shown.first),
            click(shown.geometry, (k, 1, 1), 0),
            click(shown.geometry, shown.second, 3),
        ]
        found = ready(subject, shown).respond(prompts).full_labels()
        score = dice(found == 1, shown.truth[1])
        require(subject, score > 0.85, f"Dice {score:.2f} on a bright ball")


CHECKS = (
    hard_constraints_hold,
    gives_sound_probabilities,
    says_nothing_about_other_segments,
    leaves_what_is_far_away_alone,
    more_prompts_never_raise,
    order_matters_as_declared,
    answers_the_same_again,
    changes_nothing_it_is_given,
    can_be_cancelled_at_any_time,
    falls_back_to_tiles_where_memory_runs_out,
    falls_back_to_the_cpu_where_memory_runs_out,
    says_so_where_there_is_no_memory_at_all,
    answers_alike_wherever_the_image_lies,
    refuses_bad_images_clearly,
    refuses_bad_prompts_clearly,
    refuses_dimensions_it_does_not_know,
    has_a_complete_card,
    finds_a_bright_ball,
)


def require(subject: Subject, holds: bool, said: str) -> None:
    assert holds, f"{subject.name}: {said}."


def working(subject: Subject, work, *given):
    """Gives what some work gives; AssertionError if it raises anything."""
    try:
        return work(*given)
    except Exception as error:
        raise AssertionError(f"{subject.name}: raised {error!r}") from error


def refused(work, *given) -> str:
    """Gives the message of the ValueError that some work raises; a note if it raises none."""
    try:
        work(*given)
    except ValueError as error:
        return str(error)
    except Exception as error:
        return f"<{type(error).__name__}>"
    return "<nothing>"


def check_sound(subject: Subject, shown: Scene, answer: Prediction) -> None:
    p = answer.probabilities
    require(subject, bool(np.isfinite(p).all()), "NaN or infinite")
    require(subject, p.dtype == np.float32, f"probabilities are {p.dtype}")
    require(subject, p.min() >= 0 and p.max() <= 1, f"from {p.min():.3g} to {p.max():.3g}")
    off = float(np.abs(p.sum(axis=0) - 1).max())
    require(subject, off < 1e-3, f"probabilities sum to 1 but for {off:.2g}")
    require(subject, answer.geometry.matches(shown.geometry), "another grid")
    inside = all(b <= n for b, n in zip(answer.region.stop, shown.geometry.shape, strict=True))
    require(subject, inside, f"region {answer.region} is beyond the image")
    require(subject, set(answer.labels) <= {0, *LABELS}, f"labels {answer.labels}")
    require(subject, bool(answer.provenance.method), "does not say where it comes from")


def values_of(prompt) -> list:
    return [np.asarray(v).tolist() for v in vars(prompt).values()]
