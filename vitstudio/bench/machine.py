"""What a measurement was made on: so that a figure can be told from another machine's."""

from __future__ import annotations

import os
import platform
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import vitstudio
from vitstudio.core.cores import cores

PACKAGES = {"torch": "torch", "PySide6": "PySide6-Essentials", "timm": "timm"}
CPU_FACTS = Path("/proc/cpuinfo")
MEMORY_FACTS = Path("/proc/meminfo")


def machine() -> dict[str, Any]:
    """Date, kind of computer and versions; nothing that tells whose it is."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": cpu_name(_read(CPU_FACTS)),
        "cores": cores(),
        "memory_gb": memory_gb(_read(MEMORY_FACTS)),
        "gpu": gpu_name(),
        "display": os.environ.get("QT_QPA_PLATFORM") or "the system's",
        "python": platform.python_version(),
        **{title: _version(name) for title, name in PACKAGES.items()},
        "vitstudio": vitstudio.__version__,
    }


def cpu_name(facts: str) -> str:
    """The processor, from what Linux says of it; what Python knows elsewhere."""
    for line in facts.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.processor() or platform.machine()


def memory_gb(facts: str) -> float | None:
    """All memory, from what Linux says of it; None elsewhere."""
    for line in facts.splitlines():
        name, _, value = line.partition(":")
        if name == "MemTotal":
            return round(int(value.split()[0]) * 1024 / 1e9, 1)
    return None


def gpu_name() -> str | None:
    """The first NVIDIA GPU; None without one."""
    import torch

    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else None


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _read(path: Path) -> str:
    with suppress(OSError):
        return path.read_text(encoding="utf-8", errors="replace")
    return ""
