"""The bias tab: maps, colours, and what the cursor reads."""

import numpy as np
import pytest
from PySide6.QtCore import QPointF

from vitstudio.core.overlay import colourise
from vitstudio.ui.views.bias_panel import WAITING, BiasPanel, offset_text


@pytest.fixture
def panel(qtbot):
    panel = BiasPanel()
    qtbot.addWidget(panel)
    panel.resize(300, 500)
    values = np.zeros((3, 13, 13), np.float32)
    values[1, 2, 9] = 1.5
    values[2, 6, 6] = -0.5
    panel.show_bias(values, "")
    panel.show()
    return panel


def point_of(panel, head, row, col):
    rect = panel.maps.map_rect(head)
    return rect.topLeft() + QPointF(
        (col + 0.5) / 13 * rect.width(), (row + 0.5) / 13 * rect.height()
    )


def test_the_cursor_reads_head_offset_and_value(panel):
    place = point_of(panel, 1, 2, 9)
    assert panel.maps.value_at(place.x(), place.y()) == "Head 2, 4 up, 3 right: 1.5"
    place = point_of(panel, 2, 6, 6)
    assert panel.maps.value_at(place.x(), place.y()) == "Head 3, itself: -0.5"
    assert panel.maps.value_at(-5, -5) == ""


def test_a_planted_value_is_painted_in_its_cell_on_the_common_scale(panel):
    image = panel.maps.grab().toImage()
    ratio = image.devicePixelRatio()
    place = point_of(panel, 1, 2, 9)
    pixel = image.pixelColor(int(place.x() * ratio), int(place.y() * ratio))
    brightest = colourise(np.ones((1, 1), np.float32), 0.0, 1.0, "inferno")[0, 0]
    assert (pixel.red(), pixel.green(), pixel.blue()) == tuple(brightest)


def test_without_a_bias_there_is_a_sentence(panel):
    tall = panel.maps.heightForWidth(300)
    panel.show_bias(None, "This layer was built without a position bias.")
    assert panel.maps._reason.startswith("This layer was built")
    assert panel.maps.heightForWidth(300) < tall
    panel.show_bias(None, "")
    assert panel.maps._reason == WAITING


@pytest.mark.parametrize("heads", [1, 3, 6, 12, 24, 48])
@pytest.mark.parametrize("width", [200, 300, 480])
def test_all_heads_fit_into_the_width(panel, heads, width):
    panel.show_bias(np.zeros((heads, 13, 13), np.float32), "")
    panel.maps.resize(width, panel.maps.heightForWidth(width))
    rects = [panel.maps.map_rect(head) for head in range(heads)]
    assert max(rect.right() for rect in rects) <= width + 0.5
    assert max(rect.bottom() for rect in rects) < panel.maps.height() - 30
    assert min(rect.width() for rect in rects) >= 30


def test_offsets_in_words():
    assert offset_text(2, -1) == "2 down, 1 left"
    assert offset_text(0, 0) == "itself"
