"""What plays a source, by its name."""

from __future__ import annotations

from vitstudio.core.errors import PictureError
from vitstudio.core.live import is_captured, kind_of, live_title
from vitstudio.sources.reel import Reel


def open_reel(source: str) -> Reel:
    """Open a source that has its pictures in an order: a video file, a slide show, the demo.

    Raises
    ------
    PictureError
        If it cannot be opened, or is a still picture, a camera, a screen or a window.
    VitStudioError
        If files that come with the program are missing.
    """
    kind = kind_of(source)
    if kind == "video":
        from vitstudio.sources.video import VideoReel  # PyAV takes a moment to load

        return VideoReel(source)
    if kind == "slides":
        from vitstudio.sources.slides import SlideReel

        return SlideReel(source)
    if kind == "demo":
        from vitstudio.sources.demo import DemoReel

        return DemoReel(source)
    if is_captured(source):
        raise PictureError(
            f"{live_title(source)} can only be captured, not played; open it in the window."
        )
    raise PictureError(
        f"{source or 'This'} is not a video; choose a video file, or a folder for a slide show."
    )
