"""Zhang 2019c: a network with attention, which tells the slices that an expert should annotate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from torch import Tensor, nn

from ImperfectSegLogic.completion.completed import WantedSlice
from ImperfectSegLogic.data import UNLABELED, Annotation, Dataset, DenseMask, SparseMask
from ImperfectSegLogic.data.datasets.files import read_json, write_json
from ImperfectSegLogic.data.sample import Batch
from ImperfectSegLogic.losses.label_probabilities import label_log_probabilities
from ImperfectSegLogic.losses.partial_cross_entropy import partial_cross_entropy
from ImperfectSegLogic.methods.base import LossTerms, Term, TrainingMethod
from ImperfectSegLogic.methods.card import MethodCard, Requires
from ImperfectSegLogic.methods.scarce.interactive.click_simulation import torch_rng
from ImperfectSegLogic.methods.settings import setting
from ImperfectSegLogic.methods.weak.selective_loss.round_data import (
    annotation_of,
    with_annotations,
)
from ImperfectSegLogic.methods.weak.selective_loss.slice_ranking import (
    annotated_slices,
    drawn,
    evenly_spread,
    least_agreeing,
    slice_agreement,
    slice_axis_of,
    wanted_slice,
)
from ImperfectSegLogic.networks.attention import AttentionNetwork
from ImperfectSegLogic.networks.build import build_network
from ImperfectSegLogic.training.plan import TrainingPlan
from ImperfectSegLogic.training.players import Players

NAME = "zhang2019c"
FORMAT, VERSION, FILE = "ImperfectSeg wanted slices", 1, "wanted.json"


@dataclass(frozen=True)
class Settings:
    """Which slices are wanted, who annotates them, and what attention learns.

    Attributes:
        share: Of all slices of the cases to train on; so many are wanted after each round.
        choose: `agreement`, or for comparison `random` or `evenly`.
        expert: Annotator whose masks say what an expert would answer; nobody if empty.
        attention: Weight of the loss of the attention maps.
        features: That attention weighs.
    """

    share: float = setting(0.05, "share of all slices wanted after each round", 0.0, 1.0)
    choose: str = setting(
        "agreement", "how slices are chosen", choices=("agreement", "random", "evenly")
    )
    expert: str = setting("", "annotator whose masks answer for an expert; empty for none")
    attention: float = setting(1.0, "weight of the loss of attention maps", 1e-3, 100.0)
    features: int = setting(16, "features that attention weighs", 2, 512)


class AttentionGuided(TrainingMethod):
    """Learns from few slices, and says which to annotate next (zhang2019sparse; survey 5.2.1).

    The network weighs its features by channel and by place; where it looks for each label is a map
    of its own. Slices on which this map and the answer agree the least, by Dice, are wanted. After
    each round but the last, `wanted.json` in the round's folder names them. With an `expert` in the
    data set they are annotated at once, as the expert's masks say, and learned from in the next
    round; without one, annotate them and train again, or ask `rank_slices` with the model.

    Read as abstract and survey only. Differs from the paper, as far as those tell: attention is
    put once, on the features of the plan's network; its maps learn the labels, too, by a loss of
    their own, so that they can be compared with the answer; slices of all cases compete.
    """

    card = MethodCard(
        name=NAME,
        paper=("zhang2019sparse",),
        table_row="Selective loss w/ and w/o mask completion",
        accepts=("SparseMask", "DenseMask"),
        requires=Requires.EXPERT,
        dims=(2, 3),
        claims="15 % of the slices of brains, chosen by attention, teach as much as 50 % (30 % for"
        " brain tissues).",
    )
    settings_type = Settings
    supervises = True

    def segmenter(self, plan: TrainingPlan) -> nn.Module:
        """Makes the plan's network with attention behind it."""
        features, settings = self.settings.features, dict(plan.network_settings)
        body = build_network(plan.network, plan.dims, plan.channels, features, settings)
        return AttentionNetwork(body, plan.dims, features, len(plan.labels) + 1)

    def loss(self, players: Players, batch: Batch) -> LossTerms:
        """Gives cross-entropy over labeled voxels, of the answer and of the attention maps."""
        network = players.segmenter
        if not isinstance(network, AttentionNetwork):  # Somebody looks with another network.
            return (self._term("cross_entropy", players.logits(batch), batch, 1.0),)
        answer, attention = network(batch.image, attention=True).chunk(2, dim=1)
        return (
            self._term("cross_entropy", answer, batch, 1.0),
            self._term("cross-entropy of attention", attention, batch, self.settings.attention),
        )

    @staticmethod
    def _term(name: str, logits: Tensor, batch: Batch, weight: float) -> Term:
        log = label_log_probabilities(logits, batch.looked_for)
        return Term(name, partial_cross_entropy(log, batch.target), weight)

    def between_rounds(self, players: Players, dataset: Dataset, folder: Path) -> Dataset:
        """Names the slices that are wanted, and has the expert annotate them if there is one.

        Raises:
            ValueError: If the expert has no mask of a case, or an image does not suit.
        """
        said = {n: annotation_of(dataset, n, players.annotator) for n in players.train_cases}
        chosen = self._chosen(players, dataset, said)
        known = dataset.folder / FILE
        source = dataset
        if known.is_file():  # Made after an earlier round, without the expert's masks.
            source = Dataset.open(read_json(known, FORMAT, VERSION)["dataset"])
        made = dataset
        if self.settings.expert:
            revealed = self._revealed(source, said, chosen)
            made = with_annotations(dataset, players, folder, revealed)
        else:
            folder.mkdir()
        wanted = [{"case": case, **asdict(one)} for case, one in chosen]
        content = {"format": FORMAT, "version": VERSION, "dataset": str(source.folder.resolve())}
        write_json(folder / FILE, {**content, "wanted": wanted})
        return made

    def _chosen(
        self, players: Players, dataset: Dataset, said: Mapping[str, Annotation | None]
    ) -> list[tuple[str, WantedSlice]]:
        """Gives what is wanted of all cases, most wanted first."""
        candidates: dict[str, list[WantedSlice]] = {}
        known: dict[str, frozenset[int]] = {}
        total = 0
        for case, annotation in said.items():
            geometry = dataset.record(case).geometry
            axis = slice_axis_of(geometry)
            known[case], slices = annotated_slices(annotation, axis), geometry.shape[axis]
            total += slices
            agreement = np.ones(slices)
            if self.settings.choose == "agreement" and len(known[case]) < slices:
                volume, plan = dataset.image(case), players.plan
                agreement = slice_agreement(
                    players.segmenter, plan.preprocessing, plan.patch, volume
                )
            candidates[case] = [
                wanted_slice(axis, n, one)
                for n, one in enumerate(agreement)
                if n not in known[case]
            ]
        count = max(round(self.settings.share * total), 1)
        if self.settings.choose == "random":
            return drawn(candidates, count, torch_rng())
        if self.settings.choose == "evenly":
            return evenly_spread(candidates, known, count)
        return least_agreeing(candidates, count)

    def _revealed(
        self,
        source: Dataset,
        said: Mapping[str, Annotation | None],
        chosen: Sequence[tuple[str, WantedSlice]],
    ) -> Iterator[tuple[str, Mapping[str, Annotation]]]:
        """Gives the annotations of all cases with what the expert says on the chosen slices."""
        for case, before in said.items():
            wanted = [one for name, one in chosen if name == case]
            if not wanted:
                yield case, {} if before is None else {NAME: before}
                continue
            truth = annotation_of(source, case, self.settings.expert)
            if not isinstance(truth, DenseMask):
                raise ValueError(
                    f"case {case}: got no dense mask of the expert {self.settings.expert!r};"
                    " allowed are annotators with a mask of every voxel. Leave `expert` empty to"
                    " get the list of wanted slices only."
                )
            labels = np.full(truth.labels.shape, UNLABELED, dtype=np.int32)
            if isinstance(before, DenseMask | SparseMask):
                labels[:] = before.labels
            for one in wanted:
                place = tuple(one.index if a == one.axis else slice(None) for a in range(3))
                labels[place] = truth.labels[place]
            yield case, {NAME: SparseMask(labels, truth.geometry)}
