"""MP4 by PyAV: each picture for as long as it was the newest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any, BinaryIO

from PySide6.QtGui import QImage

from vitstudio.core.errors import ExportError
from vitstudio.export.stage import Size, pixels_of

MOVIE_SIDE = 2560
"""Pixels along the longer side; players decode no more than about 4000 without trouble."""
TICKS_PER_S = 60_000
"""Divides by 24, 25, 30, 50 and 60 pictures a second; old codecs have 16 bits for it."""
ALONE_S = 1.0
"""How long a single picture is shown."""
ENCODERS: dict[str, dict[str, str]] = {
    # Without B frames pictures are stored in the order of their times: then every reader finds the
    # time of the last one, and steps back through them well.
    "libx264": {"crf": "16", "preset": "veryfast", "bf": "0"},
    "mpeg4": {"flags": "+qscale", "global_quality": str(2 * 118), "bf": "0"},
}
BT709 = 1
"""The same number for matrix, primaries and transfer."""
LIMITED, FULL = 1, 2


def find_encoder() -> str:
    """The best of `ENCODERS` that this computer has.

    Raises
    ------
    ExportError
        If there is none, or no PyAV.
    """
    try:
        import av
    except ImportError:
        raise ExportError(
            "Writing an MP4 needs PyAV, which is not installed: run 'pip install av', or choose "
            ".gif or .npz."
        ) from None
    for name in ENCODERS:
        try:
            av.Codec(name, "w")
        except av.codec.codec.UnknownCodecError:
            continue
        return name
    raise ExportError("This PyAV can encode no MP4; choose .gif or .npz.")


def write_mp4(
    file: BinaryIO,
    encoder: str,
    images: Iterable[QImage],
    size: Size,
    times_s: Sequence[float],
    tags: Mapping[str, str],
) -> None:
    """Encode pictures as they come.

    Parameters
    ----------
    file : binary file
        Open to write and seek.
    encoder : str
        Of `find_encoder`.
    images : iterable of QImage
        RGB32, all of `size`.
    size : (width, height)
        Even.
    times_s : sequence of float
        Of each picture, not decreasing, from 0.
    tags : mapping of str to str
        Of the file, e.g. "title" and "comment".

    Raises
    ------
    ExportError
        If the encoder refuses.
    OSError
        If the file cannot be written.
    """
    import av
    import av.logging

    av.logging.set_level(None)  # see `VideoFile`: threads that say something wait for ever else
    try:
        with av.open(file, "w", format="mp4") as container:
            container.metadata.update(tags)
            stream: Any = container.add_stream(encoder, options=dict(ENCODERS[encoder]))
            _prepare(stream, size, times_s)
            spans = picture_spans(times_s)
            ticks = dict(spans)
            for image, (start, _) in zip(images, spans, strict=True):
                for packet in stream.encode(_frame(image, start)):
                    packet.duration = ticks[packet.pts]
                    container.mux(packet)
            for packet in stream.encode():
                packet.duration = ticks[packet.pts]
                container.mux(packet)
    except av.FFmpegError as error:
        if (cause := _file_error(error)) is not None:
            raise cause from None
        raise ExportError(
            f"The film could not be encoded ({error}); choose .gif or .npz."
        ) from None


def picture_spans(times_s: Sequence[float]) -> list[tuple[int, int]]:
    """(start, length) of each picture in ticks; starts increase, the last is shown a typical time.

    Typical is the median of the others.
    """
    starts: list[int] = []
    for time_s in times_s:
        tick = round(time_s * TICKS_PER_S)
        starts.append(max(tick, starts[-1] + 1) if starts else tick)
    lengths = [after - before for before, after in pairwise(starts)]
    typical = sorted(lengths)[len(lengths) // 2] if lengths else round(ALONE_S * TICKS_PER_S)
    return list(zip(starts, [*lengths, typical], strict=True))


def _prepare(stream: Any, size: Size, times_s: Sequence[float]) -> None:
    stream.width, stream.height = size
    stream.pix_fmt = "yuv420p"
    context = stream.codec_context
    rate = (len(times_s) - 1) / times_s[-1] if times_s[-1] > 0 else 1.0 / ALONE_S
    # Only a hint for the encoder: what counts are the times of the pictures.
    context.framerate = Fraction(min(max(rate, 1.0), 240.0)).limit_denominator(1000)
    context.time_base = stream.time_base = Fraction(1, TICKS_PER_S)
    # Said in the file, since players take small pictures for the colours of old television.
    context.colorspace = context.color_primaries = context.color_trc = BT709
    context.color_range = LIMITED


def _frame(image: QImage, start: int) -> Any:
    """A picture in the encoder's colours; `image` is no longer needed afterwards."""
    import av

    borrowed = av.VideoFrame.from_numpy_buffer(pixels_of(image), format="bgra")
    frame = borrowed.reformat(
        format="yuv420p",
        dst_colorspace=BT709,
        src_color_range=FULL,
        dst_color_range=LIMITED,
        interpolation="AREA",
    )
    frame.pts, frame.time_base = start, Fraction(1, TICKS_PER_S)
    return frame


def _file_error(error: BaseException) -> OSError | MemoryError | None:
    """What the file or the memory refused; closing the film after that fails in its own words."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, OSError | MemoryError):
        cause = cause.__context__
    return cause
