"""Where requests wait: commands are never dropped, of a kind of frame only the newest is kept."""

from __future__ import annotations

import threading
from collections import deque
from typing import Final


class Closed:
    """What `take` gives once the inbox is closed."""


CLOSED: Final = Closed()


class Inbox:
    """A queue for one consumer.

    `put_command` appends; `put_frame` overwrites the frame of its type that was not taken yet and
    counts it. `take` gives commands first, then the frame that came first.
    """

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._commands: deque[object] = deque()
        self._frames: dict[type, object] = {}
        self._closed = False
        self.overtaken = 0

    def put_command(self, command: object) -> None:
        """Append a command; ignored once closed."""
        with self._condition:
            if not self._closed:
                self._commands.append(command)
                self._condition.notify()

    def put_frame(self, frame: object) -> None:
        """Leave a frame; one that still waits is overtaken."""
        with self._condition:
            if self._closed:
                return
            self.overtaken += self._frames.pop(type(frame), None) is not None
            self._frames[type(frame)] = frame
            self._condition.notify()

    def take(self, *, wait: bool = True, frames: bool = True) -> object | None:
        """The next command, else a frame; CLOSED after `close`; None if not waiting.

        Without `frames` those stay where newer ones can overtake them.
        """
        with self._condition:
            while True:
                if self._closed:
                    return CLOSED
                if self._commands:
                    return self._commands.popleft()
                if frames and self._frames:
                    return self._frames.pop(next(iter(self._frames)))
                if not wait:
                    return None
                self._condition.wait()

    def frame_is_next(self) -> bool:
        """Whether `take` would give a frame now."""
        with self._condition:
            return bool(self._frames) and not self._commands and not self._closed

    def close(self) -> None:
        """Drop what waits and let `take` give CLOSED."""
        with self._condition:
            self._closed = True
            self._commands.clear()
            self._frames.clear()
            self._condition.notify_all()
