"""The catalogue: what it says is what timm and torchvision say, and reading it needs neither."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from timm.data import create_transform, resolve_data_config
from timm.models import get_pretrained_cfg
from torchvision.models import get_model_weights

from vitstudio.core.assets import assets_dir, class_names
from vitstudio.core.errors import ModelError
from vitstudio.core.geometry import as_trained
from vitstudio.core.spec import HubFile, LayerSpec, ModelSpec, UrlFile
from vitstudio.models import catalog, hub
from vitstudio.models.adapters import open_clip
from vitstudio.models.adapters.torchvision_vit import build_torchvision
from vitstudio.models.importers import catalogue, families
from vitstudio.models.importers.naming import num_classes_of, paper_of, staged_title, title_of

VIT = "timm/vit_base_patch16_224.augreg2_in21k_ft_in1k"


@pytest.fixture(autouse=True)
def _empty_caches(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))


# ---- what it lists


def test_bundled_model_comes_first() -> None:
    spec = catalog.list_specs()[0]
    path = assets_dir() / "weights" / "dinov2_vits14.safetensors"
    assert (spec.id, spec.title, spec.availability) == (
        "dinov2_vits14", "DINOv2 ViT-S/14", "bundled",
    )  # fmt: skip
    assert (spec.num_layers, spec.layers[0].num_heads, spec.dim) == (12, 6, 384)
    assert spec.layers[0].grid_size == (37, 37)
    assert spec.weights is None
    assert spec.weights_bytes == path.stat().st_size
    assert spec.prefix_tokens == ("cls",)


def foreign() -> list[ModelSpec]:
    """The models of other libraries, which are the file's."""
    return [spec for spec in catalog.list_specs() if "/" in spec.id]


def test_every_family_is_there() -> None:
    counts = Counter(spec.family for spec in foreign())
    assert counts["ViT"] > 350
    assert counts["Swin"] > 30
    assert counts["CLIP"] > 60
    assert counts["ResNet"] > 140
    assert counts["ConvNeXt"] > 100
    assert min(counts["PoolFormer"], counts["MetaFormer"], counts["Mixer"]) >= 10


def test_the_file_is_small() -> None:
    path = Path(catalog.__file__).with_name("catalog.json")
    assert path.stat().st_size < 500_000


def test_every_entry_is_whole() -> None:
    specs = catalog.list_specs()
    assert len(specs) > 800
    assert len({spec.id for spec in specs}) == len({spec.title for spec in specs}) == len(specs)
    for spec in foreign():
        assert spec.availability == "download", spec.id
        assert spec.weights is not None, spec.id
        assert spec.weights_bytes > 0, spec.id
        rows, cols = spec.layers[0].grid_size
        assert (rows * spec.patch_size[0], cols * spec.patch_size[1]) == spec.input_size, spec.id
        assert spec.size_step in (spec.patch_size, (32, 32)), spec.id
        steps = spec.input_size[0] // spec.size_step[0]
        assert spec.default_patches == min(28, steps), spec.id
        heads = spec.layers[0].num_heads
        assert spec.dim % max(1, heads) == 0, spec.id
        attends = [layer.num_heads > 0 for layer in spec.layers]
        assert ("attention" in spec.abilities) == any(attends), spec.id
        assert ("rollout" in spec.abilities) == all(attends), spec.id
        assert ("text" in spec.abilities) == (spec.family == "CLIP"), spec.id
        assert ("classes" in spec.abilities) == (spec.num_classes > 0), spec.id
        assert all(title in ("cls", "dist") or title[:3] == "reg" for title in spec.prefix_tokens)


def test_class_lists_fit_their_heads() -> None:
    lists = {spec.class_list: spec.num_classes for spec in catalog.list_specs() if spec.class_list}
    assert set(lists) >= {"imagenet1k", "imagenet12k", "imagenet22k", "imagenet21k_goog"}
    for name, num_classes in lists.items():
        assert len(class_names(name)) == num_classes


def test_clip_heads_are_no_classes() -> None:
    spec = catalog.find_spec("timm/vit_base_patch16_clip_224.openai")
    assert (spec.num_classes, spec.abilities) == (0, {"attention", "rollout", "features"})


