import numpy as np
import pytest
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QImage, QPainter

from vitstudio.core.colormaps import lookup_table
from vitstudio.painting.colour_bar import colour_bar_width, paint_colour_bar, plan_colour_bar
from vitstudio.painting.text import advance, font_px, make_font, shorten_middle, wrap

FONT_PX = 13


def test_high_values_are_at_the_top_in_the_maps_own_colours(qapp):
    image = QImage(140, 220, QImage.Format.Format_RGB32)
    image.fill(QColor("black"))
    painter = QPainter(image)
    painter.setFont(make_font(FONT_PX))
    paint_colour_bar(painter, QRectF(5, 5, 120, 210), 0.0, 0.02, "viridis", "weight", "#8c95a5")
    painter.end()
    table = lookup_table("viridis")
    top, bottom = image.pixelColor(9, 13), image.pixelColor(9, 206)
    assert np.abs(np.array(top.getRgb()[:3]) - table[255]).max() < 12
    assert np.abs(np.array(bottom.getRgb()[:3]) - table[0]).max() < 12


def test_numbers_stand_where_their_values_are(qapp):
    font = make_font(FONT_PX)
    plan = plan_colour_bar(QRectF(0, 0, 100, 213), 10.0, 50.0, "", font)
    for y, label in plan.ticks:
        value = 10 + 40 * (plan.bar.bottom() - y) / plan.bar.height()
        assert value == pytest.approx(float(label))


def test_all_parts_are_inside_the_width_it_asks_for(qapp):
    font = make_font(FONT_PX)
    width = colour_bar_width(font, 0.0, 0.0213, "attention weight")
    plan = plan_colour_bar(QRectF(0, 0, width, 200), 0.0, 0.0213, "attention weight", font)
    widest = max(advance(font, label) for _, label in plan.ticks)
    assert plan.label_x + widest < plan.unit_x - 0.7 * font_px(font)
    assert plan.unit_x + 0.25 * font_px(font) <= width + 0.5
    for y, _ in plan.ticks:
        assert y - font_px(font) / 2 >= 0
        assert y + font_px(font) / 2 <= 200.5


def test_wrapped_lines_fit_and_lose_no_letter(qapp):
    font = make_font(16)
    text = "a name_without_any_space_that_is_longer_than_the_line and more words"
    lines = wrap(font, text, 150)
    assert all(advance(font, line) <= 150 for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_a_long_name_keeps_both_ends():
    short = shorten_middle("holiday-in-the-mountains-0042.png", 15)
    assert len(short) == 15
    assert short.startswith("holiday")
    assert short.endswith("042.png")
