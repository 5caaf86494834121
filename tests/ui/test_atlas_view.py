import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QRect, Qt
from PySide6.QtGui import QColor, QFont
from PySide6.QtWidgets import QApplication, QScrollArea, QVBoxLayout, QWidget

from tests.ui.panel_data import atlas
from vitstudio.core.trace import Atlas
from vitstudio.painting import palette
from vitstudio.ui.views.atlas import AtlasView
from vitstudio.ui.views.atlas_layout import AtlasLayout
from vitstudio.ui.views.drawing import derived_font, text_width, unit


@pytest.fixture
def view(qtbot):
    view = AtlasView()
    qtbot.addWidget(view)
    view.show_atlas(atlas())
    view.resize(300, view.heightForWidth(300))
    view.show()
    qtbot.waitExposed(view)
    return view


def planted(layer, head, row, col, layers=3, heads=4, grid=(6, 9)):
    values = np.zeros((layers, heads, *grid), dtype=np.float32)
    values[layer, head, row, col] = 0.7
    return Atlas(values, (heads,) * layers, (0,) * layers, "from")


def test_a_planted_patch_is_bright_in_its_tile_and_nowhere_else(view):
    view.set_colormap("gray")
    view.show_atlas(planted(layer=2, head=1, row=1, col=7))
    view.show_selection(0, 0)
    image = view.grab().toImage()
    ratio = image.devicePixelRatio()
    tile = view.tile_rect(2, 1)
    x = tile.x() + (7 + 0.5) / 9 * tile.width()
    y = tile.y() + (1 + 0.5) / 6 * tile.height()
    assert image.pixelColor(int(x * ratio), int(y * ratio)).lightness() == 255
    for layer in range(3):
        for head in range(4):
            centre = view.tile_rect(layer, head).center() * ratio
            assert image.pixelColor(centre).lightness() == 0


def test_a_peak_survives_in_a_tile_smaller_than_the_map(view):
    view.set_colormap("gray")
    view.show_atlas(planted(5, 3, 20, 31, layers=24, heads=16, grid=(28, 42)))
    view.show_selection(0, 0)
    tile = view.tile_rect(5, 3)
    assert tile.width() < 42
    ratio = view.devicePixelRatioF()
    part = view.grab(tile).toImage()
    brightest = max(
        part.pixelColor(x, y).lightness()
        for x in range(int(tile.width() * ratio))
        for y in range(int(tile.height() * ratio))
    )
    assert brightest == 255


def test_tiles_keep_the_aspect_of_the_grid_and_fill_the_width():
    layout = AtlasLayout(12, 6, (28, 42), 300)
    tile = layout.tile(0, 0)
    assert tile.height() / tile.width() == pytest.approx(28 / 42, abs=0.03)
    assert layout.tile(11, 5).right() in (297, 298, 299)
    assert layout.tile(0, 1).left() - layout.tile(0, 0).right() - 1 == 2
    assert layout.tile(1, 0).top() - layout.tile(0, 0).bottom() - 1 == 2
    assert layout.height_px >= layout.tile(11, 0).bottom() + 1


@pytest.mark.parametrize("px", [13, 14, 19])
def test_numbers_of_layers_have_room_at_every_size_of_the_font(px):
    font = QFont("DejaVu Sans")
    font.setPixelSize(px)
    layout = AtlasLayout(24, 6, (28, 42), 330, scale=unit(font))
    for number, room in layout.layer_labels():
        assert text_width(derived_font(font, 0.7), str(number + 1)) <= room.width()


def test_many_heads_of_a_pyramid_go_on_in_further_lines():
    counts = (3, 6, 12, 24)
    layout = AtlasLayout(4, 24, (28, 42), 300, counts)
    assert layout.across == 6
    assert layout.tile(0, 0).width() > 40
    tiles = {
        (layer, head): layout.tile(layer, head)
        for layer, count in enumerate(counts)
        for head in range(count)
    }
    for place, tile in tiles.items():
        assert layout.tile_at(tile.center()) == place
        assert tile.right() < 300
        assert tile.bottom() < layout.height_px
        others = (other for key, other in tiles.items() if key != place)
        assert not any(tile.intersects(other) for other in others)
    assert layout.row(3, 24).contains(layout.tile(3, 23))
    assert not layout.row(3, 24).intersects(layout.row(2, 12))


def test_equal_layers_keep_one_line_each():
    assert AtlasLayout(24, 16, (7, 7), 300, (16,) * 24).across == 16
    assert AtlasLayout(4, 8, (7, 7), 300, (1, 2, 4, 8)).across == 8


def test_a_net_without_heads_says_so(view):
    view.show_atlas(atlas(2, 1, num_heads=(0, 0)))
    assert view.atlas is None
    assert "no attention heads" in view._reason


def test_the_height_follows_the_width(view):
    assert view.heightForWidth(600) > 1.7 * view.heightForWidth(300)
    view.show_atlas(None)
    assert view.heightForWidth(300) < 200


def test_a_click_picks_and_the_outline_waits(view, qtbot):
    with qtbot.waitSignal(view.picked, timeout=1000) as asked:
        qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=view.tile_rect(7, 4).center())
    assert asked.args == [7, 4]
    assert view._selection == (0, None)


