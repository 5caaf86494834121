"""The presenter against fakes: what it asks, shows, drops and puts back. No QApplication."""

import pytest

from tests.ui.fakes import FakeClock, FakeEngine, FakeScreen, make_frame, make_map, make_spec
from vitstudio.core.frame import Frame
from vitstudio.core.state import State
from vitstudio.core.trace import MapRequest
from vitstudio.engine import messages
from vitstudio.engine.messages import AskAtlas, AskCheck, AskMap, AskToken, OpenModel, TraceFrame
from vitstudio.state.app_state import AppState
from vitstudio.ui.presenter import BUSY_DELAY_S, Presenter
from vitstudio.ui.proofs import DELAY_S as CHECK_DELAY_S

A, B = "/pictures/a.jpg", "/pictures/b.jpg"


class Bench:
    """A presenter with everything around it faked."""

    def __init__(self, state: State) -> None:
        self.state = AppState(state)
        self.engine = FakeEngine(
            specs={"small": make_spec(), "large": make_spec("large", layers=6, heads=4)},
            frames={A: make_frame(A), B: make_frame(B, 60, 40)},
            folder=(A, B),
        )
        self.views = FakeScreen()
        self.clock = FakeClock()
        self.opened: list[str] = []
        self.presenter = Presenter(
            self.state,
            self.engine.post,
            self.views.screen,
            self.clock.later,
            self.opened.append,
        )
        self.engine.receive = self.presenter.receive

    def start(self) -> "Bench":
        self.presenter.start()
        self.engine.answer()
        self.engine.history.clear()
        self.views.log.clear()
        return self

    def restore(self, path: str, state: State) -> None:
        """Open an export that carries a state."""
        self.presenter.open_path(path)
        self.engine.posted.remove(messages.Restore(path))
        self.presenter.receive(messages.Restored(path, state))

    def paste(self, frame: Frame) -> None:
        """Open a picture that no file holds."""
        self.presenter.open_image(messages.OpenImage(frame.source, lambda _source: frame))

    @property
    def shown_request(self) -> MapRequest:
        return self.views.last("canvas", "show_map")[0].request


@pytest.fixture
def bench() -> Bench:
    return Bench(State(model_id="small", source=A, layer=1, head=0)).start()


def test_the_start_asks_for_model_and_picture_once_and_traces_when_both_are_there() -> None:
    bench = Bench(State(model_id="small", source=A))
    bench.presenter.start()
    assert bench.engine.asked(OpenModel) == [OpenModel("small")]
    assert not bench.engine.asked(TraceFrame)
    bench.engine.answer()
    assert len(bench.engine.asked(TraceFrame)) == 1
    assert bench.opened == [A]
    assert bench.views.last("canvas", "show_map")[0] is not None


def test_a_step_asks_for_the_map_and_the_token_only(bench: Bench) -> None:
    bench.state.update(head=1)
    bench.clock.pass_time(0.0)
    # The neighbouring head was fetched ahead: only maps that lie next to it are asked for.
    shown = bench.presenter.shown.requests[0]
    assert shown not in [ask.request for ask in bench.engine.asked(AskMap)]
    assert isinstance(bench.engine.history[0], AskToken)
    assert {type(message) for message in bench.engine.history} == {AskMap, AskToken}
    assert bench.shown_request.head == 1


def test_a_map_not_fetched_ahead_is_asked_for_first(bench: Bench) -> None:
    bench.state.update(view="similarity")
    assert isinstance(bench.engine.history[0], AskMap)
    assert not bench.engine.asked(AskAtlas)
    bench.engine.answer()
    assert bench.shown_request.view == "similarity"


def test_a_click_asks_for_the_atlas_too(bench: Bench) -> None:
    bench.presenter.click(31.0, 21.0)
    assert bench.presenter.shown.query_rc == (4, 6)
    assert len(bench.engine.asked(AskAtlas)) == 1
    bench.engine.answer()
    assert bench.shown_request.query == 1 + 4 * 12 + 6


def test_opacity_asks_for_nothing(bench: Bench) -> None:
    bench.state.update(opacity=0.3, colormap="viridis", smooth=False)
    assert bench.engine.history == []
    assert bench.views.last("canvas", "show_map")[1].state.opacity == 0.3


