"""What is shown of live answers: labels and colour ranges as means, and how depth flickers."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace

from vitstudio.core.flicker import Flicker, FlickerMeter
from vitstudio.core.live import kind_of
from vitstudio.core.smoothing import LiveMean, MeanRanges, calm_order, jumped
from vitstudio.core.state import State
from vitstudio.core.trace import TokenMap
from vitstudio.core.zeroshot import ZeroShotAnswer
from vitstudio.engine.live_messages import LiveAnswered
from vitstudio.engine.messages import ClassesReady, MapReady, PromptsReady


class Smoothing:
    """Takes live pictures one after the other, and keeps the exact answers of the last.

    A slide show moves in jumps: each of its pictures stands, and is shown as a still one.

    Attributes
    ----------
    mean_s : float or None
        Time constant of what is shown; 0 where each picture stands by itself, None while nothing
        moves.
    flicker : Flicker or None
        Of the depth map; None while that is not known.
    """

    def __init__(self) -> None:
        self.mean_s: float | None = None
        self.flicker: Flicker | None = None
        self._last: LiveAnswered | None = None
        self._classes, self._prompts = LiveMean(), LiveMean()
        self._order: list[str] = []
        self._ranges = MeanRanges()
        self._meter = FlickerMeter()

    def show(self, message: LiveAnswered, goes_on: bool) -> tuple[object, ...]:
        """What to show of a picture: its answers as they are, unless others follow (`goes_on`)."""
        state = message.asked.state
        if not goes_on or state is None or kind_of(message.info.frame.source) == "slides":
            self._stop()
            return message.answers
        self._follow(message)
        self.mean_s = state.live_mean_s
        if not any(_is_depth(answer) for answer in message.answers):
            self._meter.clear()
            self.flicker = None
        return tuple(self._shown(answer, message) for answer in message.answers)

    def rest(self, state: State) -> tuple[object, ...]:
        """Nothing moves any more: what was shown as a mean, as it is of the last picture alone.

        Parameters
        ----------
        state : State
            As it is now: answers to templates that were changed meanwhile are left out.
        """
        last, averaged = self._last, bool(self.mean_s)
        self._stop()
        if last is None or not averaged:
            return ()
        asked = last.asked.state
        same = asked is not None and asked.templates == state.templates
        kinds = (MapReady, ClassesReady, PromptsReady) if same else (MapReady, ClassesReady)
        return tuple(answer for answer in last.answers if isinstance(answer, kinds))

    def _stop(self) -> None:
        self._last, self.mean_s, self.flicker = None, None, None
        self._begin_anew()

    def _follow(self, message: LiveAnswered) -> None:
        before, self._last = self._last, message
        if before is not None:
            passed_s = message.given_s - before.given_s
            if jumped(before.info.frame, message.info.frame, passed_s):
                self._begin_anew()
        maps = [answer.token_map for answer in message.answers if isinstance(answer, MapReady)]
        self._ranges.keep_only([token_map.request for token_map in maps])

    def _begin_anew(self) -> None:
        for each in (self._classes, self._prompts, self._ranges, self._meter):
            each.clear()
        self._order = []

    def _shown(self, answer: object, message: LiveAnswered) -> object:
        if isinstance(answer, MapReady):
            if _is_depth(answer):
                info = message.info
                values, time_s = answer.token_map.values, message.given_s
                self.flicker = self._meter.add(values, info.frame, info.transform, time_s)
            return replace(answer, token_map=self._mean_map(answer.token_map, message))
        if isinstance(answer, ClassesReady):
            return replace(answer, classes=self._mean_classes(answer.classes, message))
        if isinstance(answer, PromptsReady):
            return replace(answer, answer=self._mean_prompts(answer.answer, message))
        return answer

    def _mean_map(self, token_map: TokenMap, message: LiveAnswered) -> TokenMap:
        return self._ranges.add(token_map, *self._clock(message), _about(message))

    def _mean_classes(
        self, classes: tuple[tuple[str, float], ...], message: LiveAnswered
    ) -> tuple[tuple[str, float], ...]:
        """As many classes as were answered; one that is not among them any more fades.

        Nothing is known of such a class but that it is small, so that it counts as 0.
        """
        clock = self._clock(message)
        if not clock[1]:
            return classes
        mean = self._classes.add(dict(classes), *clock, _about(message))
        self._order = calm_order(mean, self._order)[: len(classes)]
        return tuple((name, mean[name]) for name in self._order)

    def _mean_prompts(self, answer: ZeroShotAnswer, message: LiveAnswered) -> ZeroShotAnswer:
        state = message.asked.state
        templates = state.templates if state is not None else ()
        about = (answer.prompts, templates, answer.logit_bias is None, _about(message))
        values = dict(zip(answer.prompts, answer.probabilities, strict=True))
        mean = self._prompts.add(values, *self._clock(message), about)
        # Each picture's shares sum to 1, so those of a mean of pictures do.
        return replace(answer, probabilities=tuple(mean[prompt] for prompt in answer.prompts))

    def _clock(self, message: LiveAnswered) -> tuple[float, float]:
        return message.given_s, self.mean_s or 0.0


def _about(message: LiveAnswered) -> Hashable:
    """What answers belong to: means of another model, source or fit say nothing of this one."""
    info = message.info
    return info.spec, info.frame.source, info.transform


def _is_depth(answer: object) -> bool:
    if not isinstance(answer, MapReady):
        return False
    request = answer.token_map.request
    return request.view == "depth" and request.depth_of == "answer"
