"""Libraries are imported before a net is built, and a net goes as soon as nobody holds it."""

from __future__ import annotations

import gc
import sys
import weakref

import numpy as np
import pytest

from vitstudio.core.frame import Frame
from vitstudio.models import families
from vitstudio.models.families import bring_libraries, family_of
from vitstudio.models.load import load


@pytest.mark.parametrize(
    ("model_id", "library"),
    [
        ("timm/vit_base_patch16_224", "timm.models"),
        ("torchvision/vit_b_16", "torchvision.models"),
        ("open_clip/ViT-B-32/openai", "open_clip"),
        ("world_cnn", "timm.models"),
        ("world_clip", "open_clip"),
    ],
)
def test_what_a_net_is_built_with_is_there_before(model_id: str, library: str) -> None:
    bring_libraries(model_id)
    assert library in sys.modules
    assert not bring_libraries(model_id)


def test_a_net_of_our_own_needs_no_library() -> None:
    assert family_of("dat_tiny").libraries == ()
    assert family_of("world_dat").libraries == family_of("world_depthformer").libraries == ()
    assert not bring_libraries("dinov2_vits14")


def test_a_missing_library_is_left_to_the_builder(monkeypatch: pytest.MonkeyPatch) -> None:
    row = families.Family("nothing", families.world_nets.build_world, libraries=("no_such_module",))
    monkeypatch.setattr(families, "FAMILIES", (row,))
    assert not bring_libraries("nothing")


WORLD = ("vit", "cnn", "swin", "dat", "clip", "depthformer", "mixer", "poolformer")


@pytest.mark.parametrize("model_id", ["dinov2_vits14", *(f"world_{name}" for name in WORLD)])
def test_nothing_but_its_holder_keeps_a_net(model_id: str) -> None:
    """What the collector is told to leave alone must not hold weights for ever."""
    bring_libraries(model_id)
    load(model_id, "random")  # the first net of a library may leave something of the library's
    gc.collect()
    gc.disable()
    try:
        model = load(model_id, "random")
        trace = model.trace_frame(Frame(np.zeros((96, 128, 3), np.uint8), "x"), "whole", None)
        held = weakref.ref(next(model.net.parameters())), weakref.ref(model.net), weakref.ref(trace)
        del model, trace
        assert [ref() for ref in held] == [None] * 3
    finally:
        gc.enable()
