"""Muon: steps of equal size in every direction of a matrix, for nets that learn in few steps.

Jordan et al., "Muon: An optimizer for hidden layers in neural networks" (2024), with the scale of
Liu et al., "Muon is scalable for LLM training" (2025), at which AdamW's learning rates fit.
`torch.optim.Muon` computes in bfloat16, which processors without native bfloat16 are slow at.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, overload

import torch
from torch import Tensor

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
STEPS = 5
SCALE = 0.2
"""Root mean square of an AdamW step, in units of the learning rate."""


def orthogonalised(matrices: Tensor, steps: int = STEPS) -> Tensor:
    """Matrices with their singular values brought near 1 (0.7 to 1.2), by Newton-Schulz steps.

    Parameters
    ----------
    matrices : float (..., rows, cols)
    steps : int

    Returns
    -------
    Tensor
        Of the same shape.
    """
    tall = matrices.shape[-2] > matrices.shape[-1]
    x = matrices.mT if tall else matrices
    x = x / x.norm(dim=(-2, -1), keepdim=True).clamp_min(1e-7)
    a, b, c = COEFFICIENTS
    for _ in range(steps):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    result: Tensor = x.mT if tall else x
    return result


class Muon(torch.optim.Optimizer):
    """Muon for the weights of linear layers and convolutions.

    Parameters
    ----------
    params : iterable of parameters or groups
        Two dimensions or more; all but the first are taken as one.
    lr, weight_decay, momentum : float
    """

    def __init__(
        self, params: Any, lr: float = 1e-3, weight_decay: float = 0.0, momentum: float = 0.95
    ) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})

    @overload
    def step(self, closure: None = None) -> None: ...
    @overload
    def step(self, closure: Callable[[], float]) -> float: ...

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Take one step; matrices of one shape are brought into order together."""
        loss = None if closure is None else closure()
        for group in self.param_groups:
            shapes: dict[torch.Size, list[Tensor]] = {}
            for parameter in group["params"]:
                if parameter.grad is not None:
                    shapes.setdefault(parameter.shape, []).append(parameter)
            for alike in shapes.values():
                self._step_alike(alike, group)
        return loss

    def _step_alike(self, parameters: list[Tensor], group: dict[str, Any]) -> None:
        gradients, averages = [], []
        for parameter in parameters:
            assert parameter.grad is not None
            state = self.state[parameter]
            if "momentum" not in state:
                state["momentum"] = torch.zeros_like(parameter)
            gradients.append(parameter.grad)
            averages.append(state["momentum"])
        # All of a shape at once: on a GPU, starting so many small operations takes longest.
        torch._foreach_lerp_(averages, gradients, 1 - group["momentum"])
        moved = torch._foreach_lerp(gradients, averages, group["momentum"])
        updates = orthogonalised(torch.stack([each.flatten(1) for each in moved]))
        rate = group["lr"] * SCALE * max(updates.shape[1:]) ** 0.5
        torch._foreach_mul_(parameters, 1 - group["lr"] * group["weight_decay"])
        steps = [each.view_as(parameters[0]) for each in updates]
        torch._foreach_add_(parameters, steps, alpha=-rate)
