"""Answers said on a thread of their own, so that the thread that computed them goes on at once.

Who says an answer to the window wakes it. The window takes Python's lock to paint, and keeps it for
milliseconds; whoever woke it waits for the lock until then, and a forward pass that needs no lock
has not begun. Handing an answer over wakes nobody who takes the lock before it is let go of.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from queue import Queue

log = logging.getLogger(__name__)

END = object()


class Courier:
    """Says what it is handed, in order.

    Parameters
    ----------
    name : str
        Of the thread.
    say : callable
        Called on the courier's thread.
    """

    def __init__(self, name: str, say: Callable[[object], object]) -> None:
        self._say = say
        self._bag: Queue[object] = Queue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def hand(self, answer: object) -> None:
        """Have something said; returns at once."""
        self._bag.put(answer)

    def wait(self) -> None:
        """Until all that was handed over is said."""
        self._bag.join()

    def stop(self) -> None:
        """Say what is left, then end."""
        self._bag.put(END)
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        while (answer := self._bag.get()) is not END:
            try:
                self._say(answer)
            except Exception:
                log.exception("An answer could not be said.")
            del answer  # it can have hundreds of pictures
            self._bag.task_done()
