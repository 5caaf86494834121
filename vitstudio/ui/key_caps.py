"""Keys as people know them from their keyboard, and caps to draw them on."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QFont, QKeySequence, QPainter, QPen

from vitstudio.painting import palette
from vitstudio.ui.views.drawing import colour, draw_text, text_width, unit

_SYMBOLS = {"Up": "↑", "Down": "↓", "Left": "←", "Right": "→", "-": "\N{MINUS SIGN}"}
_CAP_LINE = "#3a4250"


def key_parts(shortcut: str) -> tuple[str, ...]:
    """The keys of one shortcut in the platform's own names: "Ctrl+Up" gives ("Ctrl", "↑")."""
    text = QKeySequence(shortcut).toString(QKeySequence.SequenceFormat.NativeText)
    if not text:
        return ()
    # "Ctrl++" is Ctrl and the plus key: the last plus is a key, not a joint.
    joined = text[:-1].rstrip("+").split("+") if text.endswith("+") else text.split("+")
    parts = [part for part in joined if part]
    if text.endswith("+"):
        parts.append("+")
    return tuple(_SYMBOLS.get(part, part) for part in parts)


def caps_width(font: QFont, shortcut: str) -> float:
    """Pixels that `draw_caps` takes."""
    scale = unit(font)
    widths = [_cap_width(font, part, scale) for part in key_parts(shortcut)]
    return sum(widths) + 3 * scale * max(0, len(widths) - 1)


def draw_caps(
    painter: QPainter, font: QFont, shortcut: str, rect: QRectF, *, enabled: bool = True
) -> None:
    """Draw the keys side by side, ending at the right edge of `rect`, in a small font."""
    right = rect.right()
    for part in reversed(key_parts(shortcut)):
        place = QRectF(rect.x(), rect.y(), right - rect.x(), rect.height())
        right = draw_cap(painter, font, part, place, enabled=enabled) - 3 * unit(font)


def draw_cap(
    painter: QPainter, font: QFont, text: str, rect: QRectF, *, enabled: bool = True
) -> float:
    """Draw one key at the right edge of `rect`; returns where it begins."""
    scale = unit(font)
    height, width = 19 * scale, _cap_width(font, text, scale)
    left = round(rect.right() - width)
    cap = QRectF(left, round(rect.center().y() - height / 2), width, height)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setFont(font)
    painter.setPen(QPen(colour(_CAP_LINE), 1))
    painter.setBrush(colour(palette.RAISED))
    painter.drawRoundedRect(cap.adjusted(0.5, 0.5, -0.5, -0.5), 4 * scale, 4 * scale)
    ink = palette.TEXT if enabled else palette.MUTED
    draw_text(painter, cap, text, ink, Qt.AlignmentFlag.AlignHCenter)
    painter.restore()
    return left


def _cap_width(font: QFont, part: str, scale: float) -> float:
    return max(20 * scale, round(text_width(font, part) + 12 * scale))
