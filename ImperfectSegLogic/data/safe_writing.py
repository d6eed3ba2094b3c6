"""Writing files so that a failure at any moment leaves what was there before."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

FULL = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
READ_ONLY = (errno.EACCES, errno.EPERM, errno.EROFS)


def extension_of(path: str | os.PathLike[str], allowed: Sequence[str]) -> str:
    """Gives which of the allowed extensions a file name has, the longest that fits.

    Args:
        path: The file.
        allowed: Extensions with their dots, for example `.nii.gz`; case does not matter.

    Raises:
        ValueError: If the file has none of them.
    """
    name = Path(path).name
    fitting = [e for e in allowed if name.lower().endswith(e) and len(name) > len(e)]
    if not fitting:
        got = "".join(Path(name).suffixes[-2:]) or "no extension"
        raise ValueError(f"{path}: got {got}, allowed are {', '.join(allowed)}. Rename the file.")
    return max(fitting, key=len)


def check_target(
    path: str | os.PathLike[str], allowed: Sequence[str], overwrite: bool = False
) -> Path:
    """Checks before any work is done that a file can be written.

    Args:
        path: The file to write.
        allowed: Its possible extensions.
        overwrite: Whether it may replace a file that is there.

    Returns:
        The file, with links followed.

    Raises:
        ValueError: If the extension is not allowed.
        FileExistsError: If the file is there and must not be replaced.
        FileNotFoundError: If its folder is not there.
        PermissionError: If the file or its folder is read-only.
        OSError: If the target or its folder is not what its name says.
    """
    extension_of(path, allowed)
    target = Path(path).resolve()
    if not target.parent.is_dir():
        kind = NotADirectoryError if target.parent.exists() else FileNotFoundError
        raise kind(f"{path}: there is no folder {target.parent}. Make it, or choose another one.")
    if target.is_dir():
        raise IsADirectoryError(f"{path}: is a folder. Choose a file name that is not taken.")
    if target.exists() and not overwrite:
        raise FileExistsError(f"{path}: is there already. Choose another name, or overwrite it.")
    if target.exists() and not (os.access(target, os.W_OK) and target.stat().st_mode & 0o222):
        raise PermissionError(
            f"{path}: is read-only. Choose another name, or make the file writable."
        )
    return target


@contextlib.contextmanager
def replacing(
    path: str | os.PathLike[str], allowed: Sequence[str], overwrite: bool = False
) -> Iterator[Path]:
    """Gives a temporary file to write to, which takes the target's place when all went well.

    The temporary file lies in the target's folder and has its extension. Whatever fails inside
    the `with` block, the temporary file goes and an earlier file stays as it was.

    Args:
        path: The file to write.
        allowed: Its possible extensions.
        overwrite: Whether it may replace a file that is there.

    Yields:
        The temporary file, empty.

    Raises:
        ValueError: If the extension is not allowed.
        OSError: If it cannot be written; the kind and the message tell why.
    """
    target = check_target(path, allowed, overwrite)
    temporary = target.with_name(f".{secrets.token_hex(4)}{extension_of(path, allowed)}")
    try:
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        yield temporary
        to_disk(temporary)
        check_target(path, allowed, overwrite)
        if target.exists():
            shutil.copymode(target, temporary)
        temporary.replace(target)
    except OSError as error:
        if error.errno is None:
            raise
        raise explained(error, path, target) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def to_disk(path: Path) -> None:
    """Waits until a file's content is on the disk, so that a power cut cannot take it."""
    with path.open("r+b") as file:
        os.fsync(file.fileno())


def explained(error: OSError, path: str | os.PathLike[str], target: Path) -> OSError:
    """Makes of the system's error one that names the file and tells what to do."""
    kept = " The earlier file is as it was." if target.exists() else " Nothing was written."
    if error.errno in FULL:
        free = shutil.disk_usage(target.parent).free // 1024
        text = f"the disk is full ({free} KiB free). Free some space, or choose another folder."
        return OSError(f"{path}: {text}{kept}")
    if error.errno in READ_ONLY:
        text = f"the folder {target.parent} is read-only. Choose another folder."
        return PermissionError(f"{path}: {text}{kept}")
    return OSError(f"{path}: could not be written ({error.strerror}).{kept}")
