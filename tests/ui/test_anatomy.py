import pytest
from PySide6.QtCore import QPoint, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtWidgets import QApplication

from tests.ui.panel_data import layer_facts, staged_spec, trace_info, vit_spec
from vitstudio.core.spec import LayerSpec
from vitstudio.core.trace import LayerFacts
from vitstudio.painting import palette
from vitstudio.ui.theme import apply_theme
from vitstudio.ui.views.anatomy import AnatomyRail
from vitstudio.ui.views.anatomy_delegate import SHOWN_ROLE, _fitting
from vitstudio.ui.views.anatomy_rows import Row, build_rows
from vitstudio.ui.views.glyphs import MIXER_TITLES, draw_mixer_glyph


@pytest.fixture
def rail(qtbot):
    rail = AnatomyRail()
    qtbot.addWidget(rail)
    rail.resize(222, 820)
    spec = vit_spec()
    rail.show_model(spec, trace_info(spec))
    rail.show_facts(layer_facts())
    rail.show_layer(11, "attention")
    rail.show()
    qtbot.waitExposed(rail)
    return rail


def row_centre(rail, number):
    return rail._list.visualRect(rail._rows.index(number)).center()


def shown_rows(rail):
    rows = range(rail._rows.rowCount())
    return [row for row in rows if rail._rows.index(row).data(SHOWN_ROLE)]


def test_rows_follow_the_data_with_the_sizes_of_the_trace():
    spec = vit_spec(prefix_tokens=("cls", "reg1", "reg2"), num_classes=1000)
    rows = build_rows(spec, trace_info(spec), layer_facts())
    titles = [row.title for row in rows]
    assert titles[:4] == ["Picture", "Patches 14 px", "Position + class + 2 registers", "Layer 1"]
    assert titles[-3:] == ["Layer 12", "Norm", "Classes"]
    assert rows[0].figure == "600 \N{MULTIPLICATION SIGN} 400"
    assert rows[1].figure == "28 \N{MULTIPLICATION SIGN} 42"
    assert rows[2].figure == f"{28 * 42 + 3:,}"
    assert rows[-1].figure == "1,000"
    assert "0.47" in rows[3].help
    assert "47% of the grid's diagonal" in rows[3].help


def test_without_a_trace_the_trained_sizes_stand():
    rows = build_rows(vit_spec())
    assert rows[0].figure == ""
    assert rows[1].figure == "37 \N{MULTIPLICATION SIGN} 37"
    assert rows[-1].title == "Features"
    assert rows[-1].figure == "384"


def test_stages_are_headed_by_their_grid_and_cannot_be_picked():
    rows = build_rows(staged_spec())
    headings = [row for row in rows if row.heading]
    assert [row.title for row in headings] == ["Stage 1", "Stage 2", "Stage 3", "Stage 4"]
    assert [row.figure.split()[0] for row in headings] == ["56", "28", "14", "7"]
    assert not any(row.pickable for row in headings)
    assert rows.index(headings[1]) == 3 + 1 + 2


def test_a_mark_stands_where_the_grid_gets_coarser():
    headings = [row for row in build_rows(staged_spec()) if row.heading]
    assert [row.shrinks for row in headings] == [False, True, True, True]
    assert "2 \N{MULTIPLICATION SIGN} 2 cells" in headings[1].help


def test_the_tooltip_tells_heads_grid_window_and_shift():
    layers = (
        LayerSpec("shifted", 0, 0, 3, (56, 80), (7, 7), (3, 3)),
        LayerSpec("deformable", 1, 0, 12, (14, 20), groups=3),
    )
    first, second = (row for row in build_rows(vit_spec(layers=layers)) if row.layer is not None)
    times = "\N{MULTIPLICATION SIGN}"
    assert first.help.splitlines() == [
        "Layer 1 (3 heads)",
        "Shifted-window attention: the windows are moved by half, so neighbours meet.",
        f"Grid of 56 {times} 80 tokens.",
        f"Windows of 7 {times} 7, moved by 3 {times} 3.",
    ]
    assert second.help.splitlines()[-1] == "Points for each of 3 groups of heads."


def test_layers_of_several_levels_are_the_neck_and_bear_their_names():
    layers = (
        LayerSpec("window", 0, 0, 3, (56, 56), (7, 7)),
        LayerSpec(
            "deformable",
            1,
            0,
            8,
            (56, 56),
            groups=2,
            level_grids=((56, 56), (28, 28)),
            chained=False,
            name="HAHI self",
        ),
    )
    cross = LayerSpec("deformable", 2, 0, 8, (56, 56), chained=False, name="HAHI cross")
    layers = (*layers, cross)
    spec = vit_spec(layers=layers, abilities=frozenset({"attention", "depth"}), prefix_tokens=())
    rows = build_rows(spec)
    heading = [row for row in rows if row.heading][1]
    assert (heading.title, heading.figure, heading.shrinks) == ("Neck", "2 levels", False)
    assert [row.title for row in rows][-4:] == ["Neck", "HAHI self", "HAHI cross", "Depth"]
    assert rows[-1].section == "depth"
    assert rows[-3].help.startswith("Layer 2, HAHI self (8 heads)")


