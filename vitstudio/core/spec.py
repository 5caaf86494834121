"""A model as data, so that every room of the program may read it without loading torch."""

from __future__ import annotations

from typing import Literal

from vitstudio.core.record import Record

MixerKind = Literal["global", "window", "shifted", "deformable", "pooling", "mixing", "convolution"]
"""How the tokens of a layer exchange information."""

Availability = Literal["bundled", "local", "download", "none"]
"""Where the weights are now: with the program, on this computer, at a hub, or nowhere."""


class HubFile(Record):
    """Weights on the Hugging Face Hub."""

    repo_id: str
    filename: str = "model.safetensors"
    revision: str | None = None


class UrlFile(Record):
    """Weights at a plain address, kept in torch's own cache under `filename`.

    `hash_prefix` are the first hexadecimal digits of the file's SHA-256, as torch.hub has them.
    """

    url: str
    filename: str
    hash_prefix: str = ""


WeightsSource = HubFile | UrlFile


class LayerSpec(Record):
    """One token mixer of a net.

    Attributes
    ----------
    kind : MixerKind
    stage, block : int
        Pyramid stage and index inside the stage, from 0.
    num_heads : int
        0 where the mixer has none.
    grid_size : (rows, cols)
        Patch tokens of this layer at the net's trained input size; a trace has the actual one.
    window_size, shift_size : (rows, cols) or None
        In cells, for windowed mixers only.
    pads_first : bool
        Whether a map that windows do not divide is padded (right and bottom) before it is rolled by
        the shift, or after.
    groups : int
        Sets of sampling points, for deformable mixers only: offset groups of DAT, levels of HAHI.
    level_grids : tuple of (rows, cols)
        Grids of all levels whose tokens the layer holds one after the other; empty where there is
        one grid only.
    chained : bool
        Whether rollout can follow tokens through the layer: it mixes one grid of tokens, which it
        got from the layer before it.
    name : str
        What a rail calls the layer where its number says too little; "" elsewhere.
    """

    kind: MixerKind
    stage: int
    block: int
    num_heads: int
    grid_size: tuple[int, int]
    window_size: tuple[int, int] | None = None
    shift_size: tuple[int, int] | None = None
    pads_first: bool = True
    groups: int = 0
    level_grids: tuple[tuple[int, int], ...] = ()
    chained: bool = True
    name: str = ""

    @property
    def num_levels(self) -> int:
        """How many grids of tokens the layer holds."""
        return max(1, len(self.level_grids))

    def grid_of(self, level: int) -> tuple[int, int]:
        """(rows, cols) of the tokens of a level, from 0."""
        return self.level_grids[level] if self.level_grids else self.grid_size

    def first_token(self, level: int) -> int:
        """Index of the first token of a level."""
        return sum(rows * cols for rows, cols in self.level_grids[:level])


class ModelSpec(Record):
    """Everything that can be known of a model without running it.

    Attributes
    ----------
    id : str
        "dinov2_vits14", "timm/NAME", "torchvision/NAME".
    family : str
        "ViT", shown as a badge.
    title : str
        Name to show, e.g. "DINOv2 ViT-S/14".
    input_size : (rows, cols)
        Pixels of the input the net was trained on.
    patch_size : (rows, cols)
        Pixels of one patch, i.e. of one cell of the first layer's grid.
    size_step : (rows, cols)
        Pixels of which an input's sides are multiples: the patch, or the cell of the coarsest stage
        of a pyramid, so that every grid covers the input exactly.
    flexible : bool
        Whether other multiples of `size_step` than `input_size` are taken.
    default_patches : int
        Steps of `size_step` along the shorter side that a still picture starts with.
    mean, std : three floats
        Of the normalisation of RGB in [0, 1].
    interpolation : "bicubic" | "bilinear" | "nearest"
    crop_fraction : float
        Centre crop of the trained pipeline: the shorter side is resized to input / crop_fraction.
    crop_mode : "center" | "squash" | "border"
        timm's names.
    prefix_tokens : tuple of str
        Tokens before the patch tokens, in order: "cls", "dist", "reg1", "reg2", ...
    layers : tuple of LayerSpec
    dim : int
        Width of a token.
    abilities : frozenset of str
        "attention", "features", "classes", "text" (prompts), "depth", "rollout".
    num_classes : int
        0 without a class head.
    class_list : str
        Name of the list of class names ("imagenet1k"), or "".
    weights : WeightsSource or None
        Where the default weights can be had.
    weights_bytes : int
        Size of those weights; 0 where unknown.
    availability : Availability
    trained : bool
        False for random weights; the window and every export say so.
    weights_hash : str
        First 16 hexadecimal digits of the SHA-256 of the loaded weights; "" before loading.
    world : str
        The made world that the net is for, and knows nothing outside of ("tabletop"), or "".
    """

    id: str
    family: str
    title: str
    input_size: tuple[int, int]
    patch_size: tuple[int, int]
    layers: tuple[LayerSpec, ...]
    dim: int
    prefix_tokens: tuple[str, ...] = ()
    flexible: bool = True
    default_patches: int = 28
    size_step: tuple[int, int] = (0, 0)
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    interpolation: str = "bicubic"
    crop_fraction: float = 1.0
    crop_mode: str = "center"
    abilities: frozenset[str] = frozenset({"attention", "rollout", "features"})
    num_classes: int = 0
    class_list: str = ""
    paper: str = ""
    licence: str = ""
    origin: str = ""
    weights: WeightsSource | None = None
    weights_bytes: int = 0
    availability: Availability = "none"
    trained: bool = True
    weights_hash: str = ""
    world: str = ""

    def __post_init__(self) -> None:
        if self.size_step == (0, 0):
            object.__setattr__(self, "size_step", self.patch_size)

    @property
    def num_layers(self) -> int:
        """How many token mixers the net has."""
        return len(self.layers)

    @property
    def num_prefix_tokens(self) -> int:
        """How many tokens stand before the patch tokens."""
        return len(self.prefix_tokens)
