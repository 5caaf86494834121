"""A picture as Qt captures it -> Frame: upright, RGB, without the padding of its rows.

PyAV converts, because Qt's own `QVideoFrame.toImage` keeps Python's lock all the while, and without
a GPU takes 50 to 100 ms for a picture of 1280 x 800 where PyAV takes 1 to 5; the window would stop.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRect
from PySide6.QtGui import QImage

from vitstudio.core.errors import PictureError
from vitstudio.core.frame import Frame
from vitstudio.ui.pictures import frame_from_qimage

if TYPE_CHECKING:
    from PySide6.QtMultimedia import QVideoFrame, QVideoFrameFormat

Region = tuple[int, int, int, int]
"""x, y, columns and rows, in pixels of the picture."""

# By the names of QVideoFrameFormat.PixelFormat. Alpha is left out: cameras and screens have none
# that means anything.
PACKED = {
    "Format_ARGB8888": "0rgb",
    "Format_ARGB8888_Premultiplied": "0rgb",
    "Format_XRGB8888": "0rgb",
    "Format_BGRA8888": "bgr0",
    "Format_BGRA8888_Premultiplied": "bgr0",
    "Format_BGRX8888": "bgr0",
    "Format_ABGR8888": "0bgr",
    "Format_XBGR8888": "0bgr",
    "Format_RGBA8888": "rgb0",
    "Format_RGBX8888": "rgb0",
}
GREY = {"Format_Y8": "gray", "Format_Y16": "gray16le"}
LUMA_CHROMA = {
    "Format_YUV420P": "yuv420p",
    "Format_YV12": "yuv420p",
    "Format_YUV422P": "yuv422p",
    "Format_UYVY": "uyvy422",
    "Format_YUYV": "yuyv422",
    "Format_NV12": "nv12",
    "Format_NV21": "nv21",
    "Format_P010": "p010le",
    "Format_P016": "p016le",
    "Format_YUV420P10": "yuv420p10le",
}
LARGEST_SD_ROWS = 576
"""A taller picture that does not say its colour space is taken for HD, as Qt does."""


def to_frame(
    picture: QVideoFrame | QImage,
    source: str,
    index: int,
    time_s: float,
    region: Region | None = None,
) -> Frame:
    """A Frame of a captured picture; for a thread of its own.

    Parameters
    ----------
    picture : QVideoFrame or QImage
        Of any pixel format that Qt can draw. It is shown as Qt says it should be: rotated and
        mirrored.
    source, index, time_s
        As `Frame.source`, `Frame.index` and `Frame.capture_time_s`.
    region : (x, y, columns, rows) or None
        What to cut, in pixels of the upright picture; what lies outside of it is left out.

    Raises
    ------
    PictureError
        If the picture is damaged or of an unknown format, or the region lies outside of it.
    """
    if isinstance(picture, QImage):
        cut = picture
        if region is not None:
            x, y, cols, rows = clip(region, picture.width(), picture.height())
            cut = picture.copy(QRect(x, y, cols, rows))
        rgb = frame_from_qimage(cut, source).rgb
        return Frame(rgb, source=source, index=index, capture_time_s=time_s)
    # Screens are packed and upright: what is cut away need not even be copied.
    early = picture.pixelFormat().name in PACKED and not _turns(picture)
    rgb = _rgb_of(picture, region if early else None)
    if not early:
        rgb = _upright(rgb, picture)
        if region is not None:
            x, y, cols, rows = clip(region, rgb.shape[1], rgb.shape[0])
            rgb = rgb[y : y + rows, x : x + cols]
    rgb = np.ascontiguousarray(rgb)
    rgb.setflags(write=False)
    return Frame(rgb, source=source, index=index, capture_time_s=time_s)


def clip(region: Region, cols: int, rows: int) -> Region:
    """The part of a region that lies inside a picture.

    Raises
    ------
    PictureError
        If there is none.
    """
    x, y, wide, high = region
    left, top, right, bottom = max(x, 0), max(y, 0), min(x + wide, cols), min(y + high, rows)
    if left >= right or top >= bottom:
        raise PictureError(
            f"The region {x},{y},{wide},{high} has no pixel of this screen of {cols} x {rows}; "
            "choose another one."
        )
    return left, top, right - left, bottom - top


def _rgb_of(picture: QVideoFrame, region: Region | None) -> NDArray[np.uint8]:
    """uint8 (rows, cols, 3) as stored, with the format's own turns if Qt had to convert it."""
    layout = picture.pixelFormat().name
    if layout == "Format_Jpeg":
        return _by_av(_decoded(picture), "ITU601", "JPEG")
    if layout in PACKED:
        return _by_av(_copied(picture, PACKED[layout], region), None, None)
    if layout in GREY:
        return _by_av(_copied(picture, GREY[layout]), "ITU601", "JPEG")
    if layout in LUMA_CHROMA:
        facts = picture.surfaceFormat()
        full = facts.colorRange().name == "ColorRange_Full"
        copied = _copied(picture, LUMA_CHROMA[layout], swap=layout == "Format_YV12")
        return _by_av(copied, _colour_space(facts), "JPEG" if full else "MPEG")
    image = picture.toImage()
    if image.isNull():
        raise PictureError(f"Its pictures are of a kind that cannot be read ({layout}).")
    return frame_from_qimage(image, "").rgb


