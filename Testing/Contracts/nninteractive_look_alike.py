"""Stands in for the package nnInteractive: its session as version 2 has it, with a simple answer.

It is as strict as the real one: arrays of the image's shape, 2-D boxes only, half-open bounds.
"""

from __future__ import annotations

import importlib.machinery
import sys
import types
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage


class InferenceSession:
    """Finds what is connected to positive prompts and as bright as they are."""

    calls: list = []  # noqa: RUF012
    memory_on: str | None = None
    """Kind of device that has no memory, if one has none."""

    def __init__(
        self,
        device=None,
        use_torch_compile=False,
        verbose=False,
        torch_n_threads=8,
        do_autozoom=True,
    ):
        assert isinstance(device, torch.device)
        self.device, self._image, self.target_buffer = device, None, None
        self.supported_interactions = {}
        self._include = self._exclude = None

    def initialize_from_trained_model_folder(self, folder, use_fold=None):
        assert isinstance(folder, str)
        content = torch.load(
            next(Path(folder).glob("fold_*/checkpoint_final.pth")), weights_only=False
        )
        if "network_weights" not in content:
            raise KeyError("network_weights")
        self.supported_interactions = {"points": True, "bbox2d": True, "bbox3d": False}

    def set_image(self, image):
        assert image.ndim == 4
        assert image.shape[0] == 1
        self._image, self.target_buffer = image[0].copy(), None
        self.reset_interactions()

    def set_target_buffer(self, buffer):
        assert buffer.shape == self._image.shape
        self.target_buffer = buffer

    def reset_interactions(self):
        self.calls.append("reset")
        self._include = np.zeros(self._image.shape, dtype=bool)
        self._exclude = np.zeros(self._image.shape, dtype=bool)
        if self.target_buffer is not None:
            self.target_buffer[...] = 0

    def add_point_interaction(self, coordinates, include_interaction):
        assert all(isinstance(n, int) for n in coordinates)
        drawn = np.zeros(self._image.shape, dtype=bool)
        drawn[tuple(coordinates)] = True
        self._tell("point", drawn, include_interaction)

    def add_bbox_interaction(self, bbox_coords, include_interaction):
        sizes = [stop - start for start, stop in bbox_coords]
        if min(sizes) < 1 or 1 not in sizes:
            raise ValueError("a 2-D box: one axis must be [d, d + 1]")
        drawn = np.zeros(self._image.shape, dtype=bool)
        middle = [slice((a + b) // 2, (a + b) // 2 + 1) for a, b in bbox_coords]
        drawn[tuple(middle)] = True
        self._tell("bbox", drawn, include_interaction)

    def add_scribble_interaction(self, scribble_image, include_interaction):
        self._tell("scribble", scribble_image, include_interaction)

    def add_lasso_interaction(self, lasso_image, include_interaction):
        assert lasso_image.any(axis=(1, 2)).sum() == 1
        self._tell("lasso", ndimage.binary_erosion(lasso_image, iterations=2), include_interaction)

    def _tell(self, kind, drawn, include):
        assert drawn.shape == self._image.shape
        self.calls.append((kind, include))
        (self._include if include else self._exclude)[drawn > 0] = True
        if self.memory_on == self.device.type:
            raise torch.OutOfMemoryError("planted: no memory left")
        found = np.zeros(self._image.shape, dtype=bool)
        for place in np.argwhere(self._include & ~self._exclude):
            alike = np.abs(self._image - self._image[tuple(place)]) < 25
            parts, _ = ndimage.label(alike | self._include)
            found |= parts == parts[tuple(place)]
        self.target_buffer[...] = found & ~ndimage.binary_dilation(self._exclude)


def install(monkeypatch) -> type[InferenceSession]:
    """Has `import nnInteractive` find the look-alike."""
    monkeypatch.setattr(InferenceSession, "calls", [])
    names = (
        "nnInteractive",
        "nnInteractive.inference",
        "nnInteractive.inference.inference_session",
    )
    for name in names:
        module = types.ModuleType(name)
        module.__spec__ = importlib.machinery.ModuleSpec(name, None)
        module.__path__ = []
        monkeypatch.setitem(sys.modules, name, module)
        if "." in name:
            parent, _, own = name.rpartition(".")
            monkeypatch.setattr(sys.modules[parent], own, module, raising=False)
    module.nnInteractiveInferenceSession = InferenceSession
    return InferenceSession


def model_folder(path: Path) -> Path:
    """Makes a folder as nnInteractive's weights come in."""
    (path / "fold_0").mkdir(parents=True, exist_ok=True)
    content = {
        "network_weights": {"a": torch.zeros(2)},
        "optimizer_state": None,
        "logging": {"dice": [np.float64(0.5)]},
        "_best_ema": np.float32(0.7),
        "trainer_name": "nnInteractiveTrainer",
    }
    torch.save(content, path / "fold_0" / "checkpoint_final.pth")
    return path
