"""A live take on disk: a film with its overlays, or the numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from os import PathLike
from pathlib import Path
from typing import BinaryIO

from PySide6.QtGui import QImage

from vitstudio.core.errors import Cancelled, ExportError
from vitstudio.export.content import FigureContent
from vitstudio.export.files import whole_file
from vitstudio.export.gif import GIF_WIDTH, gif_places, write_gif
from vitstudio.export.movie import MOVIE_SIDE, find_encoder, write_mp4
from vitstudio.export.save import check_suffix
from vitstudio.export.stage import Stage, plan_stage
from vitstudio.export.take_arrays import write_arrays
from vitstudio.export.take_metadata import take_json
from vitstudio.painting.gui import ensure_gui

TAKE_SUFFIXES = (".mp4", ".gif", ".npz")

Report = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class TakePicture:
    """One picture of a take.

    Attributes
    ----------
    content : FigureContent
    time_s : float
        Seconds on any clock, the same for the whole take.
    """

    content: FigureContent
    time_s: float


def write_take(
    pictures: Sequence[TakePicture],
    path: str | PathLike[str],
    report: Report = lambda _done, _count: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Path:
    """Write a take whole or not at all; the suffix of `path` is the format. Returns the path.

    A film (.mp4, .gif) shows the figures that a still export would write, all in one size, each for
    as long as it was the newest. For what an .npz holds see `export.take_arrays.write_arrays`.

    Parameters
    ----------
    pictures : sequence of TakePicture
        Oldest first.
    path : path
    report : callable
        Called with the number of pictures that are written and of all that will be.
    cancelled : callable
        Asked between pictures.

    Raises
    ------
    ExportError
        If there are no pictures, the suffix is unknown, or the file cannot be written.
    Cancelled
        If `cancelled` said so.
    """
    target = check_suffix(path, TAKE_SUFFIXES, "a take")
    contents = [picture.content for picture in pictures]
    times_s = _times(pictures)
    write = WRITERS[target.suffix.lower()]
    try:
        with whole_file(target) as file:
            write(file, contents, times_s, _Pace(report, cancelled))
    except MemoryError:
        raise ExportError(
            "There is not enough memory for this take; close other programs."
        ) from None
    return target


class _Pace:
    """Counts pictures, and stops between two of them if asked to."""

    def __init__(self, report: Report, cancelled: Callable[[], bool]) -> None:
        self._report = report
        self._cancelled = cancelled
        self._done = self._count = 0

    def begin(self, count: int) -> None:
        """Before the first picture."""
        self._count = count
        self._say()

    def step(self) -> None:
        """After each picture."""
        self._done += 1
        self._say()

    def _say(self) -> None:
        self._report(self._done, self._count)
        if self._cancelled():
            raise Cancelled("Stopped; no file was written.")


def _times(pictures: Sequence[TakePicture]) -> list[float]:
    """Seconds since the first picture."""
    if not pictures:
        raise ExportError("There are no pictures to write yet; let the live view run for a moment.")
    for before, after in pairwise(pictures):
        if not before.time_s <= after.time_s:
            raise ExportError("The pictures of a take must be in the order of their times.")
    return [picture.time_s - pictures[0].time_s for picture in pictures]


def _mp4(file: BinaryIO, contents: list[FigureContent], times_s: list[float], pace: _Pace) -> None:
    encoder = find_encoder()
    ensure_gui()
    pace.begin(len(contents))
    stage = plan_stage(contents, MOVIE_SIDE, MOVIE_SIDE)
    tags = {
        "title": contents[0].sentence.encode("utf-8", "replace").decode(),
        "comment": take_json(contents, times_s),
    }
    write_mp4(file, encoder, _counted(stage, pace), stage.size, times_s, tags)


def _gif(file: BinaryIO, contents: list[FigureContent], times_s: list[float], pace: _Pace) -> None:
    ensure_gui()
    chosen, durations = gif_places(times_s)
    pace.begin(len(chosen))
    contents = [contents[place] for place in chosen]
    stage = plan_stage(contents, GIF_WIDTH, None)
    comment = take_json(contents, [times_s[place] for place in chosen])
    write_gif(file, _counted(stage, pace), durations, comment)


def _npz(file: BinaryIO, contents: list[FigureContent], times_s: list[float], pace: _Pace) -> None:
    pace.begin(len(contents))
    write_arrays(file, contents, times_s, take_json(contents, times_s), pace.step)


WRITERS = {".mp4": _mp4, ".gif": _gif, ".npz": _npz}


def _counted(stage: Stage, pace: _Pace) -> Iterator[QImage]:
    """The figures one after the other; each counts as written once the next one is asked for."""
    for figure in stage.figures():
        yield figure
        pace.step()
