"""What is given up, and in which order, where a device has not enough memory."""

from __future__ import annotations

from typing import Any

from vitstudio.core.record import Record
from vitstudio.core.spec import ModelSpec
from vitstudio.core.state import State
from vitstudio.state.sizes import steps_of

PARTS = ((0.75, "three quarters of the resolution"), (0.5, "half the resolution"))


class Step(Record):
    """One thing less.

    Attributes
    ----------
    changes : dict
        Of the State.
    sentence : str
        For the user: what was changed, and why.
    """

    changes: dict[str, Any]
    sentence: str


def next_step(
    state: State,
    spec: ModelSpec | None,
    device: str,
    precision: str,
    half: str = "",
    full: int | None = None,
) -> Step | None:
    """The next of: half precision, three quarters and half of the resolution, the CPU.

    Parameters
    ----------
    state : State
        As chosen.
    spec : ModelSpec or None
        Of the model that ran; None while a model is loaded, for which no resolution matters.
    device, precision : str
        Where and how the model runs, e.g. "cuda:0" and "float32".
    half : str
        The precision of 16 bits that the device calculates with natively; "" for none.
    full : int or None
        Patches along the shorter side before the first step; None for those of now.

    Returns
    -------
    Step or None
        None where nothing is left to give up.
    """
    why = f"There was not enough memory on {_named(device)}"
    if precision == "float32" and half:
        return Step({"precision": half}, f"{why}: the model runs in half precision now.")
    if spec is not None and spec.flexible and state.fit != "trained":
        now, (fewest, _) = state.patches or spec.default_patches, steps_of(spec)
        for part, words in PARTS:
            fewer = max(fewest, round(part * (full or now)))
            if fewer < now:
                return Step({"patches": fewer}, f"{why}: the model sees pictures at {words} now.")
    if device != "cpu":
        changes = {"device": "cpu", "precision": "auto"}
        return Step(changes, f"{why}: the model runs on the CPU now.")
    return None


def _named(device: str) -> str:
    return {"cpu": "the CPU", "mps": "the Apple GPU"}.get(device, device)
