import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from tests.ui.panel_data import model_specs, staged_spec, vit_spec
from vitstudio.core.spec import LayerSpec
from vitstudio.ui.model_picker import ModelPicker
from vitstudio.ui.model_rows import build_rows, facts_text, open_text, size_text

DOWNLOAD = "timm/vit_base_patch16_224.augreg_in21k"


@pytest.fixture
def picker(qtbot):
    picker = ModelPicker()
    qtbot.addWidget(picker)
    picker.show_models(model_specs(), "dinov2_vits14")
    picker.resize(picker.sizeHint())
    picker.show()
    qtbot.waitExposed(picker)
    return picker


def test_models_are_listed_when_somebody_sees_them(qtbot):
    picker = ModelPicker()
    qtbot.addWidget(picker)
    resets = []
    picker._model.modelReset.connect(lambda: resets.append(True))
    picker.show_models(model_specs(), "dinov2_vits14")
    picker.show_models(model_specs(), "torchvision/vit_b_16")
    assert not resets
    picker.show()
    assert resets == [True]
    assert current(picker) == "torchvision/vit_b_16"
    picker.hide()
    picker.show()
    assert resets == [True]
    picker.show_models(model_specs(), "dinov2_vits14")
    assert resets == [True] * 2


def current(picker):
    spec = picker._spec()
    return None if spec is None else spec.id


def press(picker, key):
    QTest.keyClick(picker.search, key)


def test_models_are_grouped_by_where_their_weights_are():
    headings = [row.heading for row in build_rows(model_specs()) if row.heading]
    assert headings == [
        "Bundled · 1",
        "On this computer · 1",
        "To download · 40",
        "Architecture only · 1",
    ]


def test_every_word_must_occur_in_id_title_or_family():
    def found(text):
        return [row.spec.id for row in build_rows(model_specs(), text) if row.spec is not None]

    assert found("DINO vits14") == ["dinov2_vits14"]
    assert found("torchvision b/16") == ["torchvision/vit_b_16"]
    assert len(found("large timm")) == 10
    assert found("large dino") == []


def test_a_family_is_found_by_its_badge():
    families = ("ViT", "Swin", "PoolFormer", "MetaFormer", "Mixer", "ResNet", "ConvNeXt", "CLIP")
    specs = tuple(
        vit_spec(id=f"timm/net{number}", title=f"Net {number}", family=family)
        for number, family in enumerate(families)
    )
    for family in families:
        rows = build_rows(specs, family.lower())
        assert [row.spec.family for row in rows if row.spec is not None] == [family]


@pytest.mark.parametrize("family", ["PoolFormer", "ConvNeXt"])
def test_a_wide_badge_leaves_room_for_the_title(picker, family):
    spec = vit_spec(family=family, title="PoolFormer V2-S12 224 · sail in1k")
    picker.show_models((spec,), spec.id)
    row = picker._model.index(1)
    assert picker._model.data(row, Qt.ItemDataRole.AccessibleTextRole).startswith(
        f"{spec.title}, {family}, 12 layers"
    )
    assert not picker.grab().isNull()


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, ""),
        (346_000_000, "346 MB"),
        (400_000, "1 MB"),
        (999_600_000, "1.0 GB"),
        (1_217_000_000, "1.2 GB"),
    ],
)
def test_sizes_are_in_the_units_of_the_hub(size, text):
    assert size_text(size) == text


def test_a_model_says_what_it_is_made_of():
    assert facts_text(vit_spec()) == "12 layers · 6 heads · patch 14 · 518 px"
    assert facts_text(staged_spec()).startswith("7 layers · 3 to 24 heads · patch 4 · ")
    assert open_text(vit_spec(availability="download")) == "Download"
    no_heads = vit_spec(layers=tuple(LayerSpec("pooling", 0, n, 0, (56, 56)) for n in range(4)))
    assert facts_text(no_heads).startswith("4 layers · patch 14")