def test_the_class_token_of_another_model_is_clamped_and_said() -> None:
    bench = Bench(State(model_id="small", source=A, layer=11))
    bench.presenter.start()
    bench.engine.answer()
    assert bench.presenter.shown.state.layer == 2
    assert bench.state.state.layer == 11
    assert bench.views.notices == ["Small has 3 layers, so its last one is shown."]


def test_answers_of_an_older_generation_are_dropped(bench: Bench) -> None:
    old = bench.engine.generation
    bench.state.update(fit="trained")
    bench.engine.answer()
    bench.views.log.clear()
    late = make_map(bench.presenter.shown.requests[0], (8, 12))
    for message in (
        messages.MapReady(old, late, 0.1),
        messages.CheckReady(old, 1, 0.5, 0.1),
        messages.Failed(AskMap(old, late.request), "too late"),
    ):
        bench.presenter.receive(message)
    assert bench.views.log == []


def test_fast_steps_leave_one_question_under_way_and_the_newest_waiting(bench: Bench) -> None:
    for x in range(5, 55, 5):
        bench.presenter.click(float(x), 20.0)
    assert len(bench.engine.asked(AskMap)) == 1
    bench.engine.answer()
    assert bench.shown_request.query == bench.presenter.shown.query_index


def test_a_second_picture_during_a_forward_wins(bench: Bench) -> None:
    bench.presenter.open_path(A)
    bench.engine.answer_one()
    forward = bench.engine.posted.pop()
    assert isinstance(forward, TraceFrame)
    bench.presenter.open_path(B)
    bench.engine.answer_one()
    for reply in bench.engine.replies(forward):
        bench.presenter.receive(reply)
    bench.engine.answer()
    assert bench.presenter.frame is bench.engine.frames[B]
    assert bench.views.last("canvas", "show_map")[2].frame is bench.engine.frames[B]
    assert bench.state.state.source == B


def test_a_model_chosen_during_a_forward_is_shown_in_the_end(bench: Bench) -> None:
    bench.state.update(fit="whole")
    forward = bench.engine.posted.pop()
    assert isinstance(forward, TraceFrame)
    bench.state.update(model_id="large")
    for reply in bench.engine.replies(forward):
        bench.presenter.receive(reply)
    bench.engine.answer()
    shown = bench.views.last("canvas", "show_map")[2]
    assert shown.spec.id == "large"
    assert shown.transform.input_size == (64, 64)


def test_a_model_that_fails_leaves_the_old_one_and_no_undo_step(bench: Bench) -> None:
    bench.state.update(model_id="missing")
    bench.engine.answer()
    assert bench.state.state.model_id == "small"
    assert bench.views.notices == ["There is no model 'missing'."]
    assert bench.views.last("notice", "show_notice")[1] == "bad"
    assert not bench.state.undo()


def test_a_remembered_model_that_is_gone_makes_way_for_the_bundled_one() -> None:
    bench = Bench(State(model_id="gone", source=A))
    bench.engine.specs[State().model_id] = make_spec(State().model_id)
    bench.presenter.start()
    bench.engine.answer()
    assert bench.state.state.model_id == State().model_id
    assert bench.presenter.shown.spec is not None


def test_of_two_models_in_a_row_only_the_last_is_traced(bench: Bench) -> None:
    bench.engine.specs["third"] = make_spec("third")
    bench.state.update(model_id="large")
    bench.state.update(model_id="third")
    bench.engine.answer()
    assert len(bench.engine.asked(TraceFrame)) == 1
    assert bench.presenter.shown.spec is bench.engine.specs["third"]


def test_a_picture_that_fails_changes_nothing(bench: Bench) -> None:
    before = bench.state.state
    bench.presenter.open_path("/pictures/none.jpg")
    bench.engine.answer()
    assert bench.state.state == before
    assert bench.presenter.frame is bench.engine.frames[A]
    assert bench.views.notices == ["/pictures/none.jpg cannot be read."]
    assert bench.views.last("canvas", "show_busy") == ("",)


