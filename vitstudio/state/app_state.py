"""The current State, with undo and a signal: the only thing the interface writes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any, NamedTuple

from vitstudio.core.state import State

UNDO_FIELDS = (
    "model_id",
    "weights",
    "layer",
    "head",
    "query",
    "view",
    "direction",
    "fit",
    "patches",
    "source",
    "prompts",
    "templates",
    "prompt",
    "start_layer",
    "depth_of",
)
"""Choices that undo walks through; opacity and the like are quicker to set again."""
KEPT_FIELDS = tuple(field.name for field in fields(State) if field.name not in UNDO_FIELDS)
"""All else: what of it was set since a choice stays when that choice is undone."""
UNDO_LIMIT = 100


class Step(NamedTuple):
    """A State to go back to, and the one that took its place."""

    to: State
    left_for: State

    def from_here(self, now: State) -> State:
        """Where the step leads from a later State."""
        set_since = [
            name for name in KEPT_FIELDS if getattr(now, name) != getattr(self.left_for, name)
        ]
        return self.to.replace(**{name: getattr(now, name) for name in set_since})


Listener = Callable[[State, State], object]


class Changes:
    """Tells of every change, old and new, in the order in which it was asked to."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def connect(self, listener: Listener) -> None:
        """Call a function with every change from now on."""
        self._listeners.append(listener)

    def emit(self, old: State, new: State) -> None:
        """Tell of a change."""
        for listener in tuple(self._listeners):
            listener(old, new)


class AppState:
    """Holds one State; every change is one event, and no change is none.

    Attributes
    ----------
    changed : Changes
        Told after each change; both are frozen States.
    is_choice : bool
        Whether the last change was made by a person just now, not brought back from before.
    """

    def __init__(self, state: State | None = None) -> None:
        self.changed = Changes()
        self._state = state or State()
        self._undo: list[Step] = []
        self._redo: list[Step] = []
        self.is_choice = False

    @property
    def state(self) -> State:
        """The current choice."""
        return self._state

    def update(self, **changes: Any) -> None:
        """Change fields together; they are checked before anything changes.

        Raises
        ------
        StateError
            If a value is out of its range; the state is then as before.
        """
        self._move_to(self._state.replace(**changes), remember=True, choice=True)

    def adjust(self, **changes: Any) -> None:
        """Like `update`, for typing: undo goes back to before a whole row of such changes."""
        last = self._undo[-1].to if self._undo else None
        going_on = last is not None and set(_differing(last, self._state)) <= set(changes)
        self._move_to(self._state.replace(**changes), remember=not going_on, choice=True)
        if going_on:
            self._redo.clear()

    def put_back(self, **changes: Any) -> None:
        """Change fields because a request failed: undo does not lead to the failed choice again."""
        self._move_to(self._state.replace(**changes), remember=False)
        while self._undo and not _undo_differs(self._undo[-1].to, self._state):
            self._undo.pop()

    def forgo(self, **changes: Any) -> None:
        """Like `put_back`, because this computer cannot do what was chosen.

        The choices to undo and redo of the same model forgo it as well, or they would fail again.
        """
        failed = self._state

        def without(chosen: State) -> State:
            if (chosen.model_id, chosen.weights) != (failed.model_id, failed.weights):
                return chosen
            names = [name for name in changes if getattr(chosen, name) == getattr(failed, name)]
            return chosen.replace(**{name: changes[name] for name in names})

        def all_without(steps: list[Step]) -> list[Step]:
            return [Step(without(step.to), without(step.left_for)) for step in steps]

        self._undo, self._redo = all_without(self._undo), all_without(self._redo)
        self.put_back(**changes)

    def restore(self, state: State) -> None:
        """Take over a whole State (a dropped export, a session)."""
        self._move_to(state, remember=True)

    def undo(self) -> bool:
        """Go back one choice; False when there is none."""
        if not self._undo:
            return False
        self._go(self._undo, self._redo)
        return True

    def redo(self) -> bool:
        """Take back an undo; False when there is none."""
        if not self._redo:
            return False
        self._go(self._redo, self._undo)
        return True

    def _go(self, steps: list[Step], back: list[Step]) -> None:
        """Take the last of some steps; the way back is noted among others."""
        now = self._state
        there = steps.pop().from_here(now)
        back.append(Step(now, there))
        self._move_to(there, remember=False)

    def _move_to(self, new: State, *, remember: bool, choice: bool = False) -> None:
        old = self._state
        if new == old:
            return
        self.is_choice = choice
        if remember and _undo_differs(old, new):
            self._undo = [*self._undo[-(UNDO_LIMIT - 1) :], Step(old, new)]
            self._redo.clear()
        self._state = new
        self.changed.emit(old, new)


def _undo_differs(old: State, new: State) -> bool:
    return bool(_differing(old, new))


def _differing(old: State, new: State) -> list[str]:
    return [name for name in UNDO_FIELDS if getattr(new, name) != getattr(old, name)]
