"""A net of the tabletop world says so wherever it is named, and on photographs what still holds."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel

from tests.ui.fakes import FakeClock, FakeEngine, FakeScreen, make_frame, make_spec
from tests.ui.panel_data import vit_spec
from vitstudio.core.state import State
from vitstudio.state.app_state import AppState
from vitstudio.ui.model_picker import ModelPicker
from vitstudio.ui.presenter import Presenter
from vitstudio.ui.views.model_button import ModelButton
from vitstudio.ui.views.world_note import WorldNote

PHOTO, SCENE = "cat.png", "tabletop:seed=3"
ORIGIN = "python -m vitstudio.training world_vit"


def world_spec(**changes):
    title = "Tabletop ViT"
    return vit_spec(**{"id": "world_vit", "title": title, "world": "tabletop", **changes})


def classes_notes(source, **changes):
    """What the classes tab was told of a picture, by a net of the tabletop world."""
    spec = make_spec("world_vit")
    spec = type(spec)(**{**vars(spec), "world": "tabletop", **changes})
    engine = FakeEngine(specs={"world_vit": spec}, frames={source: make_frame(source)})
    views = FakeScreen()
    state = AppState(State(model_id="world_vit", source=source))
    presenter = Presenter(state, engine.post, views.screen, FakeClock().later, lambda _path: None)
    engine.receive = presenter.receive
    presenter.start()
    engine.answer()
    return [sentence for (sentence,) in views.said("classes_note", "say")]


def test_on_a_photograph_the_classes_tab_says_what_holds():
    (note,) = classes_notes(PHOTO)
    assert note.startswith("Trained on the tabletop world: its classes do not apply")
    assert note.endswith("its attention is real.")


def test_on_a_scene_of_its_world_and_with_random_weights_there_is_nothing_to_say():
    assert classes_notes(SCENE) == []
    assert classes_notes(PHOTO, trained=False) == []
    assert classes_notes(PHOTO, world="") == []


def test_the_note_takes_no_room_while_it_is_silent(qtbot):
    window = QLabel()
    note = WorldNote()
    qtbot.addWidget(window)
    note.setParent(window)
    window.show()
    note.say("Its <classes> do not apply.")
    assert note.isVisible()
    assert "&lt;classes&gt;" in note.text()
    note.say("")
    assert not note.isVisible()


@pytest.mark.parametrize(
    ("changes", "place", "words"),
    [
        ({}, "bundled, tabletop world", "trained on the tabletop world: its answers hold"),
        ({"availability": "none", "origin": ORIGIN}, "no weights", f"weights: {ORIGIN}"),
    ],
)
def test_the_picker_says_it_in_the_row_and_its_tooltip(qtbot, changes, place, words):
    picker = ModelPicker()
    qtbot.addWidget(picker)
    picker.show_models((world_spec(**changes),), "")
    picker.show()
    row = picker._model.index(1)
    spoken = picker._model.data(row, Qt.ItemDataRole.AccessibleTextRole)
    assert spoken.endswith(place)
    assert words in picker._model.data(row, Qt.ItemDataRole.ToolTipRole)
    assert not picker.grab().isNull()


def test_other_bundled_models_are_of_no_world(qtbot):
    picker = ModelPicker()
    qtbot.addWidget(picker)
    picker.show_models((vit_spec(),), "")
    picker.show()
    row = picker._model.index(1)
    assert picker._model.data(row, Qt.ItemDataRole.AccessibleTextRole).endswith(", bundled")
    assert "world" not in picker._model.data(row, Qt.ItemDataRole.ToolTipRole)


def badge(button):
    return [label.text() for label in button.findChildren(QLabel)]


def test_the_button_of_the_model_has_it_as_a_badge(qtbot):
    button = ModelButton()
    qtbot.addWidget(button)
    button.show_model(world_spec())
    assert "tabletop world" in badge(button)
    assert button.toolTip() == "Tabletop ViT\ntrained on the tabletop world"
    button.show_model(world_spec(trained=False))
    assert "random weights" in badge(button)
    assert button.toolTip() == "Tabletop ViT"
    button.show_model(vit_spec())
    assert "bundled" in badge(button)