def test_a_forward_that_fails_puts_fit_and_trace_back(bench: Bench) -> None:
    bench.state.update(patches=70)
    forward = bench.engine.posted.pop()
    bench.presenter.receive(messages.Failed(forward, "There is not enough memory."))
    bench.engine.answer()
    assert bench.state.state.patches is None
    assert bench.presenter.shown.requests
    assert bench.shown_request == bench.presenter.shown.requests[0]
    assert bench.views.notices == ["There is not enough memory."]


def test_a_map_that_fails_leaves_the_last_one(bench: Bench) -> None:
    before = bench.state.state
    bench.state.update(view="rollout", layer=2)
    question = bench.engine.posted.pop(0)
    bench.clock.pass_time(BUSY_DELAY_S)
    bench.presenter.receive(messages.Failed(question, "Stopped.", cancelled=True))
    assert bench.state.state == before
    assert bench.shown_request == bench.presenter.shown.requests[0]
    assert bench.views.last("canvas", "show_busy") == ("",)
    assert bench.views.last("notice", "show_notice") == ("Stopped.", "info")
    assert not bench.state.undo()


def test_a_map_fetched_ahead_fails_silently(bench: Bench) -> None:
    bench.presenter.click(31.0, 21.0)
    for _ in range(3):
        bench.engine.answer_one()
    ahead = bench.engine.asked(AskMap)[-1]
    assert ahead.request != bench.presenter.shown.requests[0]
    bench.presenter.receive(messages.Failed(ahead, "No."))
    assert bench.views.notices == []


def test_a_first_map_that_fails_is_not_waited_for() -> None:
    bench = Bench(State(model_id="small", source=A, layer=1))
    bench.presenter.start()
    while not bench.engine.asked(AskMap):
        bench.engine.answer_one()
    question = bench.engine.posted.pop(0)
    bench.presenter.receive(messages.Failed(question, "No map."))
    bench.clock.pass_time(BUSY_DELAY_S)
    assert bench.views.last("canvas", "show_busy") == ("",)
    assert bench.views.last("canvas", "show_map")[0] is None


def test_a_slow_map_says_so(bench: Bench) -> None:
    bench.state.update(view="rollout")
    bench.clock.pass_time(BUSY_DELAY_S)
    assert bench.views.last("canvas", "show_busy") == ("Computing the map…",)
    bench.engine.answer()
    assert bench.views.last("canvas", "show_busy") == ("",)


def test_the_proof_waits_until_stepping_stops_and_is_kept(bench: Bench) -> None:
    for layer in (0, 2, 1):
        bench.state.update(layer=layer)
        bench.clock.pass_time(0.0)
        bench.clock.pass_time(CHECK_DELAY_S / 2)
    assert not bench.engine.asked(AskCheck)
    bench.clock.pass_time(CHECK_DELAY_S / 2)
    assert [ask.layer for ask in bench.engine.asked(AskCheck)] == [1]
    bench.engine.answer()
    bench.state.update(head=1)
    bench.clock.pass_time(0.0)
    assert bench.views.last("breadcrumb", "show_check")[0].layer == 1
    bench.state.update(view="picture")
    assert bench.views.last("breadcrumb", "show_check") == (None,)


def test_hover_reads_the_value_and_shift_asks_in_passing(bench: Bench) -> None:
    bench.presenter.hover((2.5, 2.5), False)
    text = bench.views.last("status", "show_cursor")[0]
    assert "pixel 2, 2" in text
    assert "patch row 1, column 1" in text
    assert "weight 0.5" in text
    assert bench.presenter.shown.query_rc is None
    bench.presenter.hover((2.5, 2.5), True)
    bench.engine.answer()
    assert bench.presenter.shown.query_rc == (0, 0)
    assert bench.state.state.query == "cls"
    assert not bench.engine.asked(AskAtlas)
    bench.presenter.hover(None, False)
    assert bench.presenter.shown.query_rc is None
    assert bench.views.last("status", "show_cursor") == ("",)


