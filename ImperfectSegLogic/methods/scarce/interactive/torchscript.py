"""A TorchScript file as an interactive engine: what the network says, corrected by prompts.

TorchScript is a program in a small language of its own; opening it runs no Python. What a network
needs to know of an image stands in a JSON file of the same name beside it (`liver.ts`,
`liver.json`), or in the file itself as the extra file `imperfectseg.json`. Keys may be left out:

- `labels`: {"1": "liver"}; numbers from 1 in the order of its output, if not told.
- `dims`, `channels`: 2 or 3, and values per voxel; read off its first convolution, if not told.
- `spacing`: in mm along (slice, row, column); images are not resampled, if not told.
- `patch`: voxels per axis that it sees at once; 96 x 96 x 96 or 256 x 256, if not told.
- `axes`: directions of its axes; `SAR` (slice, row, column) or `AR`, if not told; `RAS` for MONAI.
- `normalization`: `zscore` (if not told), `minmax`, `none`, {"scheme": "range", "low": -57,
  "high": 164}, {"scheme": "zscore", "nonzero": true}, or a list of them.
- `output`: `logits` (if not told) or `probabilities`. One channel is a single label.
- `exclusive`: false where labels overlap, and the output has no background (sigmoid).
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, ClassVar

from ImperfectSegLogic.methods.card import MethodCard, Requires
from ImperfectSegLogic.methods.scarce.interactive.brought_network import BroughtNetwork
from ImperfectSegLogic.methods.scarce.interactive.prior_engine import PriorEngine


class TorchScriptEngine(PriorEngine):
    """What a TorchScript network says, corrected by prompts (see `PriorEngine`).

    What it has to know of images stands beside the file; `torchscript.py` tells how.
    """

    card = MethodCard(
        name="torchscript",
        paper=("bai2007geodesic", "grady2005random"),
        table_row="Interactive segmentation",
        accepts=("Click", "Scribble", "Box", "Lasso"),
        requires=Requires.NOTHING,
        dims=(2, 3),
        claims="Starts from what a TorchScript network says by itself, and corrects it where"
        " prompts contradict it.",
    )
    needs_model: ClassVar[str] = "a TorchScript file (.pt or .ts), with a .json file beside it"

    def __init__(self, model: str | os.PathLike[str], device: str = "auto") -> None:
        """Reads a network.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it is no TorchScript, cut short, a pickle, or its description is wrong.
        """
        super().__init__(_brought(Path(model)), device)


def _brought(path: Path) -> BroughtNetwork:
    from ImperfectSegLogic.methods.scarce.interactive.network_description import described
    from ImperfectSegLogic.methods.scarce.interactive.torchscript_file import read_torchscript

    network, extra, fingerprint = read_torchscript(path)
    said = _said(path, extra)
    description = described(said, network, path.name)
    return description.brought(network, path.name, fingerprint)


def _said(path: Path, extra: str) -> dict[str, Any]:
    beside = path.with_suffix(".json")
    text = beside.read_text(encoding="utf-8") if beside.is_file() else extra
    name = beside if beside.is_file() else f"{path}, imperfectseg.json"
    try:
        said = json.loads(text or "{}")
    except json.JSONDecodeError as error:
        raise ValueError(f"{name}: got no JSON ({error}). Mend it, or remove it.") from error
    if not isinstance(said, dict):
        raise ValueError(f"{name}: got a {type(said).__name__}, allowed is one JSON object.")
    return said
