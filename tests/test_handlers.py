"""What is done for each request: answers, silence for old questions, failures without traces."""

from __future__ import annotations

import itertools
import queue
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vitstudio.core.assets import sample_pictures
from vitstudio.core.errors import Cancelled, ModelError, PictureError, VitStudioError
from vitstudio.core.frame import Frame
from vitstudio.core.spec import HubFile, ModelSpec
from vitstudio.core.state import State
from vitstudio.core.trace import MapRequest
from vitstudio.engine import messages
from vitstudio.engine.engine import Engine
from vitstudio.handlers import ComputeHandlers, DownloadHandlers, FileHandlers
from vitstudio.models import catalog, hub

PATIENCE_S = 30.0
OPEN = messages.OpenModel("dinov2_vits14", precision="float32")


class Asker:
    """Calls handlers in this thread, as a lane would."""

    def __init__(self, handlers: ComputeHandlers | FileHandlers | DownloadHandlers) -> None:
        self.handlers = handlers
        self.table = handlers.table()

    def all(self, message: object) -> list[Any]:
        return list(self.table[type(message)](message))

    def one(self, message: object) -> Any:
        """The only answer besides progress and pauses."""
        answers = [
            answer
            for answer in self.all(message)
            if answer is not None and not isinstance(answer, messages.Progress)
        ]
        assert len(answers) == 1
        return answers[0]


def picture(size_rc: tuple[int, int] = (60, 90), seed: int = 0) -> Frame:
    rng = np.random.default_rng(seed)
    return Frame(rng.integers(0, 256, (*size_rc, 3), dtype=np.uint8), source=f"noise {seed}")


@pytest.fixture(scope="module")
def compute() -> Asker:
    """The bundled model is open; each test traces what it needs."""
    asker = Asker(ComputeHandlers())
    asker.all(OPEN)
    return asker


@pytest.fixture
def traced(compute: Asker) -> messages.Traced:
    """A trace of 4 x 6 patches."""
    answer = compute.one(messages.TraceFrame(picture(), patches=4))
    assert isinstance(answer, messages.Traced)
    return answer


# ---- model and trace


def test_opening_a_model_is_announced_with_progress() -> None:
    begun, done, opened = Asker(ComputeHandlers()).all(OPEN)
    assert isinstance(begun, messages.Progress)
    assert not begun.done
    assert begun.task == done.task == "OpenModel"
    assert done.done
    assert isinstance(opened, messages.ModelOpened)
    assert ("cpu", "CPU") in opened.devices
    assert opened.spec.id == "dinov2_vits14"
    assert (opened.device, opened.precision) == ("cpu", "float32")
    assert len(opened.spec.weights_hash) == 16


def test_a_failed_model_leaves_the_old_one_with_its_trace(
    compute: Asker, traced: messages.Traced
) -> None:
    with pytest.raises(ModelError, match="no model 'nothing'"):
        compute.all(messages.OpenModel("nothing"))
    generation = traced.info.generation
    assert compute.one(messages.AskAtlas(generation, (0,) * 12, "from")).generation == generation


def test_a_new_model_forgets_the_trace_of_the_old_one() -> None:
    asker = Asker(ComputeHandlers())
    asker.all(OPEN)
    old = asker.one(messages.TraceFrame(picture(), patches=2)).info.generation
    asker.all(OPEN)
    question = messages.AskAtlas(old, (0,) * 12, "from")
    assert asker.all(question) == [messages.TraceGone(question)]
    new = asker.one(messages.TraceFrame(picture(), patches=2)).info.generation
    assert new > old


def test_a_frame_before_any_model_has_no_answer() -> None:
    assert Asker(ComputeHandlers()).all(messages.TraceFrame(picture())) == []


def test_each_trace_is_of_the_next_generation_and_of_its_frame(compute: Asker) -> None:
    first, second = picture(seed=1), picture((80, 40), seed=2)
    one = compute.one(messages.TraceFrame(first, patches=3)).info
    two = compute.one(messages.TraceFrame(second, fit="whole", patches=3)).info
    assert two.generation == one.generation + 1
    assert one.frame is first
    assert two.frame is second
    assert one.grid_size == (3, 4)  # 4.5 patches would fit; half a patch is cropped
    assert two.grid_size == (3, 3)


def test_a_refused_frame_leaves_the_old_trace(compute: Asker, traced: messages.Traced) -> None:
    with pytest.raises(PictureError):
        compute.all(messages.TraceFrame(picture((1, 2000)), patches=20))
    assert compute.one(messages.AskCheck(traced.info.generation, 0)).error < 1e-4


# ---- questions