def test_the_value_under_a_resting_cursor_is_of_the_map_on_screen(bench: Bench) -> None:
    bench.presenter.hover((31.0, 21.0), False)
    assert "weight 0.001" in bench.views.last("status", "show_cursor")[0]
    bench.engine.hot = (4, 6)
    bench.presenter.click(31.0, 21.0)
    bench.engine.answer()
    assert "weight 0.5" in bench.views.last("status", "show_cursor")[0]
    assert bench.views.last("canvas", "show_hover") == ((4, 6),)
    bench.presenter.open_path(B)
    bench.engine.answer()
    assert bench.views.last("status", "show_cursor") == ("",)


def test_a_click_where_the_view_has_no_query_says_why(bench: Bench) -> None:
    bench.state.update(view="pca")
    bench.presenter.click(10, 10)
    assert bench.views.notices == ["Features does not depend on the clicked patch."]
    assert bench.state.state.query == "cls"


def test_an_export_dropped_brings_its_state_back(bench: Bench) -> None:
    wanted = State(model_id="large", source=B, layer=4, head=2, view="attention", patches=10)
    bench.restore("/exports/view.svg", wanted)
    assert bench.engine.history[0] == messages.Restore("/exports/view.svg")
    bench.engine.answer()
    assert bench.state.state == wanted
    assert bench.shown_request.layer == 4
    assert bench.views.last("canvas", "show_map")[2].frame is bench.engine.frames[B]


def test_an_export_whose_picture_is_gone_changes_nothing(bench: Bench) -> None:
    before = bench.state.state
    wanted = before.replace(source="/gone.jpg", view="norm", opacity=0.2)
    bench.restore("/exports/view.png", wanted)
    bench.engine.answer()
    assert bench.state.state == before
    assert bench.presenter.frame is bench.engine.frames[A]


def test_an_export_whose_model_is_missing_changes_nothing(bench: Bench) -> None:
    before = bench.state.state
    wanted = before.replace(model_id="missing", view="norm", opacity=0.2)
    bench.restore("/exports/view.png", wanted)
    bench.engine.answer()
    assert bench.state.state == before
    assert bench.shown_request.view == "attention"


def test_a_png_without_a_state_is_a_picture(bench: Bench) -> None:
    bench.engine.frames["/pictures/c.png"] = make_frame("/pictures/c.png")
    bench.presenter.open_path("/pictures/c.png")
    bench.engine.answer()
    assert bench.state.state.source == "/pictures/c.png"


def test_paging_and_undo_walk_through_pictures(bench: Bench) -> None:
    bench.presenter.page(1)
    bench.engine.answer()
    assert bench.state.state.source == B
    bench.presenter.page(1)
    bench.engine.answer()
    assert bench.state.state.source == B
    bench.state.undo()
    bench.engine.answer()
    assert bench.presenter.frame is bench.engine.frames[A]


def test_paging_goes_past_pictures_that_cannot_be_opened(bench: Bench) -> None:
    c, d = "/pictures/c.jpg", "/pictures/d.jpg"
    bench.engine.frames[d] = make_frame(d)
    bench.engine.folder = (A, B, c, d)
    bench.presenter.open_path(A)
    bench.engine.answer()
    del bench.engine.frames[B]
    for said in (B, c):
        bench.presenter.page(1)
        bench.engine.answer()
        assert bench.views.notices[-1] == f"{said} cannot be read."
        assert bench.state.state.source == A
    bench.presenter.page(1)
    bench.engine.answer()
    assert bench.state.state.source == d
    bench.engine.frames[c] = make_frame(c)  # tried again: it may have been mended
    bench.presenter.page(-1)
    bench.engine.answer()
    assert bench.state.state.source == c


