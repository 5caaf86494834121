"""How a run is laid out: its budget, learning rate, phases, and averaged weights."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vitstudio.training.recipes import Phase


@dataclass(frozen=True)
class Budget:
    """When a run ends: after so many steps or minutes, whichever comes first.

    Attributes
    ----------
    steps : int or None
    minutes : float or None
        Of training; pauses between a checkpoint and its resumption do not count.
    """

    steps: int | None = None
    minutes: float | None = None

    def share(self, step: int, elapsed_s: float) -> float:
        """How much of the budget is used: 0 to 1."""
        shares = [0.0]
        if self.steps is not None:
            shares.append(step / self.steps)
        if self.minutes is not None:
            shares.append(elapsed_s / 60 / self.minutes)
        return min(1.0, max(shares))


def learning_rate(share: float, peak: float, warm_up: float, floor: float = 0.01) -> float:
    """A line up to the peak, then half a cosine down to `floor` of it."""
    if share < warm_up:
        return peak * (0.02 + 0.98 * share / warm_up)
    rest = (share - warm_up) / (1 - warm_up)
    return peak * (floor + (1 - floor) * (1 + math.cos(math.pi * rest)) / 2)


def phase_at(share: float, phases: Sequence[Phase]) -> Phase:
    """The phase at a share of the budget; the last one has no end."""
    return next((phase for phase in phases if share < phase.until), phases[-1])


def parameter_groups(modules: Sequence[nn.Module], weight_decay: float) -> list[dict[str, object]]:
    """Matrices decay; norms, biases, tables and tokens do not.

    Tables (positions, position bias, classes and scales) are what is not the weight of a linear
    layer or a convolution.
    """
    decayed: list[Tensor] = []
    others: list[Tensor] = []
    seen: set[int] = set()
    for top in modules:
        for module in top.modules():
            is_matrix = isinstance(module, nn.Linear | nn.Conv2d | nn.MultiheadAttention)
            for name, parameter in module.named_parameters(recurse=False):
                if id(parameter) in seen or not parameter.requires_grad:
                    continue
                seen.add(id(parameter))
                decays = is_matrix and name in ("weight", "in_proj_weight")
                (decayed if decays else others).append(parameter)
    return [
        {"params": decayed, "weight_decay": weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]


def hidden_weights(net: nn.Module) -> list[Tensor]:
    """Weights between one hidden layer and the next: of linear layers, but for the last one.

    What reads pixels or gives the answer, and tables, are none; convolutions keep AdamW too, whose
    kernels are small or seen by one channel only.
    """
    found: list[Tensor] = []
    for module in net.modules():
        if isinstance(module, nn.Linear):
            found.append(module.weight)
        elif isinstance(module, nn.MultiheadAttention) and module.in_proj_weight is not None:
            found.append(module.in_proj_weight)
        elif isinstance(module, nn.Conv2d) and module.kernel_size == (1, 1) and module.groups == 1:
            found.append(module.weight)
    last = [module for module in net.modules() if isinstance(module, nn.Linear)][-1:]
    return [weight for weight in found if not any(weight is end.weight for end in last)]


class Average:
    """Exponential moving average of a net's weights and running statistics (EMA).

    It follows quickly at first, so that a short run has something to show: after n steps it forgets
    at most as fast as (1 + n) / (10 + n).

    Parameters
    ----------
    decay : float
        Share of the average that is kept at each step.
    """

    def __init__(self, net: nn.Module, decay: float) -> None:
        self.decay = decay
        self.state = {name: tensor.clone() for name, tensor in _floating(net).items()}

    @torch.no_grad()
    def update(self, net: nn.Module, step: int) -> None:
        """Move towards the net."""
        kept = min(self.decay, (1 + step) / (10 + step))
        now = _floating(net)
        torch._foreach_lerp_([self.state[name] for name in now], list(now.values()), 1 - kept)

    @contextmanager
    def applied(self, net: nn.Module) -> Iterator[None]:
        """The net has the averaged weights inside."""
        own = {name: tensor.clone() for name, tensor in _floating(net).items()}
        self._copy(self.state, net)
        try:
            yield
        finally:
            self._copy(own, net)

    @staticmethod
    @torch.no_grad()
    def _copy(state: dict[str, Tensor], net: nn.Module) -> None:
        for name, tensor in _floating(net).items():
            tensor.copy_(state[name])


def _floating(net: nn.Module) -> dict[str, Tensor]:
    return {name: t for name, t in net.state_dict().items() if t.is_floating_point()}
