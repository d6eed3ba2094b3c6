"""Annotations of a data set as numbered files: older ones stay, new ones never overwrite.

A version is `0001-KIND.json`, beside it the mask if it is one. The JSON file comes last, so a
version is whole or not there at all. A number belongs to whoever makes its claim file first.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ImperfectSegLogic.data.annotations import Annotation, DenseMask, SparseMask
from ImperfectSegLogic.data.datasets.annotation_content import (
    KINDS,
    MASKS,
    mask_extension,
    mask_of_file,
    of_json,
    to_json,
    write_mask,
)
from ImperfectSegLogic.data.datasets.files import (
    make_folder,
    read_json,
    sha256,
    visible,
    write_json,
)
from ImperfectSegLogic.data.geometry import Geometry
from ImperfectSegLogic.data.safe_writing import explained

FORMAT, VERSION = "ImperfectSeg annotation", 1
COMMITTED = re.compile(rf"(\d{{4,}})-({'|'.join(KINDS)})\.json")
TAKEN = re.compile(r"(\d{4,})-.*")
CLAIMED = re.compile(r"\.(\d{4,})\.claim")


@dataclass(frozen=True)
class Version:
    """One version of one annotator's annotation of a case.

    Attributes:
        number: From 1, rising; numbers may be missing.
        kind: Name of the annotation's class, such as `SparseMask`.
        path: The JSON file.
    """

    number: int
    kind: str
    path: Path

    def read(self) -> dict[str, Any]:
        """Reads the JSON file.

        Raises:
            ValueError: If it is damaged.
        """
        return read_json(self.path, FORMAT, VERSION)

    @property
    def mask_path(self) -> Path | None:
        """Where the mask is; None if the annotation is no mask.

        Raises:
            ValueError: If the JSON file is damaged.
        """
        name = self.read().get("file")
        return None if name is None else self.path.parent / Path(str(name)).name


def versions_in(folder: Path) -> tuple[Version, ...]:
    """Gives the whole versions in an annotator's folder, oldest first."""
    found = []
    for name in visible(folder):
        if match := COMMITTED.fullmatch(name):
            found.append(Version(int(match[1]), match[2], folder / name))
    return tuple(sorted(found, key=lambda version: version.number))


def add_version(
    folder: Path, annotation: Annotation, names: Mapping[int, str], **known: str
) -> int:
    """Writes a new version.

    Args:
        folder: The annotator's folder; made if it is not there.
        annotation: What to write.
        names: The name of every label of the data set.
        **known: `case` and `annotator`, which the file repeats for people.

    Returns:
        The version's number.

    Raises:
        OSError: If it cannot be written, as on a full disk; then there is no new version.
    """
    kind, extension = type(annotation).__name__, mask_extension(annotation) or ""
    said: dict[str, Any] = {"format": FORMAT, "version": VERSION, "kind": kind, **known}
    written = folder / f".{secrets.token_hex(4)}.new{extension}"
    try:
        make_folder(folder)
        if isinstance(annotation, DenseMask | SparseMask):
            write_mask(annotation, written, names)
            said["sha256"] = sha256(written)
        return _publish(folder, written, said | to_json(annotation), extension)
    except OSError as error:
        if error.errno is None or isinstance(error, FileExistsError):
            raise
        raise explained(error, folder, folder / "new version") from error
    finally:
        with contextlib.suppress(OSError):
            written.unlink(missing_ok=True)


def _publish(folder: Path, written: Path, said: dict[str, Any], extension: str) -> int:
    """Gives a mask its name, if there is one, and then writes the JSON file."""
    with _claimed_number(folder) as number:
        base = f"{number:04d}-{said['kind']}"
        mask = folder / f"{base}{extension}" if extension else None
        said |= {"number": number, "created": _now()} | ({"file": mask.name} if mask else {})
        try:
            if mask:
                written.rename(mask)
            write_json(folder / f"{base}.json", said)
        except BaseException:
            if mask:
                mask.unlink(missing_ok=True)
            raise
        return number


def read_version(version: Version, geometry: Geometry, names: Mapping[int, str]) -> Annotation:
    """Reads an annotation.

    Args:
        version: Which.
        geometry: The grid of its image.
        names: The name of every label of the data set.

    Raises:
        FileNotFoundError: If the mask's file is gone.
        ValueError: If something is damaged, or the mask's grid is not the image's.
    """
    said = version.read()
    mask = version.mask_path
    try:
        if version.kind in MASKS or version.kind == "SparseMask":
            if mask is None:
                raise ValueError("it names no file with the mask.")
            return mask_of_file(version.kind, mask, geometry, names, int(said.get("unlabeled", -1)))
        return of_json(version.kind, said)
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"{version.path}: got a damaged annotation ({type(error).__name__}: {error}). Restore"
            " it from a copy, or use an older version."
        ) from error
    except ValueError as error:
        told = str(error)
        raise ValueError(
            told if mask and str(mask) in told else f"{version.path}: {told}"
        ) from None


def orphans_in(folder: Path) -> list[str]:
    """Gives the names of masks that belong to no version, as a killed writer leaves them."""
    kept = {f"{v.number:04d}-{v.kind}" for v in versions_in(folder)}
    return [n for n in visible(folder) if n.split(".", 1)[0] not in kept]


@contextlib.contextmanager
def _claimed_number(folder: Path) -> Iterator[int]:
    """Finds the next free number and keeps others from it while it is used."""
    while True:
        number = max(_numbers(folder), default=0) + 1
        claim = folder / f".{number:04d}.claim"
        try:
            os.close(os.open(claim, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        except FileExistsError:
            continue
        try:
            # Between looking and claiming, somebody may have used the number and let it go.
            if number in _numbers(folder, claims=False):
                continue
            yield number
            return
        finally:
            with contextlib.suppress(OSError):
                claim.unlink()


def _numbers(folder: Path, claims: bool = True) -> list[int]:
    kinds = (TAKEN, CLAIMED) if claims else (TAKEN,)
    names = os.listdir(folder)  # noqa: PTH208
    return [int(match[1]) for n in names for kind in kinds if (match := kind.fullmatch(n))]


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds")
