"""Memory that is used again at every step stays with the process.

glibc hands large blocks back to the system as soon as they are free, and every page of the next one
is cleared again when it is first written to. Rendering feels it most.
"""

from __future__ import annotations

import ctypes

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
"""Parameters of mallopt(3)."""
LARGEST = 2**31 - 1


def keep_memory() -> bool:
    """Let freed memory stay with this process until it ends; False where that can't be asked for.

    For processes that do nothing but train or render: their peak is what they need again.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # not glibc
        return False
    return bool(mallopt(M_MMAP_MAX, 0)) and bool(mallopt(M_TRIM_THRESHOLD, LARGEST))
