"""Small videos for tests: each picture says in black and white which one it is."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

BITS = 8
RATE = 30

Pictures = Iterable[NDArray[np.uint8]]


def numbered(index: int, size_rc: tuple[int, int] = (48, 64)) -> NDArray[np.uint8]:
    """The bits of an index as bars from left to right: survives any compression."""
    rows, cols = size_rc
    bits = [index >> bit & 1 for bit in range(BITS)]
    line = np.array([255 * bits[col * BITS // cols] for col in range(cols)], np.uint8)
    return np.ascontiguousarray(np.broadcast_to(line[None, :, None], (rows, cols, 3)))


def number_of(rgb: NDArray[np.uint8]) -> int:
    """What `numbered` was given."""
    rows, cols = rgb.shape[:2]
    centres = [int((bit + 0.5) * cols / BITS) for bit in range(BITS)]
    return sum(int(rgb[rows // 2, col, 1] > 127) << bit for bit, col in enumerate(centres))


def write_film(
    path: Path,
    pictures: Pictures,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    *,
    rate: int = RATE,
    times: Sequence[int] | None = None,
    first: int = 0,
    setup: Callable[[Any], None] | None = None,
    convert: Callable[[av.VideoFrame], av.VideoFrame] | None = None,
    form: str | None = None,
    title: str = "",
    **options: str,
) -> Path:
    """Write a video.

    Parameters
    ----------
    times : sequence of int
        Of the pictures, in 1/1000 s; by default one after the other at the rate.
    first : int
        Pictures that would have been before, at the rate.
    setup : callable
        Called with the stream before anything is written.
    convert : callable
        Changes a frame before it is encoded.
    form : str
        Of the container, if the suffix does not say.
    """
    pictures = list(pictures)
    with av.open(str(path), "w", format=form) as container:
        if title:
            container.metadata["title"] = title
        stream: Any = container.add_stream(codec, rate=rate, options=options)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = pixels
        if times is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        if setup:
            setup(stream)
        for index, rgb in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
            if convert:
                frame = convert(frame)
            frame.pts = first + index if times is None else times[index]
            frame.time_base = Fraction(1, rate) if times is None else Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def turn_film(path: Path, matrix: tuple[int, int, int, int]) -> Path:
    """Write another display matrix (a, b, c, d) into the track header of an MP4 file."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 20 + 8 + 8 + 4
    assert struct.unpack(">9i", data[at : at + 36])[0] == 1 << 16
    a, b, c, d = (value << 16 for value in matrix)
    data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path


def write_sound(path: Path) -> Path:
    """A file without any picture."""
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), "fltp", "stereo")
        frame.sample_rate, frame.pts = 44100, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path
