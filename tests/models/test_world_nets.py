"""The small nets of the tabletop world: what they are, their proof, and their weights."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tests.models.nets_of_tests import random_frame
from vitstudio.core.assets import class_names
from vitstudio.core.errors import CheckpointError, ModelError
from vitstudio.core.worlds import foreign_note
from vitstudio.models import catalog
from vitstudio.models.adapters.base import AdaptedNet
from vitstudio.models.families import family_of
from vitstudio.models.load import load, load_checkpoint
from vitstudio.models.trace import Trace
from vitstudio.models.tracing import trace_frame
from vitstudio.models.world_models import (
    CLIP_TEXT,
    MAX_DEPTH,
    MIN_DEPTH,
    WORDS,
    find_world,
    world_specs,
)
from vitstudio.models.world_nets import WORLD_IDS, build_world
from vitstudio.world.captions import VOCABULARY
from vitstudio.world.captions import words as words_of_captions
from vitstudio.world.vocabulary import SHAPES

pytestmark = pytest.mark.usefixtures("one_thread")

LARGEST_BYTES = 12_000_000


def half(adapted: AdaptedNet) -> dict[str, torch.Tensor]:
    """As training ships it."""
    state = adapted.net.state_dict()
    return {k: t.half() if t.is_floating_point() else t for k, t in state.items()}


@pytest.fixture(params=WORLD_IDS, scope="module")
def adapted(request: pytest.FixtureRequest) -> AdaptedNet:
    return load(request.param, "random", "cpu", "float32").adapted


@pytest.fixture(scope="module")
def trace(adapted: AdaptedNet) -> Trace:
    """Of a landscape picture, at its own proportions where the net takes them."""
    return trace_frame(adapted, random_frame(150, 220), "aspect", None)


def test_specs_say_what_the_nets_are(adapted: AdaptedNet) -> None:
    spec = find_world(adapted.spec.id)
    assert adapted.spec.layers == spec.layers
    assert build_world(spec.id).spec == spec
    assert family_of(spec.id).build_from is not None
    trained = trace_frame(adapted, random_frame(128, 128), "trained", None)
    assert trace_sizes(trained) == [layer.grid_size for layer in spec.layers]
    assert trained.info.transform.input_size == (128, 128)


def trace_sizes(trace: Trace) -> list[tuple[int, int]]:
    return [layer.grid_size for layer in trace.layers]


def test_they_are_small_enough_to_ship(adapted: AdaptedNet) -> None:
    halves = sum(tensor.nbytes for tensor in half(adapted).values())
    assert 2_000_000 < halves < LARGEST_BYTES


def test_check_proves_every_layer(trace: Trace) -> None:
    assert max(trace.check(layer) for layer in range(len(trace.layers))) < 1e-4


def test_the_net_answers_the_same_when_it_is_watched(trace: Trace) -> None:
    with torch.inference_mode():
        expected = trace.adapted.net(trace.input_tensor)
    assert torch.equal(trace.output, expected)


def test_every_question_that_the_spec_promises_has_an_answer(trace: Trace) -> None:
    spec = trace.info.spec
    for index, layer in enumerate(trace.layers):
        mixing = trace.mixing(index, (1, 1))  # on the grid that the layer reads
        assert mixing.shape in {each.grid_size for each in trace.layers}
        assert mixing.max() > 0
        if layer.kind == "deformable":
            assert trace.points(index, (1, 1)).weights.shape[0] == layer.groups
        if layer.num_heads:
            # Points outside of the picture have weights that no cell gets.
            sums = trace.weights(index, (1, 1)).sum(axis=-1)
            least = 0.0 if layer.kind == "deformable" else 0.999
            assert (sums > least).all()
            assert (sums < 1.001).all()
    if "rollout" in spec.abilities:
        assert 0.9 < float(trace.rollout((1, 1)).sum()) < 1.001
    if "classes" in spec.abilities:
        assert {name for name, _ in trace.classes(12)} == set(SHAPES)
    if "depth" in spec.abilities:
        assert trace.depth.limits == (MIN_DEPTH, MAX_DEPTH)
        assert MIN_DEPTH <= trace.depth.range[0] <= trace.depth.range[1] <= MAX_DEPTH


def test_a_step_of_training_reaches_every_parameter(adapted: AdaptedNet) -> None:
    """Text parts of CLIP aside, which a picture alone does not reach."""
    torch.manual_seed(1)
    net = build_world(adapted.spec.id).net.train()
    output: Any = net(torch.randn(2, 3, 128, 128))
    output.float().square().mean().backward()
    silent = {name for name, p in net.named_parameters() if p.grad is None}
    text = ("transformer", "token", "text", "pos", "ln_final", "logit")
    assert {name for name in silent if not name.removeprefix("clip.").startswith(text)} == set()


def test_dat_chooses_points_in_its_last_two_stages() -> None:
    layers = find_world("world_dat").layers
    found = {layer.stage: layer.grid_size for layer in layers if layer.kind == "deformable"}
    assert found == {2: (8, 8), 3: (4, 4)}


def test_the_control_has_the_same_branch_without_the_neck() -> None:
    whole, plain = find_world("world_depthformer"), find_world("world_depth_plain")
    assert whole.layers[:-2] == plain.layers
    assert [layer.chained for layer in whole.layers[-2:]] == [False, False]
    states = [build_world(spec.id).net.state_dict() for spec in (whole, plain)]
    assert {k for k in states[0] if k.startswith("backbone.stages")} < set(states[1])


# ---- weights


def test_listing_needs_no_library() -> None:
    code = (
        "import sys; from vitstudio.models.catalog import list_specs; list_specs();"
        "print([name for name in ('torch', 'timm', 'open_clip') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_they_are_bundled_where_their_weights_are(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(catalog, "assets_dir", lambda: tmp_path)
    (tmp_path / "weights").mkdir()
    listed = {spec.id: spec for spec in catalog.list_specs()}
    assert set(WORLD_IDS) == set(world_specs()) == {s.id for s in listed.values() if s.world}
    assert listed["world_cnn"].availability == "none"
    with pytest.raises(
        ModelError, match=r"train it with 'python -m vitstudio\.training world_cnn'"
    ):
        load("world_cnn")

    torch.manual_seed(5)
    made = build_world("world_cnn")
    path = tmp_path / "weights" / "world_cnn.safetensors"
    save_file(half(made), path)
    spec = catalog.find_spec("world_cnn")
    assert (spec.availability, spec.weights_bytes) == ("bundled", path.stat().st_size)
    model = load("world_cnn", device="cpu", precision="float32")
    assert model.spec.trained
    assert model.spec.weights_hash
    state, half_state = model.net.state_dict(), half(made)
    assert all(torch.equal(state[key], half_state[key].to(state[key].dtype)) for key in state)


def test_damaged_weights_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(catalog, "assets_dir", lambda: tmp_path)
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "world_vit.safetensors").write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match=r"'world_vit\.safetensors' is damaged"):
        load("world_vit")


def test_a_file_of_training_is_opened_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "world_dat.safetensors"
    save_file(half(build_world("world_dat")), path)
    spec = load_checkpoint(str(path), "cpu", "float32").spec
    assert (spec.id, spec.availability, spec.world) == ("world_dat", "local", "tabletop")
    with pytest.raises(CheckpointError, match="does not fit Tabletop ResNet"):
        load("world_cnn", str(path), "cpu", "float32")


def test_an_unknown_net_is_named() -> None:
    with pytest.raises(ModelError, match="world_depthformer, world_depth_plain"):
        build_world("world_peace")


def test_random_weights_are_of_no_world() -> None:
    spec = load("world_mixer", "random", "cpu", "float32").spec
    assert not spec.trained
    assert foreign_note(spec, random_frame()) == ""


# ---- words


def test_lists_are_those_of_the_world() -> None:
    assert class_names("tabletop") == SHAPES
    assert class_names(WORDS) == VOCABULARY


@pytest.fixture(scope="module")
def clip() -> AdaptedNet:
    return load("world_clip", "random", "cpu", "float32").adapted


def test_words_are_split_as_captions_are(clip: AdaptedNet) -> None:
    text = "Two polka-dot mugs, left of Anna's ARCH - don\u2019t!"
    assert clip.language is not None
    ids = clip.language.tokens.ids([text])[0].tolist()
    tokens = clip.language.tokens.spelled(ids)
    said = ["[unknown]" if word not in VOCABULARY else word for word in words_of_captions(text)]
    assert list(tokens[: len(said) + 2]) == ["[start]", *said, "[end]"]
    assert set(tokens[len(said) + 2 :]) == {"[pad]"}


def test_prompts_with_new_words_say_so(clip: AdaptedNet) -> None:
    trace = trace_frame(clip, random_frame(), "aspect", None)
    answer = trace.zero_shot(["red cone", "aardvark cube"], templates=("a photo of a {}",))
    assert answer.unknown == ((), ("aardvark",))
    assert trace.zero_shot(["red cone"], templates=("a photo of a {}",)).unknown == ()
    aside = trace.zero_shot(["red cone"], templates=("itap of a {}",))
    assert aside.unknown == (("itap",),)


def test_the_text_tower_is_followed(clip: AdaptedNet) -> None:
    trace = trace_frame(clip, random_frame(), "aspect", None)
    seen = trace.text_attention("wooden aardvark", 2)
    assert seen.tokens == ("[start]", "wooden", "[unknown]", "[end]")
    assert seen.weights.shape == (CLIP_TEXT["heads"], 4, 4)
    np.testing.assert_allclose(seen.weights.sum(axis=-1), 1.0, atol=1e-5)
    assert float(np.abs(np.triu(seen.weights[0], 1)).max()) == 0
    words = trace.words("red cone", "a photo of a {}")
    assert [word for word, _ in words] == ["a", "photo", "of", "a", "red", "cone"]
    assert trace.relevance("red cone", templates=("{}",)).shape == trace.layers[0].grid_size


def test_scale_comes_with_the_weights(tmp_path: Path) -> None:
    made: Any = build_world("world_clip")
    with torch.no_grad():
        made.net.clip.logit_scale.fill_(4.0)
    path = tmp_path / "mine.safetensors"
    save_file(half(made), path)
    language = load("world_clip", str(path), "cpu", "float32").adapted.language
    assert language is not None
    assert language.logit_scale == pytest.approx(np.exp(4.0), rel=1e-3)
