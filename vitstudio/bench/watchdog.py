"""How long the interface ever stands still, and what it did then."""

from __future__ import annotations

import faulthandler
import gc
import re
import tempfile
import threading
import time
from dataclasses import dataclass

from PySide6.QtCore import QObject, QTimer

TICK_MS = 1
LOOK_S = 0.005
LONG_S = 0.03
"""A stop that has lasted so long is looked into."""
HELD = "the interpreter was held"
"""Where nobody could look: by another thread, or by one call that does not let go of it."""

COLLECTED = "Python's garbage collection"


@dataclass(frozen=True)
class Stop:
    """A time without a turn of the event loop.

    Attributes
    ----------
    seconds : float
    doing : str
        What the script was at.
    where : str
        The program's innermost function then: "canvas.py: paintEvent"; "" if it was short.
    """

    seconds: float
    doing: str
    where: str = ""


class Watchdog(QObject):
    """The longest time between two turns of the event loop.

    Attributes
    ----------
    doing : str
        Set by the script; the longest stop of each of its steps is kept.
    longest : dict from str to Stop
    """

    def __init__(self) -> None:
        super().__init__()
        self.doing = ""
        self.longest: dict[str, Stop] = {}
        self._where = ""
        self._gui = threading.get_ident()
        self._ended = threading.Event()
        self._looker = threading.Thread(target=self._look, name="bench-watchdog", daemon=True)
        self._collecting_s: float | None = None
        self._last = time.perf_counter()
        gc.callbacks.append(self._on_collection)
        self._timer = QTimer(self, interval=TICK_MS)
        self._timer.timeout.connect(self._tick)
        self._timer.start()
        self._looker.start()

    @property
    def longest_s(self) -> float:
        """Of all stops."""
        return max((stop.seconds for stop in self.longest.values()), default=0.0)

    def worst(self) -> Stop | None:
        """The longest stop of all."""
        return max(self.longest.values(), key=lambda stop: stop.seconds, default=None)

    def forget(self) -> None:
        """Begin anew."""
        self.longest.clear()
        self._last = time.perf_counter()

    def stop(self) -> None:
        """End watching."""
        self._timer.stop()
        gc.callbacks.remove(self._on_collection)
        self._ended.set()
        self._looker.join()

    def _tick(self) -> None:
        now = time.perf_counter()
        lasted = now - self._last
        # A long collection lets go before its end is told, so its beginning counts.
        self._see_collection(now)
        stop = Stop(lasted, self.doing, self._where or (HELD if lasted > 2 * LONG_S else ""))
        before = self.longest.get(self.doing)
        if before is None or stop.seconds > before.seconds:
            self.longest[self.doing] = stop
        self._last, self._where = now, ""

    def _on_collection(self, phase: str, _info: object) -> None:
        """On whatever thread has set it off: nothing else runs until it is over."""
        now = time.perf_counter()
        if phase == "start":
            self._collecting_s = now
        else:
            self._see_collection(now)
            self._collecting_s = None

    def _see_collection(self, now: float) -> None:
        since = self._collecting_s
        if since is not None and now - since > LONG_S:
            self._where = COLLECTED

    def _look(self) -> None:
        """On a thread of its own: see where the interface is while it does not turn."""
        while not self._ended.wait(LOOK_S):
            if time.perf_counter() - self._last > LONG_S and not self._where:
                self._where = innermost(_stacks(), self._gui)


def _stacks() -> str:
    """Where every thread is, innermost first.

    Not from `sys._current_frames`: a frame that is held keeps its variables alive beyond its end,
    and a painter that outlives its paint event is a crash.
    """
    with tempfile.TemporaryFile("w+") as file:
        faulthandler.dump_traceback(file, all_threads=True)
        file.seek(0)
        return file.read()


def innermost(stacks: str, thread: int) -> str:
    """The function of the program, bench aside, that a thread is furthest in, and its file.

    Parameters
    ----------
    stacks : str
        As `faulthandler` writes them.
    thread : int
        Its identifier.
    """
    _, _, after = stacks.partition(f"hread 0x{thread:016x} ")
    for path, name in re.findall(r'File "(.+)", line \d+ in (.+)', after.partition("\n\n")[0]):
        parts = path.replace("\\", "/").split("/")
        if "vitstudio" in parts[:-1] and "bench" not in parts:
            return f"{parts[-1]}: {name}"
    return ""
