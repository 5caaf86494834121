"""Scenes as pictures: drawn in steps, with the truth of the same rendering."""

from __future__ import annotations

import numpy as np
import pytest

from vitstudio.core.errors import StateError
from vitstudio.engine import messages
from vitstudio.scenes import SceneHandlers
from vitstudio.sources import tabletop
from vitstudio.sources.image import load_frame
from vitstudio.world.captions import describe
from vitstudio.world.render import render, render_steps
from vitstudio.world.scene import sample_scene


@pytest.mark.parametrize("samples", [1, 2])
def test_steps_give_the_same_picture_as_one_step(samples: int) -> None:
    scene = sample_scene(42)
    whole = render([scene], 90, samples=samples)
    *waits, steps = render_steps(scene, 90, samples=samples, rays=90 * 13)
    assert steps is not None
    assert len(waits) > 5
    assert waits == [None] * len(waits)
    assert (whole.image.int() - steps.image.int()).abs().max() <= 1
    for name in ("instance", "floor"):
        assert getattr(whole, name).equal(getattr(steps, name))
    np.testing.assert_allclose(whole.depth, steps.depth, rtol=1e-5)


def test_a_draft_carries_the_truth_of_its_own_pixels() -> None:
    frame = tabletop.draw_scene("tabletop:42", draft=True)
    scene = sample_scene(42)
    expected = render([scene], tabletop.DRAFT_SIDE)
    assert frame.source == "tabletop:42"
    assert frame.size_rc == (256, 256)
    truth = frame.truth
    assert truth is not None
    np.testing.assert_allclose(truth.depth, expected.depth[0], rtol=1e-5)
    assert (truth.shape, truth.caption) == (scene.main.shape, describe(scene))


def test_a_scene_is_loaded_like_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tabletop, "SIDE", 40)
    frame = load_frame("tabletop:7")
    assert frame.size_rc == (40, 40)
    assert frame.truth is not None
    with pytest.raises(StateError, match=r"tabletop:42\."):
        load_frame("tabletop:seven")


def test_a_newer_scene_stops_an_older_one() -> None:
    handlers = SceneHandlers()
    older = iter(handlers.draw(messages.DrawScene("tabletop:1")))
    assert next(older) is None
    newer = list(handlers.draw(messages.DrawScene("tabletop:2", draft=True)))
    assert list(older) == []
    drawn = newer[-1]
    assert isinstance(drawn, messages.SceneDrawn)
    assert (drawn.frame.source, drawn.draft) == ("tabletop:2", True)
