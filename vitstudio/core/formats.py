"""Which files are pictures or videos, by name; dialogs and folder paging agree on it."""

from __future__ import annotations

PICTURE_SUFFIXES = (
    ".avif",
    ".bmp",
    ".gif",
    ".jfif",
    ".jp2",
    ".jpe",
    ".jpeg",
    ".jpg",
    ".mpo",
    ".pgm",
    ".png",
    ".ppm",
    ".tga",
    ".tif",
    ".tiff",
    ".webp",
)
"""Lower case, with the dot. A file without one of these still opens if its content is a picture."""


def has_picture_suffix(name: str) -> bool:
    """Whether a file name looks like a picture's."""
    return name.lower().endswith(PICTURE_SUFFIXES)


VIDEO_SUFFIXES = (
    ".3gp",
    ".avi",
    ".flv",
    ".m2ts",
    ".m4v",
    ".mkv",
    ".mov",
    ".mp4",
    ".mpeg",
    ".mpg",
    ".mts",
    ".ogv",
    ".ts",
    ".webm",
    ".wmv",
)
"""Lower case, with the dot."""


def has_video_suffix(name: str) -> bool:
    """Whether a file name looks like a video's."""
    return name.lower().endswith(VIDEO_SUFFIXES)