@pytest.mark.parametrize("view", ["attention", "rollout", "pca", "norm", "similarity"])
def test_a_map_is_answered_on_the_grid(compute: Asker, traced: messages.Traced, view: Any) -> None:
    request = MapRequest(view, 5, "mean", 3)
    answer = compute.one(messages.AskMap(traced.info.generation, request))
    assert isinstance(answer, messages.MapReady)
    assert answer.generation == traced.info.generation
    assert answer.token_map.request == request
    assert answer.token_map.values.shape[:2] == (4, 6)
    assert not answer.token_map.values.flags.writeable
    assert answer.seconds > 0


def test_every_other_question_is_answered(compute: Asker, traced: messages.Traced) -> None:
    generation = traced.info.generation
    atlas = compute.one(messages.AskAtlas(generation, (2,) * 12, "to")).atlas
    assert atlas.values.shape == (12, 6, 4, 6)
    assert (atlas.tokens, atlas.direction) == ((2,) * 12, "to")
    facts = compute.one(messages.AskToken(generation, MapRequest("attention", 3, 1, 4))).facts
    assert (facts.layer, facts.head, facts.query) == (3, 1, 4)
    assert 0 < facts.entropy <= facts.max_entropy
    layers = compute.one(messages.AskLayers(generation)).facts
    assert len(layers.mean_distance) == 12
    checked = compute.one(messages.AskCheck(generation, 7))
    assert checked.layer == 7
    assert checked.error < checked.tolerance


def test_long_figures_give_way(compute: Asker, traced: messages.Traced) -> None:
    answers = compute.all(messages.AskLayers(traced.info.generation))
    assert answers.count(None) >= 12
    assert isinstance(answers[-1], messages.LayersReady)


def test_a_model_without_classes_names_none(compute: Asker, traced: messages.Traced) -> None:
    assert compute.all(messages.AskClasses(traced.info.generation)) == []


ASK: dict[str, Callable[[int], object]] = {
    "map": lambda generation: messages.AskMap(generation, MapRequest("rollout", 11)),
    "atlas": lambda generation: messages.AskAtlas(generation, (0,) * 12, "from"),
    "token": lambda generation: messages.AskToken(generation, MapRequest("attention", 0)),
    "layers": messages.AskLayers,
    "classes": messages.AskClasses,
    "check": lambda generation: messages.AskCheck(generation, 0),
}


@pytest.mark.parametrize("name", ASK)
def test_a_question_to_an_older_trace_is_not_answered_and_that_is_said(
    compute: Asker, traced: messages.Traced, name: str
) -> None:
    question = ASK[name](traced.info.generation - 1)
    assert compute.all(question) == [messages.TraceGone(question)]
    assert compute.all(question)[0].generation == traced.info.generation - 1
    assert Asker(ComputeHandlers()).all(question) == [messages.TraceGone(question)]


