"""The proof of the imported `dinov2_vits14`: timm's tokens against onnxruntime's, in float32."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor
from torch.nn.functional import cosine_similarity, interpolate

from vitstudio.core.errors import CheckpointError
from vitstudio.models.importers.files import optional_module

NUM_LAYERS = 12
PATCH_PX = 14
INPUT_PX = 224  # the export has a fixed input; the position table itself is for 518
TOLERANCE = 1e-4  # 3e-5 is measured; an antialiased resize of the position table gives 0.4 and more
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Agreement:
    """How well the converted net agrees with the original on one picture.

    Attributes
    ----------
    picture : str
        Which picture, in words.
    float32_max, antialiased_max, float16_max : float
        Largest absolute difference of a token value from onnxruntime's: with the float32 weights,
        with them but an antialiased resize of the position table, with the float16 weights.
    float16_cosine : float
        The lowest cosine between a token with float16 weights and onnxruntime's.
    largest_value : float
        Largest absolute token value, to read the differences against.
    """

    picture: str
    float32_max: float
    antialiased_max: float
    float16_max: float
    float16_cosine: float
    largest_value: float


def original_tokens(model: Any, batch: Tensor) -> Tensor:
    """Return the normalised tokens which onnxruntime computes, float32 (batch, tokens, dim).

    They are no output of the file, so the last LayerNorm's is added to `model`.
    """
    onnx, runtime = optional_module("onnx"), optional_module("onnxruntime")
    (tokens,) = {n.output[0] for n in model.graph.node if "backbone.layernorm.bias" in n.input}
    if tokens not in {output.name for output in model.graph.output}:
        info = onnx.helper.make_tensor_value_info(tokens, onnx.TensorProto.FLOAT, None)
        model.graph.output.append(info)
    session = runtime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    name = session.get_inputs()[0].name
    # one picture at a time, so that memory stays that of one
    results = [session.run([tokens], {name: picture[None].numpy()})[0] for picture in batch]
    return torch.from_numpy(np.concatenate(results))


def converted_tokens(state: Mapping[str, Tensor], batch: Tensor, antialias: bool = False) -> Tensor:
    """Return the normalised tokens which timm's net computes, float32 (batch, tokens, dim).

    The position table is resized here: timm's own resize is antialiased, the original's is not.
    """
    table = state["pos_embed"].float()
    prefix, grid = torch.tensor_split(table, [1], dim=1)  # the class token's row, the patches'
    side = math.isqrt(grid.shape[1])
    square = grid.transpose(1, 2).reshape(1, -1, side, side)  # (1, dim, rows, cols)
    cells = batch.shape[-1] // PATCH_PX
    resized = interpolate(square, size=(cells, cells), mode="bicubic", antialias=antialias)
    fitted = torch.cat([prefix, resized.flatten(2).transpose(1, 2)], dim=1)
    net = VisionTransformer(
        img_size=batch.shape[-1], patch_size=PATCH_PX, embed_dim=384, depth=NUM_LAYERS,
        num_heads=6, init_values=1e-5, num_classes=0, dynamic_img_size=True,
    ).eval()  # fmt: skip
    net.load_state_dict({**state, "pos_embed": fitted})
    with torch.inference_mode():
        tokens: Tensor = net.forward_features(batch)
    return tokens


def verification_pictures(folder: Path) -> dict[str, Tensor]:
    """Return normalised pictures, float32 (3, 224, 224): seeded noise, the photos in `folder`."""
    noise = torch.Generator().manual_seed(0)
    pictures = {"noise, seed 0": torch.randn(3, INPUT_PX, INPUT_PX, generator=noise)}
    for path in sorted([*folder.glob("*.png"), *folder.glob("*.jpg")]):
        with Image.open(path) as opened:
            small = opened.convert("RGB").resize((INPUT_PX, INPUT_PX), Image.Resampling.BICUBIC)
        rgb = torch.from_numpy(np.array(small)).float() / 255  # (rows, cols, 3)
        pictures[path.name] = ((rgb - torch.tensor(MEAN)) / torch.tensor(STD)).permute(2, 0, 1)
    return pictures


def measure(
    model: Any, state: Mapping[str, Tensor], stored: Mapping[str, Tensor], folder: Path
) -> list[Agreement]:
    """Return how well the float32 `state` and the float16 `stored` agree with the ONNX `model`.

    Raises
    ------
    CheckpointError
        When a float32 token value differs by more than `TOLERANCE`.
    """
    pictures = verification_pictures(folder)
    batch = torch.stack(list(pictures.values()))
    expected = original_tokens(model, batch)
    exact = (converted_tokens(state, batch) - expected).abs().amax((1, 2))
    smooth = (converted_tokens(state, batch, antialias=True) - expected).abs().amax((1, 2))
    half = converted_tokens({name: tensor.float() for name, tensor in stored.items()}, batch)
    rounding = (half - expected).abs().amax((1, 2))
    cosines = cosine_similarity(half, expected, dim=2).amin(1)
    columns = torch.stack([exact, smooth, rounding, cosines, expected.abs().amax((1, 2))], dim=1)
    figures = [Agreement(name, *row) for name, row in zip(pictures, columns.tolist(), strict=True)]
    worst = max(figures, key=lambda figure: figure.float32_max)
    if not worst.float32_max <= TOLERANCE:  # so that nan fails too
        raise CheckpointError(
            f"The converted tokens differ from the original's by {worst.float32_max:.1e} on "
            f"{worst.picture}, allowed is {TOLERANCE:.0e}; nothing was written."
        )
    return figures