@pytest.mark.parametrize(
    ("model_id", "prefix"),
    [
        (VIT, ("cls",)),
        ("timm/deit_tiny_distilled_patch16_224.fb_in1k", ("cls", "dist")),
        ("timm/vit_small_patch14_reg4_dinov2.lvd142m", ("cls", "reg1", "reg2", "reg3", "reg4")),
        ("timm/vit_base_patch16_siglip_224.webli", ()),
        ("timm/vit_betwixt_patch16_rope_reg4_gap_256.sbb_in1k", ("reg1", "reg2", "reg3", "reg4")),
    ],
)
def test_prefix_tokens(model_id: str, prefix: tuple[str, ...]) -> None:
    assert catalog.find_spec(model_id).prefix_tokens == prefix


def test_sources() -> None:
    spec = catalog.find_spec(VIT)
    assert spec.weights == HubFile(VIT, "model.safetensors")
    spec = catalog.find_spec("torchvision/vit_b_16")
    assert spec.weights == UrlFile(
        "https://download.pytorch.org/models/vit_b_16-c867db91.pth",
        "vit_b_16-c867db91.pth",
        "c867db91",
    )


def test_availability_follows_the_caches() -> None:
    spec = catalog.find_spec("torchvision/vit_b_16")
    assert isinstance(spec.weights, UrlFile)
    hub.torch_cache_dir().mkdir(parents=True)
    path = hub.torch_cache_dir() / spec.weights.filename
    path.touch()
    assert catalog.find_spec(spec.id).availability == "local"
    assert [s.id for s in catalog.list_specs() if s.availability == "local"] == [spec.id]
    path.unlink()
    assert catalog.find_spec(spec.id) == spec


# ---- finding one


def test_name_without_tag_is_timms_default() -> None:
    spec = catalog.known_spec("timm/vit_base_patch16_224")
    assert spec is not None
    assert spec.id == "timm/vit_base_patch16_224." + get_pretrained_cfg("vit_base_patch16_224").tag


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("dinov2_vits41", "dinov2_vits14"),
        ("timm/vit_base_patch16_224.augreg2_in21k_ft_in1", VIT),
        ("vit_b_16", "torchvision/vit_b_16"),
    ],
)
def test_unknown_ids_name_what_is_close(wrong: str, meant: str) -> None:
    assert catalog.known_spec(wrong) is None
    with pytest.raises(ModelError, match=f"There is no model '{wrong}': did you mean ") as caught:
        catalog.find_spec(wrong)
    assert meant in str(caught.value)


def test_unknown_id_like_nothing() -> None:
    with pytest.raises(ModelError, match="There is no model 'qqq': see 'vitstudio models list'"):
        catalog.find_spec("qqq")


def test_listing_needs_no_library() -> None:
    code = (
        "import sys; from vitstudio.models import catalog; catalog.list_specs();"
        "print({'torch', 'timm', 'torchvision', 'huggingface_hub'} & set(sys.modules))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "set()"


# ---- the same pictures as the library's own pipeline


def picture(rows: int, cols: int) -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (rows, cols, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


RESAMPLING = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}


def trained_input(spec: ModelSpec, image: Image.Image) -> torch.Tensor:
    """The input as the spec describes it, by Pillow alone."""
    transform = as_trained(
        (image.height, image.width), spec.input_size, spec.crop_fraction, spec.crop_mode
    )
    rows, cols = transform.resized_size
    image = image.resize((cols, rows), RESAMPLING[spec.interpolation])
    x, y = transform.offset_xy
    image = image.crop((x, y, x + spec.input_size[1], y + spec.input_size[0]))
    values = (np.asarray(image, dtype=np.float32) / 255 - spec.mean) / spec.std
    return torch.from_numpy(values.astype(np.float32)).permute(2, 0, 1)


SIZES = [(300, 451), (451, 300), (77, 90)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "spec",
    [spec for spec in catalog.list_specs() if spec.id.startswith("torchvision/")],
    ids=lambda spec: spec.id,
)
def test_torchvision_pipeline(spec: ModelSpec, size: tuple[int, int]) -> None:
    name, _, tag = spec.id.removeprefix("torchvision/").partition(".")
    weights = get_model_weights(name)
    transforms = (weights[tag.upper()] if tag else weights.DEFAULT).transforms()
    image = picture(*size)
    torch.testing.assert_close(trained_input(spec, image), transforms(image), atol=1e-5, rtol=0)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "name",
    [
        "vit_base_patch16_224.augreg2_in21k_ft_in1k",
        "vit_small_patch14_dinov2.lvd142m",
        "deit3_base_patch16_224.fb_in1k",
        "vit_base_patch16_siglip_224.webli",
        "vit_so150m_patch16_reg4_gap_256.sbb_e250_in12k",
        "eva02_base_patch14_448.mim_in22k_ft_in1k",
    ],
)
def test_timm_pipeline(name: str, size: tuple[int, int]) -> None:
    config = resolve_data_config(pretrained_cfg=get_pretrained_cfg(name).to_dict())
    image = picture(*size)
    expected = create_transform(**config)(image)
    spec = catalog.find_spec(f"timm/{name}")
    torch.testing.assert_close(trained_input(spec, image), expected, atol=1e-5, rtol=0)


