"""Controls that belong to some layers and families only, and room for all of them."""

from itertools import pairwise

import pytest
from PySide6.QtCore import QLocale, QPoint, Qt
from PySide6.QtWidgets import QApplication, QDoubleSpinBox, QWidget

from tests.ui.fakes import make_spec
from tests.ui.test_studio_window import A, Rig
from vitstudio.core.live import LiveFacts, LiveRates, Position
from vitstudio.core.spec import LayerSpec
from vitstudio.core.state import State
from vitstudio.state.resolve import resolve
from vitstudio.ui.views.depth_panel import DepthPanel
from vitstudio.ui.views.view_bar import ViewBar

LEVELS = ((56, 56), (28, 28), (14, 14), (7, 7))
WINDOW = LayerSpec("shifted", 0, 0, 3, (56, 56), (7, 7), (3, 3))
POINTS = LayerSpec("deformable", 1, 0, 12, (14, 14), groups=3)
NECK = LayerSpec(
    "deformable", 1, 0, 8, (56, 56), groups=4, level_grids=LEVELS, chained=False, name="HAHI"
)
DIRECT = Qt.FindChildOption.FindDirectChildrenOnly
ALL = frozenset({"attention", "rollout", "features", "classes"})


def spec_with(name, *layers, abilities=ALL):
    plain = make_spec(name, abilities=abilities, input_size=(224, 224), prefix_tokens=())
    return type(plain)(**{**vars(plain), "layers": layers})


FAMILIES = {
    "vit": (make_spec("vit", abilities=ALL), 0, "attention"),
    "swin": (spec_with("swin", WINDOW, WINDOW), 1, "attention"),
    "dat": (spec_with("dat", WINDOW, POINTS), 1, "points"),
    "dat attention": (spec_with("dat", WINDOW, POINTS), 1, "attention"),
    "clip": (make_spec("clip", abilities=ALL | {"text"}), 0, "attention"),
    "depth": (
        spec_with("depth", WINDOW, NECK, abilities=frozenset({"attention", "depth"})),
        1,
        "points",
    ),
}


def view_of(family, **state):
    spec, layer, view = FAMILIES[family]
    chosen = State(layer=layer, view=view, query=(0.5, 0.5), prompts=("a cup",)).replace(**state)
    return resolve(chosen, spec, None)


@pytest.fixture
def bar(qtbot):
    bar = ViewBar()
    qtbot.addWidget(bar)
    bar.resize(728, 80)
    bar.show()
    qtbot.waitExposed(bar)
    return bar


@pytest.mark.parametrize("family", FAMILIES)
def test_there_is_room_for_all_controls_of_a_family(build, family):
    """In a window of 1280 x 800 the bar gets 728 pixels between the default columns."""
    bar = build(State(model_id="small", source=A)).window.view_bar
    bar.show_view(view_of(family))
    QApplication.processEvents()
    assert bar.minimumSizeHint().width() <= 728


@pytest.mark.parametrize(
    ("family", "offsets", "levels", "direction"),
    [
        ("vit", False, False, True),
        ("swin", False, False, True),
        ("dat", True, False, True),
        ("dat attention", False, False, True),
        ("depth", True, True, False),
    ],
)
def test_controls_appear_where_they_apply(bar, family, offsets, levels, direction):
    bar.show_view(view_of(family))
    assert bar.offsets.isVisible() == offsets
    assert bar.levels.isVisible() == levels
    assert bar.direction.isVisible() == direction


def test_levels_are_named_by_their_part_of_the_input(bar, qtbot):
    bar.show_view(view_of("depth", level=2))
    titles = [button.text() for button in bar.levels.buttons.values() if button.isVisible()]
    assert titles == ["1/4", "1/8", "1/16", "1/32"]
    assert bar.levels.buttons["2"].isChecked()
    with qtbot.waitSignal(bar.level_picked, timeout=1000) as picked:
        qtbot.mouseClick(bar.levels.buttons["3"], Qt.MouseButton.LeftButton)
    assert picked.args == [3]
    assert bar.levels.buttons["2"].isChecked()  # a click only asks


def test_levels_are_hidden_where_the_view_is_of_the_whole_net(bar):
    bar.show_view(view_of("depth", view="depth"))
    assert not bar.levels.isVisible()
    assert not bar.offsets.isVisible()


