"""Who goes first where there are fewer cores than threads: the window."""

from __future__ import annotations

import os
import sys
import threading

STEPS = 5
"""Of niceness: the system gives such a thread a third of the time of one that wants it too."""


def go_behind() -> None:
    """Let this thread, and those that it begins, go behind the window's where both want a core.

    Where the system has no priorities of threads nothing is done.
    """
    if not sys.platform.startswith("linux"):
        return  # elsewhere the call is about whole processes
    thread = threading.get_native_id()
    try:
        now = os.getpriority(os.PRIO_PROCESS, thread)
        os.setpriority(os.PRIO_PROCESS, thread, min(now + STEPS, 19))
    except OSError:
        pass  # a sandbox may refuse it; then all threads are alike
