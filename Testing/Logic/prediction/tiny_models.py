"""Models with random or hand-made weights, and images, for the tests of prediction."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from ImperfectSegLogic.data import Volume
from ImperfectSegLogic.networks.build import build_network
from ImperfectSegLogic.training.model_file import TrainedModel
from ImperfectSegLogic.training.preprocessing import ChannelIntensity, Preprocessing

LABELS = {1: "liver", 3: "spleen"}
AS_IT_IS = (ChannelIntensity("none"),)


def random_model(
    dims=3, patch=None, seed=0, spacing=(1, 1, 1), channels=1, labels=LABELS, **settings
) -> TrainedModel:
    """A small U-Net with random weights that gives clear answers."""
    torch.manual_seed(seed)
    settings = {"features": (4, 8), "strides": (2,)} | settings
    network = build_network("unet", dims, channels, len(labels) + 1, settings)
    with torch.no_grad():
        for weight in network.parameters():
            weight *= 2
    preprocessing = Preprocessing(dims, spacing, (ChannelIntensity(),) * channels)
    return TrainedModel(network, "unet", settings, preprocessing, patch or (8,) * dims, labels)


class Thresholds(nn.Module):
    """Looks at each voxel by itself: dark is background, gray is label 1, bright label 3.

    Whatever way an image is flipped or cut into windows, the answer is the same.
    """

    def __init__(self):
        super().__init__()
        self.centers = nn.Parameter(torch.tensor([0.0, 1.0, 2.0]))

    def forward(self, image):
        shape = (1, -1, *[1] * (image.ndim - 2))
        return -4 * (image[:, :1] - self.centers.view(shape)) ** 2


def thresholds(dims=3, patch=None, spacing=(1, 1, 1), network=None) -> TrainedModel:
    """A model whose right answer is known."""
    preprocessing = Preprocessing(dims, spacing, AS_IT_IS)
    network = network or Thresholds()
    return TrainedModel(network, "unet", {}, preprocessing, patch or (16,) * dims, LABELS)


def steps_image(shape=(5, 9, 14), matrix=None, seed=0) -> Volume:
    """An image of the values 0, 1 and 2 in blobs."""
    drawn = np.random.default_rng(seed).integers(0, 3, [-(-n // 3) for n in shape])
    large = drawn.repeat(3, 0).repeat(3, 1).repeat(3, 2)[tuple(slice(n) for n in shape)]
    return Volume(large.astype(np.float32), np.eye(4) if matrix is None else matrix, "steps.nrrd")


def noise(shape=(8, 8, 8), matrix=None, channels=1, seed=0) -> Volume:
    shape = shape if channels == 1 else (channels, *shape)
    drawn = np.random.default_rng(seed).normal(50, 10, shape).astype(np.float32)
    return Volume(drawn, np.eye(4) if matrix is None else matrix, "noise.nrrd")


def forward(model: TrainedModel, image: np.ndarray) -> np.ndarray:
    """What the network says to one window (channel, *space), directly."""
    with torch.no_grad():
        logits = model.network.eval()(torch.from_numpy(np.ascontiguousarray(image))[None])
    return torch.softmax(logits, 1)[0].numpy()
