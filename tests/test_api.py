"""The Python interface keeps the names and meanings that scripts rely on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

import vitstudio as vs
from vitstudio.api import Model, Trace
from vitstudio.core.errors import ModelError, PictureError
from vitstudio.core.trace import DenseAttention

ROOT = Path(__file__).parents[1]
COFFEE = ROOT / "assets" / "images" / "coffee.png"


@pytest.fixture(scope="module")
def model() -> Model:
    return vs.load_model("dinov2_vits14", precision="float32")


@pytest.fixture(scope="module")
def trace(model: Model) -> Trace:
    return model.trace(COFFEE, patches=8)


def test_importing_is_cheap_and_names_are_found_when_used() -> None:
    code = (
        "import sys, vitstudio as vs; assert not {'torch', 'PySide6', 'PIL'} & set(sys.modules); "
        "assert {'load_model', 'State'} <= set(vs.__all__); vs.load_model; "
        "assert 'torch' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, timeout=60)


def test_every_promised_name_exists() -> None:
    for name in vs.__all__:
        assert getattr(vs, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'load_net'"):
        vs.load_net  # noqa: B018


def test_models_are_listed() -> None:
    specs = vs.list_models()
    assert specs[0].id == "dinov2_vits14"
    assert len({spec.id for spec in specs}) == len(specs)


def test_a_model_has_its_spec_and_its_net(model: Model, trace: Trace) -> None:
    assert model.spec.num_layers == 12
    assert (model.device, model.precision) == ("cpu", "float32")
    with torch.inference_mode():
        output = model.net(trace.input_tensor)
    assert output.shape == (1, 384)
    torch.testing.assert_close(output, trace.output)


def test_a_trace_answers_as_the_documentation_says(trace: Trace) -> None:
    layer = trace.layers[11]
    assert (layer.kind, layer.grid_size, layer.num_heads, layer.stage) == ("global", (8, 12), 6, 0)
    assert trace.input_tensor.shape == (1, 3, 8 * 14, 12 * 14)
    record = trace.attention(11)
    assert isinstance(record, DenseAttention)
    np.testing.assert_allclose(record.weights.sum(axis=-1), 1.0, atol=1e-5)
    heatmap = trace.heatmap(layer=11, head=3, query="cls")
    assert heatmap.dtype == np.float32
    np.testing.assert_allclose(heatmap.ravel(), record.weights[3, 0, 1:], atol=1e-6)
    patch = trace.heatmap(11, "max", (2, 3))
    np.testing.assert_allclose(
        patch.ravel(), record.weights[:, 1 + 2 * 12 + 3, 1:].max(axis=0), atol=1e-6
    )
    np.testing.assert_array_equal(patch, trace.heatmap(11, "max", 1 + 2 * 12 + 3))
    assert trace.rollout(query="cls").shape == (8, 12)
    assert trace.features(5).shape == (97, 384)
    mixing = trace.mixing(4, (1, 1))
    np.testing.assert_allclose(mixing, trace.heatmap(4, "mean", (1, 1)), rtol=1e-6)
    assert trace.check(11) < 1e-4


@pytest.mark.parametrize("kind", ["path", "text", "frame", "picture", "array", "transparent"])
def test_a_picture_may_come_in_any_form(model: Model, trace: Trace, kind: str) -> None:
    with Image.open(COFFEE) as opened:
        picture = opened.convert("RGB")
    rgb: NDArray[np.uint8] = np.array(picture)
    forms = {
        "path": COFFEE,
        "text": str(COFFEE),
        "frame": vs.load_image(COFFEE),
        "picture": picture,
        "array": rgb,
        "transparent": np.dstack([rgb, np.full(rgb.shape[:2], 255, np.uint8)]),
    }
    given = model.trace(forms[kind], patches=8)
    torch.testing.assert_close(given.input_tensor, trace.input_tensor, rtol=0, atol=0)


@pytest.mark.parametrize(
    "picture", [np.zeros((4, 4)), "missing.png", np.zeros((2, 2, 7), np.uint8)]
)
def test_what_is_no_picture_is_refused(model: Model, picture: object) -> None:
    with pytest.raises(PictureError):
        model.trace(picture)


def test_a_figure_is_what_the_state_says(trace: Trace, tmp_path: Path, qapp: object) -> None:
    state = vs.State(layer=2, head=1, query=(0.5, 0.5), smooth=False)
    path = trace.figure(state).save(tmp_path / "view.npz")
    with np.load(path) as arrays:
        np.testing.assert_array_equal(arrays["map"], trace.heatmap(2, 1, (4, 6)))
    assert trace.figure(state).save(tmp_path / "view.svg").stat().st_size > 1000


def test_the_default_figure_is_the_last_layers_class_token(trace: Trace) -> None:
    content = trace.figure().content
    assert content.breadcrumb[1:] == ("layer 12 of 12", "mean of 6 heads", "class token looks at")
    assert content.state == trace.default_state()
    assert content.token_map is not None
    np.testing.assert_array_equal(content.token_map.values, trace.heatmap(11))


def test_a_state_that_asks_too_much_shows_what_there_is(trace: Trace) -> None:
    content = trace.figure(vs.State(layer=40, head=40, query="reg3")).content
    assert (content.state.layer, content.state.head, content.state.query) == (11, 5, (0.5, 0.5))


def test_the_plain_picture_is_a_figure_too(trace: Trace) -> None:
    assert trace.figure(vs.State(view="picture")).content.token_map is None


def test_random_weights_are_the_same_in_every_run_and_leave_the_dice_alone() -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    one = vs.load_model("dinov2_vits14", weights="random", precision="float32")
    assert torch.rand(1) == expected
    two = vs.load_model("dinov2_vits14", weights="random", precision="float32")
    assert not one.spec.trained
    for name, tensor in one.net.state_dict().items():
        torch.testing.assert_close(tensor, two.net.state_dict()[name], rtol=0, atol=0)


def test_a_fit_that_there_is_none_of_is_not_taken_for_another(model: Model) -> None:
    with pytest.raises(PictureError, match="aspect, trained, whole; got 'train'"):
        model.trace(COFFEE, fit="train")  # type: ignore[arg-type]


@pytest.mark.parametrize("picture", [torch.zeros(3, 8, 8), None, [[0, 1]]], ids=type)
def test_what_is_no_picture_is_told_what_is_one(picture: object) -> None:
    with pytest.raises(PictureError, match="a path, the bytes of a file, a PIL picture or a uint8"):
        vs.load_image(picture)


def test_errors_belong_to_one_family() -> None:
    assert issubclass(ModelError, vs.VitStudioError)
    with pytest.raises(vs.VitStudioError, match="no model 'nothing'"):
        vs.load_model("nothing")
