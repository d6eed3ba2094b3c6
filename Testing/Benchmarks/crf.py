"""Time and memory of the dense CRF against pydensecrf2, set-up included, same run, same settings.

Also how far it is from the floor, the bytes that must move over the bandwidth measured here, and
whether time and memory grow with the voxels. Images are noise around smooth shapes. Where there is
a GPU, ours runs on it, copies there and back included; the peer has no other than the CPU.
"""

from __future__ import annotations

import argparse
import ctypes
import multiprocessing
import resource
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from scipy import ndimage

from ImperfectSegLogic.crf.backends import Problem, by_pydensecrf, by_torch, pydensecrf_missing
from ImperfectSegLogic.crf.kernels import Appearance, Smoothness
from ImperfectSegLogic.data import Case, Prediction, Provenance, Region, Volume
from ImperfectSegLogic.methods.scarce.crf.krahenbuhl2011 import DenseCRF, Settings
from Testing.Benchmarks.report import print_table, run, save

ITERATIONS = 5
SHAPES = ((1, 512, 512), (128, 128, 128), (256, 256, 256))
QUICK = ((1, 512, 512), (64, 64, 64))
LABELS = (2, 8)
LARGEST = 1 << 26
"""Voxels, labels counted, up to which the peer is run: 256^3 with 8 labels takes it minutes."""
GPU = torch.cuda.get_device_name() if torch.cuda.is_available() else ""
TARGET = 50.0 if GPU else 3.0
MEMORY = 6.0