def _colour_space(facts: QVideoFrameFormat) -> str:
    known = {"BT601": "ITU601", "BT709": "ITU709", "BT2020": "BT2020"}
    name = facts.colorSpace().name.removeprefix("ColorSpace_")
    tall = facts.frameHeight() > LARGEST_SD_ROWS
    return known.get(name, "ITU709" if tall else "ITU601")


def _copied(
    picture: QVideoFrame, layout: str, region: Region | None = None, *, swap: bool = False
) -> Any:
    """An av.VideoFrame with the bytes of a picture, or of a part of a packed one."""
    import av

    x, y, cols, rows = 0, 0, picture.width(), picture.height()
    if region is not None:
        x, y, cols, rows = clip(region, cols, rows)
    copy = av.VideoFrame(cols, rows, layout)
    planes = [copy.planes[place] for place in (0, 2, 1)] if swap else list(copy.planes)
    with _Mapped(picture):
        if picture.planeCount() != len(planes):
            raise PictureError("Its pictures are damaged: a part of their colours is missing.")
        for number, plane in enumerate(planes):
            stride, held = picture.bytesPerLine(number), picture.bits(number)
            # The last row may end where its pixels do.
            start = y * stride + 4 * x
            wide = min(stride, plane.line_size, len(held) - start - (plane.height - 1) * stride)
            if wide <= 0:
                raise PictureError("Its pictures are damaged: rows are missing.")
            shape = (plane.height, wide)
            rows_held: NDArray[np.uint8] = np.ndarray(shape, np.uint8, held, start, (stride, 1))
            memory: Any = plane
            whole = np.frombuffer(memory, np.uint8).reshape(plane.height, plane.line_size)
            whole[:, :wide] = rows_held
            del rows_held, held
    return copy


def _decoded(picture: QVideoFrame) -> Any:
    """An av.VideoFrame of a JPEG picture; many cameras leave out tables that PyAV knows."""
    import av

    with _Mapped(picture):
        data = bytes(picture.bits(0)[: picture.mappedBytes(0)])
    decoder: Any = av.CodecContext.create("mjpeg", "r")
    try:
        frames = decoder.decode(av.Packet(data)) or decoder.decode(None)
    except av.error.FFmpegError as error:
        raise PictureError("Its pictures are damaged.") from error
    if not frames:
        raise PictureError("Its pictures are damaged.")
    return frames[0]


def _by_av(frame: Any, space: str | None, levels: str | None) -> NDArray[np.uint8]:
    """RGB of an av.VideoFrame; `space` and `levels` are names of PyAV's, None for RGB as it is."""
    from av.video.reformatter import ColorRange, Colorspace

    kinds: dict[str, Any] = {}
    if space is not None and levels is not None:
        kinds = {
            "src_colorspace": Colorspace[space],
            "src_color_range": ColorRange[levels],
            "dst_color_range": ColorRange.JPEG,
        }
    rgb: NDArray[np.uint8] = frame.reformat(format="rgb24", **kinds).to_ndarray()
    return rgb


class _Mapped:
    """The bytes of a picture can be read inside of it, and not afterwards."""

    def __init__(self, picture: QVideoFrame) -> None:
        self._picture = picture

    def __enter__(self) -> None:
        if not self._picture.map(type(self._picture).MapMode.ReadOnly):
            raise PictureError("Its pictures cannot be read.")

    def __exit__(self, *_: object) -> None:
        self._picture.unmap()


def _turns(picture: QVideoFrame) -> bool:
    facts = picture.surfaceFormat()
    return bool(
        facts.rotation().value
        or facts.isMirrored()
        or facts.scanLineDirection().name == "BottomToTop"
        or picture.rotation().value
        or picture.mirrored()
    )


def _upright(rgb: NDArray[np.uint8], picture: QVideoFrame) -> NDArray[np.uint8]:
    """Turned as Qt shows it: first what belongs to the format, then what belongs to the picture."""
    facts = picture.surfaceFormat()
    layout = picture.pixelFormat().name
    if layout == "Format_Jpeg" or layout in PACKED | GREY | LUMA_CHROMA:  # toImage does it itself
        if facts.scanLineDirection().name == "BottomToTop":
            rgb = rgb[::-1]
        rgb = _turned(rgb, facts.rotation().value, facts.isMirrored())
    return _turned(rgb, picture.rotation().value, picture.mirrored())


def _turned(rgb: NDArray[np.uint8], degrees: float, mirrored: bool) -> NDArray[np.uint8]:
    """Turned clockwise, then mirrored left to right."""
    turned = np.rot90(rgb, -math.floor(degrees / 90))
    return turned[:, ::-1] if mirrored else turned
