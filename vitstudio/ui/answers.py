"""Answers that go to one panel each, if they are still about what is on screen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from vitstudio.engine import messages
from vitstudio.engine.messages import AskAtlas, AskBias, AskWords
from vitstudio.state.requests import (
    Situation,
    bias_request,
    prompts_request,
    text_request,
    words_request,
)
from vitstudio.ui.asking import Asking
from vitstudio.ui.screen import Screen
from vitstudio.ui.showing import Showing


class Answers:
    """Takes them from the engine; maps, which several views wait for, are not among them.

    Parameters
    ----------
    screen : Screen
    asking : Asking
        Told which question is answered.
    showing : Showing
    shown : callable
        The Situation on screen.
    """

    def __init__(
        self, screen: Screen, asking: Asking, showing: Showing, shown: Callable[[], Situation]
    ) -> None:
        self._screen, self._asking, self._showing, self._shown = screen, asking, showing, shown

    def handlers(self) -> dict[type, Callable[[Any], None]]:
        """Message types and what takes them."""
        takes: dict[type, Callable[[Any, Situation], None]] = {
            messages.AtlasReady: self._atlas,
            messages.TokenReady: self._token,
            messages.LayersReady: self._layers,
            messages.ClassesReady: self._classes,
            messages.PromptsReady: self._prompts,
            messages.WordsReady: self._words,
            messages.TextReady: self._text,
            messages.BiasReady: self._bias,
        }
        return {kind: self._if_current(take) for kind, take in takes.items()}

    def _if_current(self, take: Callable[[Any, Situation], None]) -> Callable[[Any], None]:
        def taken(message: Any) -> None:
            shown = self._shown()
            if message.generation == shown.generation:
                take(message, shown)

        return taken

    def _atlas(self, message: messages.AtlasReady, _shown: Situation) -> None:
        self._asking.answered(AskAtlas)
        self._screen.atlas.show_atlas(message.atlas)

    def _token(self, message: messages.TokenReady, shown: Situation) -> None:
        self._asking.answered(messages.AskToken)
        self._showing.token(shown, message.facts)

    def _layers(self, message: messages.LayersReady, _shown: Situation) -> None:
        self._screen.rail.show_facts(message.facts)

    def _classes(self, message: messages.ClassesReady, _shown: Situation) -> None:
        self._screen.predictions.show_classes(message.classes, "")

    def _prompts(self, message: messages.PromptsReady, shown: Situation) -> None:
        asked = prompts_request(shown)
        # An answer to prompts that were changed meanwhile says nothing of those on screen.
        if asked is not None and message.answer.prompts == asked.prompts:
            self._screen.prompts.show_answer(message.answer)

    def _words(self, message: messages.WordsReady, shown: Situation) -> None:
        self._asking.answered(AskWords)
        asked = words_request(shown)
        if asked is not None and asked.prompt == message.prompt:
            self._screen.prompts.show_words(message.prompt, message.words)

    def _text(self, message: messages.TextReady, shown: Situation) -> None:
        self._asking.answered(messages.AskText)
        if message.asked == text_request(shown):
            self._screen.prompts.show_text(message.look)

    def _bias(self, message: messages.BiasReady, shown: Situation) -> None:
        self._asking.answered(AskBias)
        if bias_request(shown) == AskBias(message.generation, message.layer):
            self._showing.bias(message.values)
