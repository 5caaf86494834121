"""Made scenes in the real window on a fake engine: controls, keys, undo, truth beside answers."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QPushButton

from tests.ui.fakes import clip_spec, depth_spec, make_depth, make_spec
from tests.ui.test_studio_window import Rig
from vitstudio.core.frame import Frame
from vitstudio.core.state import State
from vitstudio.core.trace import TokenMap
from vitstudio.core.truth import CAPTION_TEMPLATE
from vitstudio.engine import messages
from vitstudio.world.address import scene_of, seed_source, truth_of

SEED = 42
SCENE = seed_source(SEED)
A = "/pictures/a.jpg"


def drawn(source, side):
    """A frame of a scene whose depth is 2 m everywhere."""
    truth = truth_of(scene_of(source), np.full((side, side), 2.0, np.float32))
    return Frame(np.full((side, side, 3), 90, np.uint8), source, truth=truth)


def replies_of(engine):
    """Answers of the engine, scenes and their classes too."""
    plain = type(engine).replies

    def replies(message):
        if isinstance(message, messages.DrawScene):
            try:
                frame = drawn(message.source, 64 if message.draft else 128)
            except Exception as error:
                return [messages.Failed(message, str(error))]
            return [messages.SceneDrawn(frame, message.draft)]
        if isinstance(message, messages.AskClasses):
            return [messages.ClassesReady(message.generation, (("mug", 0.7), ("cube", 0.2)))]
        if isinstance(message, messages.AskMap) and message.request.depth_of != "answer":
            answer = make_depth(message.request, engine.info)
            values = np.abs(answer.values - 2.0)
            token_map = TokenMap(message.request, values, answer.prefix, (0, 1), "m of error")
            return [messages.MapReady(message.generation, token_map, 0.001)]
        return plain(engine, message)

    return replies


@pytest.fixture
def build(qtbot, tmp_path):
    rigs = []

    def make(model_id="shapes", source=SCENE, **state):
        rig = Rig(qtbot, tmp_path, State(model_id=model_id, source=source, layer=1, **state))
        abilities = frozenset({"attention", "features", "classes"})
        rig.engine.specs |= {
            "shapes": make_spec("shapes", abilities=abilities, world="tabletop", num_classes=12),
            "clip": clip_spec(),
            "depth": depth_spec(),
        }
        rig.engine.replies = replies_of(rig.engine)
        rigs.append(rig)
        rig.start()
        return rig

    yield make
    for rig in rigs:
        rig.window.close()
        rig.window.deleteLater()
    QApplication.processEvents()


def settle(rig):
    """Wait until the scene that is wanted is on screen, as finely as it can be."""

    def is_fine():
        rig.engine.answer()
        frame = rig.studio.presenter.frame
        return (
            frame is not None
            and frame.source == rig.state.state.source
            and (frame.truth is None or frame.size_rc == (128, 128))
        )

    rig.qtbot.waitUntil(is_fine, timeout=8000)
    QApplication.processEvents()


def test_a_scene_is_opened_by_key_menu_palette_and_empty_state(build):
    rig = build(source=A)
    panel = rig.window.world
    rig.window.show_tab("World")
    assert panel.refused.isVisible()
    seen = {rig.state.state.source}

    def by_key():
        rig.key(Qt.Key.Key_N, Qt.KeyboardModifier.ControlModifier)

    def by_menu():
        menu = rig.window.top_bar.open.menu()
        menu.aboutToShow.emit()
        next(one for one in menu.actions() if one.text().startswith("Tabletop world")).trigger()

    def by_link():
        links = rig.canvas.findChildren(QPushButton)
        next(link for link in links if link.text() == "tabletop world").click()

    for way in (by_key, by_menu, by_link, panel.refused.button.click):
        way()
        settle(rig)
        source = rig.state.state.source
        assert source.startswith("tabletop:2")
        assert source not in seen
        seen.add(source)
        assert rig.window.tab == "World"
        assert panel.seed.isVisible()
    assert len({key for one in rig.studio.actions.values() for key in one.shortcuts}) == sum(
        len(one.shortcuts) for one in rig.studio.actions.values()
    )


def test_controls_show_the_scene_and_change_it(build):
    rig = build()
    settle(rig)
    panel, scene = rig.window.world, scene_of(SCENE)
    assert panel.seed.value() == SEED
    assert panel.words["shape"].word == scene.main.shape
    panel.words["shape"].choice("mushroom").trigger()
    panel.words["texture"].choice("zebra").trigger()
    panel.words["colour"].choice("pink").trigger()
    panel.grounds["floor", "texture"].choice("carpeted").trigger()
    panel.views["camera", "height"].slider.setValue(150)
    settle(rig)
    now = scene_of(rig.state.state.source)
    main = now.main
    assert (main.shape, main.texture, main.colour) == ("mushroom", "zebra", "pink")
    assert now.floor.texture == "carpeted"
    assert now.camera.height == pytest.approx(0.2 + 0.75 * 2.2)
    assert now.solids[1:] == scene.solids[1:]
    assert panel.caption.text().startswith("a zebra pink mushroom on a carpeted floor")
    assert rig.studio.presenter.frame.truth.shape == "mushroom"


def test_solids_are_added_chosen_and_removed(build):
    rig = build()
    settle(rig)
    panel = rig.window.world
    count = len(scene_of(SCENE).solids)
    assert not panel.remove.isEnabled()
    assert "main solid" in panel.remove.toolTip()
    panel.add.click()
    settle(rig)
    scene = scene_of(rig.state.state.source)
    assert len(scene.solids) == count + 1
    panel.words["shape"].choice("torus").trigger()  # the new one is chosen
    assert scene_of(rig.state.state.source).solids[-1].shape == "torus"
    panel.remove.click()
    settle(rig)
    assert scene_of(rig.state.state.source).solids == scene_of(SCENE).solids


def test_one_drag_is_one_step_for_undo_and_one_draft_at_a_time(build):
    rig = build()
    settle(rig)
    slider = rig.window.world.amounts["yaw"].slider
    rig.window.world.words["shape"].choice("chair").trigger()
    chair = rig.state.state.source
    settle(rig)
    asked = len(rig.engine.asked(messages.DrawScene))
    for value in range(60, 100):
        slider.setValue(value)
    assert len(rig.engine.asked(messages.DrawScene)) == asked + 1
    settle(rig)
    assert scene_of(rig.state.state.source).main.yaw == pytest.approx(99 * 1.8)
    rig.studio.trigger("edit.undo")
    assert rig.state.state.source == chair
    rig.studio.trigger("edit.undo")
    assert rig.state.state.source == SCENE
    settle(rig)
    assert rig.window.world.words["shape"].word == scene_of(SCENE).main.shape


def test_keys_page_through_seeds_and_end_at_0(build):
    rig = build(source=seed_source(1))
    settle(rig)
    for key, seed in ((Qt.Key.Key_PageDown, 2), (Qt.Key.Key_PageUp, 1), (Qt.Key.Key_PageUp, 0)):
        rig.key(key)
        settle(rig)
        assert rig.state.state.source == seed_source(seed)
    rig.key(Qt.Key.Key_PageUp)
    assert rig.state.state.source == seed_source(0)
    rig.window.world.seed.setValue(77)
    settle(rig)
    assert rig.studio.presenter.frame.source == seed_source(77)


def test_what_is_shown_stays_until_the_changed_scene_is_traced(build):
    rig = build()
    settle(rig)
    classes = rig.window.predictions._classes
    assert classes
    before = rig.studio.presenter.frame
    rig.window.world.words["colour"].choice("red").trigger()
    rig.engine.answer_one()  # the draft is there, not its trace
    assert rig.studio.presenter.frame is before
    assert rig.canvas.shown_map is not None
    assert rig.window.predictions._classes == classes
    rig.engine.answer()
    assert rig.studio.presenter.frame is not before
    assert rig.studio.presenter.frame.size_rc == (64, 64)


def test_a_slow_model_does_not_hold_the_scene_back(build):
    rig = build()
    settle(rig)
    rig.window.world.words["colour"].choice("red").trigger()
    rig.engine.answer_one()
    source = rig.state.state.source
    rig.qtbot.waitUntil(lambda: rig.studio.presenter.frame.source == source, timeout=4000)
    assert rig.studio.presenter.shown.query_index is None
    assert rig.engine.posted  # the trace is still to come
    settle(rig)
    assert rig.studio.presenter.shown.query_index is not None


def test_a_zoomed_place_stays_from_draft_to_fine(build):
    rig = build()
    settle(rig)
    rig.canvas.zoom(3.0)
    corner, scale = rig.at(64, 64), rig.canvas.scale_px
    rig.window.world.words["colour"].choice("red").trigger()
    rig.engine.answer()
    assert rig.studio.presenter.frame.size_rc == (64, 64)
    assert rig.canvas.scale_px == pytest.approx(2 * scale, rel=0.02)
    assert (rig.at(32, 32) - corner).manhattanLength() <= 2


def test_the_true_class_stands_below_the_predictions(build):
    rig = build()
    settle(rig)
    rig.window.show_tab("Answer")
    line = rig.window.predictions.truth
    assert line.spoken == f"✗ true: {scene_of(SCENE).main.shape}"
    assert line.isVisible()
    rig.window.world.words["shape"].choice("mug").trigger()
    settle(rig)
    assert line.spoken == "✓ true: mug"
    rig.update(model_id="small")
    assert line.spoken == "true: mug"
    rig.studio.presenter.open_path(A)
    rig.engine.answer()
    assert not line.isVisible()


def test_captions_become_prompts_and_the_true_one_is_marked(build):
    rig = build("clip")
    settle(rig)
    rig.studio.trigger("world.captions")
    settle(rig)
    truth, state = rig.studio.presenter.frame.truth, rig.state.state
    assert state.prompts == truth.captions
    assert state.templates == (CAPTION_TEMPLATE,)
    assert state.prompts[state.prompt] == truth.right_caption
    bars = rig.window.prompts.bars.bars
    assert [bar.prompt for bar in bars if bar.pill == "true"] == [truth.right_caption]
    rig.studio.presenter.open_path(A)
    rig.engine.answer()
    rig.studio.trigger("world.captions")
    assert "tabletop" in rig.window.notice.text
    assert not rig.window.prompts.labels.choice("scene").isEnabled()


def test_depth_is_compared_with_the_truth(build):
    rig = build("depth", view="depth")
    settle(rig)
    panel = rig.window.depth_panel.truth
    assert panel.isVisible()
    info = rig.engine.info
    values = make_depth(None, info).values.astype(np.float64)
    assert panel.figures["AbsRel"].text() == f"{np.abs(values - 2).mean() / 2:.3f}"
    right = ((values < 2.5) & (values > 1.6)).mean()
    assert panel.figures["δ1"].text() == f"{100 * right:.1f} %"
    panel.choice.buttons["error"].click()
    rig.engine.answer()
    assert rig.state.state.depth_of == "error"
    assert rig.window.breadcrumb.text.endswith("error of its depth")
    assert rig.canvas.shown_map.request.depth_of == "error"
    rig.key(Qt.Key.Key_E)
    assert rig.state.state.depth_of == "answer"
    rig.qtbot.mouseMove(rig.viewport(), rig.at(64, 64))
    assert panel.under_cursor.text() == "2.00 m"
    rig.studio.presenter.open_path(A)
    rig.engine.answer()
    assert not panel.isVisible()


def test_a_name_of_no_scene_gets_a_sentence_and_the_old_picture(build):
    rig = build()
    settle(rig)
    rig.studio.presenter.open_path("tabletop:nonsense")
    rig.engine.answer()
    assert "names no scene" in rig.window.notice.text
    assert rig.state.state.source == SCENE
    assert rig.studio.presenter.frame.source == SCENE


def test_a_state_gives_the_same_scene_back(build):
    rig = build()
    settle(rig)
    rig.window.world.words["shape"].choice("star").trigger()
    settle(rig)
    saved = rig.state.state.to_json()
    rig.studio.presenter.open_path(A)
    rig.engine.answer()
    assert rig.window.world.refused.isHidden() is False
    rig.state.restore(State.from_json(saved))
    settle(rig)
    assert rig.state.state.to_json() == saved
    assert scene_of(rig.studio.presenter.frame.source).main.shape == "star"
    assert rig.window.world.words["shape"].word == "star"
