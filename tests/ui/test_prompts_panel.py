"""The prompts tab: what typing, menus and clicks ask for, and what is shown of an answer."""

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt

from tests.ui.fakes import clip_spec, make_answer, make_frame, make_info, make_spec
from vitstudio.core.frame import Frame
from vitstudio.core.prompts import EXAMPLES, TEMPLATE_SETS, label_set
from vitstudio.core.state import State
from vitstudio.state.resolve import resolve
from vitstudio.ui.views import prompt_bars
from vitstudio.ui.views.drawing import derived_font, text_width, unit
from vitstudio.ui.views.prompt_bars import MOST_BARS, bars_of
from vitstudio.ui.views.prompts_panel import PromptsPanel, prompts_in, scale_text
from vitstudio.world.captions import VOCABULARY

SPEC = clip_spec()
INFO = make_info(make_frame(), SPEC)


def view_of(**changes):
    return resolve(State(**changes), SPEC, INFO)


@pytest.fixture
def panel(qtbot):
    panel = PromptsPanel()
    qtbot.addWidget(panel)
    panel.resize(328, 680)
    panel.show_view(view_of())
    panel.show()
    return panel


def test_without_a_text_model_the_tab_says_why_and_offers_one(qtbot, panel):
    panel.show_view(resolve(State(), make_spec(), None))
    assert panel.refused.isVisible()
    assert panel.refused.text.text() == "Small reads no text: choose a CLIP model."
    with qtbot.waitSignal(panel.model_wanted):
        qtbot.mouseClick(panel.refused.button, Qt.MouseButton.LeftButton)


def test_typing_asks_once_a_moment_later_without_enter(qtbot, panel):
    asked = []
    panel.prompts_typed.connect(asked.append)
    with qtbot.waitSignal(panel.prompts_typed):
        qtbot.keyClicks(panel.editor, "a cat")
        qtbot.keyClick(panel.editor, Qt.Key.Key_Return)
        panel.editor.insertPlainText("犬")  # as an input method does
    assert asked == [("a cat", "犬")]


def test_what_is_typed_is_not_written_over(qtbot, panel):
    with qtbot.waitSignal(panel.prompts_typed):
        qtbot.keyClicks(panel.editor, "a cat ")
    panel.show_view(view_of(prompts=("a cat",)))
    assert panel.editor.toPlainText() == "a cat "
    panel.show_view(view_of(prompts=("a dog", "a cat")))
    assert panel.editor.toPlainText() == "a dog\na cat"


def test_the_empty_tab_explains_itself_with_an_example(qtbot, panel):
    assert panel.empty.isVisible()
    assert "one prompt a line" in panel.empty.text.text()
    with qtbot.waitSignal(panel.labels_picked) as asked:
        qtbot.mouseClick(panel.empty.button, Qt.MouseButton.LeftButton)
    assert asked.args == [EXAMPLES[""]]


def test_a_net_of_the_tabletop_world_gets_an_example_in_words_it_knows(qtbot, panel):
    panel.show_view(resolve(State(), replace(SPEC, world="tabletop"), INFO))
    example = EXAMPLES["tabletop"]
    assert panel.editor.placeholderText() == "\n".join(example)
    assert {word for prompt in example for word in prompt.split()} <= set(VOCABULARY)
    with qtbot.waitSignal(panel.labels_picked) as asked:
        qtbot.mouseClick(panel.empty.button, Qt.MouseButton.LeftButton)
    assert asked.args == [example]


def test_on_a_scene_the_empty_tab_offers_its_captions(qtbot, panel):
    panel.show_truth(("two cubes", "a cube"), "a cube")
    assert panel.empty.button.text() == "Try the captions of this scene"
    with qtbot.waitSignal(panel.captions_wanted):
        qtbot.mouseClick(panel.empty.button, Qt.MouseButton.LeftButton)
    panel.show_truth((), "")
    assert panel.empty.button.text() == "Try an example"


def test_bars_stand_likeliest_first_with_probability_and_cosine(panel):
    prompts = ("cat", "a long prompt", "a dog")
    panel.show_view(view_of(prompts=prompts, prompt=2))
    panel.show_answer(make_answer(prompts))
    assert [bar.prompt for bar in panel.bars.bars] == ["a long prompt", "a dog", "cat"]
    assert panel.bars.currentIndex().row() == 1
    first = panel.bars.bars[0]
    assert f"cosine similarity {first.similarity:.4f}" in first.tooltip
    assert panel.scale.text() == "softmax of 100 × cosine"


def test_a_prompt_that_is_cut_says_how_much_is_read():
    long = "very " * 90 + "long"
    bars = {bar.prompt: bar for bar in bars_of(make_answer(("cat", long)), "")}
    assert bars["cat"].cut_tooltip == ""
    assert "Only the first 75 words' tokens are read" in bars[long].cut_tooltip
    assert "has 91." in bars[long].cut_tooltip