# ---- the generator


@pytest.mark.parametrize(
    "name",
    [
        "vit_tiny_patch16_224.augreg_in21k_ft_in1k",
        "deit_tiny_distilled_patch16_224.fb_in1k",
        "vit_small_patch14_reg4_dinov2.lvd142m",
        "eva02_tiny_patch14_224.mim_in22k",
        "vit_small_patch16_dinov3.lvd1689m",
    ],
)
def test_file_says_what_the_net_says(name: str) -> None:
    net = catalogue.traceable_net(name)
    row = catalogue.timm_row(name, net, get_pretrained_cfg(name))
    assert catalog._spec({"url": None, **row}) == catalog._specs()[f"timm/{name}"]


@pytest.mark.parametrize(
    "name",
    [
        "swin_tiny_patch4_window7_224.ms_in1k",
        "swin_s3_tiny_224.ms_in1k",
        "swinv2_cr_tiny_ns_224.sw_in1k",
        "swinv2_tiny_window16_256.ms_in1k",
        "caformer_s18.sail_in1k_384",
        "poolformer_s12.sail_in1k",
        "mixer_b16_224.goog_in21k_ft_in1k",
        "gmlp_s16_224.ra3_in1k",
        "resnet18d.ra2_in1k",
        "seresnet50.a1_in1k",
        "convnextv2_atto.fcmae_ft_in1k",
        "test_convnext.r160_in1k",
    ],
)
def test_file_says_what_the_adapter_says(name: str) -> None:
    listed = catalog._specs().get(f"timm/{name}")
    if not families.is_staged(name):
        assert listed is None
        return
    row = families.staged_row(name, get_pretrained_cfg(name))
    assert catalog._spec({"url": None, **row}) == listed
    assert listed is not None
    spec = families.staged_spec(name)
    assert (listed.layers, listed.family, listed.dim) == (spec.layers, spec.family, spec.dim)
    assert (listed.size_step, listed.flexible) == (spec.size_step, spec.flexible)
    assert listed.abilities - {"classes"} == spec.abilities - {"classes"}


@pytest.mark.parametrize("model_id", ["torchvision/swin_v2_t", "torchvision/resnet50"])
def test_file_says_what_torchvision_s_adapter_says(model_id: str) -> None:
    listed = catalog.find_spec(model_id)
    with torch.device("meta"):
        adapted = build_torchvision(model_id, listed)
    assert adapted.spec == listed


@pytest.mark.parametrize(
    "model_id", ["open_clip/ViT-B-32/openai", "open_clip/ViT-B-16-SigLIP/webli"]
)
def test_file_says_what_open_clip_says(model_id: str) -> None:
    listed = catalog.find_spec(model_id)
    spec = open_clip.known_spec(model_id)
    for name in ("layers", "title", "input_size", "weights", "mean", "crop_mode", "abilities"):
        assert getattr(listed, name) == getattr(spec, name), name


def test_layers_of_stages_read_back() -> None:
    layers = (
        LayerSpec("window", 0, 0, 3, (56, 48), (7, 7), pads_first=False),
        LayerSpec("shifted", 0, 1, 3, (56, 48), (7, 7), (3, 3), pads_first=False),
        LayerSpec("window", 0, 2, 3, (56, 48), (7, 7), pads_first=False),
        LayerSpec("convolution", 1, 0, 0, (28, 24), pads_first=False),
        LayerSpec("global", 1, 1, 6, (28, 24), pads_first=False),
        LayerSpec("global", 1, 2, 6, (28, 24), pads_first=False),
    )
    text = catalog.layers_text(layers)
    assert text.startswith("3:56x48:window.3.7x7,shifted.3.7x7.3x3;3:28x24:")
    assert catalog._layers(text, 0, (0, 0), False)[0] == layers


