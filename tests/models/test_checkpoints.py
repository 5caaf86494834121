"""Checkpoint files: read, unwrapped, recognised, and loaded back to the same outputs."""

import argparse
import pickle
import zipfile
from functools import partial

import pytest
import torch
from safetensors.torch import save_file
from timm.layers import LayerNorm, SwiGLUPacked
from timm.models.deit import VisionTransformerDistilled
from timm.models.vision_transformer import VisionTransformer
from torch import nn
from torchvision.models.vision_transformer import VisionTransformer as TorchvisionViT

from vitstudio.core.errors import CheckpointError
from vitstudio.models.checkpoints import match_keys, read_checkpoint, recognise
from vitstudio.models.load import load, load_checkpoint

TINY = {"img_size": 32, "patch_size": 8, "embed_dim": 128, "depth": 2, "num_heads": 2}


def tiny_net(net_type=VisionTransformer, **options):
    torch.manual_seed(7)
    net = net_type(**{**TINY, "num_classes": 5, **options}).eval()
    for tensor in net.state_dict().values():  # some start at zero, and then prove nothing
        tensor.copy_(torch.randn(tensor.shape) * 0.1)
    return net


def rebuilt(state):
    architecture = recognise(state)
    net = architecture.build().eval()
    shapes = {name: tuple(tensor.shape) for name, tensor in net.state_dict().items()}
    report = match_keys(shapes, architecture.state)
    assert report.ok, report.sentence()
    net.load_state_dict(architecture.state)
    return net, architecture


@torch.no_grad()
def assert_same_outputs(net, other, size=32):
    pictures = torch.randn(2, 3, size, size)
    torch.testing.assert_close(other(pictures), net(pictures), rtol=1e-5, atol=1e-5)


# ---- recognising


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"num_classes": 0},
        {"embed_dim": 192, "num_heads": 3, "mlp_ratio": 3.3},
        {"reg_tokens": 4, "no_embed_class": True},
        {"reg_tokens": 2},
        {"init_values": 1.0},
        {"no_embed_class": True},
        {"class_token": False, "global_pool": "avg"},
        {"class_token": False, "global_pool": "map"},
        {"global_pool": "avg"},
        {"num_heads": 4, "qk_norm": True},
        {"qkv_bias": False},
        {"pre_norm": True, "norm_layer": partial(LayerNorm, eps=1e-5)},
        {"mlp_layer": SwiGLUPacked, "act_layer": nn.SiLU, "mlp_ratio": 5.25},
        {"patch_size": 4, "img_size": 48},
    ],
    ids=str,
)
def test_timm_round_trip(tmp_path, options):
    net = tiny_net(**options)
    path = tmp_path / "net.safetensors"
    save_file(net.state_dict(), path)
    other, architecture = rebuilt(read_checkpoint(path))
    assert architecture.layout == "timm"
    assert architecture.num_layers == 2
    assert_same_outputs(net, other, options.get("img_size", 32))


def test_distilled_round_trip():
    net = tiny_net(VisionTransformerDistilled)
    other, architecture = rebuilt(net.state_dict())
    assert architecture.prefix_tokens == ("cls", "dist")
    assert_same_outputs(net, other)


@pytest.mark.parametrize("num_classes", [5, 0])
def test_torchvision_round_trip(tmp_path, num_classes):
    torch.manual_seed(7)
    net = TorchvisionViT(32, 8, 2, 2, 128, 256, num_classes=5).eval()
    nn.init.normal_(net.heads.head.weight)
    if not num_classes:
        net.heads = nn.Identity()
    path = tmp_path / "net.pth"
    torch.save(net.state_dict(), path)
    other, architecture = rebuilt(read_checkpoint(path))
    assert architecture.library == "torchvision"
    assert architecture.num_classes == num_classes
    assert_same_outputs(net, other)


def test_early_torchvision_names_are_modernised(tmp_path):
    net = TorchvisionViT(32, 8, 1, 2, 128, 256)
    state = {
        key.replace("mlp.0.", "mlp.linear_1.").replace("mlp.3.", "mlp.linear_2."): tensor
        for key, tensor in net.state_dict().items()
    }
    torch.save(state, tmp_path / "net.pth")
    assert set(read_checkpoint(tmp_path / "net.pth")) == set(net.state_dict())