def test_switches_ask_and_show(bar, qtbot):
    bar.show_view(view_of("dat", invert=True, show_offsets=False))
    assert bar.invert.isChecked()
    assert not bar.offsets.isChecked()
    for switch, signal in ((bar.invert, bar.invert_asked), (bar.offsets, bar.offsets_asked)):
        before = switch.isChecked()
        with qtbot.waitSignal(signal, timeout=1000):
            qtbot.mouseClick(switch, Qt.MouseButton.LeftButton)
        assert switch.isChecked() == before
        assert switch.accessibleName()


def test_only_views_of_the_model_are_offered(bar):
    def offered(family):
        bar.show_view(view_of(family))
        return {kind for kind, button in bar.views.buttons.items() if button.isVisible()}

    assert not {"points", "usage", "depth", "relevance"} & offered("vit")
    assert {"points", "usage"} <= offered("dat")
    assert "depth" in offered("depth")
    assert "relevance" in offered("clip")


@pytest.fixture
def build(qtbot, tmp_path):
    rigs = []

    def make(state):
        rigs.append(Rig(qtbot, tmp_path, state))
        return rigs[-1]

    yield make
    for rig in rigs:
        rig.window.close()
        rig.window.deleteLater()


def test_keys_turn_colours_round_and_step_through_levels(build):
    rig = build(State(model_id="depth", source=A, layer=1, view="points", query=(0.5, 0.5)))
    rig.engine.specs["depth"] = FAMILIES["depth"][0]
    rig.start()
    rig.key(Qt.Key.Key_I)
    assert rig.state.state.invert
    rig.key(Qt.Key.Key_Period)
    assert rig.state.state.level == 1
    for _ in range(4):
        rig.studio.trigger("level.next")
        rig.engine.answer()
    assert rig.state.state.level == 3
    rig.studio.trigger("level.previous")
    assert rig.state.state.level == 2
    before = rig.state.state.show_offsets
    rig.key(Qt.Key.Key_O)
    assert rig.state.state.show_offsets != before


def test_a_key_that_does_not_apply_says_why(build):
    rig = build(State(model_id="small", source=A)).start()
    rig.key(Qt.Key.Key_O)
    assert rig.window.notice.text == "Offsets are drawn with sampling points."
    rig.studio.trigger("level.next")
    assert rig.window.notice.text == "This layer holds one grid of tokens."


def settle():
    for _ in range(3):
        QApplication.processEvents()


def height_of(widget, bar):
    return widget.mapTo(bar, QPoint()).y()


def cut_off(*groups):
    """Texts of visible buttons that have less room than they take."""
    buttons = [button for group in groups for button in group.buttons.values()]
    return [
        button.text()
        for button in buttons
        if button.isVisible() and button.width() < button.sizeHint().width()
    ]


def test_no_button_is_squeezed_when_a_model_brings_more_of_them(bar):
    """The rows are arranged when buttons come, not only when the bar is resized."""
    bar.show_view(view_of("vit"))
    bar.setFixedWidth(sum(part.sizeHint().width() for part in bar.parts) + 100)
    settle()
    assert len({height_of(part, bar) for part in bar.parts}) == 1
    bar.show_view(view_of("depth"))
    settle()
    assert len({height_of(part, bar) for part in bar.parts}) > 1
    assert not cut_off(bar.views, bar.heads, bar.levels)


@pytest.mark.parametrize("family", FAMILIES)
def test_nothing_is_cut_off_in_the_smallest_window(build, family):
    window = build(State(model_id="small", source=A)).window
    bar, least = window.view_bar, window.minimumSize()
    bar.show_view(view_of(family))
    window.transport.show_source(LiveFacts("/films/long.mkv", (720, 1280), 25.0, 7500.0, 187_500))
    window.transport.show_position(Position("/films/long.mkv", 4000.0, 100_000))
    window.transport.show_rates(LiveRates(30.0, 24.2, 23.8, 0.041, 1234, 1_240_000_000))
    window.resize(least)
    settle()
    assert window.size() == least
    assert not cut_off(bar.views, bar.heads, bar.direction, bar.levels)
    right = max(child.mapTo(bar, child.rect().topRight()).x() for child in (bar.views, bar.grid))
    assert right < bar.width()
    tabs = window.tabs.tabBar()
    assert tabs.tabRect(tabs.count() - 1).right() < window.tabs.width()
    assert window.columns.sizes()[0] == 0
    needed = window.centralWidget().minimumSizeHint()
    assert needed.width() - window.rail.minimumWidth() <= least.width()
    assert needed.height() <= least.height()


