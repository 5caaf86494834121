"""Which device and precision a model runs in."""

from __future__ import annotations

import torch

from vitstudio.core.errors import ModelError

DTYPES = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}


def available_devices() -> tuple[str, ...]:
    """Names of the devices of this computer, the preferred one first."""
    names = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        names.append("mps")
    return (*names, "cpu")


def titled_devices() -> tuple[tuple[str, str], ...]:
    """(name, title) of each device, e.g. ("cuda:0", "NVIDIA H100 PCIe"), the CPU first.

    Graphics cards are asked for their titles once torch uses them: that takes a moment, and memory.
    """
    titles = {"cpu": "CPU", "mps": "Apple GPU"}
    awake = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]

    def title(name: str) -> str:
        if name in titles:
            return titles[name]
        return torch.cuda.get_device_name(name) if awake else name.replace("cuda:", "CUDA ")

    names = sorted(available_devices(), key=lambda name: name != "cpu")
    return tuple((name, title(name)) for name in names)


def choose_device(name: str) -> torch.device:
    """The device of that name; "auto" takes the fastest.

    Raises
    ------
    ModelError
        If this computer does not have it.
    """
    devices = available_devices()
    if name == "auto":
        return torch.device(devices[0])
    wanted = "cuda:0" if name == "cuda" else name
    if wanted not in devices:
        raise ModelError(
            f"This computer has no device '{name}'; choose {', '.join(devices)} or auto."
        )
    return torch.device(wanted)


def finish_work(device: torch.device) -> None:
    """Wait until a device has done what it was asked; the CPU is never asked ahead."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def choose_precision(name: str, device: torch.device) -> str:
    """The precision of that name; "auto" takes bfloat16 where the hardware multiplies it natively.

    Raises
    ------
    ModelError
        If there is no such precision.
    """
    if name == "auto":
        return "bfloat16" if _has_fast_bfloat16(device) else "float32"
    if name not in DTYPES:
        raise ModelError(f"There is no precision '{name}'; choose {', '.join(DTYPES)} or auto.")
    return name


def _has_fast_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu":
        return False
    # torch has these two questions under private names only; a torch without them gets float32.
    questions = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    return any(getattr(torch.cpu, question, bool)() for question in questions)