def problem(shape: tuple[int, ...], labels: int) -> Problem:
    """Makes smooth shapes, one gray level per label, noise in gray values and probabilities."""
    rng = np.random.default_rng(0)
    # Zoomed, since smoothing noise of 256^3 voxels would take longer than what is measured.
    coarse = rng.standard_normal((labels, *(max(n // 16, 1) for n in shape)), dtype=np.float32)
    factors = [n / max(n // 16, 1) for n in shape]
    fields = np.stack([ndimage.zoom(one, factors, order=1) for one in coarse])
    true = fields.argmax(axis=0)
    image = 40 * true + 10 * rng.standard_normal(shape, dtype=np.float32) + 100
    logits = 3 * (true == np.arange(labels)[:, None, None, None]).astype(np.float32)
    logits += rng.standard_normal(logits.shape, dtype=np.float32)
    unary = -torch.log_softmax(torch.from_numpy(logits), dim=0).numpy()
    kernels = (Smoothness(3.0, 3.0), Appearance(5.0, 5.0 if shape[0] > 1 else 10.0, 20.0))
    seen = image[None].astype(np.float32)
    return Problem(unary, seen, (1.0, 1.0, 1.0), kernels, (), ITERATIONS)


def measured(solve: Callable[..., Any], given: Problem) -> tuple[float, float, Any]:
    """Gives seconds, processor seconds and the answer."""
    start, spent = time.perf_counter(), time.process_time()
    answer = solve(given, lambda _: None)
    return time.perf_counter() - start, time.process_time() - spent, answer


def _memory(solve: Callable[..., Any], shape: tuple[int, ...], labels: int, queue: Any) -> None:
    given = problem(shape, labels)
    solve(problem((1, 32, 32), labels), lambda _: None)  # Libraries' own memory does not count.
    before = _resident()
    _forget_peak()
    solve(given, lambda _: None)
    queue.put((_peak() - before) / given.unary.nbytes)


def memory(solve: Callable[..., Any], shape: tuple[int, ...], labels: int) -> float:
    """Gives how much more memory it takes at most, in sizes of the probability map; own process."""
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    worker = context.Process(target=_memory, args=(solve, shape, labels, queue))
    worker.start()
    found = float(queue.get())
    worker.join()
    return found


def _resident() -> int:
    # What was freed but not given back yet would hide what is taken next.
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123
        return int(file.read().split()[1]) * resource.getpagesize()


def _forget_peak() -> None:
    with open("/proc/self/clear_refs", "w", encoding="ascii") as file:  # noqa: PTH123
        file.write("5")


def _peak() -> int:
    with open("/proc/self/status", encoding="ascii") as file:  # noqa: PTH123
        line = next(line for line in file if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def bandwidth() -> float:
    """Gives bytes a second that copying moves, read and written."""
    device = "cuda" if GPU else "cpu"
    one, other = torch.rand(1 << 26, device=device), torch.empty(1 << 26, device=device)
    wait = torch.cuda.synchronize if GPU else lambda: None
    times = []
    for _ in range(4):
        wait()
        start = time.perf_counter()
        other.copy_(one)
        wait()
        times.append(time.perf_counter() - start)
    return 2 * one.nbytes / min(times)


def floor(given: Problem, speed: float) -> float:
    """Gives the least seconds: each step reads and writes all marginals once per kernel."""
    moved = 2 * given.unary.nbytes * len(given.kernels) * given.iterations
    return moved / speed


def preview() -> float:
    """Gives the seconds that a slice of 512 x 512 in a volume takes, from prediction to answer."""
    given = problem((1, 512, 512), 2)
    array = np.repeat(given.image[0], 40, axis=0)
    case = Case(Volume(array, np.eye(4)))
    probabilities = np.exp(-given.unary)
    region = Region((20, 0, 0), (21, 512, 512))
    geometry = case.volume.geometry
    prediction = Prediction(probabilities, (0, 1), region, geometry, Provenance("test"))
    times = []
    for width in np.linspace(5, 10, 8):  # A slider that moves: nothing can be kept.
        refiner = DenseCRF(Settings(appearance_width=float(width)))
        start = time.perf_counter()
        refiner.refine(case, prediction)
        times.append(time.perf_counter() - start)
    return float(np.median(times[1:]))


def gpu_memory(given: Problem) -> float:
    """Gives how much memory of the GPU it takes at most, in sizes of the probability map."""
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    by_torch(given, lambda _: None)
    return torch.cuda.max_memory_allocated() / given.unary.nbytes


def _row(shape: tuple[int, ...], labels: int, speed: float, repeats: int) -> dict[str, Any]:
    given = problem(shape, labels)
    by_torch(problem((1, 64, 64), labels), lambda _: None)
    times = [measured(by_torch, given) for _ in range(repeats)]
    seconds, spent = min(one[0] for one in times), min(one[1] for one in times)
    row: dict[str, Any] = {
        "shape": "x".join(map(str, shape)),
        "labels": labels,
        "seconds": seconds,
        "processor": spent,
        "ns per voxel and label": 1e9 * seconds / given.unary.size,
        "times the floor": seconds / floor(given, speed),
        "memory": gpu_memory(given) if GPU else memory(by_torch, shape, labels),
    }
    if not pydensecrf_missing() and given.unary.size <= LARGEST:
        theirs, their_processor, answer = measured(by_pydensecrf, given)
        row["pydensecrf2"] = theirs
        row["ratio"] = theirs / seconds
        row["processor ratio"] = their_processor / spent
        row["agreement"] = float((answer.argmax(axis=0) == times[0][2].argmax(axis=0)).mean())
        if not GPU:  # There it would tell of two different memories.
            row["pydensecrf2 memory"] = memory(by_pydensecrf, shape, labels)
    return row


def measure(arguments: argparse.Namespace) -> None:
    """Measures and prints."""
    speed = bandwidth()
    shapes, repeats = (QUICK, 1) if arguments.quick else (SHAPES, 2)
    rows = []
    for shape in shapes:
        for labels in LABELS:
            rows.append(_row(shape, labels, speed, repeats))
            print(rows[-1], flush=True)  # The largest take minutes.
    names = list(rows[0])
    place = GPU or f"{torch.get_num_threads()} threads"
    title = (
        f"Dense CRF, {ITERATIONS} steps, {place}; memory in sizes of the"
        f" probability map. Targets at 128^3: ratio {TARGET:g}, memory {MEMORY:g}"
    )
    print_table(title, names, [[row.get(name, "-") for name in names] for row in rows])
    seconds = preview()
    print_table("Preview of a slice of 512 x 512", ["", "ms", "target"], [["", 1e3 * seconds, 150]])
    save("crf", {"gpu": GPU, "bandwidth": speed, "rows": rows, "preview": seconds})


if __name__ == "__main__":
    run("crf", __doc__, measure)
