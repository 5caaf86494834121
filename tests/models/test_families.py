"""Nets that are no plain ViTs: their layers and grids, the proof of each, how they are loaded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file

from tests.models.nets_of_tests import random_frame
from tests.models.small_nets import NETS, poolformer
from vitstudio.core.errors import CheckpointError, ModelError
from vitstudio.models.adapters.base import AdaptedNet
from vitstudio.models.load import load, load_checkpoint
from vitstudio.models.trace import Trace
from vitstudio.models.tracing import trace_frame

KINDS = {
    "PoolFormer": ["pooling"] * 5,
    "ConvFormer": ["convolution"] * 5,
    "CAFormer": ["convolution"] * 3 + ["global"] * 2,
}


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """Small nets: threads only wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(params=NETS, scope="module")
def adapted(request: pytest.FixtureRequest) -> AdaptedNet:
    """Each net in turn."""
    return NETS[request.param]()


@pytest.fixture(scope="module")
def trace(adapted: AdaptedNet) -> Trace:
    """Of a landscape picture."""
    return trace_frame(adapted, random_frame(64, 96), "aspect", None)


def test_grids_are_those_of_the_blocks_outputs(trace: Trace) -> None:
    rows, cols = trace.transform.input_size
    cell = trace.info.spec.patch_size[0]
    for layer, spec in enumerate(trace.layers):
        side = cell * 2**spec.stage
        assert spec.grid_size == (rows // side, cols // side)
        assert trace.features(layer).shape[0] == spec.grid_size[0] * spec.grid_size[1]
    assert [layer.stage for layer in trace.layers] == sorted(layer.stage for layer in trace.layers)


def test_trained_grids_are_those_of_a_pass_at_the_trained_size(adapted: AdaptedNet) -> None:
    trace = trace_frame(adapted, random_frame(70, 70), "trained", None)
    assert trace.layers == adapted.spec.layers


def test_check_proves_every_layer(trace: Trace) -> None:
    assert max(trace.check(layer) for layer in range(len(trace.layers))) < 1e-4


def test_the_net_answers_the_same_when_it_is_watched(trace: Trace) -> None:
    with torch.inference_mode():
        expected = trace.adapted.net(trace.input_tensor)
    assert torch.equal(trace.output, expected)


def test_features_are_what_the_blocks_hand_on(trace: Trace) -> None:
    seen: list[Any] = []
    last = trace.adapted.blocks[-1]
    handle = last.register_forward_hook(lambda _m, _a, output: seen.append(output.clone()))
    with torch.inference_mode():
        trace.adapted.net(trace.input_tensor)
    handle.remove()
    tokens = trace.adapted.mixers[-1].tokens(seen[0])
    np.testing.assert_allclose(trace.features(len(trace.layers) - 1), tokens, atol=1e-5)


def test_layers_without_heads_have_no_attention_and_one_atlas_map(trace: Trace) -> None:
    layer = trace.layers[0]
    assert layer.num_heads == 0
    with pytest.raises(ModelError, match="no attention"):
        trace.weights(0, (0, 0))
    facts = trace.token_facts(0, query=(1, 1))
    assert facts.entropy is None


@pytest.mark.parametrize("name", KINDS)
def test_kinds(name: str) -> None:
    assert [layer.kind for layer in NETS[name]().spec.layers] == KINDS[name]


def test_a_wrong_average_is_noticed() -> None:
    """The check compares with the weights that are drawn, not with the net itself."""
    adapted = poolformer()
    mixer: Any = adapted.mixers[0]
    mixer.window = 5
    trace = trace_frame(adapted, random_frame(64, 96), "aspect", None)
    assert trace.check(0) > 0.01


# ---- by id


@pytest.mark.parametrize(
    ("model_id", "family", "kinds"),
    [
        ("timm/test_resnet", "ResNet", {"convolution"}),
        ("timm/test_convnext", "ConvNeXt", {"convolution"}),
        ("timm/poolformerv2_s12", "PoolFormer", {"pooling"}),
        ("timm/mixer_s32_224", "Mixer", {"mixing"}),
        ("timm/swin_tiny_patch4_window7_224", "Swin", {"window", "shifted"}),
        ("torchvision/resnet18", "ResNet", {"convolution"}),
        ("torchvision/convnext_tiny", "ConvNeXt", {"convolution"}),
        ("torchvision/swin_v2_t", "Swin", {"window", "shifted"}),
    ],
)
def test_loading_by_id(model_id: str, family: str, kinds: set[str]) -> None:
    model = load(model_id, "random", "cpu", "float32")
    spec = model.spec
    assert (spec.family, {layer.kind for layer in spec.layers}) == (family, kinds)
    assert ("attention" in spec.abilities) == (family == "Swin")
    assert ("rollout" in spec.abilities) == (family == "Swin")
    trace = model.trace_frame(random_frame(70, 130), patches=3 if spec.flexible else None)
    assert trace.transform.input_size == ((96, 192) if spec.flexible else spec.input_size)
    assert max(trace.check(layer) for layer in (0, len(trace.layers) - 1)) < 1e-4
    assert len(trace.classes()) == 5


def test_nets_that_are_of_no_family_are_refused() -> None:
    with pytest.raises(ModelError, match="which VitStudio cannot trace yet; choose"):
        load("timm/test_efficientnet", "random", "cpu", "float32")
    with pytest.raises(ModelError, match="no ViT, Swin, ResNet or ConvNeXt 'alexnet'"):
        load("torchvision/alexnet", "random", "cpu", "float32")


# ---- by file


@pytest.mark.parametrize("name", ["test_resnet", "test_convnext"])
def test_a_file_of_such_a_net_is_recognised(name: str, tmp_path: Path) -> None:
    net = timm.create_model(name, num_classes=7)
    path = tmp_path / "mine.safetensors"
    save_file(net.state_dict(), path)
    model = load_checkpoint(str(path), "cpu", "float32")
    assert model.spec.title == "mine"
    assert (model.spec.num_classes, model.spec.availability) == (7, "local")
    assert f"as for timm/{name}." in model.adapted.notes[0]
    frame = random_frame(70, 130)
    trace = model.trace_frame(frame, patches=3)
    assert max(trace.check(layer) for layer in range(len(trace.layers))) < 1e-4
    with torch.inference_mode():
        torch.testing.assert_close(trace.output, net.eval()(trace.input_tensor))


def test_torchvision_s_names_are_told_from_timm_s(tmp_path: Path) -> None:
    from torchvision.models import convnext_tiny

    path = tmp_path / "mine.pth"
    torch.save({"model": convnext_tiny(num_classes=3).state_dict()}, path)
    model = load_checkpoint(str(path), "cpu", "float32")
    assert (model.spec.family, model.spec.num_classes) == ("ConvNeXt", 3)
    assert "torchvision/convnext_tiny" in model.adapted.notes[0]


def test_a_file_of_no_listed_size_is_refused_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "odd.safetensors"
    save_file(poolformer().net.state_dict(), path)
    with pytest.raises(CheckpointError, match="No known vision transformer has keys such as"):
        load_checkpoint(str(path), "cpu", "float32")