@pytest.mark.parametrize("name", ["map", "layers", "check"])
def test_long_work_ends_when_a_newer_trace_comes(
    compute: Asker, traced: messages.Traced, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vitstudio.handlers.time.perf_counter", lambda: 0.0)  # no progress to tell
    message = ASK[name](traced.info.generation)
    answers = iter(compute.table[type(message)](message))
    assert next(answers) is None
    compute.one(messages.TraceFrame(picture(), patches=2))
    assert list(answers) == [messages.TraceGone(message)]


def test_a_proof_gives_way_and_a_newer_one_takes_its_place(
    compute: Asker, traced: messages.Traced, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vitstudio.handlers.time.perf_counter", lambda: 0.0)  # never long
    generation = traced.info.generation
    ask = compute.table[messages.AskCheck]
    older = iter(ask(messages.AskCheck(generation, 3)))
    assert next(older) is None
    assert list(ask(messages.AskCheck(generation, 3))) == []  # it is under way
    newer = [answer for answer in ask(messages.AskCheck(generation, 4)) if answer is not None]
    assert [answer.layer for answer in newer] == [4]
    assert list(older) == []
    again = compute.one(messages.AskCheck(generation, 3))
    assert (again.layer, again.generation) == (3, generation)


def test_a_proof_that_is_stopped_says_nothing_and_can_be_asked_again(
    compute: Asker, traced: messages.Traced, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = itertools.count()
    monkeypatch.setattr("vitstudio.handlers.time.perf_counter", lambda: float(next(seconds)))
    ask = messages.AskCheck(traced.info.generation, 5)
    answers = iter(compute.table[messages.AskCheck](ask))
    begun = next(answers)
    assert isinstance(begun, messages.Progress)
    assert begun.text
    assert next(answers) is None
    assert isinstance(compute.handlers, ComputeHandlers)
    compute.handlers.cancel_maps(messages.CancelMaps())
    assert list(answers) == [messages.Progress("AskCheck", "", done=True)]
    assert compute.one(ask).error < 1e-4


# ---- export


def test_an_export_is_written_and_said(
    compute: Asker, traced: messages.Traced, tmp_path: Path
) -> None:
    path = tmp_path / "view.npz"
    state = State(layer=4, head=2, query=(0.5, 0.5))
    begun, done, exported = compute.all(messages.Export(traced.info.generation, state, str(path)))
    assert "view.npz" in begun.text
    assert done.done
    assert exported == messages.Exported(str(path))
    asked = messages.AskMap(traced.info.generation, MapRequest("attention", 4, 2, 1 + 2 * 6 + 3))
    with np.load(path) as arrays:
        np.testing.assert_array_equal(arrays["map"], compute.one(asked).token_map.values)


def test_a_figure_for_the_clipboard_is_a_picture(
    compute: Asker, traced: messages.Traced, qapp: object
) -> None:
    ready = compute.one(messages.RenderFigure(traced.info.generation, State()))
    assert min(ready.image.width(), ready.image.height()) > 100


def test_an_export_before_the_trace_or_to_nowhere_is_one_sentence(
    compute: Asker, traced: messages.Traced, tmp_path: Path
) -> None:
    target = str(tmp_path / "missing" / "view.png")
    with pytest.raises(ModelError, match="no finished view yet"):
        compute.all(messages.Export(traced.info.generation - 1, State(), target))
    with pytest.raises(VitStudioError, match="does not exist"):
        compute.all(messages.Export(traced.info.generation, State(), target))
    assert list(tmp_path.iterdir()) == []


# ---- files


@pytest.fixture
def files() -> Asker:
    return Asker(FileHandlers())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.jpg", "a10.jpg", "a9.jpg"):
        shutil.copy(sample_pictures()[-1], tmp_path / name)
    return tmp_path


def test_a_picture_comes_with_its_neighbours(files: Asker, folder: Path) -> None:
    opened = files.one(messages.OpenPicture(str(folder / "b.jpg")))
    assert opened.frame.source == str(folder / "b.jpg")
    assert [Path(path).name for path in opened.folder] == ["a9.jpg", "a10.jpg", "b.jpg"]


def test_a_picture_that_no_file_holds_is_read(files: Asker) -> None:
    content = sample_pictures()[-1].read_bytes()
    opened = files.one(messages.OpenImage("clipboard", content))
    assert opened.frame.source == "clipboard"
    assert opened.folder == ()
    own = files.one(messages.OpenImage("clipboard 2", lambda name: Frame(opened.frame.rgb, name)))
    assert own.frame.source == "clipboard 2"
    with pytest.raises(PictureError, match="clipboard is not a picture"):
        files.all(messages.OpenImage("clipboard", b"no picture at all"))


def test_a_folder_opens_its_first_picture(files: Asker, folder: Path) -> None:
    opened = files.one(messages.OpenPicture(str(folder)))
    assert opened.frame.source == str(folder / "a9.jpg")
    assert len(opened.folder) == 3


def test_a_folder_opens_the_first_picture_that_can_be_opened(files: Asker, folder: Path) -> None:
    for name in ("a1.jpg", "a2.jpg", "a3.jpg"):
        (folder / name).write_bytes(b"")
    opened = files.one(messages.OpenPicture(str(folder)))
    assert opened.frame.source == str(folder / "a9.jpg")
    assert len(opened.folder) == 6
    assert opened.frame.note == (
        "Left out: a1.jpg is empty (0 bytes); get another copy of it. "
        "Left out: a2.jpg is empty (0 bytes); get another copy of it. And 1 more."
    )
    for name in ("a9.jpg", "a10.jpg", "b.jpg"):
        (folder / name).unlink()
    with pytest.raises(PictureError, match=r"None of the 3 pictures .* a3\.jpg is empty"):
        files.all(messages.OpenPicture(str(folder)))


def test_a_picture_that_cannot_be_opened_is_one_sentence(files: Asker, tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="does not exist"):
        files.all(messages.OpenPicture(str(tmp_path / "gone.png")))
    with pytest.raises(PictureError, match="holds no pictures"):
        files.all(messages.OpenPicture(str(tmp_path)))


def test_an_export_gives_its_state_back(
    compute: Asker, traced: messages.Traced, files: Asker, tmp_path: Path, qapp: object
) -> None:
    state = State(layer=4, head=2, query=(0.25, 0.75), colormap="magma", source="noise 0")
    for suffix in ("png", "svg", "npz"):
        path = str(tmp_path / f"view.{suffix}")
        compute.all(messages.Export(traced.info.generation, state, path))
        assert files.one(messages.Restore(path)) == messages.Restored(path, state, 0.0)


def test_an_ordinary_picture_carries_no_state(files: Asker) -> None:
    path = str(sample_pictures()[0])
    assert files.one(messages.Restore(path)) == messages.Restored(path, None)


def test_the_catalogue_is_listed_with_the_bundled_model_first(files: Asker) -> None:
    listed = files.one(messages.ListModels())
    assert listed.specs[0].id == "dinov2_vits14"
    assert listed.specs[0].availability == "bundled"


# ---- downloads


class Hub:
    """Stands in for the network: pieces arrive when the test says so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.fetched: list[str] = []
        self.entered = threading.Event()
        self.piece = threading.Event()
        specs = {name: self.spec(name) for name in ("timm/one", "timm/two")}
        monkeypatch.setattr(catalog, "find_spec", lambda model_id: specs[model_id])
        monkeypatch.setattr(catalog, "list_specs", lambda: tuple(specs.values()))
        monkeypatch.setattr(hub, "download", self.download)

    @staticmethod
    def spec(name: str) -> ModelSpec:
        return replace(catalog.BUNDLED, id=name, title=name, weights=HubFile(name))

    def download(
        self,
        source: HubFile,
        progress: Callable[[int, int | None], None],
        cancelled: Callable[[], bool],
    ) -> Path:
        self.entered.set()
        for done in (1, 2):
            if cancelled():
                raise Cancelled("The download was stopped.")
            progress(done * 1_000_000, 2_000_000)
            assert self.piece.wait(PATIENCE_S)
        self.fetched.append(source.repo_id)
        return Path(source.repo_id)


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Hub:
    return Hub(monkeypatch)


@pytest.fixture
def answers() -> queue.Queue[object]:
    return queue.Queue()


@pytest.fixture
def downloads(answers: queue.Queue[object], network: Hub) -> Iterator[Engine]:
    handlers = DownloadHandlers(answers.put)
    engine = Engine({"downloads": handlers.table()}, answers.put, immediate=handlers.immediate())
    engine.start()
    yield engine
    network.piece.set()
    engine.stop(PATIENCE_S)


def until(answers: queue.Queue[object], kind: type) -> tuple[Any, list[Any]]:
    """The next answer of a kind, and what came before it."""
    before = []
    while not isinstance(answer := answers.get(timeout=PATIENCE_S), kind):
        before.append(answer)
    return answer, before


def test_a_download_tells_its_progress_and_its_end(
    downloads: Engine, answers: queue.Queue[object], network: Hub
) -> None:
    network.piece.set()
    downloads.post(messages.Download("timm/one"))
    done, before = until(answers, messages.DownloadDone)
    assert done.model_id == "timm/one"
    assert [step.fraction for step in before] == [None, 0.5, 1.0, None]
    assert before[1].text == "Downloading timm/one: 1 of 2 MB"
    assert before[-1].done
    assert until(answers, messages.ModelsListed)[1] == []


def test_a_running_download_is_cancelled_and_can_be_tried_again(
    downloads: Engine, answers: queue.Queue[object], network: Hub
) -> None:
    downloads.post(messages.Download("timm/one"))
    assert network.entered.wait(PATIENCE_S)
    downloads.post(messages.CancelDownload("timm/one"))
    network.piece.set()
    failed, before = until(answers, messages.Failed)
    assert failed.cancelled
    assert any(step.task == "Download:timm/one" and step.done for step in before)
    downloads.post(messages.Download("timm/one"))
    until(answers, messages.DownloadDone)
    assert network.fetched == ["timm/one"]


def test_a_waiting_download_is_cancelled_too(
    downloads: Engine, answers: queue.Queue[object], network: Hub
) -> None:
    downloads.post(messages.Download("timm/one"))
    assert network.entered.wait(PATIENCE_S)
    downloads.post(messages.Download("timm/two"))
    downloads.post(messages.CancelDownload("timm/two"))
    network.piece.set()
    until(answers, messages.DownloadDone)
    failed, _ = until(answers, messages.Failed)
    assert failed.request == messages.Download("timm/two")
    assert failed.cancelled
    assert network.fetched == ["timm/one"]


def test_a_model_without_a_source_cannot_be_downloaded(
    answers: queue.Queue[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    asker = Asker(DownloadHandlers(answers.put))
    with pytest.raises(ModelError, match="no weights to download"):
        asker.all(messages.Download("dinov2_vits14"))
