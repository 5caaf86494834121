"""A Mixer that learns from small pictures: its token mixing for a coarser grid.

The weights of token mixing belong to places of one grid, so a Mixer takes one size of picture. Read
as maps over that grid they can be resized like pictures, and a net of the whole grid learns at the
cost of a small one. (Beyer et al. 2023, "FlexiViT", arXiv 2212.08013, do so with position
embeddings and patches.)
"""

from __future__ import annotations

from functools import partial
from typing import Any

from torch import Tensor, nn
from torch.nn import functional
from torch.nn.functional import linear


def resized(maps: Tensor, side: int) -> Tensor:
    """Square maps as a smaller grid sees them: (count, whole^2) to (count, side^2), averaged."""
    whole = round(maps.shape[1] ** 0.5)
    return functional.adaptive_avg_pool2d(maps.view(-1, 1, whole, whole), side).flatten(1)


class FromTokens(nn.Linear):
    """From the tokens of any square grid to hidden numbers: (..., side^2) to (..., hidden).

    A token of a coarser grid stands for several, so it weighs as much as they do together.
    """

    def forward(self, tokens: Tensor) -> Tensor:
        """The layer, for as many tokens as there are."""
        count = tokens.shape[-1]
        if count == self.in_features:
            return super().forward(tokens)
        weight = resized(self.weight, round(count**0.5)) * (self.in_features / count)
        return linear(tokens, weight, self.bias)


class ToTokens(nn.Linear):
    """From hidden numbers to the tokens of any square grid: (..., hidden) to (..., side^2).

    Attributes
    ----------
    count : int
        Tokens that are wanted.
    """

    count = 0

    def forward(self, hidden: Tensor) -> Tensor:
        """The layer, for as many tokens as are wanted."""
        if self.count in (0, self.out_features):
            return super().forward(hidden)
        side = round(self.count**0.5)
        bias = resized(self.bias[None], side)[0]
        return linear(hidden, resized(self.weight.mT, side).mT, bias)


def take_any_grid(net: nn.Module) -> None:
    """Let timm's MlpMixer take smaller square pictures; weights and names stay as they are.

    Parameters
    ----------
    net : MlpMixer
    """
    stem: Any = net.get_submodule("stem")
    stem.strict_img_size = False
    for block in net.get_submodule("blocks").children():
        mixing: Any = block.get_submodule("mlp_tokens")
        first = FromTokens(mixing.fc1.in_features, mixing.fc1.out_features)
        last = ToTokens(mixing.fc2.in_features, mixing.fc2.out_features)
        for new, old in ((first, mixing.fc1), (last, mixing.fc2)):
            new.weight, new.bias = old.weight, old.bias
        mixing.fc1, mixing.fc2 = first, last
        mixing.register_forward_pre_hook(partial(_count, last))


def _count(layer: ToTokens, _mixing: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    layer.count = inputs[0].shape[-1]
