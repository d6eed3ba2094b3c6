"""Finds what is wrong with the image of a case."""

from __future__ import annotations

import hashlib
from collections.abc import Generator

import numpy as np

from ImperfectSegLogic.data.datasets.case_records import CaseRecord
from ImperfectSegLogic.data.datasets.files import sha256
from ImperfectSegLogic.data.datasets.findings import Finding, problem
from ImperfectSegLogic.data.datasets.folder import Folder
from ImperfectSegLogic.data.image_files import read_volume
from ImperfectSegLogic.data.volume import Volume


def image_findings(dataset: Folder, record: CaseRecord) -> Generator[Finding, None, str]:
    """Reads a case's image and tells what is wrong with it.

    Returns:
        A hash of the voxels, the same for the same voxels in another file or number type; empty
        if the image cannot be read.
    """
    case, path = record.identifier, record.image_path(dataset.folder)
    if not path.exists():
        text = f"{path}: there is no such image. Restore it, or add the case again."
        yield problem("missing file", case, text)
        return ""
    try:
        changed = sha256(path) != record.sha256
        volume = read_volume(path)
    except (ValueError, OSError) as error:
        yield problem("image", case, str(error))
        return ""
    if changed:
        text = f"{path}: is not the file that was added. Restore it, or add the case again."
        yield problem("changed file", case, text)
    channels = dataset.description.channels
    if volume.channels != (len(channels) or record.channels):
        text = f"has {volume.channels} channels, wanted {len(channels) or record.channels}."
        yield problem("image", case, text)
    if not volume.geometry.matches(record.geometry):
        yield problem("geometry", case, f"{path}: its grid is not the one in case.json.")
    yield from _voxel_findings(case, volume)
    return voxel_hash(volume)


def voxel_hash(volume: Volume) -> str:
    """Gives a hash of the voxels that does not depend on file, number type or place."""
    whole = hashlib.sha256(repr(volume.array.shape).encode())
    for part in volume.array.reshape(-1, *volume.geometry.shape[1:]):
        # Adding zero makes -0.0 the same as 0.0.
        whole.update((part.astype("<f8") + 0.0).tobytes())
    return whole.hexdigest()


def _voxel_findings(case: str, volume: Volume) -> Generator[Finding, None, None]:
    for number, channel in enumerate(volume.array.reshape(-1, *volume.geometry.shape)):
        which = f"channel {number}: " if volume.channels > 1 else ""
        bad = 0 if channel.dtype.kind != "f" else int((~np.isfinite(channel)).sum())
        if bad:
            text = f"{which}{bad} of {channel.size} voxels are NaN or infinite. Replace them."
            yield problem("image", case, text)
        elif channel.min() == channel.max():
            text = f"{which}every voxel is {channel.flat[0]}. Check that it is the right image."
            yield problem("image", case, text)
