"""Reading files that may be compressed with gzip, with a clear error where they are damaged."""

from __future__ import annotations

import contextlib
import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

CHUNK = 2**20


@contextlib.contextmanager
def uncompressed(file: IO[bytes], path: Path) -> Iterator[IO[bytes]]:
    """Gives what a gzip stream holds, from where the file is.

    Raises:
        ValueError: If the stream is cut short or damaged.
    """
    try:
        yield cast(IO[bytes], gzip.GzipFile(fileobj=file))
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(
            f"{path}: got a compressed file that is cut short or damaged. Copy or download it"
            " again."
        ) from error


@contextlib.contextmanager
def open_bytes(path: Path) -> Iterator[IO[bytes]]:
    """Opens a file that may be compressed with gzip, whatever its name says.

    Raises:
        ValueError: If it is compressed, and cut short or damaged.
    """
    with path.open("rb") as file:
        compressed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        if compressed:
            with uncompressed(file, path) as content:
                yield content
        else:
            yield file


def count_rest(file: IO[bytes]) -> int:
    """Counts the bytes from here to the end, where gzip compares its checksum."""
    total = 0
    while chunk := file.read(CHUNK):
        total += len(chunk)
    return total
