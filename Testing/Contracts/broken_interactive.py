"""Interactive segmenters with one planted fault each, and the check that must reject them."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from torch import nn

from ImperfectSegLogic.data import Prediction
from ImperfectSegLogic.methods.card import MethodCard, Requires
from ImperfectSegLogic.methods.progress import Progress
from ImperfectSegLogic.methods.scarce.interactive.geodesic_walker import GeodesicWalker
from ImperfectSegLogic.methods.scarce.interactive.network_engine import (
    NetworkEngine,
    Prepared,
    seed_channels,
)
from ImperfectSegLogic.methods.scarce.interactive.seeds import read_prompts
from ImperfectSegLogic.methods.scarce.interactive.window import first_region
from Testing.Contracts import interactive_checks as checks
from Testing.Contracts.interactive_scenes import LABELS

CARD = MethodCard(
    name="planted",
    paper=("grady2005random",),
    table_row="Interactive segmentation",
    accepts=("Click", "Scribble"),
    requires=Requires.NOTHING,
    dims=(2, 3),
    claims="Passes all checks.",
)


class Sound(GeodesicWalker):
    """The geodesic walker under another name."""

    card = CARD


class Likeness(nn.Module):
    """Says that what is as bright as a prompt is the object; flips and tiles change nothing."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(20.0))

    def forward(self, x):
        gray, wanted = x[:, :1], x[:, 1:2]
        return self.scale * (0.12 - (gray - wanted).abs())


class SoundNetwork(NetworkEngine):
    """Looks at gray values around a segment's first seed; has a network, so that memory counts."""

    card = CARD

    def __init__(self):
        self.network = Likeness().eval()
        self.case = None

    def set_case(self, case):
        case.volume.check_scalar()
        self.case = case

    def prepare(self, prompts, previous, progress):
        if self.case is None:
            raise ValueError("planted: got no case. Call set_case(case) before respond.")
        progress.report(0.1, "preparing")
        geometry = self.case.volume.geometry
        seeds = read_prompts(prompts, geometry, self.card.accepts)
        region = first_region(seeds, geometry, (20, 20, 20))
        low, high = np.percentile(self.case.volume.array[region.slices], (1, 99))
        gray = (self.case.volume.array[region.slices] - low) / (high - low)
        labels = (0, *seeds.segments)
        places = seeds.voxels - np.array(region.start)
        grid = seed_channels(region.shape, places, np.searchsorted(labels, seeds.labels))
        wanted = [np.full_like(gray, np.median(gray[grid == n])) for n in range(1, len(labels))]
        inputs = np.stack([np.stack([gray, one]) for one in wanted]).astype(np.float32)
        return Prepared(
            torch.from_numpy(inputs),
            gray.astype(np.float32),
            grid,
            np.ones((len(labels), *region.shape), dtype=bool),
            (1.0, 1.0, 1.0),
            region,
            (1, 1, 1),
            labels,
            seeds,
            geometry,
        )

    def scores(self, network, prepared):
        logits = network(prepared.inputs.to(next(network.parameters()).device))[:, 0]
        return torch.log_softmax(torch.cat([torch.zeros_like(logits[:1]), logits]), dim=0)


SOUND = (Sound, SoundNetwork)


def changed(answer: Prediction, **fields) -> Prediction:
    return dataclasses.replace(answer, **fields)


class IgnoresPrompts(Sound):
    def respond(self, prompts, previous=None, progress=None):
        answer = super().respond(prompts, previous, progress)
        smooth = np.full_like(answer.probabilities, 1 / len(answer.labels))
        return changed(answer, probabilities=smooth)


class DoesNotSumToOne(Sound):
    def respond(self, prompts, previous=None, progress=None):
        answer = super().respond(prompts, previous, progress)
        return changed(answer, probabilities=answer.probabilities * np.float32(0.9))


