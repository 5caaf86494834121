"""What was asked and what the model has become one view, with a sentence for each change."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from typing import Any

import numpy as np
import pytest

from vitstudio.core.frame import Frame
from vitstudio.core.geometry import plan
from vitstudio.core.spec import LayerSpec, ModelSpec
from vitstudio.core.state import VIEW_KINDS, State, ViewKind
from vitstudio.core.trace import MapRequest, TraceInfo
from vitstudio.state.offers import VIEW_TITLES
from vitstudio.state.resolve import ViewState, resolve
from vitstudio.state.titles import head_title, query_title

SPEC = ModelSpec(
    id="tiny",
    family="ViT",
    title="Tiny ViT",
    input_size=(40, 40),
    patch_size=(10, 10),
    layers=tuple(LayerSpec("global", 0, block, 3, (4, 4)) for block in range(4)),
    dim=12,
    prefix_tokens=("cls", "reg1"),
    default_patches=4,
)
RIGID = replace(SPEC, title="Rigid ViT", flexible=False, input_size=(40, 50))
BARE = replace(SPEC, title="Bare ViT", prefix_tokens=())
CLASSIFIER = replace(SPEC, abilities=SPEC.abilities | {"classes"}, num_classes=10)
NO_MODEL = "No model is loaded yet."


def info_of(spec: ModelSpec, size_rc: tuple[int, int] = (80, 120)) -> TraceInfo:
    """A trace of a landscape picture: 4 x 6 patches for a flexible model."""
    frame = Frame(np.zeros((*size_rc, 3), np.uint8))
    transform = plan(size_rc, spec, "aspect")
    grid = transform.input_size[0] // 10, transform.input_size[1] // 10
    return TraceInfo(
        generation=3,
        frame=frame,
        spec=spec,
        transform=transform,
        grid_size=grid,
        layers=tuple(replace(layer, grid_size=grid) for layer in spec.layers),
        device="cpu",
        precision="float32",
        forward_s=0.1,
    )


def view_of(spec: ModelSpec = SPEC, *, traced: bool = True, **choices: Any) -> ViewState:
    state = State(**{"layer": 3, **choices})
    return resolve(state, spec, info_of(spec) if traced else None)


# ---- clamping


@pytest.mark.parametrize(
    ("spec", "asked", "shown", "notice"),
    [
        (SPEC, {"layer": 0}, {"layer": 0}, None),
        (SPEC, {"layer": 3}, {"layer": 3}, None),
        (SPEC, {"layer": 4}, {"layer": 3}, "Tiny ViT has 4 layers, so its last one is shown."),
        (SPEC, {"layer": 11}, {"layer": 3}, "Tiny ViT has 4 layers, so its last one is shown."),
        (SPEC, {"head": 2}, {"head": 2}, None),
        (SPEC, {"head": "max"}, {"head": "max"}, None),
        (SPEC, {"head": 3}, {"head": 2}, "This layer has 3 heads, so its last one is shown."),
        (SPEC, {"query": "reg1"}, {"query": "reg1"}, None),
        (SPEC, {"query": (0.1, 0.9)}, {"query": (0.1, 0.9)}, None),
        (
            SPEC,
            {"query": "reg2"},
            {"query": (0.5, 0.5)},
            "Tiny ViT has no register 2, so the centre patch is asked.",
        ),
        (
            SPEC,
            {"query": "dist"},
            {"query": (0.5, 0.5)},
            "Tiny ViT has no distillation token, so the centre patch is asked.",
        ),
        (
            BARE,
            {"query": "cls"},
            {"query": (0.5, 0.5)},
            "Bare ViT has no class token, so the centre patch is asked.",
        ),
    ],
)
@pytest.mark.parametrize("traced", [True, False])
def test_what_the_model_lacks_is_replaced_and_said(
    spec: ModelSpec, asked: dict[str, Any], shown: dict[str, Any], notice: str | None, traced: bool
) -> None:
    view = view_of(spec, traced=traced, **asked)
    for name, value in shown.items():
        assert getattr(view.state, name) == value
    assert view.notices == ((notice,) if notice else ())


def test_every_replacement_has_its_own_notice() -> None:
    view = view_of(BARE, layer=9, head=9, query="cls")
    assert (view.state.layer, view.state.head, view.state.query) == (3, 2, (0.5, 0.5))
    assert len(view.notices) == 3


def test_a_state_that_fits_comes_back_as_it_was() -> None:
    state = State(layer=1, head=2, query=(0.3, 0.4), view="rollout", opacity=0.1, patches=9)
    assert resolve(state, SPEC, info_of(SPEC)).state is state


def test_resolving_twice_changes_nothing_more() -> None:
    first = view_of(BARE, layer=9, head=9, query="cls")
    second = resolve(first.state, BARE, info_of(BARE))
    assert second.state == first.state
    assert second.notices == ()


def test_nothing_that_was_given_is_changed() -> None:
    state, info = State(layer=99, head=99), info_of(SPEC)
    resolve(state, SPEC, info)
    assert state == State(layer=99, head=99)
    assert info.layers == info_of(SPEC).layers
    view = view_of()
    with pytest.raises(FrozenInstanceError):
        view.state = state  # type: ignore[misc]


# ---- query and requests


def test_the_layer_carries_the_grid_of_the_trace() -> None:
    traced, untraced = view_of().layer, view_of(traced=False).layer
    assert traced is not None
    assert untraced is not None
    assert traced.grid_size == (4, 6)
    assert untraced.grid_size == (4, 4)


@pytest.mark.parametrize(
    ("query", "index", "cell"),
    [
        ("cls", 0, None),
        ("reg1", 1, None),
        ((0.0, 0.0), 2, (0, 0)),
        ((0.99, 0.01), 7, (0, 5)),
        ((0.5, 0.5), 2 + 2 * 6 + 3, (2, 3)),
    ],
)
def test_a_query_becomes_a_token_of_the_trace(
    query: Any, index: int, cell: tuple[int, int] | None
) -> None:
    view = view_of(query=query)
    assert view.query_index == index
    assert view.query_rc == cell


def test_without_a_trace_the_query_stays_open() -> None:
    for query in ("cls", (0.2, 0.2)):
        view = view_of(traced=False, query=query)
        assert view.query_index is None
        assert view.query_rc is None
        assert view.requests == ()
        assert view.state.query == query


POINT, TOKEN = (0.0, 0.0), 2


@pytest.mark.parametrize(
    ("view", "request_"),
    [
        ("attention", MapRequest("attention", 1, 2, TOKEN, "to")),
        ("rollout", MapRequest("rollout", 1, "mean", TOKEN, "from")),
        ("similarity", MapRequest("similarity", 1, "mean", TOKEN, "from")),
        ("pca", MapRequest("pca", 1, "mean", 0, "from")),
        ("norm", MapRequest("norm", 1, "mean", 0, "from")),
    ],
)
def test_each_view_asks_only_for_what_it_depends_on(view: ViewKind, request_: MapRequest) -> None:
    resolved = view_of(layer=1, head=2, query=POINT, view=view, direction="to")
    assert resolved.requests == (request_,)


def test_the_plain_picture_asks_nothing() -> None:
    assert view_of(view="picture").requests == ()


def test_all_views_are_known_here() -> None:
    assert set(VIEW_TITLES) == set(VIEW_KINDS)


# ---- wording


@pytest.mark.parametrize(
    ("choices", "breadcrumb"),
    [
        (
            {"head": 1, "query": (0.5, 0.5)},
            ("layer 4 of 4", "head 2 of 3", "patch row 3, column 4 looks at"),
        ),
        (
            {"layer": 0, "query": "cls"},
            ("layer 1 of 4", "mean of 3 heads", "class token looks at"),
        ),
        (
            {"head": "max", "query": "reg1", "direction": "to"},
            ("layer 4 of 4", "maximum of 3 heads", "register 1 is looked at by"),
        ),
        ({"view": "picture"}, ("input picture",)),
        ({"view": "pca"}, ("layer 4 of 4", "patch features, first 3 principal components")),
        ({"view": "norm", "layer": 1}, ("layer 2 of 4", "token norms")),
        (
            {"view": "rollout", "layer": 2},
            ("rollout through layers 1 to 3", "class token draws on"),
        ),
        (
            {"view": "similarity", "query": (0, 0)},
            ("layer 4 of 4", "features like patch row 1, column 1"),
        ),
    ],
)
def test_the_breadcrumb_says_what_is_shown(
    choices: dict[str, Any], breadcrumb: tuple[str, ...]
) -> None:
    view = view_of(**choices)
    assert view.breadcrumb == ("Tiny ViT", *breadcrumb)
    assert view.sentence == " > ".join(view.breadcrumb)


def test_the_breadcrumb_of_a_query_without_a_trace_names_no_patch() -> None:
    view = view_of(traced=False, query=(0.5, 0.5), head=0)
    assert view.sentence == "Tiny ViT > layer 4 of 4 > head 1 of 3 > patch looks at"


def test_titles_count_from_one() -> None:
    assert query_title((8, 16)) == "row 9, column 17"
    assert query_title("cls") == "class token"
    assert query_title("dist") == "distillation token"
    assert query_title("reg4") == "register 4"
    assert head_title(3, 6) == "head 4 of 6"
    assert head_title("mean", 6) == "mean of 6 heads"
    assert head_title("max", 6) == "maximum of 6 heads"


# ---- what does not apply

NO_CLASSES = {"classes"}
OF_OTHER_FAMILIES = {
    *("level", "offsets", "prompts", "depth", "truth", "captions"),
    *("view:points", "view:usage", "view:relevance", "view:depth"),
}
"""Off for every plain ViT without text or depth, on a photograph."""


@pytest.mark.parametrize(
    ("spec", "choices", "controls"),
    [
        (SPEC, {}, NO_CLASSES),
        (CLASSIFIER, {}, set()),
        (CLASSIFIER, {"view": "rollout"}, {"head", "direction"}),
        (CLASSIFIER, {"view": "similarity"}, {"head", "direction"}),
        (CLASSIFIER, {"view": "norm"}, {"head", "direction", "query"}),
        (CLASSIFIER, {"view": "pca"}, {"head", "direction", "query", "colours"}),
        (
            CLASSIFIER,
            {"view": "picture"},
            {"head", "direction", "query", "colours", "opacity"},
        ),
        (CLASSIFIER, {"fit": "trained"}, {"patches"}),
        (RIGID, {}, NO_CLASSES | {"patches", "fit:aspect"}),
        (RIGID, {"fit": "trained"}, NO_CLASSES | {"patches", "fit:aspect"}),
    ],
)
def test_controls_that_do_not_apply_say_why(
    spec: ModelSpec, choices: dict[str, Any], controls: set[str]
) -> None:
    disabled = view_of(spec, **choices).disabled
    of_features = choices.get("view") in ("pca", "norm", "similarity")
    before = set() if of_features else {"before"}
    assert set(disabled) == controls | before | OF_OTHER_FAMILIES | {"live"}
    for reason in disabled.values():
        assert reason[0].isupper() or reason[0] == "'"
        assert reason.endswith(".")


def test_reasons_name_the_model_and_its_size() -> None:
    disabled = view_of(RIGID).disabled
    assert disabled["patches"] == "Rigid ViT takes 40 x 50 pixels only."
    assert disabled["classes"].startswith("Rigid ViT has no class head")
    assert view_of(view="norm").disabled["query"] == ("Norms does not depend on the clicked patch.")


def test_a_model_of_one_size_shows_a_landscape_picture_whole() -> None:
    info = info_of(RIGID)
    view = resolve(State(layer=0, query=(0.99, 0.6)), RIGID, info)
    assert info.grid_size == (4, 5)
    assert view.query_rc == (2, 4)
    assert len(view.requests) == 1


def test_random_weights_are_said() -> None:
    assert not view_of().untrained
    assert view_of(replace(SPEC, trained=False)).untrained


def test_without_a_model_everything_is_off() -> None:
    state = State(layer=50, head=50, query="reg9")
    view = resolve(state, None, None)
    assert view.state is state
    assert view.sentence == "No model"
    assert view.requests == ()
    assert view.notices == ()
    assert {reason for name, reason in view.disabled.items() if name != "live"} == {NO_MODEL}
    assert {"head", "query", "patches", "fit", "view:rollout"} <= set(view.disabled)
    assert "view:picture" not in view.disabled


def test_a_first_layer_of_relevance_that_is_not_there_is_the_last() -> None:
    spec = replace(SPEC, abilities=SPEC.abilities | {"text"})
    view = view_of(spec, view="relevance", prompts=("a cat",), start_layer=40)
    assert view.requests[0].start_layer == 3
    assert view.requests[0].prompt == "a cat"
    assert view.requests[0].layer == 0


def test_features_before_a_layer_are_named_and_asked() -> None:
    view = view_of(view="norm", layer=1, before=True)
    assert view.requests[0].before
    assert view.sentence == "Tiny ViT > before layer 2 of 4 > token norms"
    assert not view_of(view="attention", before=True).requests[0].before


def test_only_where_passes_are_recorded_they_can_be_replayed() -> None:
    info = info_of(SPEC)
    for here in (None, info, replace(info, device="cuda:0")):
        assert "replay" not in resolve(State(), SPEC, here).disabled
    on_mps = replace(info, device="mps")
    assert "Apple" in resolve(State(), SPEC, on_mps).disabled["replay"]
