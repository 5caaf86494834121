"""A video file opened for its pictures: what may be wrong with it, and decoding from any place."""

from __future__ import annotations

import errno
import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import av.logging
from av import Packet, VideoFrame
from av.codec.codec import UnknownCodecError
from av.codec.context import CodecContext
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from vitstudio.core.errors import Cancelled, PictureError
from vitstudio.sources.files import check_file, read_error, why_unreadable
from vitstudio.sources.video_times import Coded, Times

# Named, so that no file can send the reader to other files or into the net (playlists can).
FORMATS = "asf,avi,flv,matroska,mov,mpeg,mpegts,mpegvideo,ogg"
OPTIONS = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
SCANNED_BYTES = 256_000_000
"""A larger file is not read through for the times of its pictures: that would take too long."""
ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
"""What reads the transparency too, where FFmpeg's own decoder does not."""
USUAL_RATE = Fraction(25)
"""Pictures a second where a file does not say."""


class VideoFile:
    """The pictures of the main video stream of a file.

    Attributes
    ----------
    path : Path
    stream : av.VideoStream
        Of the file as it is opened now.
    times : Times
        Of the pictures in the file, in units of `time_base`; empty where the file does not say or
        is too large to be read through.
    rate : Fraction
        Pictures a second, on average.
    time_base : Fraction
        Seconds.
    damaged : int
        Pieces so far that could not be decoded.

    Raises
    ------
    PictureError
        If there is no such file, it may not be read, is no video, or has no pictures.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damaged = 0
        self._container: InputContainer | None = None
        self._interrupted = threading.Event()
        if not check_file(path, "video").st_size:
            raise PictureError(f"{path.name} is empty (0 bytes); get another copy of it.")
        try:
            self._open()
            self.rate = self.stream.average_rate or self.stream.guessed_rate or USUAL_RATE
            self.time_base = self.stream.time_base or 1 / USUAL_RATE
            self.times = Times()
            if path.stat().st_size <= SCANNED_BYTES or not self.told_duration_s:
                self.times = self._scanned()
                self._open()
        except BaseException:
            self.close()
            raise

    @property
    def told_duration_s(self) -> float:
        """As the file says; 0 if it does not."""
        if self.stream.duration and self.stream.time_base:
            return float(self.stream.duration * self.stream.time_base)
        told = self._container.duration if self._container else None
        return told / av.time_base if told else 0.0

    def start_at(self, pts: int) -> bool:
        """Let `decode` begin with a key frame before a time; False if the file cannot be sought."""
        assert self._container is not None
        if self._decoder is not self.stream.codec_context:
            return False  # such a decoder does not tell which of its pictures are keys
        try:
            self._container.seek(pts, stream=self.stream, backward=True)
        except FFmpegError:
            return False
        return True

    def start_anew(self) -> None:
        """Let `decode` begin with the first picture, whatever the file is like."""
        self._open()

    def decode(self) -> Iterator[VideoFrame]:
        """Pictures from where the file was set to; what is damaged is left out and counted.

        Raises
        ------
        PictureError
            If the disk fails.
        Cancelled
            After `interrupt`.
        """
        for packet in self._packets():
            if self._interrupted.is_set():
                raise Cancelled("The video was closed.")
            try:
                frames = self._decoder.decode(packet)
            except FFmpegError as error:
                if error.errno == errno.ENOMEM:
                    raise PictureError(
                        f"The pictures of {self.path.name} do not fit into memory; make them "
                        "smaller."
                    ) from None
                self.damaged += 1
                continue
            yield from frames

    def interrupt(self) -> None:
        """Let `decode` end early, from another thread."""
        self._interrupted.set()

    def close(self) -> None:
        """Let go of the file."""
        if self._container is not None:
            self._container.close()
            self._container = None

    def _open(self) -> None:
        self.close()
        self._container = _container(self.path)
        self.stream = _main_stream(self._container, self.path.name)
        self.stream.thread_type = "AUTO"
        self._decoder = _decoder(self.stream)

    def _packets(self) -> Iterator[Packet[VideoStream] | None]:
        """What is to be decoded, from where the file was set to; at its end what flushes."""
        assert self._container is not None
        try:
            yield from self._container.demux(self.stream)
        except FFmpegError as error:
            _check_disk(self.path, error)
            self.damaged += 1
            yield None
        except IndexError:
            # At the end PyAV looks past its list of streams if the file began another one midway,
            # e.g. sound that starts late: all pictures were given by then, the flush too.
            return

    def _scanned(self) -> Times:
        """Times of all pictures without decoding one; empty if any has none."""
        found: list[Coded] = []
        for packet in self._packets():
            if packet is not None and packet.size and not packet.is_discard:
                if packet.pts is None:
                    return Times()
                found.append((packet.pts, packet.dts, packet.is_keyframe))
        return Times(found, float(1 / (USUAL_RATE * self.time_base)))


def _container(path: Path) -> InputContainer:
    arguments: dict[str, Any] = {"container_options": OPTIONS}
    if int(av.__version__.split(".")[0]) < 19:
        arguments["metadata_errors"] = "replace"  # old titles are in old alphabets
    # Older torchvision has FFmpeg's messages given to Python. Its decoding threads wait for
    # Python's lock then, while who closes the file holds that and waits for them: for ever.
    av.logging.set_level(None)
    try:
        container: InputContainer = av.open(str(path), **arguments)
    except FFmpegError as error:
        _check_disk(path, error)
        raise PictureError(
            f"{path.name} cannot be opened as a video: it is damaged, cut short or of another "
            "kind; get another copy of it or save it as MP4."
        ) from error
    return container


def _check_disk(path: Path, error: FFmpegError) -> None:
    """Raise what the operating system says of a file, if that is why it cannot be read.

    FFmpeg gives the same errors for damaged files: of input and output for a size that leads past
    the end, of missing permission for a key that is not there.
    """
    if isinstance(error, OSError) and (real := read_error(path)):
        raise PictureError(why_unreadable(path, real)) from error


def _main_stream(container: InputContainer, name: str) -> VideoStream:
    """The stream with the pictures; covers of songs are none."""
    streams = container.streams
    best = streams.best("video")
    shown = [s for s in streams.video if not s.disposition & Disposition.attached_pic]
    if not shown:
        what = "only sound" if streams.audio else "nothing that can be shown"
        raise PictureError(f"{name} has no pictures, {what}; choose another video.")
    stream = best if isinstance(best, VideoStream) and best in shown else shown[0]
    if stream.codec_context is None:  # whatever the types of the library say
        raise PictureError(
            f"The pictures of {name} are coded in a way that is not known here; save it as MP4 "
            "with H.264."
        )
    return stream


def _decoder(stream: VideoStream) -> VideoCodecContext:
    """What decodes the pictures: the stream's own, unless that would lose their transparency."""
    own = stream.codec_context
    if stream.metadata.get("alpha_mode") == "1" and own.name in ALPHA_DECODERS:
        try:
            decoder = CodecContext.create(ALPHA_DECODERS[own.name], "r")
            return cast("VideoCodecContext", decoder)
        except UnknownCodecError:
            pass  # this FFmpeg was built without it: the hidden colours are shown
    return own