class AnswersForAllLabels(Sound):
    def respond(self, prompts, previous=None, progress=None):
        answer = super().respond(prompts, previous, progress)
        p = np.zeros((1 + len(LABELS), *answer.region.shape), dtype=np.float32)
        for label, one in zip(answer.labels, answer.probabilities, strict=True):
            p[(0, *LABELS).index(label)] = one
        return changed(answer, probabilities=p, labels=(0, *LABELS))


class AnswersEverywhere(Sound):
    def respond(self, prompts, previous=None, progress=None):
        answer = super().respond(prompts, previous, progress)
        whole = answer.full_probabilities()
        whole[1, 0, 0, -1], whole[0, 0, 0, -1] = 1, 0
        return changed(answer, probabilities=whole, region=answer.geometry.whole)


class TiresOfPrompts(Sound):
    def respond(self, prompts, previous=None, progress=None):
        if len(prompts) > 9:
            raise IndexError("too many prompts")
        return super().respond(prompts, previous, progress)


class HidesThatOrderMatters(Sound):
    uses_order = False


class PrefersTheFirstSegment(Sound):
    def respond(self, prompts, previous=None, progress=None):
        answer = super().respond(prompts, previous, progress)
        p = answer.probabilities.copy()
        p[0], p[answer.labels.index(max(prompts[0].label, 1))] = 0, p[0] + p[-1] * 0
        return changed(answer, probabilities=p / p.sum(axis=0))


class RemembersPrompts(Sound):
    count = 0

    def respond(self, prompts, previous=None, progress=None):
        answer = super().respond(prompts, previous, progress)
        self.count += 1
        share = np.float32(min(0.01 * self.count, 0.4))
        p = answer.probabilities * (1 - share) + share / len(answer.labels)
        return changed(answer, probabilities=p)


class IsRandom(SoundNetwork):
    def scores(self, network, prepared):
        found = super().scores(network, prepared)
        return found + 0.5 * torch.from_numpy(np.random.normal(size=found.shape))


class ChangesTheImage(Sound):
    def set_case(self, case):
        super().set_case(case)
        array = case.volume.array
        while array.base is not None:
            array = array.base
        if array.flags.writeable:
            array[0, 0, 0] += 1


class ChangesTheAnswerBefore(Sound):
    def respond(self, prompts, previous=None, progress=None):
        if previous is not None and previous.probabilities.base is not None:
            previous.probabilities.base[...] = 0
        return super().respond(prompts, previous, progress)


class CannotBeCancelled(Sound):
    def respond(self, prompts, previous=None, progress=None):
        silent = Progress()
        for n in range(5):
            (progress or silent).report(n / 5) if not getattr(
                progress, "is_cancelled", False
            ) and n < 1 else None
        return super().respond(prompts, previous, None)


class IsSpoiledByACancel(Sound):
    spoiled = False

    def respond(self, prompts, previous=None, progress=None):
        was, self.spoiled = self.spoiled, True
        answer = super().respond(prompts, previous, progress)
        self.spoiled = False
        if was:
            answer = changed(answer, probabilities=answer.probabilities[:, ::-1, ::-1, ::-1].copy())
        return answer


class HasNoTiles(SoundNetwork):
    def respond(self, prompts, previous=None, progress=None):
        progress = progress or Progress()
        prepared = self.prepare(prompts, previous, progress)
        with torch.no_grad():
            answer = torch.softmax(self.scores(self.network, prepared), 0).numpy()
        progress.report(0.5)
        return self.finish(prepared, answer, progress)


class SaysNothingOfTiles(SoundNetwork):
    def respond(self, prompts, previous=None, progress=None):
        return changed(super().respond(prompts, previous, progress), notes=())


class HidesThatThereIsNoMemory(SoundNetwork):
    def respond(self, prompts, previous=None, progress=None):
        try:
            return super().respond(prompts, previous, progress)
        except ValueError as error:
            if "memory" not in str(error):
                raise
            raise RuntimeError("failed") from error


class MixesUpAxes(Sound):
    def respond(self, prompts, previous=None, progress=None):
        answer = super().respond(prompts, previous, progress)
        p = answer.probabilities.copy()
        p[1, :, :3], p[0, :, :3] = 1, 0
        p[2:, :, :3] = 0
        return changed(answer, probabilities=p)


