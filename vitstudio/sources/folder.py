"""The pictures of a folder, in the order a person would page through them."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from vitstudio.core.errors import PictureError
from vitstudio.core.formats import has_picture_suffix
from vitstudio.core.frame import Frame
from vitstudio.sources.image import load_frame

NAMED = 2
"""So many of the pictures that are left out are named; a note is to be read."""


def pictures_in(folder: str | os.PathLike[str]) -> tuple[str, ...]:
    """Paths of the pictures in a folder (not below it), sorted so that "img2" precedes "img10".

    Hidden files are left out. Only names are looked at: a file may still turn out to be damaged.

    Raises
    ------
    PictureError
        If the folder does not exist, may not be read, or holds no pictures.
    """
    path = Path(folder)
    try:
        found = [entry for entry in path.iterdir() if _is_picture(entry)]
    except (FileNotFoundError, ValueError):
        raise PictureError(
            f"The folder {path} does not exist; it may have been moved, renamed or deleted."
        ) from None
    except NotADirectoryError:
        raise PictureError(f"{path} is not a folder; choose a folder with pictures.") from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise PictureError(
            f"The folder {path} cannot be read ({reason}); choose another one."
        ) from error
    if not found:
        raise PictureError(f"The folder {path} holds no pictures; choose another one.")
    return tuple(str(entry) for entry in sorted(found, key=_natural_key))


def siblings(picture: str | os.PathLike[str]) -> tuple[str, ...]:
    """Paths of the pictures in the folder of a picture, itself included, to page through.

    Never fails: a folder that cannot be listed gives the picture alone.
    """
    path = Path(picture)
    try:
        beside = [Path(name) for name in pictures_in(path.parent)]
    except PictureError:
        return (str(path),)
    if path not in beside:  # its name does not say that it is a picture
        beside = sorted([*beside, path], key=_natural_key)
    return tuple(str(entry) for entry in beside)


def first_frame(folder: str | os.PathLike[str]) -> tuple[Frame, tuple[str, ...]]:
    """The first picture of a folder that can be opened, and the paths of all.

    Its note says what was left out before it.

    Raises
    ------
    PictureError
        If the folder cannot be read, or holds no picture that can be opened.
    """
    paths = pictures_in(folder)
    sentences: list[str] = []
    for path in paths:
        try:
            frame = load_frame(path)
        except PictureError as error:
            sentences.append(str(error))
            continue
        return with_left_out(frame, sentences), paths
    raise none_opens(folder, len(paths), sentences[-1])


def with_left_out(frame: Frame, sentences: Sequence[str]) -> Frame:
    """A picture whose note says why others before it cannot be opened."""
    notes = [f"Left out: {sentence}" for sentence in sentences[:NAMED]]
    if len(sentences) > NAMED:
        notes.append(f"And {len(sentences) - NAMED} more.")
    return replace(frame, note=" ".join([*notes, frame.note]).rstrip()) if notes else frame


def none_opens(folder: str | os.PathLike[str], count: int, sentence: str) -> PictureError:
    """Error of a folder without a picture that can be opened; it says why the last one cannot."""
    return PictureError(
        f"None of the {count} pictures in {folder} can be opened; choose another folder. {sentence}"
    )


def _is_picture(entry: Path) -> bool:
    return not entry.name.startswith(".") and has_picture_suffix(entry.name) and entry.is_file()


def _natural_key(path: Path) -> tuple[list[str | int], str]:
    # Splitting by digits gives text and number by turns, so like always meets like.
    parts = re.split(r"(\d+)", path.name.casefold())
    return [int(part) if part.isdecimal() else part for part in parts], path.name
