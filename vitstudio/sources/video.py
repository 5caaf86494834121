"""A video file as a reel: every picture at its time, whichever way one comes to it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from av import VideoFrame

from vitstudio.core.errors import PictureError
from vitstudio.core.frame import Frame
from vitstudio.core.live import LiveFacts
from vitstudio.sources.colour import ON_WHITE
from vitstudio.sources.reel import Shot
from vitstudio.sources.video_file import VideoFile
from vitstudio.sources.video_pixels import Pixels, has_known_colours

KEPT_BYTES = 64_000_000
"""Of decoded pictures, so that a step back need not decode from the last key frame again."""
FEWEST_KEPT = 3
ROUNDING_S = 0.0006
"""Many files give times in whole milliseconds."""
NEAR_S = 0.5
"""So far ahead decoding on is quicker than looking for a key frame."""
FARTHER_BACK_S = (0.0, 1.0, 5.0, 25.0)
"""How long before a time to look for a key frame, if the one before was none after all."""
MISSING_KEY = 200
"""After so many pictures without a key frame there will be none."""
HDR = (16, 18)
"""FFmpeg's AVCOL_TRC_SMPTE2084 and AVCOL_TRC_ARIB_STD_B67."""


@dataclass(frozen=True, eq=False)
class Decoded:
    """A picture as it was decoded; its place is the one among those of which the file tells."""

    time_s: float
    place: int
    picture: VideoFrame
    note: str


