"""What may be wrong with a file before anything of it is read."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from vitstudio.core.errors import PictureError

READ_BYTES = 256_000_000
"""So much of a file is read at most to see whether it can be."""
PIECE_BYTES = 1_000_000
"""At a time."""


def check_file(path: Path, what: str) -> os.stat_result:
    """The facts of a file that can be read.

    Parameters
    ----------
    what : str
        What is in it: "picture", "video".

    Raises
    ------
    PictureError
        If it does not exist, may not be seen, or is a folder, a pipe or a device.
    """
    try:
        status = path.stat()
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        raise PictureError(why_unreadable(path, error)) from error
    if stat.S_ISDIR(status.st_mode):
        raise PictureError(f"{path} is a folder; choose a {what} in it.")
    if not stat.S_ISREG(status.st_mode):
        # Opening a pipe or a device could wait for ever, and there is no way back in it.
        raise PictureError(f"{path} is not a file; choose a {what} file.")
    return status


def read_error(path: Path) -> OSError | None:
    """What the operating system says when a file is read; None if it can be.

    Of a very large file only the beginning is read, as more would take long.
    """
    left = READ_BYTES
    try:
        with path.open("rb", buffering=0) as file:
            while left > 0 and (piece := file.read(min(left, PIECE_BYTES))):
                left -= len(piece)
    except OSError as error:
        return error
    return None


def why_unreadable(path: Path, error: Exception) -> str:
    """An error of the file system as a sentence that says what to do."""
    if isinstance(error, FileNotFoundError | NotADirectoryError | ValueError):
        return f"{path} does not exist; it may have been moved, renamed or deleted."
    if isinstance(error, PermissionError):
        return f"{path} may not be read; ask for permission to read it or copy it elsewhere."
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return f"{path} cannot be read ({reason}); check the disk or copy the file elsewhere."
