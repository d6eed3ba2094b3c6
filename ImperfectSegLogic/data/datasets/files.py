"""Names, JSON files and folders of a data set, written so that nobody ever sees half of one."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ImperfectSegLogic.data.safe_writing import explained, replacing, to_disk

JSON = (".json",)
NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._+-]{0,98}[A-Za-z0-9_+-])?")
TAKEN = (errno.EEXIST, errno.ENOTEMPTY, errno.EISDIR, errno.ENOTDIR)


def check_name(what: str, name: str) -> str:
    """Gives back a name that can be a file's name on every system.

    Args:
        what: What is named, for the message.
        name: Letters, digits and `._+-`; the first is a letter or digit, the last no dot.

    Raises:
        ValueError: If the name is not allowed.
    """
    if not NAME.fullmatch(name):
        raise ValueError(
            f"{what} name: got {name!r}, allowed are up to 100 letters A to Z, digits and . _ + -,"
            " beginning with a letter or digit. Choose another name."
        )
    return name


def write_json(path: Path, content: Mapping[str, Any], overwrite: bool = False) -> None:
    """Writes a JSON file that people can read; an earlier one stays as it was until it is whole.

    Raises:
        FileExistsError: If the file is there and must not be replaced.
        OSError: If it cannot be written, as on a full disk.
    """
    text = json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False)
    with replacing(path, JSON, overwrite) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def read_json(path: Path, kind: str, version: int) -> dict[str, Any]:
    """Reads a JSON file of a data set.

    Args:
        path: The file.
        kind: What its `format` has to say.
        version: The highest version of the format that is known.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged, of another kind, or of a newer version.
    """
    content = read_object(path)
    if content.get("format") != kind:
        raise ValueError(
            f"{path}: got format {content.get('format')!r}, allowed is {kind!r}. Choose the right"
            " file or folder."
        )
    if content.get("version") != version:
        raise ValueError(
            f"{path}: got version {content.get('version')} of the file format, allowed is"
            f" {version}. Install a newer ImperfectSeg."
        )
    return content


def read_object(path: Path) -> dict[str, Any]:
    """Reads any JSON file whose content is an object.

    Raises:
        FileNotFoundError: If there is no such file.
        PermissionError: If it may not be read.
        ValueError: If it is no JSON, or no object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(f"{path}: there is no such file. Check the path.") from None
    except PermissionError:
        raise PermissionError(f"{path}: may not be read. Ask its owner, or copy it.") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(
            f"{path}: got a file that is no JSON or is cut short ({error}). Restore it from a copy."
        ) from error
    if not isinstance(content, dict):
        raise ValueError(f"{path}: got a {type(content).__name__}, allowed is a JSON object.")
    return content


@contextlib.contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Gives a hidden folder to fill, which becomes `target` in one step when all went well.

    Whatever fails inside the `with` block, the hidden folder goes and there is no target. Of
    several processes that make the same target at once, one succeeds.

    Yields:
        The folder, beside the target.

    Raises:
        FileExistsError: If the target is there already.
        OSError: If it cannot be written; the kind and the message tell why.
    """
    taken = FileExistsError(f"{target}: is there already. Choose another name.")
    if target.exists():
        raise taken
    temporary = target.with_name(f".{secrets.token_hex(4)}.new")
    try:
        temporary.mkdir()
        yield temporary
        for file in temporary.rglob("*"):
            if file.is_file():
                to_disk(file)
        temporary.rename(target)
    except ValueError as error:
        raise ValueError(str(error).replace(temporary.name, target.name)) from error
    except OSError as error:
        if error.errno is None:
            raise type(error)(str(error).replace(temporary.name, target.name)) from error
        if error.errno in TAKEN and target.exists():
            raise taken from error
        if error.errno == errno.ENOENT and not target.parent.is_dir():
            raise FileNotFoundError(
                f"{target}: there is no folder {target.parent}. Make it, or choose another one."
            ) from error
        raise explained(error, target, target) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def make_folder(path: Path) -> Path:
    """Makes a folder if it is not there.

    Raises:
        OSError: If it cannot be made; the kind and the message tell why.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise explained(error, path, path) from error
    return path


def sha256(path: Path) -> str:
    """Gives the SHA-256 of a file, or of all files of a folder in the order of their names."""
    if path.is_dir():
        whole = hashlib.sha256()
        for file in sorted(f for f in path.rglob("*") if f.is_file()):
            whole.update(f"{file.relative_to(path).as_posix()}\0{sha256(file)}\n".encode())
        return whole.hexdigest()
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def visible(folder: Path) -> list[str]:
    """Gives the sorted names in a folder, without hidden (unfinished) ones; none if it is gone."""
    try:
        return sorted(n for n in os.listdir(folder) if not n.startswith("."))  # noqa: PTH208
    except (FileNotFoundError, NotADirectoryError):
        return []