def test_it_opens_on_the_current_model_and_enter_opens_it(picker, qtbot):
    assert current(picker) == "dinov2_vits14"
    with qtbot.waitSignal(picker.model_chosen, timeout=1000) as chosen:
        press(picker, Qt.Key.Key_Return)
    assert chosen.args == ["dinov2_vits14", "default"]
    assert not picker.isVisible()


def test_arrows_move_in_the_list_past_headings_while_one_types(picker):
    press(picker, Qt.Key.Key_Down)
    assert current(picker) == "torchvision/vit_b_16"
    press(picker, Qt.Key.Key_Down)
    assert current(picker) == "timm/vit_tiny_patch16_224.augreg_in21k"
    press(picker, Qt.Key.Key_Up)
    press(picker, Qt.Key.Key_Up)
    press(picker, Qt.Key.Key_Up)
    assert current(picker) == "dinov2_vits14"
    QTest.keyClicks(picker.search, "base vit")
    assert current(picker) == DOWNLOAD
    press(picker, Qt.Key.Key_PageDown)
    assert current(picker) != DOWNLOAD


def test_enter_on_one_to_download_asks_for_it_and_stays_open(picker, qtbot):
    QTest.keyClicks(picker.search, "base vit")
    assert picker._open.text() == "Download 346 MB"
    with qtbot.waitSignal(picker.download_requested, timeout=1000) as asked:
        press(picker, Qt.Key.Key_Return)
    assert asked.args == [DOWNLOAD]
    assert picker.isVisible()


def test_the_button_downloads_too_but_not_twice(picker, qtbot):
    QTest.keyClicks(picker.search, "base vit")
    with qtbot.waitSignal(picker.download_requested, timeout=1000):
        qtbot.mouseClick(picker._open, Qt.MouseButton.LeftButton)
    picker.show_progress(DOWNLOAD, None, "Asking the hub")
    assert not picker._open.isEnabled()
    with qtbot.assertNotEmitted(picker.download_requested):
        press(picker, Qt.Key.Key_Return)


def test_progress_shows_and_can_be_cancelled(picker, qtbot):
    QTest.keyClicks(picker.search, "base vit")
    picker.show_progress(DOWNLOAD, 0.42, "145 of 346 MB")
    strip = picker._strip
    assert strip.isVisible()
    assert strip.text.text() == "145 of 346 MB"
    assert strip.bar.value() / strip.bar.maximum() == pytest.approx(0.42)
    with qtbot.waitSignal(picker.cancel_requested, timeout=1000) as cancelled:
        qtbot.mouseClick(strip.button, Qt.MouseButton.LeftButton)
    assert cancelled.args == [DOWNLOAD]
    picker.clear_progress(DOWNLOAD)
    assert not strip.isVisible()
    assert picker._open.isEnabled()


def test_progress_of_another_model_stays_in_sight(picker, qtbot):
    picker.show_progress(DOWNLOAD, 0.1, "35 of 346 MB")
    assert current(picker) == "dinov2_vits14"
    assert picker._strip.isVisible()
    with qtbot.waitSignal(picker.cancel_requested, timeout=1000) as cancelled:
        qtbot.mouseClick(picker._strip.button, Qt.MouseButton.LeftButton)
    assert cancelled.args == [DOWNLOAD]


def test_a_failure_says_why_and_offers_ways_on(picker, qtbot):
    QTest.keyClicks(picker.search, "base vit")
    picker.show_progress(DOWNLOAD, 0.4, "")
    picker.show_failed(DOWNLOAD, "The hub <example> could not be reached; check the network.")
    strip = picker._strip
    assert "hub &lt;example&gt; could not be reached" in strip.failure.text()
    assert "without a network" in strip.hint.text()
    assert not strip.bar.isVisible()
    with qtbot.waitSignal(picker.download_requested, timeout=1000) as again:
        qtbot.mouseClick(strip.button, Qt.MouseButton.LeftButton)
    assert again.args == [DOWNLOAD]
    picker.show_progress(DOWNLOAD, 0.0, "Starting")
    assert strip.bar.isVisible()
    assert not strip.failure.isVisible()


