"""Whole files or none: what is on disk changes only when everything was written."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from vitstudio.core.errors import ExportError

FULL = (errno.ENOSPC, errno.EDQUOT)
REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS)


def write_files(contents: Mapping[Path, bytes]) -> None:
    """Write all files, or leave every one as it was.

    Each goes to a temporary file in its own folder first and takes its place by a rename, which no
    reader can see half done. Of several, all but the last should be small: if the last rename fails
    they are put back from memory.

    Raises
    ------
    ExportError
        With the reason and what to do, if anything could not be written.
    """
    # The place a link leads to is replaced, not the link.
    targets = {Path(os.path.realpath(path)): data for path, data in contents.items()}
    prepared: dict[Path, Path] = {}
    try:
        for path in targets:
            _check(path)
        for path, data in targets.items():
            prepared[path] = _write_beside(path, data)
        _replace_all(prepared)
    except OSError as error:
        raise ExportError(sentence(error, next(reversed(targets)))) from error
    finally:
        for temporary in prepared.values():
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A new file to write and read in, which takes the place of `path` at the end of the block.

    For what is too large to be made in memory first. If the block fails, `path` is as it was.

    Raises
    ------
    ExportError
        With the reason and what to do, before the block where that is known before.
    """
    target = Path(os.path.realpath(path))
    try:
        _check(target)
        with _beside(target) as (file, temporary):
            yield file
            file.close()
            temporary.replace(target)
    except OSError as error:
        raise ExportError(sentence(error, target)) from error


def sentence(error: OSError, path: Path) -> str:
    """What went wrong with a file, for the user."""
    if error.errno in FULL:
        return f"The disk is full, so '{path.name}' was not written; free some space and try again."
    if error.errno in REFUSED:
        return f"'{path}' may not be written; choose another folder."
    if error.errno == errno.ENAMETOOLONG:
        return f"'{path.name[:40]}...' is too long a name for a file; choose a shorter one."
    return f"'{path}' could not be written ({error.strerror or error}); choose another place."


def _check(path: Path) -> None:
    if path.is_dir():
        raise ExportError(f"'{path}' is a folder; choose a file name in it.")
    if not path.parent.is_dir():
        raise ExportError(f"The folder '{path.parent}' does not exist; choose another one.")
    # A rename would replace even a file that its owner has locked.
    if path.exists() and not os.access(path, os.W_OK):
        raise ExportError(f"'{path}' is write-protected; choose another name.")


def _write_beside(path: Path, data: bytes) -> Path:
    with _beside(path) as (file, temporary):
        file.write(data)
    return temporary


@contextlib.contextmanager
def _beside(path: Path) -> Iterator[tuple[BinaryIO, Path]]:
    """A new file in the folder of `path` and where it is; gone again if the block fails."""
    temporary = path.parent / f".vitstudio-{secrets.token_hex(6)}.part"
    # Not tempfile: its files are private, while an export follows the user's usual permissions.
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    descriptor = os.open(temporary, flags, 0o666)
    try:
        with os.fdopen(descriptor, "w+b") as file:
            yield file, temporary
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _replace_all(prepared: dict[Path, Path]) -> None:
    earlier: dict[Path, bytes | None] = {}
    last = next(reversed(prepared))
    try:
        for path, temporary in prepared.items():
            if path != last:
                earlier[path] = path.read_bytes() if path.exists() else None
            temporary.replace(path)
    except OSError:
        for path, data in earlier.items():
            _put_back(path, data)
        raise


def _put_back(path: Path, data: bytes | None) -> None:
    with contextlib.suppress(OSError):
        if data is None:
            path.unlink(missing_ok=True)
        else:
            _write_beside(path, data).replace(path)