@pytest.mark.parametrize("registers", [0, 4])
@pytest.mark.parametrize("swiglu", [False, True])
def test_official_dinov2_keys(registers, swiglu):
    """The official code adds the table to the class token before the registers come in."""
    options = {"num_classes": 0, "init_values": 1e-5}
    if registers:
        options |= {"reg_tokens": registers, "no_embed_class": True}
    if swiglu:
        options |= {"mlp_layer": SwiGLUPacked, "act_layer": nn.SiLU, "mlp_ratio": 5.25}
    net = tiny_net(**options)
    official = dict(net.state_dict())
    if registers:
        row = torch.randn(1, 1, 128)
        official["register_tokens"] = official.pop("reg_token")
        official["pos_embed"] = torch.cat([row, official["pos_embed"]], dim=1)
        official["cls_token"] = official["cls_token"] - row
    if swiglu:
        official = {
            key.replace("mlp.fc1.", "mlp.w12.").replace("mlp.fc2.", "mlp.w3."): tensor
            for key, tensor in official.items()
        }
    official["mask_token"] = torch.zeros(1, 128)
    other, architecture = rebuilt(official)
    assert architecture.layout == "DINOv2"
    assert architecture.prefix_tokens == ("cls", *(f"reg{i + 1}" for i in range(registers)))
    assert_same_outputs(net, other)


def hugging_face_keys(net, names):
    """The inverse of what is tested, written out by hand from the library's modules."""
    state = {}
    for key, tensor in net.state_dict().items():
        parts = key.split(".")
        if parts[0] != "blocks":
            top = {
                "cls_token": "embeddings.cls_token",
                "pos_embed": "embeddings.position_embeddings",
                "patch_embed": f"embeddings.patch_embeddings.projection.{parts[-1]}",
                "norm": f"layernorm.{parts[-1]}",
                "head": f"classifier.{parts[-1]}",
            }
            name = top[parts[0]]
            state[name if parts[0] == "head" else f"vit.{name}"] = tensor
            continue
        layer = f"vit.encoder.layer.{parts[1]}"
        inner = ".".join(parts[2:-1])
        if inner == "attn.qkv":
            for name, part in zip(("query", "key", "value"), tensor.chunk(3), strict=True):
                state[f"{layer}.attention.attention.{name}.{parts[-1]}"] = part
        elif inner.startswith("ls"):
            state[f"{layer}.layer_scale{inner[-1]}.lambda1"] = tensor
        else:
            state[f"{layer}.{names[inner]}.{parts[-1]}"] = tensor
    return state


@pytest.mark.parametrize("dinov2", [False, True])
def test_hugging_face_keys(tmp_path, dinov2):
    eps = 1e-6 if dinov2 else 1e-12
    net = tiny_net(init_values=1.0 if dinov2 else None, norm_layer=partial(LayerNorm, eps=eps))
    names = {"attn.proj": "attention.output.dense"}
    if dinov2:
        names |= {name: name for name in ("norm1", "norm2", "mlp.fc1", "mlp.fc2")}
    else:
        names |= {"norm1": "layernorm_before", "norm2": "layernorm_after"}
        names |= {"mlp.fc1": "intermediate.dense", "mlp.fc2": "output.dense"}
    path = tmp_path / "model.safetensors"
    save_file({k: t.contiguous() for k, t in hugging_face_keys(net, names).items()}, path)
    other, architecture = rebuilt(read_checkpoint(path))
    assert architecture.layout == "Hugging Face"
    assert_same_outputs(net, other)


def test_heads_of_huge_nets_are_not_64_wide():
    state = tiny_net(embed_dim=1280, num_heads=16, depth=1).state_dict()
    assert recognise(state).num_heads == 16
    assert recognise(state, num_heads=20).num_heads == 20


def test_guesses_are_noted():
    assert any("heads" in note for note in recognise(tiny_net().state_dict()).notes)
    assert recognise(tiny_net(num_heads=4, qk_norm=True, num_classes=0).state_dict()).notes == ()


def test_spec_of_a_recognised_checkpoint():
    spec = recognise(tiny_net(num_classes=1000).state_dict()).spec("file/net.pth", "net.pth")
    assert spec.input_size == (32, 32)
    assert spec.layers[1].grid_size == (4, 4)
    assert spec.class_list == "imagenet1k"
    assert "classes" in spec.abilities


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda s: {"layer1.conv.weight": torch.zeros(3)}, "layer1.conv.weight"),
        (lambda s: s | {"pos_embed": torch.zeros(1, 31, 128)}, "no square grid"),
        (lambda s: s | {"blocks.0.attn.relative_position_index": torch.zeros(1)}, "relative"),
        (lambda s: s | {"patch_embed.proj.weight": torch.zeros(128, 1, 8, 8)}, "RGB"),
    ],
)
def test_unknown_architectures(change, expected):
    with pytest.raises(CheckpointError, match=expected):
        recognise(change(dict(tiny_net().state_dict())))


# ---- reading


