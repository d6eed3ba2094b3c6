"""Samples a second of `fit`'s steps against a plain MONAI loop: same data, network, patch, batch.

The peer is what MONAI's tutorials do: CacheDataset, RandCropByPosNegLabeld, DataLoader, DiceCELoss,
AdamW. Both run in turns in one process, so that both see the same machine.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from monai.data import CacheDataset, DataLoader, list_data_collate
from monai.losses import DiceCELoss
from monai.transforms import Compose, RandCropByPosNegLabeld, SpatialPadd

from ImperfectSegLogic.data import Dataset
from ImperfectSegLogic.methods.supervised import Supervised
from ImperfectSegLogic.networks.build import build_network
from ImperfectSegLogic.training.batches import batches
from ImperfectSegLogic.training.devices import choose_device
from ImperfectSegLogic.training.optimizing import Optimizing
from ImperfectSegLogic.training.run import RunDescription
from ImperfectSegLogic.training.setting_up import gather, make_players
from Testing.Benchmarks.phantom_data import phantom_dataset, phantom_run
from Testing.Benchmarks.report import print_table, run, save


def ours(description: RunDescription, dataset: Dataset, cache: Path) -> Callable[[], None]:
    """One step of `fit`: sample, cut, batch, loss, gradient, update."""
    device = choose_device("auto")
    methods = [Supervised()]
    players = make_players(description, methods)
    optimizing = Optimizing(players, methods, device, print)
    data = gather(description, dataset, cache, lambda text: None, lambda share, case: None)
    each = batches(data, description.plan, (0, 0), 0, [], optimizing)
    return lambda: optimizing.step(next(each), 1e-3) and None


def peer(description: RunDescription, dataset: Dataset, cache: Path) -> Callable[[], None]:
    """One step of a plain MONAI loop."""
    plan, device = description.plan, choose_device("auto")
    data = gather(description, dataset, cache, lambda text: None, lambda share, case: None)
    size = (1, *plan.patch) if plan.dims == 2 else plan.patch
    items = [
        {"image": np.array(case.image()), "label": np.array(case.target())[None]}
        for case in data.labeled
    ]
    crop = RandCropByPosNegLabeld(
        keys=("image", "label"), label_key="label", spatial_size=size, pos=1, neg=1, num_samples=1
    )
    pad = SpatialPadd(keys=("image", "label"), spatial_size=size)
    cached = CacheDataset(items, Compose([pad, crop]), progress=False)
    workers = 0 if device.type == "cpu" else 8
    loader = DataLoader(
        cached,
        batch_size=plan.batch,
        shuffle=True,
        num_workers=workers,
        drop_last=True,
        collate_fn=list_data_collate,
    )
    settings = dict(plan.network_settings)
    network = build_network(plan.network, plan.dims, plan.channels, len(plan.labels) + 1, settings)
    network.to(device)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    loss = DiceCELoss(include_background=False, to_onehot_y=True, softmax=True, batch=True)
    each = _endless(loader)

    def step() -> None:
        batch = next(each)
        images, labels = batch["image"].to(device), batch["label"].to(device)
        if plan.dims == 2:
            images, labels = images.squeeze(2), labels.squeeze(2)
        optimizer.zero_grad()
        value = loss(network(images), labels)
        value.backward()
        optimizer.step()
        value.item()

    return step


def _endless(loader: DataLoader) -> Iterator[dict[str, torch.Tensor]]:
    while True:
        yield from loader


def measure(arguments: argparse.Namespace) -> None:
    """Measures 2-D and 3-D."""
    rounds, steps = (2, 3) if arguments.quick else (6, 15)
    rows, result = [], {}
    with tempfile.TemporaryDirectory() as folder:
        for dims in (2, 3):
            dataset = phantom_dataset(Path(folder) / f"data{dims}", cases=16)
            described = phantom_run(dataset, dims)
            cache = Path(folder) / f"cache{dims}"
            players = {
                "ours": ours(described, dataset, cache),
                "MONAI loop": peer(described, dataset, cache),
            }
            seconds: dict[str, list[float]] = {name: [] for name in players}
            for one in players.values():
                one()
            for _ in range(rounds):
                for name, one in players.items():
                    began = time.perf_counter()
                    for _ in range(steps):
                        one()
                    seconds[name].append((time.perf_counter() - began) / steps)
            rate = {n: described.plan.batch / float(np.median(s)) for n, s in seconds.items()}
            ratio = rate["ours"] / rate["MONAI loop"]
            rows.append([f"{dims}-D", rate["ours"], rate["MONAI loop"], ratio])
            result[f"{dims}-D"] = {**rate, "ratio": ratio}
    print_table("Samples a second", ["", "ours", "MONAI loop", "ratio"], rows)
    save("training_throughput", {"device": str(choose_device("auto")), **result})


if __name__ == "__main__":
    run("training_throughput", __doc__, measure)
