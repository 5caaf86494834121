"""The presenter with models that read text, measure depth or have windows; no QApplication."""

import pytest

from tests.ui.fakes import clip_spec, depth_spec, make_answer, make_spec
from tests.ui.test_presenter import A, Bench
from vitstudio.core.state import State
from vitstudio.engine import messages
from vitstudio.engine.messages import AskBias, AskMap, AskPrompts, AskWords, TraceFrame
from vitstudio.state.requests import same_depth, same_size
from vitstudio.state.sizes import steps_of
from vitstudio.ui.choices import Choices
from vitstudio.ui.views.top_bar import steps_help

PROMPTS = ("a cup", "a cat")


class Families(Bench):
    """A bench with a model of each kind."""

    def __init__(self, **state) -> None:
        super().__init__(State(**({"model_id": "small", "source": A, "layer": 2} | state)))
        self.engine.specs |= {
            "clip": clip_spec(layers=5),
            "depth": depth_spec(),
            "deep": make_spec("deep", layers=24),
        }
        self.choices = Choices(self.state, lambda: self.presenter.shown)

    def choose(self, model_id: str) -> None:
        self.choices.set_model(model_id)
        self.engine.answer()


@pytest.fixture
def bench() -> Families:
    return Families().start()


def clip_bench(**state) -> Families:
    bench = Families(model_id="clip", prompts=PROMPTS, **state)
    bench.presenter.show_tab("Prompts")
    return bench.start()


# ---- prompts


def test_prompts_are_asked_while_their_tab_is_in_front():
    bench = Families(model_id="clip", prompts=PROMPTS).start()
    assert not bench.engine.asked(AskPrompts)
    bench.presenter.show_tab("Prompts")
    bench.engine.answer()
    templates = State().templates
    assert bench.engine.asked(AskPrompts) == [AskPrompts(1, PROMPTS, templates)]
    assert bench.engine.asked(AskWords) == [AskWords(1, "a cup", templates, None)]
    assert bench.views.last("prompts", "show_answer")[0].prompts == PROMPTS
    assert bench.views.last("prompts", "show_words") == ("a cup", (("a", 0.25), ("cup", 0.75)))


def test_typing_asks_again_and_runs_the_net_on_no_picture():
    bench = clip_bench()
    bench.choices.type_prompts(("a cup", "a dog", "a tree"))
    bench.engine.answer()
    assert bench.engine.asked(AskPrompts)[-1].prompts == ("a cup", "a dog", "a tree")
    assert not bench.engine.asked(TraceFrame)
    assert not bench.engine.asked(AskWords)


def test_an_answer_to_older_prompts_is_not_shown():
    bench = clip_bench()
    bench.choices.type_prompts(("a tree",))
    bench.engine.posted.clear()
    bench.views.log.clear()
    bench.presenter.receive(messages.PromptsReady(bench.engine.generation, make_answer(PROMPTS)))
    bench.presenter.receive(messages.WordsReady(bench.engine.generation, "a cup", (("a", 1.0),)))
    assert not bench.views.said("prompts", "show_answer")
    assert not bench.views.said("prompts", "show_words")


def test_without_prompts_nothing_is_asked_and_the_bars_are_empty():
    bench = clip_bench()
    bench.choices.set_prompts(())
    bench.engine.answer()
    assert not bench.engine.asked(AskPrompts)
    assert bench.views.last("prompts", "show_answer") == (None,)


def test_a_chosen_prompt_shows_its_relevance():
    bench = clip_bench()
    bench.choices.choose_prompt("a cat")
    bench.engine.answer()
    assert bench.shown_request.view == "relevance"
    assert bench.shown_request.prompt == "a cat"
    assert bench.engine.asked(AskWords)[-1].prompt == "a cat"
    bench.choices.set_start_layer(1)
    bench.engine.answer()
    assert bench.shown_request.start_layer == 1
    assert bench.engine.asked(AskWords)[-1].start_layer == 1


def test_the_chosen_prompt_stays_chosen_when_others_are_typed_before_it():
    bench = clip_bench(prompt=1)
    bench.choices.type_prompts(("a dog", "a tree", "a cat"))
    assert bench.state.state.prompt == 2


def test_typing_is_one_step_of_undo_and_a_label_set_another():
    bench = clip_bench()
    for text in ("a", "a d", "a dog"):
        bench.choices.type_prompts((*PROMPTS, text))
    bench.choices.set_prompts(("x", "y"))
    bench.state.undo()
    assert bench.state.state.prompts == (*PROMPTS, "a dog")
    bench.state.undo()
    assert bench.state.state.prompts == PROMPTS


def test_a_failed_question_about_prompts_is_told_in_the_tab():
    bench = clip_bench()
    asked = AskPrompts(bench.engine.generation, PROMPTS, State().templates)
    bench.presenter.receive(messages.Failed(asked, "No memory."))
    assert bench.views.last("prompts", "show_failed") == ("No memory.",)
    assert bench.views.notices == []


# ---- depth


def test_the_depth_tab_has_the_map_beside_any_view():
    bench = Families(model_id="depth").start()
    assert bench.presenter.shown.state.view == "attention"
    bench.presenter.show_tab("Depth")
    bench.engine.answer()
    token_map, info = bench.views.last("depth", "show_depth")
    assert token_map.unit == "m"
    assert info is bench.engine.info
    asked = [ask for ask in bench.engine.asked(AskMap) if ask.request.view == "depth"]
    assert len(asked) == 1
    bench.presenter.hover((30.0, 1.0))
    assert bench.views.last("depth", "show_cursor")[0] == pytest.approx(5.0, abs=0.2)


