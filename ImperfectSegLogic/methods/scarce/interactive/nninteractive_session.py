"""The line to nnInteractive: its session, and prompts the way it takes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ImperfectSegLogic.data import Box, Click, Geometry, Lasso, Prompt, Scribble
from ImperfectSegLogic.methods.scarce.interactive.pickle_check import check_holds_weights_only
from ImperfectSegLogic.methods.scarce.interactive.rasterize import (
    box_region,
    click_voxels,
    lasso_voxels,
    scribble_voxels,
)


@dataclass(frozen=True)
class Interaction:
    """One call of a session.

    Attributes:
        kind: `point`, `scribble`, `lasso` or `bbox`.
        include: Whether the object is there.
        places: Voxels, flat indices; for `bbox`, start and stop along k, j, i.
    """

    kind: str
    include: bool
    places: tuple[int, ...]


def interactions_of(
    prompts: Sequence[Prompt], label: int, geometry: Geometry, takes_boxes_3d: bool
) -> tuple[Interaction, ...]:
    """Gives what one segment's session is told; the first that says where it is comes first.

    Positive prompts of other segments say that this one is not there. A box is shown as its middle
    slice, across the axis along which voxels are farthest apart, unless boxes of 3-D are taken.
    """
    made = []
    for prompt in prompts:
        own = prompt.label == label
        if not own and not prompt.positive:
            continue  # "Not that other segment" says nothing about this one.
        include = own and prompt.positive
        if isinstance(prompt, Box):
            if own:
                places = _box(prompt, geometry, takes_boxes_3d)
                made.append(Interaction("bbox", include, places))
            continue
        kind, voxels = _voxels(prompt, geometry)
        flat = np.ravel_multi_index(tuple(voxels.T), geometry.shape)
        made.append(Interaction(kind, include, tuple(int(n) for n in flat)))
    first = next((one for one in made if one.include), None)
    assert first is not None, "every segment has a positive prompt or a box"
    made.remove(first)
    return (first, *made)


def _voxels(prompt: Prompt, geometry: Geometry) -> tuple[str, NDArray[np.int64]]:
    if isinstance(prompt, Click):
        return "point", click_voxels(prompt, geometry)
    if isinstance(prompt, Scribble):
        return "scribble", scribble_voxels(prompt, geometry)
    assert isinstance(prompt, Lasso), type(prompt)
    return "lasso", lasso_voxels(prompt, geometry)[0]


def _box(box: Box, geometry: Geometry, takes_boxes_3d: bool) -> tuple[int, ...]:
    region = box_region(box, geometry)
    assert region is not None, "checked before"
    start, stop = list(region.start), list(region.stop)
    if not takes_boxes_3d and min(region.shape) > 1:
        axis = int(np.argmax(geometry.spacing))
        start[axis] = (start[axis] + stop[axis] - 1) // 2
        stop[axis] = start[axis] + 1
    return (*start, *stop)


class Session:
    """One nnInteractive session, with one image, about one segment at a time."""

    def __init__(self, folder: Path, device: torch.device) -> None:
        """Loads the network.

        Raises:
            FileNotFoundError: If the folder holds no trained network.
            ValueError: If the checkpoint holds more than weights, is damaged, or of another kind.
        """
        self.device = device
        checkpoints = sorted(folder.glob("fold_*/checkpoint_final.pth"))
        if not folder.is_dir() or not checkpoints:
            raise FileNotFoundError(
                f"{folder}: there is no fold_*/checkpoint_final.pth in it. Choose the folder of a"
                " network of nnInteractive, such as nnInteractive_v1.0."
            )
        for path in checkpoints:
            check_holds_weights_only(path)
        from nnInteractive.inference import inference_session  # type: ignore[import-not-found]

        try:
            self._session = inference_session.nnInteractiveInferenceSession(
                device=device,
                use_torch_compile=False,
                verbose=False,
                torch_n_threads=torch.get_num_threads(),
                do_autozoom=True,
            )
            self._session.initialize_from_trained_model_folder(str(folder))
        except (RuntimeError, KeyError, ValueError, AssertionError, OSError, ImportError) as error:
            told = str(error).strip().splitlines()[0][:200] if str(error).strip() else "no reason"
            raise ValueError(
                f"{folder}: nnInteractive cannot read it ({type(error).__name__}: {told}). Copy the"
                " folder again, or update nnInteractive."
            ) from error
        self._target: NDArray[np.uint8] = np.zeros((1, 1, 1), dtype=np.uint8)
        self._done: list[Interaction] = []

    @property
    def takes_boxes_3d(self) -> bool:
        """Whether the network was trained with boxes of more than one slice."""
        known: dict[str, Any] = getattr(self._session, "supported_interactions", None) or {}
        return bool(known.get("bbox3d", False))

    def set_image(self, array: NDArray[Any]) -> None:
        """Takes an image, shape (k, j, i)."""
        self._target = np.zeros(array.shape, dtype=np.uint8)
        self._session.set_image(np.ascontiguousarray(array, dtype=np.float32)[None])
        self._session.set_target_buffer(self._target)
        self._done = []

    def begin(self, wanted: Sequence[Interaction]) -> int:
        """Gives how many of some interactions need not be told again; forgets all others."""
        count = len(self._done)
        if count == 0 or tuple(wanted[:count]) != tuple(self._done):
            self.forget()
            return 0
        return count

    def forget(self) -> None:
        """Begins another segment."""
        self._done = []
        self._target[...] = 0
        self._session.reset_interactions()

    def tell(self, one: Interaction) -> None:
        """Tells one interaction; afterwards `mask` is the network's answer."""
        try:
            self._call(one)
        except BaseException:
            self.forget()  # What the session knows now is not known.
            raise
        self._done.append(one)

    @property
    def mask(self) -> NDArray[np.bool_]:
        """A copy of the answer, shape (k, j, i)."""
        return self._target > 0

    def _call(self, one: Interaction) -> None:
        shape, session = self._target.shape, self._session
        if one.kind == "bbox":
            bounds = [[one.places[a], one.places[3 + a]] for a in range(3)]
            session.add_bbox_interaction(bounds, include_interaction=one.include)
            return
        index = np.unravel_index(np.array(one.places), shape)
        if one.kind == "point":
            place = tuple(int(n[0]) for n in index)
            session.add_point_interaction(place, include_interaction=one.include)
            return
        drawn = np.zeros(shape, dtype=np.uint8)
        drawn[index] = 1
        tell = {
            "scribble": session.add_scribble_interaction,
            "lasso": session.add_lasso_interaction,
        }
        tell[one.kind](drawn, include_interaction=one.include)