def test_a_click_on_a_bar_only_asks(qtbot, panel):
    prompts = ("cat", "a long prompt")
    panel.show_view(view_of(prompts=prompts))
    panel.show_answer(make_answer(prompts))
    place = panel.bars.visualRect(panel.bars.model().index(0, 0)).center()
    with qtbot.waitSignal(panel.prompt_picked) as asked:
        qtbot.mouseClick(panel.bars.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert asked.args == ["a long prompt"]


def test_of_five_hundred_prompts_the_likeliest_and_the_chosen_are_shown_at_once(panel):
    prompts = tuple(f"thing {'x' * (n % 70)} {n}" for n in range(500))
    panel.show_view(view_of(prompts=prompts, prompt=0))
    panel.show_answer(make_answer(prompts))
    shown = [bar.prompt for bar in panel.bars.bars]
    assert len(shown) == MOST_BARS + 1
    assert shown[-1] == prompts[0]
    assert panel.scale.text().endswith("likeliest 50 of 500")
    assert panel.bars.verticalScrollBar().value() == 0


def test_a_template_without_a_slot_leaves_the_old_one(qtbot, panel):
    panel.show_view(view_of(prompts=("cat",)))
    asked = []
    panel.templates_picked.connect(asked.append)
    panel.template.setText("a drawing of a {}")
    panel.template.setText("a drawing")
    assert asked == [("a drawing of a {}",)]
    assert "needs one slot {}" in panel.problem.text()
    assert panel.problem.isVisible()
    panel.template.editingFinished.emit()
    assert panel.template.text() == "a drawing of a {}"
    assert not panel.problem.isVisible()


def test_templates_and_label_sets_come_from_menus(panel):
    asked = []
    panel.templates_picked.connect(asked.append)
    panel.labels_picked.connect(asked.append)
    panel.templates.choice("seven").trigger()
    panel.labels.choice("cifar10").trigger()
    panel.labels.choice("clear").trigger()
    assert asked == [TEMPLATE_SETS["seven"], label_set("cifar10"), ()]
    panel.show_view(view_of(prompts=("cat",), templates=TEMPLATE_SETS["seven"]))
    assert panel.template.text() == "7 templates, averaged"
    assert panel.template.isReadOnly()


def test_words_are_tinted_by_how_much_they_matter(panel):
    panel.show_view(view_of(prompts=("a <red> cup",)))
    panel.show_words("a <red> cup", (("a", 0.1), ("<red>", 0.6), ("cup", 0.3)))
    text = panel.words.text.text()
    assert "&lt;red&gt;" in text
    assert text.count("background-color") == 3
    assert "<red>   60%" in panel.words.text.toolTip()


def test_the_start_layer_counts_from_one_and_zero_is_the_last_alone(panel):
    panel.show_view(view_of(prompts=("cat",)))
    asked = []
    panel.start_layer_picked.connect(asked.append)
    panel.words.start.setValue(2)
    panel.words.start.setValue(0)
    assert asked == [1, None]
    assert panel.words.start.text() == "last only"


def test_a_failure_is_a_sentence_in_the_tab(panel):
    panel.show_view(view_of(prompts=("cat",)))
    panel.show_answer(make_answer(("cat",)))
    panel.show_failed("The text tower ran out of memory.")
    assert panel.bars.bars == ()
    assert "ran out of memory" in panel.problem.text()


def test_prompts_of_a_text():
    assert prompts_in(" a cat \n\n犬\na cat\n") == ("a cat", "犬")
    assert prompts_in("") == ()


def test_a_sigmoid_scale_shows_its_bias():
    answer = make_answer(("a",))
    object.__setattr__(answer, "logit_bias", -12.9)
    assert scale_text(answer) == "sigmoid of 100 × cosine - 12.9"


def test_words_that_the_model_never_read_are_marked(panel):
    answer = make_answer(("red cone", "aardvark"))
    answer = replace(answer, unknown=((), ("aardvark",)))
    plain, new = sorted(bars_of(answer, ""), key=lambda bar: bar.prompt == "aardvark")
    assert (plain.pill, new.pill) == ("", "new word")
    assert "never read “aardvark”" in new.tooltip
    cut = replace(answer, truncated=(True, True))
    assert [bar.pill for bar in bars_of(cut, "")] == ["cut", "cut"]


def test_a_badge_cuts_no_prompt_and_all_bars_stay_comparable(panel, monkeypatch):
    names = ("two dotted green mushrooms", "two dotted red mushrooms")
    drawn, tracks = [], []
    monkeypatch.setattr(
        prompt_bars,
        "draw_text",
        lambda painter, rect, text, *_: drawn.append((text, rect.width(), painter.font())),
    )
    monkeypatch.setattr(
        prompt_bars, "draw_bar", lambda _painter, rect, *_: tracks.append(rect.width())
    )
    font = derived_font(panel.bars.font())
    percent = text_width(font, "100.0 %") + 10
    narrow = round(text_width(font, names[0]) + percent + 16 * unit(font) + 12)
    for width, low in ((narrow, True), (narrow + 200, False)):
        drawn.clear(), tracks.clear()
        panel.bars.resize(width, 200)
        panel.bars.show_bars(bars_of(make_answer(names), "", true=names[0]), "")
        panel.bars.viewport().grab()
        assert len(set(tracks)) == 1, tracks
        for name in names:
            room, used = next((room, used) for text, room, used in drawn if text == name)
            assert text_width(used, name) <= room
        inner = width - 16 * unit(font)
        assert any(prompt_bars._low_pill(bar, font, inner) for bar in panel.bars.bars) == low


def test_a_net_of_another_world_says_that_its_similarities_do_not_apply(panel):
    spec = replace(SPEC, world="tabletop")
    panel.show_view(resolve(State(), spec, replace(INFO, spec=spec)))
    assert panel.note.isVisible()
    assert "its similarities do not apply to this picture" in panel.note.sentence
    scene = replace(INFO, spec=spec, frame=Frame(INFO.frame.rgb, "tabletop:seed=1"))
    panel.show_view(resolve(State(), spec, scene))
    assert not panel.note.isVisible()