class LooksAtTheWorld(Sound):
    def respond(self, prompts, previous=None, progress=None):
        answer = super().respond(prompts, previous, progress)
        share = np.float32(abs(answer.geometry.ijk_to_ras[0, 1]))
        p = answer.probabilities * (1 - share) + share / len(answer.labels)
        return changed(answer, probabilities=p)


class TakesAnyImage(Sound):
    def set_case(self, case):
        array = np.nan_to_num(case.volume.array)
        if array.ndim == 4:
            array = array[0]
        if array.min() == array.max():
            array = array + np.arange(array.shape[2])
        volume = dataclasses.replace(case.volume, array=array)
        super().set_case(dataclasses.replace(case, volume=volume))


class TakesAnyPrompt(Sound):
    def respond(self, prompts, previous=None, progress=None):
        inside = [
            p
            for p in prompts
            if type(p).__name__ in self.card.accepts
            and (
                self._geometry is None
                or not hasattr(p, "position")
                or self._geometry.contains(self._geometry.to_index(p.position))
            )
        ]
        return super().respond(inside, previous, progress)


class WorksInThreeDimensionsOnly(Sound):
    card = dataclasses.replace(CARD, dims=(3,))


class MissesTheBall(Sound):
    def respond(self, prompts, previous=None, progress=None):
        answer = super().respond(prompts, previous, progress)
        p = np.zeros_like(answer.probabilities)
        p[0] = 1
        for prompt in prompts:
            at = answer.geometry.to_index(prompt.position) - np.array(answer.region.start)
            p[(slice(None), *at)] = 0
            p[(answer.labels.index(prompt.label), *at)] = 1
        return changed(answer, probabilities=p)


def with_card(**changes):
    card = dataclasses.replace(CARD, **changes)
    return type("BadCard", (Sound,), {"card": card})


BROKEN = (
    (IgnoresPrompts, checks.hard_constraints_hold),
    (DoesNotSumToOne, checks.gives_sound_probabilities),
    (AnswersForAllLabels, checks.says_nothing_about_other_segments),
    (AnswersEverywhere, checks.leaves_what_is_far_away_alone),
    (TiresOfPrompts, checks.more_prompts_never_raise),
    (HidesThatOrderMatters, checks.order_matters_as_declared),
    (PrefersTheFirstSegment, checks.order_matters_as_declared),
    (RemembersPrompts, checks.answers_the_same_again),
    (IsRandom, checks.answers_the_same_again),
    (ChangesTheImage, checks.changes_nothing_it_is_given),
    (ChangesTheAnswerBefore, checks.changes_nothing_it_is_given),
    (CannotBeCancelled, checks.can_be_cancelled_at_any_time),
    (IsSpoiledByACancel, checks.can_be_cancelled_at_any_time),
    (HasNoTiles, checks.falls_back_to_tiles_where_memory_runs_out),
    (SaysNothingOfTiles, checks.falls_back_to_tiles_where_memory_runs_out),
    (HasNoTiles, checks.falls_back_to_the_cpu_where_memory_runs_out),
    (SaysNothingOfTiles, checks.falls_back_to_the_cpu_where_memory_runs_out),
    (HidesThatThereIsNoMemory, checks.says_so_where_there_is_no_memory_at_all),
    (MixesUpAxes, checks.answers_alike_wherever_the_image_lies),
    (LooksAtTheWorld, checks.answers_alike_wherever_the_image_lies),
    (TakesAnyImage, checks.refuses_bad_images_clearly),
    (TakesAnyPrompt, checks.refuses_bad_prompts_clearly),
    (WorksInThreeDimensionsOnly, checks.refuses_dimensions_it_does_not_know),
    (with_card(paper=("nobody1900nothing",)), checks.has_a_complete_card),
    (with_card(accepts=("Masks",)), checks.has_a_complete_card),
    (with_card(claims=""), checks.has_a_complete_card),
    (MissesTheBall, checks.finds_a_bright_ball),
)
