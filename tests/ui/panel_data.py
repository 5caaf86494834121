"""Plausible data for the window's panels."""

import numpy as np

from vitstudio.core.frame import Frame
from vitstudio.core.geometry import keep_aspect
from vitstudio.core.spec import LayerSpec, ModelSpec
from vitstudio.core.trace import Atlas, LayerFacts, TokenFacts, TraceInfo


def vit_spec(num_layers=12, heads=6, **changes):
    values = {
        "id": "dinov2_vits14",
        "family": "ViT",
        "title": "DINOv2 ViT-S/14",
        "input_size": (518, 518),
        "patch_size": (14, 14),
        "layers": tuple(LayerSpec("global", 0, n, heads, (37, 37)) for n in range(num_layers)),
        "dim": 384,
        "prefix_tokens": ("cls",),
        "availability": "bundled",
    }
    return ModelSpec(**(values | changes))


def staged_spec():
    """A pyramid that has every kind of token mixer."""
    kinds = ["window", "shifted", "deformable", "convolution", "pooling", "mixing", "global"]
    layers = tuple(
        LayerSpec(kind, n // 2, n % 2, 3 * 2 ** (n // 2), (56 >> n // 2, 56 >> n // 2))
        for n, kind in enumerate(kinds)
    )
    return vit_spec(
        id="timm/zoo",
        title="Zoo",
        layers=layers,
        num_classes=1000,
        prefix_tokens=(),
        patch_size=(4, 4),
        input_size=(224, 224),
    )


def trace_info(spec, rows=400, cols=600, patches=28):
    transform = keep_aspect((rows, cols), spec.patch_size, patches)
    grid = (
        transform.input_size[0] // spec.patch_size[0],
        transform.input_size[1] // spec.patch_size[1],
    )
    frame = Frame(np.zeros((rows, cols, 3), dtype=np.uint8), "coffee.png")
    return TraceInfo(1, frame, spec, transform, grid, spec.layers, "cpu", "float32", 0.03)


def layer_facts(layers=12):
    return LayerFacts(tuple(0.47 - 0.36 * n / layers for n in range(layers)))


def atlas(layers=12, heads=6, grid=(28, 42), num_heads=None, seed=0):
    """Blobs that wander with layer and head; NaN where a layer has fewer heads."""
    generator = np.random.default_rng(seed)
    rows, cols = np.indices(grid)
    values = np.empty((layers, heads, *grid), dtype=np.float32)
    for layer in range(layers):
        for head in range(heads):
            row, col = generator.uniform(0, grid[0]), generator.uniform(0, grid[1])
            width = generator.uniform(1.0, 8.0)
            blob = np.exp(-((rows - row) ** 2 + (cols - col) ** 2) / (2 * width**2))
            noise = generator.random(grid) ** 6
            values[layer, head] = (blob + 0.4 * noise) * 10.0 ** generator.uniform(-4, -1)
    num_heads = num_heads or (heads,) * layers
    for layer, count in enumerate(num_heads):
        values[layer, count:] = np.nan
    return Atlas(values, num_heads, (0,) * len(num_heads), "from")


def token_facts(prefix=(("cls", 0.0034),), mean_distance=4.2):
    return TokenFacts(
        query=639,
        layer=11,
        head=3,
        weight_on_itself=0.0121,
        weight_on_prefix=prefix,
        entropy=5.93,
        max_entropy=7.07,
        mean_distance=mean_distance,
        norm=38.2,
        median_norm=36.9,
    )


def model_specs(to_download=40):
    """A catalogue with every kind of availability."""
    specs = [
        vit_spec(),
        vit_spec(
            id="torchvision/vit_b_16",
            title="ViT-B/16",
            heads=12,
            availability="local",
            input_size=(224, 224),
            patch_size=(16, 16),
            num_classes=1000,
            weights_bytes=346_000_000,
        ),
        vit_spec(id="timm/vit_odd", title="ViT without weights", availability="none"),
    ]
    sizes = ("tiny", "small", "base", "large")
    for number in range(to_download):
        size = sizes[number % 4]
        specs.append(
            vit_spec(
                id=f"timm/vit_{size}_patch16_224.augreg_in21k"
                + ("" if number < 4 else f"_{number}"),
                title=f"ViT {size} patch 16, 224 px, variant {number}",
                availability="download",
                input_size=(224, 224),
                patch_size=(16, 16),
                heads=12,
                num_classes=1000,
                weights_bytes=[22_900_000, 88_000_000, 346_000_000, 1_217_000_000][number % 4],
            )
        )
    return tuple(specs)
