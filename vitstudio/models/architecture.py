"""A net that a checkpoint fits: what to build, and the checkpoint under that net's names."""

from __future__ import annotations

from typing import Any, Literal

from torch import Tensor, nn

from vitstudio.core.record import Record
from vitstudio.core.spec import LayerSpec, ModelSpec
from vitstudio.models.catalog import CLASS_LISTS, DEFAULT_PATCHES

State = dict[str, Tensor]


class Architecture(Record, eq=False):
    """A net that a checkpoint fits.

    Attributes
    ----------
    library : "timm" or "torchvision"
    kwargs : dict
        Arguments of that library's `VisionTransformer`.
    state : dict of str to Tensor
        The checkpoint under that net's names.
    layout : str
        Whose names the file had: "timm", "DINOv2", "torchvision", "Hugging Face".
    image_size, patch_size : (rows, cols)
        In pixels.
    prefix_tokens : tuple of str
    dim, num_layers, num_heads, num_classes : int
    notes : tuple of str
        What no key tells and was assumed, one sentence each.
    """

    library: Literal["timm", "torchvision"]
    kwargs: dict[str, Any]
    state: State
    layout: str
    image_size: tuple[int, int]
    patch_size: tuple[int, int]
    prefix_tokens: tuple[str, ...]
    dim: int
    num_layers: int
    num_heads: int
    num_classes: int
    notes: tuple[str, ...] = ()

    def build(self) -> nn.Module:
        """Return the net with random weights; the checkpoint's are in `state`."""
        if self.library == "torchvision":
            from torchvision.models.vision_transformer import VisionTransformer

            net: nn.Module = VisionTransformer(**self.kwargs)
            if "heads.head.weight" not in self.state:
                net.heads = nn.Identity()
            return net
        timm: nn.Module = timm_net(self.kwargs, distilled="dist" in self.prefix_tokens)
        return timm

    def spec(self, model_id: str, title: str) -> ModelSpec:
        """Return what is known of the net as a model of the program."""
        rows, cols = self.image_size
        grid = rows // self.patch_size[0], cols // self.patch_size[1]
        abilities = {"attention", "rollout", "features"}
        if self.num_classes:
            abilities.add("classes")
        return ModelSpec(
            id=model_id,
            family="ViT",
            title=title,
            input_size=self.image_size,
            patch_size=self.patch_size,
            layers=tuple(
                LayerSpec("global", 0, block, self.num_heads, grid)
                for block in range(self.num_layers)
            ),
            dim=self.dim,
            prefix_tokens=self.prefix_tokens,
            flexible=self.library == "timm",
            default_patches=min(DEFAULT_PATCHES, *grid),
            abilities=frozenset(abilities),
            num_classes=self.num_classes,
            class_list=CLASS_LISTS.get(self.num_classes, ""),
            weights_bytes=sum(t.numel() * t.element_size() for t in self.state.values()),
            availability="local",
        )


def timm_net(kwargs: dict[str, Any], distilled: bool = False, device: str | None = None) -> Any:
    """Return timm's `VisionTransformer`, or the one with a distillation token."""
    from timm.models.deit import VisionTransformerDistilled
    from timm.models.vision_transformer import VisionTransformer

    net_type: Any = VisionTransformerDistilled if distilled else VisionTransformer
    return net_type(**kwargs, **({"device": device} if device else {}))
