"""Every model that comes with the program, in every view, on a scene and on a photo."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from vitstudio.api import load_image
from vitstudio.core.assets import assets_dir
from vitstudio.core.frame import Frame
from vitstudio.core.spec import ModelSpec
from vitstudio.core.state import State
from vitstudio.models import catalog
from vitstudio.models.answers import token_map
from vitstudio.models.load import LoadedModel, load
from vitstudio.models.tracing import trace_frame
from vitstudio.state.offers import offered_views
from vitstudio.state.resolve import resolve

pytestmark = pytest.mark.usefixtures("one_thread")

BUNDLED = tuple(spec for spec in catalog.list_specs() if spec.availability == "bundled")
PICTURES = ("tabletop:20", str(assets_dir() / "images" / "coffee.png"))


@cache
def picture(source: str) -> Frame:
    """Once for all models: drawing a scene takes seconds."""
    return load_image(source)


@pytest.fixture(scope="module", params=BUNDLED, ids=lambda spec: spec.id)
def model(request: pytest.FixtureRequest) -> LoadedModel:
    return load(request.param.id, precision="float32")


@pytest.fixture(scope="module", params=PICTURES, ids=("scene", "photo"))
def frame(request: pytest.FixtureRequest) -> Frame:
    return picture(request.param)


def layers_of(spec: ModelSpec) -> list[int]:
    """The last layer of each kind: views of a kind are drawn alike."""
    return sorted({layer.kind: index for index, layer in enumerate(spec.layers)}.values())


def test_every_weights_file_is_a_model_and_every_model_has_a_card() -> None:
    folder: Path = assets_dir() / "weights"
    ids = {spec.id for spec in BUNDLED}
    assert "dinov2_vits14" in ids
    assert {path.stem for path in folder.glob("*.safetensors")} == ids
    assert {path.stem for path in folder.glob("*.md")} - {"LICENSES"} == ids


def test_all_views_answer(model: LoadedModel, frame: Frame) -> None:
    spec = model.spec
    assert spec.trained
    trace = trace_frame(model.adapted, frame)
    shown = set()
    for layer in layers_of(spec):
        for view in offered_views(spec):
            state = State(
                model_id=spec.id,
                layer=layer,
                view=view,
                query=(0.5, 0.45),
                prompts=("a red cube", "a blue mug"),
            )
            resolved = resolve(state, spec, trace.info)
            if resolved.state.view != view or not resolved.requests:
                continue
            found = token_map(trace, resolved.requests[0])
            assert found.values.size > 1
            assert np.isfinite(found.values).all()
            shown.add(view)
    assert shown == set(offered_views(spec)) - {"picture"}
    assert max(trace.check(layer) for layer in layers_of(spec)) < 1e-4


def test_classes_and_depth_say_where_they_apply(model: LoadedModel, frame: Frame) -> None:
    trace = trace_frame(model.adapted, frame)
    state = State(model_id=model.spec.id, layer=0)
    note = resolve(state, model.spec, trace.info).world_note
    foreign = model.spec.world != "" and not frame.source.startswith("tabletop:")
    assert (note != "") == foreign