def test_the_status_line_reads_metres_and_no_patch():
    bench = Families(model_id="depth", view="depth").start()
    bench.presenter.hover((30.0, 38.9))
    text = bench.views.last("status", "show_cursor")[0]
    assert text.startswith("pixel 30, 38")
    assert text.endswith(" m")
    assert "patch" not in text
    assert bench.views.last("canvas", "show_hover") == (None,)


def test_the_view_in_space_is_prepared_by_the_engine():
    bench = Families(model_id="depth").start()
    bench.presenter.open_space()
    assert bench.engine.asked(messages.Prepare) == [messages.Prepare("pyqtgraph.opengl")]
    bench.engine.answer()
    assert bench.views.said("depth", "show_space") == [()]


# ---- bias and tabs


def test_the_bias_is_asked_for_layers_with_windows_while_its_tab_is_in_front():
    bench = Families(model_id="depth").start()
    bench.presenter.show_tab("Bias")
    bench.engine.answer()
    assert bench.engine.asked(AskBias) == [AskBias(1, 2)]
    assert bench.views.last("bias", "show_bias")[0].shape == (6, 13, 13)
    bench.state.update(layer=0)
    bench.engine.answer()
    assert bench.views.last("bias", "show_bias")[0].shape == (3, 13, 13)


def test_tabs_without_content_say_why():
    bench = Families()
    bench.start()
    bench.choose("depth")
    reasons = bench.views.last("tabs", "show_reasons")[0]
    assert set(reasons) == {"Answer"}
    bench.choose("deep")
    reasons = bench.views.last("tabs", "show_reasons")[0]
    assert set(reasons) == {"Answer", "Bias"}
    assert reasons["Bias"].startswith("Deep adds no bias")


def test_a_model_of_a_new_kind_shows_its_tab_once(bench):
    for model_id in ("clip", "small", "clip", "depth", "small", "depth"):
        bench.choose(model_id)
    assert bench.views.said("tabs", "show_tab") == [("Prompts",), ("Depth",)]


# ---- change of model


def test_another_model_keeps_the_depth_of_the_layer_and_says_so(bench):
    bench.choose("deep")
    assert bench.state.state.layer == 23
    assert bench.views.notices == ["Deep has 24 layers: layer 24 of 24 is shown."]


def test_undo_goes_back_to_model_and_layer_together_and_redo_forth(bench):
    bench.state.update(layer=1)
    bench.choose("deep")
    assert bench.state.state.layer == 12
    bench.state.undo()
    bench.engine.answer()
    assert (bench.state.state.model_id, bench.state.state.layer) == ("small", 1)
    bench.state.redo()
    bench.engine.answer()
    assert (bench.state.state.model_id, bench.state.state.layer) == ("deep", 12)


def test_of_two_models_in_a_row_the_second_takes_the_layer_of_the_first_shown(bench):
    bench.choices.set_model("deep")
    bench.choices.set_model("clip")
    bench.engine.answer()
    assert (bench.presenter.shown.spec.id, bench.state.state.layer) == ("clip", 4)


def test_a_model_that_fails_leaves_the_layer(bench):
    bench.choose("missing")
    assert (bench.state.state.model_id, bench.state.state.layer) == ("small", 2)
    bench.choose("deep")
    assert bench.state.state.layer == 23


def test_a_restored_view_keeps_its_own_layer(bench):
    bench.presenter.open_path("x.png")
    bench.engine.posted.clear()
    wanted = State(model_id="deep", source=A, layer=2, view="norm")
    bench.presenter.receive(messages.Restored("x.png", wanted))
    bench.engine.answer()
    assert (bench.presenter.shown.spec.id, bench.presenter.shown.state.layer) == ("deep", 2)


def test_picture_query_and_view_are_kept(bench):
    bench.state.update(query=(0.25, 0.75), view="similarity")
    bench.choose("depth")
    shown = bench.presenter.shown.state
    assert (shown.source, shown.query, shown.view) == (A, (0.25, 0.75), "similarity")
    assert bench.views.notices == ["DepthFormer has 4 layers: layer 4 of 4 is shown."]


def test_a_view_that_does_not_depend_on_the_query_says_nothing_of_it():
    bench = Families(model_id="depth", view="depth", layer=3)
    bench.presenter.start()
    bench.engine.answer()
    assert bench.views.notices == []


def test_a_resolution_is_kept_in_pixels(bench):
    bench.state.update(patches=16)
    bench.choose("depth")
    assert bench.state.state.patches == 4
    assert bench.engine.info.transform.input_size == (128, 192)


@pytest.mark.parametrize(
    ("layer", "count", "new", "expected"),
    [(11, 12, 24, 23), (0, 12, 24, 0), (11, 3, 12, 11), (0, 1, 12, 11), (5, 12, 12, 5)],
)
def test_same_depth(layer, count, new, expected):
    assert same_depth(layer, count, new) == expected


def test_steps_of_the_resolution_slider():
    assert same_size(None, make_spec(), depth_spec()) is None
    assert steps_of(make_spec(patch_size=(14, 14), default_patches=28)) == (6, 74)
    assert steps_of(depth_spec(default_patches=7)) == (3, 32)
    assert "steps of 32 pixels" in steps_help(depth_spec())
    assert steps_help(make_spec()) == "Patches along the shorter side"