@pytest.mark.parametrize(
    ("changes", "titles"),
    [
        ({"num_classes": 10}, ["Classes"]),
        ({"abilities": frozenset({"text"})}, ["Text"]),
        ({"abilities": frozenset({"text"}), "num_classes": 10}, ["Classes", "Text"]),
        ({"abilities": frozenset()}, ["Features"]),
    ],
)
def test_the_head_is_what_the_net_is_able_to(changes, titles):
    rows = build_rows(vit_spec(**changes))
    assert [row.title for row in rows][-len(titles) :] == titles
    assert all(row.pickable for row in rows[-len(titles) :])


def test_no_layer_number_is_cut_off_in_a_narrow_rail(qtbot):
    rail = AnatomyRail()
    qtbot.addWidget(rail)
    rail.resize(190, 300)
    rail.show_model(staged_spec())
    rail.show()
    qtbot.waitExposed(rail)
    assert rail._list.viewport().width() < 212
    rail.grab()


def test_a_click_asks_and_the_highlight_waits(rail, qtbot):
    with qtbot.waitSignal(rail.layer_picked, timeout=1000) as asked:
        qtbot.mouseClick(
            rail._list.viewport(), Qt.MouseButton.LeftButton, pos=row_centre(rail, 3 + 4)
        )
    assert asked.args == [4]
    assert shown_rows(rail) == [3 + 11]


@pytest.mark.parametrize(("row", "section"), [(0, "picture"), (1, "patches"), (16, "head")])
def test_sections_can_be_picked(rail, qtbot, row, section):
    with qtbot.waitSignal(rail.section_picked, timeout=1000) as asked:
        qtbot.mouseClick(
            rail._list.viewport(), Qt.MouseButton.LeftButton, pos=row_centre(rail, row)
        )
    assert asked.args == [section]


def test_rows_that_lead_nowhere_do_not_answer(rail, qtbot):
    for row in (2, 15):
        with qtbot.assertNotEmitted(rail.layer_picked), qtbot.assertNotEmitted(rail.section_picked):
            qtbot.mouseClick(
                rail._list.viewport(), Qt.MouseButton.LeftButton, pos=row_centre(rail, row)
            )


def test_the_arrow_keys_walk_over_what_can_be_picked(rail, qtbot):
    asked = []
    rail.layer_picked.connect(asked.append)
    rail.section_picked.connect(asked.append)
    qtbot.keyClick(rail._list, Qt.Key.Key_Down)
    qtbot.keyClick(rail._list, Qt.Key.Key_Up)
    qtbot.keyClick(rail._list, Qt.Key.Key_Up)
    assert asked == ["head", 11, 10]
    rail.show_layer(0, "attention")
    asked.clear()
    qtbot.keyClick(rail._list, Qt.Key.Key_Up)
    qtbot.keyClick(rail._list, Qt.Key.Key_Up)
    assert asked == ["patches", "picture"]


def test_being_told_a_layer_asks_nothing(rail, qtbot):
    with qtbot.assertNotEmitted(rail.layer_picked), qtbot.assertNotEmitted(rail.section_picked):
        rail.show_layer(3, "rollout")
        rail.show_layer(3, "picture")
    assert shown_rows(rail) == [0]


def test_a_deep_net_keeps_the_shown_layer_in_sight(rail, qtbot):
    spec = vit_spec(num_layers=48)
    rail.show_model(spec, trace_info(spec))
    for layer in (47, 0, 30):
        rail.show_layer(layer, "attention")
        rect = rail._list.visualRect(rail._rows.index(3 + layer))
        assert rail._list.viewport().rect().contains(rect)


def test_the_highlight_and_the_bar_are_painted(rail, qtbot):
    image = rail._list.viewport().grab().toImage()
    ratio = image.devicePixelRatio()

    def pixel(x, y):
        return image.pixelColor(int(x * ratio), int(y * ratio))

    shown = row_centre(rail, 3 + 11)
    assert pixel(100, shown.y()) == QColor(palette.ACCENT_GROUND)
    assert pixel(22, shown.y()) == QColor(palette.ACCENT)
    right = rail._list.viewport().width() - 18
    first, last = row_centre(rail, 3), row_centre(rail, 3 + 10)
    # Layer 1 looks far (0.47 of at most 0.5), layer 11 near (0.17).
    assert pixel(right - 10, first.y()).blue() > 120
    assert pixel(right - 10, last.y()) == QColor(palette.LINE)
    assert pixel(right - 45, last.y()).blue() > 120


def test_facts_of_another_net_are_not_kept(rail):
    rail.show_model(vit_spec(id="timm/other"), None)
    assert all(row.distance is None for row in rail._rows.rows)


def test_layers_without_attention_have_no_bar():
    facts = LayerFacts((0.1, None, 0.2, None, None, None, 0.3))
    layers = [row for row in build_rows(staged_spec(), None, facts) if row.layer is not None]
    assert [row.distance for row in layers] == list(facts.mean_distance)
    assert "Mean attention distance" not in layers[1].help
    assert layers[3].help.splitlines()[1].startswith("Convolution")


