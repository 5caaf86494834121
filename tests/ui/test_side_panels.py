import pytest
from PySide6.QtCore import QPoint
from PySide6.QtGui import QColor

from tests.ui.panel_data import token_facts
from vitstudio.painting import palette
from vitstudio.ui.views.drawing import unit
from vitstudio.ui.views.predictions import PredictionsPanel, format_percent
from vitstudio.ui.views.token_panel import EMPTY, TokenPanel, fact_rows

CLASSES = (
    ("espresso", 0.72),
    ("a very long name of a class that can not fit", 0.2),
    ("cup", 0.0004),
)


@pytest.fixture
def token_panel(qtbot):
    panel = TokenPanel()
    qtbot.addWidget(panel)
    panel.resize(280, 180)
    panel.show()
    return panel


@pytest.fixture
def predictions(qtbot):
    panel = PredictionsPanel()
    qtbot.addWidget(panel)
    panel.show_classes(CLASSES, "")
    panel.resize(300, panel.sizeHint().height())
    panel.show()
    return panel


def lines(panel):
    return {name.text(): value.text() for name, value in panel._labels if name.isVisible()}


def test_the_card_has_the_figures_in_words(token_panel):
    token_panel.show_token(token_facts(), "Patch row 15, column 20")
    assert token_panel._title.text() == "Patch row 15, column 20"
    assert lines(token_panel) == {
        "Weight on itself": "0.0121",
        "Weight on class token": "0.0034",
        "Entropy": "5.9 of 7.1 nats",
        "Mean distance": "4.2 patches",
        "Feature norm": "38.2 (median 36.9)",
    }


def test_every_prefix_token_has_a_line_and_lines_go_again(token_panel):
    prefix = (("cls", 0.5), ("dist", 0.1), ("reg1", 1.2e-5))
    token_panel.show_token(token_facts(prefix, mean_distance=None), "Class token")
    shown = lines(token_panel)
    assert shown["Weight on distillation token"] == "0.1"
    assert shown["Weight on register 1"] == "1.2e-5"
    assert "Mean distance" not in shown
    token_panel.show_token(token_facts(()), "Patch")
    assert len(lines(token_panel)) == 4


def test_each_figure_is_explained_in_a_sentence(token_panel):
    token_panel.show_token(token_facts(), "Patch")
    for row in fact_rows(token_facts()):
        assert row.help.endswith(".")
        assert len(row.help) > 40
    for name, value in token_panel._labels:
        assert name.toolTip() == value.toolTip()
        assert value.text() in name.toolTip()


def test_without_facts_the_card_says_what_to_do(token_panel):
    token_panel.show_token(token_facts(), "Patch")
    token_panel.show_token(None, "")
    assert lines(token_panel) == {}
    assert token_panel._empty.isVisible()
    assert token_panel._empty.text() == EMPTY


def test_a_narrow_panel_cuts_names_not_values(token_panel):
    token_panel.show_token(token_facts(), "Patch row 15, column 20")
    assert token_panel.minimumSizeHint().width() <= 240
    token_panel.resize(240, 180)
    for _name, value in token_panel._labels:
        assert value.width() >= value.sizeHint().width()


def test_bars_are_as_long_as_the_probabilities(predictions):
    image = predictions.grab().toImage()
    ratio = image.devicePixelRatio()
    y = predictions._row_rect(0).y() + 25 * unit(predictions.font())
    left, width = predictions._row_rect(0).x(), predictions._row_rect(0).width()

    def pixel(fraction):
        return image.pixelColor(int((left + fraction * width) * ratio), int(y * ratio))

    assert pixel(0.70) == QColor(palette.ACCENT)
    assert pixel(0.74) == QColor(palette.LINE)


def test_the_whole_name_is_in_the_tooltip(predictions):
    centre = predictions._row_rect(1).center().toPoint()
    assert predictions.row_help(centre).splitlines() == [
        CLASSES[1][0],
        "probability 0.2 (softmax over all classes)",
    ]
    assert predictions.row_help(QPoint(5, 2)) == ""


def test_a_screen_reader_hears_the_classes(predictions):
    assert predictions.accessibleDescription().startswith("espresso 72.0 %, ")
    predictions.show_classes((), "DINOv2 has no class head.")
    assert predictions.accessibleDescription() == "DINOv2 has no class head."


def test_the_height_follows_the_count(predictions):
    three = predictions.sizeHint().height()
    predictions.show_classes((*CLASSES, ("plate", 0.0)), "")
    assert predictions.sizeHint().height() - three == pytest.approx(36, abs=8)


@pytest.mark.parametrize(
    ("probability", "text"),
    [(0.0, "0.0 %"), (0.0004, "< 0.1 %"), (0.001, "0.1 %"), (0.7213, "72.1 %"), (1.0, "100.0 %")],
)
def test_percentages_are_not_rounded_to_nothing(probability, text):
    assert format_percent(probability) == text