@pytest.mark.parametrize("language", ["de_DE", "ar_EG", "C"])
def test_numbers_are_typed_as_the_program_writes_them(build, qtbot, language):
    """On a German desktop a point would part thousands, and 0.05 would become 5."""
    QLocale.setDefault(QLocale(language))
    bar = build(State(model_id="small", source=A)).window.view_bar
    low, high = bar.scale.menu().findChildren(QDoubleSpinBox)
    for box, typed, number in ((low, "0.05", 0.05), (high, "1,25", 1.25)):
        box.selectAll()
        qtbot.keyClicks(box, typed)
        box.interpretText()
        assert box.value() == number
    assert low.text() == "0.05000"
    panel = DepthPanel()
    qtbot.addWidget(panel)
    metres = panel.low
    metres.setEnabled(True)
    metres.selectAll()
    qtbot.keyClicks(metres, "2,5")
    metres.interpretText()
    assert metres.text() == "2.50 m"


def test_the_top_bar_leaves_out_what_does_not_fit(build):
    window = build(State(model_id="small", source=A)).start().window
    bar = window.top_bar
    bar.device.setText("NVIDIA RTX A6000 · bfloat16 ▾")
    settle()
    for width in range(1300, window.minimumWidth() - 1, -50):
        window.resize(width, 700)
        settle()
        parts = [part for part in bar.findChildren(QWidget, options=DIRECT) if part.isVisible()]
        parts.sort(key=QWidget.x)
        for part, following in pairwise(parts):
            assert part.geometry().right() < following.x()
            assert part.width() >= (part.minimumWidth() or part.minimumSizeHint().width())
        assert parts[-1].geometry().right() < bar.width()
    assert not bar.brand.isVisible()
    assert bar.export.isVisible()
    window.resize(1400, 700)
    settle()
    assert all(part.isVisible() for part in (bar.brand, bar.times, bar.palette_button))


def test_views_take_one_line_again_where_there_is_room(bar):
    bar.show_view(view_of("dat"))
    bar.setFixedWidth(420)
    settle()
    shown = [button for button in bar.views.buttons.values() if button.isVisible()]
    assert len({button.y() for button in shown}) == 2
    assert [shown[0].property("segment"), shown[-1].property("segment")] == ["first", "last"]
    bar.setFixedWidth(bar.parts[0].sizeHint().width() + 400)
    settle()
    assert len({button.y() for button in shown}) == 1


def test_the_prompts_do_not_lie_over_each_other_in_the_smallest_window(build):
    window = build(State(model_id="small", source=A)).window
    window.resize(window.minimumSize())
    window.show_tab("Prompts")
    panel = window.prompts
    panel.show_view(view_of("clip"))
    panel.words.show()
    panel.text.show()
    settle()
    assert panel.words.isVisible()
    assert panel.height() >= panel.heightForWidth(panel.width())


def test_the_name_of_the_model_is_whole_before_its_badges_are(build):
    window = build(State(model_id="small", source=A)).start().window
    button = window.top_bar.model
    spec = make_spec("dinov2_vits14")
    named = type(spec)(**{**vars(spec), "title": "DINOv2 ViT-S/14", "family": "ViT"})
    button.show_model(named)
    for width in (1280, 1000, 900, window.minimumWidth()):
        window.resize(width, 700)
        settle()
        title = button._title
        assert title.width() >= title.sizeHint().width()
    assert not button._family.isVisible()
    window.resize(1280, 700)
    settle()
    assert button._family.isVisible()
    assert button._where.isVisible()
    # That nothing was learnt is said in any case.
    button.show_model(type(named)(**{**vars(named), "trained": False}))
    window.resize(window.minimumSize())
    settle()
    assert button._where.isVisible()