class VideoReel:
    """Plays a video file.

    The time of a picture is that which the file gives it, counted from the first one, so a rate
    that varies is kept; where times repeat or step back, see `Times`. Its index is its place in the
    order shown, or for very large files what its time and the average rate say. Pictures are
    upright and have square pixels; they may change their size in mid-file. What cannot be decoded
    is left out, and the note of the next picture says so.

    Parameters
    ----------
    source : str
        Path of the file.

    Raises
    ------
    PictureError
        If it cannot be opened, or no picture in it can be decoded.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self._file = VideoFile(Path(source))
        self._pixels = Pixels(self._file.stream.codec_context.name)
        # Decoded pictures in a row, the newest being where the decoder is, and how many of that row
        # were let go again before: so each has a number as long as the decoder goes straight on.
        self._near: list[Decoded] = []
        self._gone = 0
        self._next = 0
        self._origin: int | None = None
        self._first = 0
        self._damaged = 0
        self._length_s = float(1 / self._file.rate)
        self._coming: Iterator[VideoFrame] = self._file.decode()
        try:
            if not self._more():
                raise PictureError(
                    f"No picture of {self._file.path.name} can be decoded: it is damaged or cut "
                    "short; get another copy of it."
                )
            self.facts = self._facts(self._near[0].picture)
        except BaseException:
            self._file.close()
            raise

    def read(self, from_s: float = 0.0) -> Shot | None:
        """The next picture that is still shown at a time; None at the end."""
        while True:
            while self._next - self._gone + 1 >= len(self._near) and self._more():
                pass
            place = self._next - self._gone
            if place >= len(self._near):
                return None
            decoded, last = self._near[place], place + 1 == len(self._near)
            until_s = decoded.time_s + self._length_s if last else self._near[place + 1].time_s
            self._next += 1
            if last or until_s > from_s:
                return Shot(self._frame(decoded), until_s, last)

    def seek(self, time_s: float) -> None:
        """Let `read` give the picture that is shown at a time."""
        wanted_s = max(0.0, time_s) + ROUNDING_S
        if not self._near[0].time_s <= wanted_s < self._near[-1].time_s + NEAR_S:
            self._begin_before(wanted_s)
        while self._near[-1].time_s <= wanted_s and self._more():
            pass
        place = bisect_right(self._near, wanted_s, key=_time_s) - 1
        self._next = self._gone + max(0, place)

    def back(self, count: int) -> None:
        """Let `read` give the picture so many before the one read last, or the first of all."""
        wanted = self._next - 1 - count
        missing = self._gone - wanted
        while missing > 0:
            edge_s = self._near[0].time_s - ROUNDING_S / 2
            if edge_s <= 0:
                break
            self._begin_before(edge_s - ROUNDING_S / 2)
            while self._near[-1].time_s < edge_s and self._more():
                pass
            found = bisect_left(self._near, edge_s, key=_time_s)
            missing -= found
            wanted = self._gone - missing
            if not found:
                break
        self._next = max(self._gone, wanted)

    def interrupt(self) -> None:
        """Let a read, or a seek, on another thread end early."""
        self._file.interrupt()

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _more(self) -> bool:
        """Decode one picture more; False at the end."""
        picture = next(self._coming, None)
        if picture is None:
            return False
        self._keep(picture)
        return True

    def _keep(self, picture: VideoFrame) -> None:
        before = self._near[-1] if self._near else None
        place, time_s = self._placed(picture.pts, before.place if before else -1)
        if before is not None and time_s <= before.time_s:
            time_s = before.time_s + self._length_s  # files that give no times, or too few
        note = "This picture is damaged." if picture.is_corrupt else ""
        if self._file.damaged > self._damaged:
            self._damaged = self._file.damaged
            note = f"Damaged pictures before this one are left out. {note}".rstrip()
        self._near.append(Decoded(time_s, place, picture, note))
        size = sum(plane.buffer_size for plane in picture.planes) or 1
        excess = len(self._near) - max(FEWEST_KEPT, KEPT_BYTES // size)
        if excess > 0:
            del self._near[:excess]
            self._gone += excess

    def _begin_before(self, time_s: float) -> None:
        """Start a new row with a key frame before a time, or with the first picture."""
        base, times = self._file.time_base, self._file.times
        for farther_s in FARTHER_BACK_S:
            pts = times.told_at((self._origin or 0) + int((time_s - farther_s) / base))
            if time_s <= farther_s or not self._file.start_at(pts):
                break
            if self._begin(keys_only=True) and self._near[0].time_s <= time_s:
                return
        self._file.start_anew()
        if not self._begin(keys_only=False):
            raise PictureError(
                f"{self._file.path.name} cannot be decoded any more; it may have been changed."
            )

    def _begin(self, *, keys_only: bool) -> bool:
        """Start a new row where the file was set to; False if no picture is there."""
        self._coming = self._file.decode()
        self._near, self._gone, self._next = [], 0, 0
        self._damaged = self._file.damaged
        for tries, picture in enumerate(self._coming):
            # What comes before a key frame may lack the pictures that it refers to.
            pts, whole = picture.pts, picture.key_frame and not picture.is_corrupt
            sound = whole and pts is not None and self._file.times.is_sure(pts)
            if sound or not keys_only:
                self._keep(picture)
                return True
            if tries > MISSING_KEY:
                break
        return False

    def _placed(self, pts: int | None, after: int) -> tuple[int, float]:
        """Place and time of a picture that follows the one at a place."""
        if pts is None:
            return after + 1, 0.0
        times = self._file.times
        place = times.place_of(pts, after)
        found = max(after + 1, times.count_before(pts)) if place is None else place
        if self._origin is None:
            self._origin, self._first = pts, found
        return found, self._time_of(pts if place is None else times.shown[place])

    def _time_of(self, pts: float) -> float:
        base = self._file.time_base
        return (pts - (self._origin or 0)) * base.numerator / base.denominator

    def _index_of(self, decoded: Decoded) -> int:
        if self._file.times:
            return max(0, decoded.place - self._first)
        return round(decoded.time_s * float(self._file.rate))

    def _frame(self, decoded: Decoded) -> Frame:
        rgb = self._pixels.rgb(decoded.picture, self._file.stream.sample_aspect_ratio)
        notes = decoded.note, ON_WHITE if self._pixels.transparent else ""
        return Frame(
            rgb,
            source=self._source,
            index=self._index_of(decoded),
            capture_time_s=decoded.time_s,
            note=" ".join(filter(None, notes)),
        )

    def _facts(self, picture: VideoFrame) -> LiveFacts:
        file = self._file
        told_s, rate = file.told_duration_s, float(file.rate)
        times = file.times.shown[self._first :]
        if times:
            span_s = self._time_of(times[-1])
            if len(times) > 1:
                rate = (len(times) - 1) / span_s
                self._length_s = 1 / rate
            duration_s, frames = span_s + self._length_s, len(times)
        else:
            duration_s = told_s
            frames = file.stream.frames or round(told_s * rate)
        notes = []
        if times and told_s > 1.1 * duration_s + 1:
            notes.append(f"Its pictures end after {duration_s:.1f} of {told_s:.1f} s.")
        if file.stream.codec_context.color_trc in HDR:
            notes.append("Its HDR colours are shown without tone mapping, so they look pale.")
        if not has_known_colours(picture):
            notes.append("Its colours are coded in a way that is not known here, so they are off.")
        if picture.interlaced_frame:
            notes.append("It is interlaced, so edges that move have combs.")
        size_rc = self._pixels.size_rc(picture, file.stream.sample_aspect_ratio)
        return LiveFacts(self._source, size_rc, rate, duration_s, frames, " ".join(notes))


def _time_s(decoded: Decoded) -> float:
    return decoded.time_s