def test_gaps_margins_and_missing_heads_pick_nothing(view, qtbot):
    view.show_atlas(atlas(num_heads=(6,) * 11 + (3,)))
    beside = view.tile_rect(3, 0).topRight() + QPoint(1, 4)
    missing = view.tile_rect(11, 4).center()
    for point in (beside, missing, QPoint(2, 2), QPoint(150, view.height() - 1)):
        with qtbot.assertNotEmitted(view.picked):
            qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=point)


def outline_pixels(view, rect):
    image = view.grab().toImage()
    ratio = image.devicePixelRatio()
    points = (
        (rect.left() - 1, rect.center().y()),
        (rect.right() + 2, rect.center().y()),
        (rect.center().x(), rect.top() - 1),
        (rect.center().x(), rect.bottom() + 2),
    )
    return [image.pixelColor(int((x + 0.5) * ratio), int((y + 0.5) * ratio)) for x, y in points]


def test_one_head_is_outlined_or_the_whole_layer(view):
    accent = QColor(palette.ACCENT)
    view.show_selection(4, 2)
    assert outline_pixels(view, view.tile_rect(4, 2)) == [accent] * 4
    view.show_selection(4, None)
    row = view.tile_rect(4, 0).united(view.tile_rect(4, 5))
    assert outline_pixels(view, row)[2:] == [accent] * 2
    assert outline_pixels(view, row)[0] == accent
    assert outline_pixels(view, view.tile_rect(4, 2))[0] != accent


def test_selecting_only_repaints_the_outline(view):
    view.grab()
    maps, words = view._maps, view._words
    view.show_selection(8, 1)
    view.grab()
    assert view._maps is maps
    assert view._words is not words  # the number of the chosen layer lights up
    view.set_colormap("viridis")
    view.grab()
    assert view._maps is not maps


def test_the_next_live_picture_is_laid_out_like_the_one_before(view):
    view.grab()
    sheet, words = view._sheet, view._words
    view._set_hovered((1, 1))
    view.show_atlas(atlas())
    before = view._maps
    view.grab()
    assert view._sheet is sheet
    assert view._words is words
    assert view._maps is not before
    assert view._hovered == (1, 1)  # the cursor is still there
    view.show_atlas(atlas(num_heads=(6,) * 11 + (3,)))
    view.grab()
    assert view._sheet is not sheet
    assert view._hovered is None


def test_the_tooltip_counts_from_one(view):
    values = atlas().values
    text = view.tile_help(2, 4)
    assert text.startswith("layer 3, head 5\n")
    assert f"{values[2, 4].max():.3g}" in text


def test_hover_lifts_a_tile_and_leaving_drops_it(view, qtbot):
    qtbot.mouseMove(view, view.tile_rect(1, 1).center())
    qtbot.waitUntil(lambda: view._hovered == (1, 1), timeout=1000)
    view.leaveEvent(QEvent(QEvent.Type.Leave))
    assert view._hovered is None


def test_arrow_keys_ask_for_neighbours(view, qtbot):
    asked = []
    view.picked.connect(lambda layer, head: asked.append((layer, head)))
    view.show_selection(5, 3)
    for key in (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Left, Qt.Key.Key_Right):
        qtbot.keyClick(view, key)
    assert asked == [(4, 3), (6, 3), (5, 2), (5, 4)]


def test_without_maps_there_is_a_reason_and_nothing_to_pick(view, qtbot):
    view.show_atlas(None, "PoolFormer averages neighbours: it has no heads.")
    with qtbot.assertNotEmitted(view.picked):
        qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=QPoint(60, 60))
    qtbot.keyClick(view, Qt.Key.Key_Down)
    view.grab()
    assert "no heads" in view._reason


def test_a_selection_from_a_deeper_net_does_no_harm(view):
    view.show_selection(30, 20)
    view.grab()


def in_a_scroll_area(qtbot):
    """An atlas taller than the panel around it, as in the window."""
    page, view, area = QWidget(), AtlasView(), QScrollArea()
    QVBoxLayout(page).addWidget(view)
    area.setWidgetResizable(True)
    area.setWidget(page)
    qtbot.addWidget(area)
    area.resize(320, 240)
    return area, view


def test_in_a_scroll_area_the_selection_comes_into_sight(qtbot):
    area, view = in_a_scroll_area(qtbot)
    view.show_atlas(atlas(24, 6))
    area.show()
    qtbot.waitUntil(lambda: area.verticalScrollBar().maximum() > 200, timeout=1000)
    view.show_selection(23, 2)
    top_left = view.mapTo(area.viewport(), view.tile_rect(23, 2).topLeft())
    rect = QRect(top_left, view.tile_rect(23, 2).size())
    assert area.viewport().rect().contains(rect)


def test_the_selection_is_in_sight_when_a_taller_atlas_comes(qtbot):
    """The last layer stays chosen when the model changes, and then lies further down."""
    area, view = in_a_scroll_area(qtbot)
    view.show_selection(11, None)
    view.show_atlas(atlas(12, 24))
    area.show()
    qtbot.waitExposed(area)
    view.show_atlas(atlas(12, 3))
    for _ in range(3):
        QApplication.processEvents()
    top_left = view.mapTo(area.viewport(), view.tile_rect(11, 0).topLeft())
    assert area.viewport().rect().contains(QRect(top_left, view.tile_rect(11, 0).size()))
    area.verticalScrollBar().setValue(0)
    view.show_atlas(atlas(12, 3))  # the next picture of the same model moves nothing
    QApplication.processEvents()
    assert area.verticalScrollBar().value() == 0
