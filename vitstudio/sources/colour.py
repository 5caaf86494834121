"""Any mode of a PIL picture -> 8-bit sRGB, with notes on what that changed."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageCms

from vitstudio.core.errors import PictureError

SIXTEEN_BIT_PER_EIGHT_BIT = 257  # 65535 / 255
BAND_PIXELS = 500_000
"""Pillow keeps Python's lock while it blends; a whole 4K picture would stop a window for 70 ms."""

ON_WHITE = "Its transparent parts are laid on white."


def to_rgb(picture: Image.Image, file_format: str | None = None) -> tuple[Image.Image, list[str]]:
    """Picture in mode "RGB" and sRGB, and one sentence for each visible change.

    Parameters
    ----------
    picture : PIL.Image.Image
        Decoded, in any mode.
    file_format : str or None
        What the file was, in Pillow's words; pictures made from others forget it.

    Raises
    ------
    PictureError
        If it has floating-point values and none of them is finite.
    """
    notes: list[str] = []
    profile = picture.info.get("icc_profile")
    is_grey = Image.getmodebase(picture.mode) == "L"
    if picture.mode.startswith("I;16"):
        values, hidden = np.asarray(picture), picture.info.get("transparency")
        picture, notes = _from_16_bit(values)
        if isinstance(hidden, int):  # the one grey of a PNG that lets the ground through
            picture.putalpha(Image.fromarray(np.where(values == hidden, 0, 255).astype(np.uint8)))
            picture = picture.convert("RGBA")
    elif picture.mode in ("I", "F"):
        if picture.mode == "I" and file_format in ("PNG", "PPM"):
            # Both hold at most 16 bits, whatever the mode has room for.
            picture, notes = _from_16_bit(np.asarray(picture))
        else:
            picture, notes = _stretched(np.asarray(picture))
    elif picture.mode == "LAB":
        lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
        picture, profile = _convert_profile(picture, lab, "RGB"), None
    elif picture.has_transparency_data:
        picture = _premultiplied_undone(picture).convert("RGBA")
    if profile:
        picture, profile_notes = _to_srgb(picture, profile, is_grey)
        notes += profile_notes
    elif picture.mode == "CMYK":
        notes.append("Its CMYK inks have no colour profile, so colours are approximate.")
    if picture.mode == "RGBA":
        picture, transparent = on_white(picture)
        notes += [ON_WHITE] if transparent else []
    return picture.convert("RGB"), notes


def _from_16_bit(values: np.ndarray) -> tuple[Image.Image, list[str]]:
    clipped = np.clip(values, 0, 65535).astype(np.uint32)
    grey = (clipped + SIXTEEN_BIT_PER_EIGHT_BIT // 2) // SIXTEEN_BIT_PER_EIGHT_BIT
    note = "Its 16-bit greys (0 to 65535) are shown with 8 bits."
    return Image.fromarray(grey.astype(np.uint8)), [note]


def _stretched(values: np.ndarray) -> tuple[Image.Image, list[str]]:
    """Values without a known range, from the least (black) to the greatest (white)."""
    values = values.astype(np.float64)
    finite = values[np.isfinite(values)]
    if not finite.size:
        raise PictureError("This picture has no finite value; choose another one.")
    low, high = float(finite.min()), float(finite.max())
    scaled = (np.nan_to_num(values, nan=low, posinf=high, neginf=low) - low) / ((high - low) or 1.0)
    note = f"Its values from {low:g} to {high:g} are shown from black to white."
    return Image.fromarray(np.rint(scaled * 255).astype(np.uint8)), [note]


def _premultiplied_undone(picture: Image.Image) -> Image.Image:
    return picture.convert("LA") if picture.mode == "La" else picture


def on_white(picture: Image.Image) -> tuple[Image.Image, bool]:
    """An "RGBA" picture as "RGB", and whether any of it let the white through."""
    cols, rows = picture.size
    step, transparent = max(1, BAND_PIXELS // cols), False
    opaque = Image.new("RGB", picture.size)
    for top in range(0, rows, step):
        band = picture.crop((0, top, cols, min(top + step, rows)))
        if not np.all(np.asarray(band.getchannel("A")) == 255):
            white = Image.new("RGBA", band.size, "white")
            band, transparent = Image.alpha_composite(white, band), True
        opaque.paste(band.convert("RGB"), (0, top))
    return opaque, transparent


def _to_srgb(picture: Image.Image, profile: bytes, is_grey: bool) -> tuple[Image.Image, list[str]]:
    """Colours by the embedded profile; unchanged where that is sRGB already or unreadable."""
    try:
        embedded = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        description = ImageCms.getProfileDescription(embedded)
        if description.startswith("sRGB") and "linear" not in description.lower():
            return picture, []
        speaks_rgb = embedded.profile.xcolor_space.strip() == "RGB"
        if speaks_rgb and picture.mode not in ("RGB", "RGBA"):
            picture = picture.convert("RGB")
        if is_grey and not speaks_rgb and picture.mode == "RGBA":
            # Greys with transparency: the profile knows of one channel only.
            converted = _convert_profile(picture.getchannel("R"), embedded, "RGB")
            converted.putalpha(picture.getchannel("A"))
            return converted, []
        mode = "RGBA" if picture.mode == "RGBA" else "RGB"
        return _convert_profile(picture, embedded, mode), []
    except (ImageCms.PyCMSError, OSError, ValueError):
        return picture, ["Its colour profile cannot be used, so colours may be off."]


def _convert_profile(
    picture: Image.Image, profile: ImageCms.ImageCmsProfile, mode: str
) -> Image.Image:
    srgb = ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(picture, profile, srgb, outputMode=mode)
    if converted is None:  # only when asked to work in place
        raise PictureError("The colours of this picture cannot be converted; save it as sRGB.")
    return converted
