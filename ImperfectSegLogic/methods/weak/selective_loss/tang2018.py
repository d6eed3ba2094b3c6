"""Tang 2018: dense CRF, normalized cut or both as a loss beside the loss of labeled voxels."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ImperfectSegLogic.crf.filters import KernelSums, make_filter
from ImperfectSegLogic.crf.kernels import Appearance
from ImperfectSegLogic.data.sample import Batch
from ImperfectSegLogic.losses.label_probabilities import label_log_probabilities
from ImperfectSegLogic.methods.base import LossTerms, Term, TrainingMethod
from ImperfectSegLogic.methods.card import MethodCard, Requires
from ImperfectSegLogic.methods.settings import setting
from ImperfectSegLogic.training.players import Players


@dataclass(frozen=True)
class Settings:
    """Which loss, how much it counts, and which voxels it wants to be alike.

    Attributes:
        loss: `crf`, `normalized-cut`, or `kernel-cut`, which is both.
        crf: Weight of the CRF loss.
        cut: Weight of the normalized cut.
        width: Standard deviation of the kernel's positions in mm.
        contrast: Its standard deviation of gray values, where 1 is that of the image, or of the
            data set for CT.
    """

    loss: str = setting(
        "kernel-cut", "which loss is added", choices=("crf", "normalized-cut", "kernel-cut")
    )
    crf: float = setting(1.0, "weight of the CRF loss", 0.0, 1000.0)
    cut: float = setting(0.05, "weight of the normalized cut", 0.0, 1000.0)
    width: float = setting(20.0, "width of the kernel in mm", 1e-3, 1e4)
    contrast: float = setting(0.3, "its width in gray values; the image's sd is 1", 1e-3, 1e4)


class RegularizedLoss(TrainingMethod):
    """Wants voxels that are near and of like gray value to have the same label, labeled or not.

    tang2018regularized, read as abstract and by the survey (5.2.1). With probabilities S_k of label
    k, the kernel W of positions and gray values and its row sums d: the CRF loss is the quadratic
    relaxation sum_k S_k' W (1 - S_k), with the gradient -2 W S_k; the normalized cut is
    sum_k S_k' W (1 - S_k) / (d' S_k), with the gradient d S_k' W S_k / (d' S_k)^2 - 2 W S_k /
    (d' S_k); kernel cut is both. No masks are proposed in between. The loss of the labeled voxels
    is the run's supervised term: partial cross-entropy, or that of another method.

    Differs from the paper: the CRF loss is divided by the sum of W, so that its weight does not
    depend on the patch and the kernel (it is then 0 to 1, the share of the kernel that joins
    different labels); in 3-D the kernel has three axes; labels that nobody looked for in a case are
    part of its background.
    """

    card = MethodCard(
        name="sparse-tang2018",
        paper=("tang2018regularized",),
        table_row="Selective loss w/ and w/o mask completion",
        accepts=("SparseMask", "PointGrid", "DenseMask", "RecistMarks"),
        requires=Requires.NOTHING,
        dims=(2, 3),
        claims="Dice rises by 1 % over masks that are proposed by turns with training.",
    )
    settings_type = Settings

    def loss(self, players: Players, batch: Batch) -> LossTerms:
        """Gives the mean over samples of the CRF loss, the normalized cut, or each of them."""
        log = label_log_probabilities(players.logits(batch), batch.looked_for)
        # Filters add many small numbers: half precision would lose them.
        with torch.autocast(log.device.type, enabled=False):
            each = [
                cuts(one, self._kernel(image, spacing))
                for one, image, spacing in zip(
                    log.exp(), batch.image.float(), batch.spacings, strict=True
                )
            ]
            crf, cut = (torch.stack(values).mean() for values in zip(*each, strict=True))
        known = self.settings
        terms: LossTerms = ()
        if known.loss != "normalized-cut":
            terms += (Term("crf", crf, known.crf),)
        if known.loss != "crf":
            terms += (Term("normalized_cut", cut, known.cut),)
        return terms

    def _kernel(self, image: Tensor, spacing: tuple[float, ...]) -> KernelSums:
        kernel = Appearance(1.0, self.settings.width, self.settings.contrast)
        return make_filter(kernel, image, spacing).kernel_sums


def cuts(probabilities: Tensor, kernel: KernelSums) -> tuple[Tensor, Tensor]:
    """Gives how much of a kernel joins voxels of different labels.

    Args:
        probabilities: Shape (label, *space), summing to 1 over labels.
        kernel: Gives W v for values v of that shape.

    Returns:
        As a share of all of the kernel, 0 to 1 (the CRF loss), and as a share of what belongs to
        each label, summed over labels (the normalized cut).
    """
    heard = kernel(probabilities)
    # Labels sum to 1, so that what is heard of all of them is W 1, whatever the probabilities are.
    degree = heard.detach().sum(dim=0)
    joined = (probabilities * heard).flatten(1).sum(dim=1)
    own = (probabilities * degree).flatten(1).sum(dim=1)
    crf = 1 - joined.sum() / degree.sum()
    cut = ((own - joined) / own.clamp_min(1e-8)).sum()
    return crf, cut
