"""The workers: requests in, answers out, nothing slow on anybody else's thread."""

from __future__ import annotations

import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Mapping

from vitstudio.core.errors import Cancelled, VitStudioError
from vitstudio.engine.courier import Courier
from vitstudio.engine.inbox import CLOSED, Inbox
from vitstudio.engine.messages import Failed, Progress
from vitstudio.engine.priority import go_behind

Answers = Iterator[object | None]
"""What a handler gives: messages to send, and None wherever something more urgent may go first."""

Handler = Callable[[object], Answers]
Handlers = Mapping[type, Handler]
Emit = Callable[[object], None]

OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "not enough memory", "alloc failed")
"""What torch and its libraries say on a GPU, on a CPU, on Windows, and in cuBLAS and cuDNN."""


class Lane:
    """One thread that answers the requests of one table, in order.

    A handler is a generator. After each None that it yields, newer requests are answered before it
    goes on; so long work (a rollout over thousands of tokens) never makes a key press wait.

    Parameters
    ----------
    name : str
        Of the thread.
    handlers : mapping from message type to handler
    emit : callable
        Called on this thread with every answer.
    frame_types : tuple of type
        Requests of which only the newest counts.
    may_wait : tuple of type
        Answers that wait, if a frame is next, until `hand_over`: who gets them then works while
        this thread computes, and not while it prepares to. Nothing of this lane is said before
        them.
    """

    def __init__(
        self,
        name: str,
        handlers: Handlers,
        emit: Emit,
        frame_types: tuple[type, ...] = (),
        may_wait: tuple[type, ...] = (),
    ) -> None:
        self._handlers = handlers
        self._emit_now = emit
        self._frame_types = frame_types
        self._may_wait = may_wait
        self._held: object | None = None
        self._courier = Courier(f"vitstudio-{name}-says", emit) if may_wait else None
        self._inbox = Inbox()
        self._paused: deque[tuple[object, Answers]] = deque()
        self._thread = threading.Thread(target=self._run, name=f"vitstudio-{name}", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        if self._courier is not None:
            self._courier.start()
        self._thread.start()

    def teach(self, table: Handlers) -> None:
        """Answer more kinds of requests, from now on."""
        self._handlers = {**self._handlers, **table}

    def handles(self, message: object) -> bool:
        """Whether this lane's table has the message's type."""
        return type(message) in self._handlers

    def post(self, message: object) -> None:
        """Leave a request; returns at once."""
        if isinstance(message, self._frame_types):
            self._inbox.put_frame(message)
        else:
            self._inbox.put_command(message)

    @property
    def overtaken(self) -> int:
        """Frames that newer ones took the place of."""
        return self._inbox.overtaken

    def hand_over(self) -> None:
        """Have the answer said that waits, if any, while this thread goes on; on this thread."""
        if self._held is not None and self._courier is not None:
            held, self._held = self._held, None
            self._courier.hand(held)

    def close(self) -> None:
        """Take no more requests and end after the step at hand."""
        self._inbox.close()

    def join(self, timeout_s: float) -> bool:
        """Wait for the end; False if the thread still runs."""
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        go_behind()
        while self._turn():
            pass  # what a turn held is free now: a message can have hundreds of pictures
        if self._courier is not None:
            self._courier.stop()

    def _turn(self) -> bool:
        """Answer one request or one step of one; False at the end."""
        # A frame that is begun is finished before the next: else none would ever be.
        begun = any(isinstance(each, self._frame_types) for each, _ in self._paused)
        if self._held is not None and not self._inbox.frame_is_next():
            self._say_held()
        message = self._inbox.take(wait=not self._paused, frames=not begun)
        if message is CLOSED:
            self._drop_paused()
            return False
        if not isinstance(message, self._frame_types):
            self._say_held()  # it may take long
        if message is None:
            self._advance(*self._paused.popleft())
            return True
        try:
            answers = self._handlers[type(message)](message)
        except Exception as error:
            self._fail(message, error)
        else:
            self._advance(message, answers)
        return True

    def _advance(self, message: object, answers: Answers) -> None:
        try:
            for answer in answers:
                if answer is None:
                    self._say_held()
                    self._paused.append((message, answers))
                    return
                if isinstance(answer, self._may_wait) and self._inbox.frame_is_next():
                    self._say_held()
                    self._held = answer
                else:
                    self._emit(answer)
        except Exception as error:
            self._fail(message, error)

    def _emit(self, answer: object) -> None:
        self._say_held()
        self._emit_now(answer)

    def _say_held(self) -> None:
        if self._courier is not None:
            self._courier.wait()
        if self._held is not None:
            held, self._held = self._held, None
            self._emit_now(held)

    def _fail(self, message: object, error: Exception) -> None:
        self._emit(Progress(task=type(message).__name__, text="", done=True))
        self._emit(failure(message, error))

    def _drop_paused(self) -> None:
        while self._paused:
            _, answers = self._paused.popleft()
            if close := getattr(answers, "close", None):
                close()


class Engine:
    """All lanes; each request goes to the lane whose table has its type.

    Parameters
    ----------
    lanes : mapping from name to table of handlers
    emit : callable
        Called with every answer, on the thread of the lane that gives it.
    immediate : table of handlers
        For requests that only set a flag (cancel); run at once on the caller's thread.
    frame_types : tuple of type
        Requests of which only the newest counts.
    may_wait : tuple of type
        Answers that may wait until the next frame is begun; see `Lane`.
    closing : tuple of callable
        What else runs and must end first, e.g. what gives live pictures.
    """

    def __init__(
        self,
        lanes: Mapping[str, Handlers],
        emit: Emit,
        immediate: Mapping[type, Callable[[object], None]] | None = None,
        frame_types: tuple[type, ...] = (),
        may_wait: tuple[type, ...] = (),
        closing: tuple[Callable[[], object], ...] = (),
    ) -> None:
        self._closing = closing
        self._lanes = {
            name: Lane(name, table, emit, frame_types, may_wait) for name, table in lanes.items()
        }
        self._immediate = immediate or {}

    def start(self) -> None:
        """Start every lane."""
        for lane in self._lanes.values():
            lane.start()

    def post(self, message: object) -> None:
        """Leave a request; returns at once.

        Raises
        ------
        TypeError
            If no lane knows the message: a mistake in the program, not of the user.
        """
        if handler := self._immediate.get(type(message)):
            handler(message)
            return
        for lane in self._lanes.values():
            if lane.handles(message):
                lane.post(message)
                return
        raise TypeError(f"no lane handles {type(message).__name__}")

    def teach(self, lane: str, table: Handlers) -> None:
        """Let a lane answer more kinds of requests, from now on."""
        self._lanes[lane].teach(table)

    def overtaken(self, lane: str) -> int:
        """Frames of a lane that newer ones took the place of."""
        return self._lanes[lane].overtaken

    def hand_over(self, lane: str) -> None:
        """Have the answer of a lane said that waits, while it goes on; on the lane's own thread."""
        self._lanes[lane].hand_over()

    def stop(self, timeout_s: float = 20.0) -> None:
        """Close every lane and wait for it.

        Raises
        ------
        RuntimeError
            If a lane still runs after `timeout_s`.
        """
        for close in self._closing:
            close()
        for lane in self._lanes.values():
            lane.close()
        deadline = time.monotonic() + timeout_s
        ended = [lane.join(max(0.0, deadline - time.monotonic())) for lane in self._lanes.values()]
        if not all(ended):
            raise RuntimeError(f"A worker did not stop within {timeout_s} s.")


def failure(message: object, error: Exception) -> Failed:
    """What the user is told of an error: its own sentence if it has one."""
    if isinstance(error, VitStudioError):
        return Failed(message, str(error), cancelled=isinstance(error, Cancelled))
    detail = "".join(traceback.format_exception(error))
    if is_out_of_memory(error):
        sentence = (
            "There is not enough memory for this; lower the resolution or choose a smaller model."
        )
        return Failed(message, sentence, detail, out_of_memory=True)
    said = " ".join(str(error).split())
    sentence = (
        f"Something unexpected went wrong ({type(error).__name__}: {said}); this is a mistake "
        "in VitStudio, so please report it."
    )
    return Failed(message, sentence, detail)


def is_out_of_memory(error: Exception) -> bool:
    """Whether an error says that memory is lacking, on whichever device."""
    if isinstance(error, VitStudioError):
        return False
    said = " ".join(str(error).lower().replace("_", " ").split())
    return isinstance(error, MemoryError) or any(sign in said for sign in OUT_OF_MEMORY)