@pytest.mark.parametrize(
    ("name", "side", "title"),
    [
        ("swin_tiny_patch4_window7_224.ms_in1k", 224, "Swin-T window7 224 · ms in1k"),
        ("poolformerv2_s12.sail_in1k", 224, "PoolFormer V2-S12 224 · sail in1k"),
        ("mixer_b16_224.goog_in21k", 224, "MLP-Mixer-B16 224 · goog in21k"),
        ("resnet50.a1_in1k", 224, "ResNet-50 224 · a1 in1k"),
        ("convnextv2_atto.fcmae", 224, "ConvNeXt V2 atto 224 · fcmae"),
        ("wide_resnet50_2.racm_in1k", 224, "Wide ResNet-50 2 224 · racm in1k"),
    ],
)
def test_titles_of_nets_with_stages(name: str, side: int, title: str) -> None:
    assert staged_title(name, side) == title


@pytest.mark.parametrize(
    "name",
    [
        "vit_dwee_patch16_reg1_gap_256.sbb_in1k",  # differential attention
        "vit_pwee_patch16_reg1_gap_256.sbb_in1k",  # attention and MLP in parallel
        "vit_base_r50_s16_224.orig_in21k",  # a ResNet makes the tokens
        "efficientnet_b0.ra_in1k",
    ],
)
def test_nets_that_cannot_be_traced_are_left_out(name: str) -> None:
    assert catalogue.traceable_net(name) is None
    assert catalog.known_spec(f"timm/{name}") is None


def test_rest_of_a_patch_is_no_input() -> None:
    """384 px are 27 patches of 14 px; the spec asks for the 378 px that the net sees."""
    spec = catalog.find_spec("timm/vit_so400m_patch14_siglip_384.webli")
    assert spec.input_size == (378, 378)
    assert spec.layers[0].grid_size == (27, 27)
    assert spec.title == "SigLIP ViT-SO400M/14 384 · webli"


@pytest.mark.parametrize(
    ("name", "patch", "side", "title"),
    [
        (VIT[5:], 16, 224, "ViT-B/16 224 · augreg2 in21k ft in1k"),
        ("vit_small_patch14_reg4_dinov2.lvd142m", 14, 518, "DINOv2 ViT-S/14 reg4 518 · lvd142m"),
        ("vit_base_patch16_clip_224.openai", 16, 224, "CLIP ViT-B/16 224 · openai"),
        ("deit3_base_patch16_224.fb_in1k", 16, 224, "DeiT III-B/16 224 · fb in1k"),
        ("eva02_large_patch14_448.mim_m38m", 14, 448, "EVA-02-L/14 448 · mim m38m"),
    ],
)
def test_titles(name: str, patch: int, side: int, title: str) -> None:
    assert title_of(name, patch, side) == title


def test_papers_and_classes_come_from_names() -> None:
    assert "2309.16588" in paper_of("vit_small_patch14_reg4_dinov2.lvd142m")
    assert "2304.07193" in paper_of("vit_small_patch14_dinov2.lvd142m")
    assert paper_of("something_else") == ""
    assert num_classes_of("vit_base_patch16_clip_224.openai", 512) == 0
    assert num_classes_of("vit_base_patch16_224.bamboo", 115217) == 115217


def test_crop_fraction_leads_back_to_the_resize() -> None:
    for crop, resize in ((224, 256), (224, 242), (518, 518), (378, 426)):
        fraction = catalogue.crop_fraction(crop, resize, crop / resize)
        assert as_trained((1000, 1000), (crop, crop), fraction).resized_size == (resize, resize)


def test_compact_file_reads_back() -> None:
    rows = [{"id": f"n{i}", "title": f"N{i}", "dim": 8 * (1 + i // 4), "x": None} for i in range(5)]
    data = json.loads(catalogue.compact(rows))
    assert data["shared"] == {"dim": 8, "x": None}
    assert [{**data["shared"], **row} for row in data["models"]] == rows
    assert data["models"][4] == {"id": "n4", "title": "N4", "dim": 16}
