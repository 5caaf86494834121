"""Small pieces of SVG."""

from __future__ import annotations

import xml.etree.ElementTree as ET


def add(parent: ET.Element, tag: str, text: str | None = None, **attributes: str) -> ET.Element:
    """A child; underscores in names of attributes stand for hyphens."""
    named = {name.replace("_", "-"): value for name, value in attributes.items()}
    child = ET.SubElement(parent, tag, named)
    child.text = text
    return child


def stroke(colour: str, alpha: float, width: float) -> dict[str, str]:
    """Attributes of a line."""
    return {
        "fill": "none",
        "stroke": colour,
        "stroke_opacity": number(alpha),
        "stroke_width": number(width),
    }


def number(value: float) -> str:
    """Hundredths of a pixel are finer than any screen or printer."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
