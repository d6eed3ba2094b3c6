"""Monteiro 2018: the CRF as recurrent network in 3-D, behind a network for volumes."""

from __future__ import annotations

from dataclasses import dataclass

from ImperfectSegLogic.methods.card import MethodCard, Requires
from ImperfectSegLogic.methods.scarce.crf.learned import ROW, SUPERVISION
from ImperfectSegLogic.methods.scarce.crf.learned import Settings as LearnedSettings
from ImperfectSegLogic.methods.scarce.crf.zheng2015 import CRFAsRNN
from ImperfectSegLogic.methods.settings import setting


@dataclass(frozen=True)
class Settings(LearnedSettings):
    """As of zheng2015, with as many iterations in prediction as in training.

    Attributes:
        iterations_after: Of mean field in prediction.
    """

    iterations_after: int = setting(5, "mean field iterations in prediction", 1, 100)


class VolumetricCRFAsRNN(CRFAsRNN):
    """Trains the plan's 3-D network with a CRF behind it (monteiro2018conditional; survey 4.6.3).

    The same layer as zheng2015, with kernels of positions in the volume, in mm, and of gray values
    of all channels.

    Differs from the paper: the network is the plan's, `vnet` for the paper's; it has a loss of its
    own before the CRF (`own`); see zheng2015 for kernels and filters.
    """

    card = MethodCard(
        name="monteiro2018",
        paper=("monteiro2018conditional", "zheng2015conditional"),
        table_row=ROW,
        accepts=SUPERVISION,
        requires=Requires.NOTHING,
        dims=(3,),
        claims="Learns CRF and 3-D network together; the paper's own gains are small and called"
        " inconclusive (Dice 76.7 to 78.0 on prostate, 73.5 to 73.8 on brain tumors).",
    )
    settings_type = Settings