def test_a_finished_download_can_be_opened_where_the_cursor_is(picker, qtbot):
    QTest.keyClicks(picker.search, "base vit")
    picker.show_progress(DOWNLOAD, 1.0, "346 of 346 MB")
    specs = [
        vit_spec(id=DOWNLOAD, title="ViT base", availability="local") if s.id == DOWNLOAD else s
        for s in model_specs()
    ]
    picker.show_models(tuple(specs), "dinov2_vits14")
    assert current(picker) == DOWNLOAD
    assert not picker._strip.isVisible()
    with qtbot.waitSignal(picker.model_chosen, timeout=1000) as chosen:
        press(picker, Qt.Key.Key_Return)
    assert chosen.args == [DOWNLOAD, "default"]


def test_random_weights_need_no_download_and_the_tooltip_says_what_they_show(picker, qtbot):
    QTest.keyClicks(picker.search, "base vit")
    assert "without training" in picker._random.toolTip()
    assert "export" in picker._random.toolTip()
    with qtbot.waitSignal(picker.model_chosen, timeout=1000) as chosen:
        qtbot.mouseClick(picker._random, Qt.MouseButton.LeftButton)
    assert chosen.args == [DOWNLOAD, "random"]


def test_a_model_without_weights_opens_with_random_ones(picker, qtbot):
    QTest.keyClicks(picker.search, "odd")
    assert picker._open.text() == "Open with random weights"
    with qtbot.waitSignal(picker.model_chosen, timeout=1000) as chosen:
        press(picker, Qt.Key.Key_Return)
    assert chosen.args == ["timm/vit_odd", "random"]


def test_a_checkpoint_file_can_be_asked_for(picker, qtbot):
    with qtbot.waitSignal(picker.checkpoint_requested, timeout=1000):
        qtbot.mouseClick(picker._checkpoint, Qt.MouseButton.LeftButton)
    assert not picker.isVisible()


def test_nothing_found_is_said_and_nothing_can_be_opened(picker, qtbot):
    QTest.keyClicks(picker.search, "zzz")
    assert "zzz" in picker.list.empty_text
    assert not picker._open.isEnabled()
    assert not picker._random.isEnabled()
    with qtbot.assertNotEmitted(picker.model_chosen):
        press(picker, Qt.Key.Key_Return)
    picker.grab()


def test_escape_closes_without_choosing(picker, qtbot):
    with qtbot.assertNotEmitted(picker.model_chosen):
        press(picker, Qt.Key.Key_Escape)
    assert not picker.isVisible()


def test_a_double_click_opens(picker, qtbot):
    row = picker._model.row_of("torchvision/vit_b_16")
    centre = picker.list.visualRect(picker._model.index(row)).center()
    qtbot.mouseClick(picker.list.viewport(), Qt.MouseButton.LeftButton, pos=centre)
    assert picker.isVisible()
    with qtbot.waitSignal(picker.model_chosen, timeout=1000) as chosen:
        qtbot.mouseDClick(picker.list.viewport(), Qt.MouseButton.LeftButton, pos=centre)
    assert chosen.args == ["torchvision/vit_b_16", "default"]


def test_typing_narrows_down_five_hundred_models(picker):
    picker.show_models(model_specs(500), "dinov2_vits14")
    for text in ("v", "vi", "vit", "vit b", "vit base"):
        picker.search.setText(text)
        picker.grab()
    assert current(picker) == DOWNLOAD


def test_opened_over_a_window_it_starts_with_an_empty_search(picker, qtbot):
    picker.search.setText("large")
    picker.close()
    picker.popup_over(picker)
    assert picker.search.text() == ""
    assert picker.isVisible()