def test_the_bar_is_explained_where_there_is_one(rail):
    legend = rail._footer[0]
    assert legend.isVisibleTo(rail)
    spec = staged_spec()
    none = (None,) * len(spec.layers)
    rail.show_model(spec, None)
    rail.show_facts(LayerFacts(none))
    assert not legend.isVisibleTo(rail)
    place = rail._list.geometry()
    rail.show_facts(LayerFacts((0.1, *none[1:])))
    assert legend.isVisibleTo(rail)
    rail.show_facts(None)  # as while pictures move
    assert not legend.isVisibleTo(rail)
    rail.layout().activate()
    assert rail._list.geometry() == place


def test_without_a_model_there_is_a_sentence_and_nothing_to_pick(rail, qtbot):
    rail.show_model(None, None)
    assert rail._rows.rowCount() == 0
    with qtbot.assertNotEmitted(rail.layer_picked):
        qtbot.mouseClick(rail._list.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(60, 60))
    rail.grab()


def test_every_mixer_has_a_glyph_of_its_own(qapp):
    pictures = {}
    for kind in MIXER_TITLES:
        image = QImage(28, 28, QImage.Format.Format_RGB32)
        image.fill(QColor("black"))
        painter = QPainter(image)
        draw_mixer_glyph(painter, kind, QRectF(0, 0, 28, 28), QColor("white"))
        painter.end()
        pictures[kind] = bytes(image.constBits())
        assert any(pictures[kind])
    assert len(set(pictures.values())) == len(MIXER_TITLES)


def test_a_step_paints_the_two_rows_that_it_changes(rail, qtbot, monkeypatch):
    from vitstudio.ui.views import anatomy_delegate

    painted = []
    paint_row = anatomy_delegate._paint_row

    def count(painter, rect, row, option, shown):
        painted.append((row.title, shown))
        paint_row(painter, rect, row, option, shown)

    qtbot.wait(20)
    monkeypatch.setattr(anatomy_delegate, "_paint_row", count)
    rail.show_layer(10, "attention")
    qtbot.waitUntil(lambda: bool(painted))
    qtbot.wait(20)
    assert sorted(set(painted)) == [("Layer 11", True), ("Layer 12", False)]


def test_a_row_that_looks_the_same_is_painted_once(rail, qtbot, monkeypatch):
    from vitstudio.ui.views import anatomy_delegate

    before = rail._list.viewport().grab().toImage()
    painted = []
    monkeypatch.setattr(anatomy_delegate, "_paint", lambda *args: painted.append(args[1].title))
    assert rail._list.viewport().grab().toImage() == before
    assert painted == []
    rail.resize(rail.width() + 20, rail.height())
    rail._list.viewport().grab()
    assert len(painted) == len(rail._rows.rows)


def test_with_another_picture_only_the_bars_are_painted(rail, qtbot, monkeypatch):
    from vitstudio.ui.views import anatomy_delegate

    before = rail._list.viewport().grab().toImage()
    painted = []
    paint = anatomy_delegate._paint

    def count(*args):
        painted.append(args[1].title)
        paint(*args)

    monkeypatch.setattr(anatomy_delegate, "_paint", count)
    count_of_layers = len([row for row in rail._rows.rows if row.layer is not None])
    rail.show_facts(LayerFacts((0.01,) * count_of_layers))
    after = rail._list.viewport().grab().toImage()
    assert painted == []
    y, x = row_centre(rail, 3).y(), rail._list.viewport().width() - 18 - 20
    assert before.pixelColor(x, y).blue() > 120  # layer 1 looked far
    assert after.pixelColor(x, y) == QColor(palette.LINE)
    # As if painted at once.
    rail._list.itemDelegate()._painted.clear()
    assert rail._list.viewport().grab().toImage() == after
    assert painted


def test_kept_rows_are_bounded(rail, monkeypatch):
    from vitstudio.ui.views import anatomy_delegate

    monkeypatch.setattr(anatomy_delegate, "KEPT_ROWS", 20)
    for width in range(230, 240):
        rail.resize(width, 820)
        rail._list.viewport().grab()
    assert len(rail._list.itemDelegate()._painted) <= 20


def test_what_is_added_to_a_title_is_left_out_whole_where_it_has_no_room(qtbot):
    """In a narrow rail "Patches 14 px" was an ellipsis before its figure."""
    font = QApplication.font()
    row = Row("Patches 14 px", "128 × 128")
    assert _fitting(row, font, 200) == "Patches 14 px"
    assert _fitting(row, font, 60) == "Patches"
    assert _fitting(Row("Layer 10", kind="global"), font, 10) == "Layer 10"


def test_the_keys_below_the_layers_are_whole_in_the_narrowest_rail(qapp, qtbot):
    apply_theme(qapp)
    rail = AnatomyRail()
    qtbot.addWidget(rail)
    rail.resize(rail.minimumWidth(), 400)
    rail.show()
    for line in rail._footer:
        width = line.fontMetrics().horizontalAdvance(line.text())
        assert width <= line.contentsRect().width()