def test_paging_goes_past_a_picture_that_cannot_be_traced(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    d = "/pictures/d.jpg"
    bench.engine.frames[d] = make_frame(d)
    bench.engine.folder = (A, B, d)
    bench.presenter.open_path(A)
    bench.engine.answer()
    traced = bench.engine._traceframe

    def too_long(message: TraceFrame) -> list[object]:
        refused = message.frame.source == B
        return [messages.Failed(message, "Too long.")] if refused else traced(message)

    monkeypatch.setattr(bench.engine, "_traceframe", too_long)
    bench.presenter.page(1)
    bench.engine.answer()
    assert bench.views.notices == ["Too long."]
    assert bench.state.state.source == A
    bench.presenter.page(1)
    bench.engine.answer()
    assert bench.state.state.source == d


def test_undo_finds_a_pasted_picture_again(bench: Bench) -> None:
    pasted = make_frame("clipboard")
    bench.paste(pasted)
    bench.engine.answer()
    bench.presenter.open_path(B)
    bench.engine.answer()
    bench.state.undo()
    bench.engine.answer()
    assert bench.presenter.frame is pasted
    assert bench.views.notices == []


def test_a_pasted_picture_is_read_by_the_engine(bench: Bench) -> None:
    pasted = Frame(make_frame().rgb, "clipboard", note="Its transparent parts are laid on white.")
    bench.paste(pasted)
    assert bench.presenter.frame is bench.engine.frames[A]
    assert bench.state.state.source == A
    bench.engine.answer()
    assert bench.presenter.frame is pasted
    assert bench.state.state.source == "clipboard"
    assert bench.views.notices == [pasted.note]
    assert bench.shown_request == bench.presenter.shown.requests[0]


@pytest.mark.parametrize("path", [B, "/pictures/b.png"])
@pytest.mark.parametrize("paste_first", [True, False])
def test_of_an_open_and_a_paste_the_later_wins(bench: Bench, path: str, paste_first: bool) -> None:
    pasted = make_frame("clipboard")
    bench.engine.frames[path] = opened = make_frame(path)
    if paste_first:
        bench.paste(pasted)
    bench.presenter.open_path(path)
    if not paste_first:
        bench.paste(pasted)
    bench.engine.answer()
    assert bench.presenter.frame is (opened if paste_first else pasted)


def test_a_paste_after_an_export_wins(bench: Bench) -> None:
    pasted = make_frame("clipboard")
    bench.presenter.open_path("/exports/view.svg")
    bench.paste(pasted)
    bench.engine.posted.remove(messages.Restore("/exports/view.svg"))
    wanted = State(model_id="large", source=B, layer=4)
    bench.presenter.receive(messages.Restored("/exports/view.svg", wanted))
    bench.engine.answer()
    assert bench.presenter.frame is pasted
    assert bench.state.state.model_id == "small"
    assert bench.views.notices == []


def test_a_paste_that_fails_changes_nothing(bench: Bench) -> None:
    before = bench.state.state
    bench.paste(make_frame("clipboard"))
    request = bench.engine.posted.pop()
    bench.presenter.receive(messages.Failed(request, "This picture is empty."))
    bench.engine.answer()
    assert bench.state.state == before
    assert bench.presenter.frame is bench.engine.frames[A]
    assert bench.views.notices == ["This picture is empty."]
    assert bench.views.last("canvas", "show_busy") == ("",)


def test_export_copy_and_their_answers(bench: Bench) -> None:
    bench.presenter.export("/tmp/view.svg")
    bench.presenter.copy()
    asked = bench.engine.history[-2:]
    state = bench.presenter.shown.state
    assert asked == [
        messages.Export(bench.engine.generation, state, "/tmp/view.svg"),
        messages.RenderFigure(bench.engine.generation, state),
    ]
    image = object()
    bench.presenter.receive(messages.Exported("/tmp/view.svg"))
    bench.presenter.receive(messages.FigureReady(image))
    assert bench.views.copied == [image]
    assert bench.views.notices == ["Saved view.svg.", "The view is on the clipboard."]


def test_a_download_can_be_cancelled_and_opens_the_model_when_done(bench: Bench) -> None:
    bench.presenter.download("large")
    progress = messages.Progress("Download:large", "Downloading Large", 0.5)
    bench.presenter.receive(progress)
    assert bench.views.last("picker", "show_progress") == ("large", 0.5, "Downloading Large")
    bench.presenter.cancel()
    assert bench.engine.history[-1] == messages.CancelDownload("large")
    bench.presenter.receive(messages.DownloadDone("large"))
    bench.engine.answer()
    assert bench.presenter.shown.spec is bench.engine.specs["large"]
