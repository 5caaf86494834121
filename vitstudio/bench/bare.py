"""The bare forward pass of a model on a picture: what everything else is measured against."""

from __future__ import annotations

import torch

from vitstudio.core.frame import Frame
from vitstudio.core.state import Fit
from vitstudio.models.device import finish_work
from vitstudio.models.load import LoadedModel, load

VIT_BASE = "timm/vit_base_patch16_224.augreg2_in21k_ft_in1k"


class Bare:
    """The net alone, on the input that a trace of the picture would give it; called to run it.

    Attributes
    ----------
    model : LoadedModel
    image : tensor (1, 3, rows, cols)
    described : str
        Model, tokens, precision and device.
    """

    def __init__(
        self,
        frame: Frame,
        model_id: str,
        weights: str = "default",
        fit: Fit = "aspect",
        patches: int | None = None,
    ) -> None:
        self.model: LoadedModel = load(model_id, weights)
        trace = self.model.trace_frame(frame, fit, patches)
        parameter = next(self.model.net.parameters())
        self.image = trace.input_tensor.to(parameter.device, parameter.dtype)
        model = self.model
        self.described = f"{model.spec.title}, {trace.info.num_tokens()} tokens, "
        self.described += f"{model.precision} on {model.device}"

    def __call__(self) -> None:
        """Run it and wait for the device."""
        with torch.inference_mode():
            self.model.net(self.image)
        wait_for_device(self.model)


def wait_for_device(model: LoadedModel) -> None:
    """Until a GPU has done what it was asked."""
    finish_work(torch.device(model.device))