@pytest.mark.parametrize(
    "wrap",
    [
        lambda s: s,
        lambda s: {"model": s, "epoch": 3},
        lambda s: {"state_dict": {f"module.{key}": tensor for key, tensor in s.items()}},
        lambda s: {f"model.backbone.{key}": tensor for key, tensor in s.items()},
        lambda s: (
            {f"encoder.{key}": tensor for key, tensor in s.items()} | {"fc.bias": s["norm.bias"]}
        ),
        lambda s: {"student": {}, "teacher": {f"backbone.{k}": t for k, t in s.items()}},
        lambda s: {"model": {k: t * 0 for k, t in s.items()}, "model_ema": s},
        lambda s: {"model": s, "args": argparse.Namespace(lr=1.0)},
    ],
)
def test_nests_and_prefixes(tmp_path, wrap):
    state = tiny_net().state_dict()
    torch.save(wrap(state), tmp_path / "net.pth")
    found = read_checkpoint(tmp_path / "net.pth")
    assert set(found) == set(state)
    assert all(torch.equal(found[key], state[key]) for key in state)


class Harmful:
    """Unpickling this runs code, which must not happen."""

    def __reduce__(self):
        return (exec, ("raise SystemExit('code was run')",))


def test_code_is_never_run(tmp_path):
    path = tmp_path / "net.pth"
    torch.save({"model": Harmful()}, path)
    with pytest.raises(CheckpointError, match="holds Python objects, which VitStudio never runs"):
        read_checkpoint(path)
    path.write_bytes(pickle.dumps(Harmful()))
    with pytest.raises(CheckpointError, match="is damaged or no checkpoint"):
        read_checkpoint(path)


def write_bad(path, kind):
    state = {"a": torch.zeros(100)}
    if kind == "empty":
        path.touch()
    elif kind == "text":
        path.write_text("not a checkpoint at all")
    elif kind == "no tensors":
        torch.save({"epoch": 3}, path)
    elif kind == "zip of something else":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("readme.txt", "hello")
    elif kind == "truncated":
        save_file(state, path) if path.suffix == ".safetensors" else torch.save(state, path)
        path.write_bytes(path.read_bytes()[:-60])


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("net.pth", "missing", "No such file"),
        ("net.onnx", "text", "ending in .safetensors"),
        ("net.pth", "empty", "is empty"),
        ("net.safetensors", "empty", "is empty"),
        ("net.pth", "truncated", "is damaged"),
        ("net.safetensors", "truncated", "is damaged"),
        ("net.pth", "text", "is damaged or no checkpoint"),
        ("net.safetensors", "text", "is damaged or no checkpoint"),
        ("net.bin", "zip of something else", "is damaged or no checkpoint"),
        ("net.pt", "no tensors", "holds no weights"),
    ],
)
def test_bad_files(tmp_path, name, kind, expected):
    write_bad(tmp_path / name, kind)
    with pytest.raises(CheckpointError, match=expected) as caught:
        read_checkpoint(tmp_path / name)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["NET.PTH", "NET.SafeTensors"])
def test_suffixes_may_be_capitals(tmp_path, name):
    state = tiny_net().state_dict()
    path = tmp_path / name
    save_file(state, path) if "Safe" in name else torch.save(state, path)
    assert read_checkpoint(path).keys() == state.keys()


@pytest.mark.parametrize(
    ("key", "shape"),
    [
        ("patch_embed.proj.weight", (128,)),
        ("patch_embed.proj.weight", (128, 3, 0, 8)),
        ("pos_embed", (3,)),
        ("pos_embed", ()),
    ],
)
def test_shapes_that_no_net_has_are_no_mistake_of_the_program(tmp_path, key, shape):
    path = tmp_path / "net.pth"
    torch.save({**tiny_net().state_dict(), key: torch.zeros(shape)}, path)
    with pytest.raises(CheckpointError, match=r"net\.pth"):
        load_checkpoint(str(path))
    with pytest.raises(CheckpointError, match=r"net\.pth"):
        load("world_vit", str(path))


def test_a_folder_is_no_checkpoint(tmp_path):
    with pytest.raises(CheckpointError, match="is no checkpoint"):
        read_checkpoint(tmp_path)


# ---- comparing


def test_key_report_lists_everything():
    shapes = {"a": (2, 3), "b": (1,), "c": (4,)}
    report = match_keys(shapes, {"a": torch.zeros(3, 2), "c": torch.zeros(4), "d": torch.zeros(1)})
    assert report.missing == ("b",)
    assert report.unexpected == ("d",)
    assert report.mismatched == (("a", (2, 3), (3, 2)),)
    assert not report.ok
    assert report.sentence() == (
        "Its keys do not match: 1 missing (b), 1 unexpected (d), 1 of another shape "
        "(a 3 x 2 not 2 x 3)."
    )


def test_key_report_shortens_long_lists():
    report = match_keys({f"k{i}": (1,) for i in range(9)}, {})
    assert "9 missing (k0, k1, k2 and 6 more)" in report.sentence()
    assert match_keys({}, {}).ok
