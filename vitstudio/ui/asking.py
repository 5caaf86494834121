"""Sends questions so that the newest one is answered soonest, and remembers the maps."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable

from vitstudio.core.trace import MapRequest, TokenMap
from vitstudio.engine.messages import AskAtlas, AskBias, AskMap, AskText, AskToken, AskWords

Post = Callable[[object], None]
CACHED_MAPS = 256
"""At 1,200 patches a map takes 5 kB, at 20,000 patches 80 kB: 20 MB at most."""
IN_LINE = (AskMap, AskAtlas, AskToken, AskWords, AskText, AskBias)
"""Questions of which one at a time is under way."""


class MapCache:
    """The maps shown last, by generation and request."""

    def __init__(self, limit: int = CACHED_MAPS) -> None:
        self._limit = limit
        self._maps: OrderedDict[tuple[int, MapRequest], TokenMap] = OrderedDict()

    def get(self, generation: int, request: MapRequest) -> TokenMap | None:
        """The map, or None where it must be asked for."""
        key = (generation, request)
        if key in self._maps:
            self._maps.move_to_end(key)
        return self._maps.get(key)

    def put(self, generation: int, token_map: TokenMap) -> None:
        """Keep a map; the one not looked at for longest makes room."""
        key = (generation, token_map.request)
        self._maps[key] = token_map
        self._maps.move_to_end(key)
        while len(self._maps) > self._limit:
            self._maps.popitem(last=False)

    def keep_only(self, generation: int) -> None:
        """Forget the maps of all other traces."""
        for key in [key for key in self._maps if key[0] != generation]:
            del self._maps[key]


class Line:
    """One question under way; the newest that comes meanwhile waits, older ones are forgotten."""

    def __init__(self, post: Post) -> None:
        self._post = post
        self.under_way: object | None = None
        self._waiting: object | None = None

    @property
    def idle(self) -> bool:
        """Whether nothing is asked."""
        return self.under_way is None

    def ask(self, message: object) -> None:
        """Send now, or as soon as the question under way is answered."""
        if self.under_way is None:
            self.under_way = message
            self._post(message)
        else:
            self._waiting = None if message == self.under_way else message

    def answered(self) -> None:
        """The question under way is answered; the one that waits goes out."""
        self.under_way, waiting, self._waiting = None, self._waiting, None
        if waiting is not None:
            self.ask(waiting)

    def clear(self) -> None:
        """Forget both: they belong to a trace that is gone."""
        self.under_way = self._waiting = None


class Asking:
    """All questions of the shown trace.

    Maps, atlas, token figures, words and bias each have a line of their own, so that a moving
    cursor never queues up work; neighbouring maps are fetched one by one while the map line is
    idle. Prompts have none: the engine gives up an older question for a newer one.
    """

    def __init__(self, post: Post) -> None:
        self._post = post
        self._lines: dict[type, Line] = {kind: Line(post) for kind in IN_LINE}
        self._ahead: list[AskMap] = []
        self.cache = MapCache()

    def new_trace(self, generation: int) -> None:
        """Forget everything that belongs to older traces."""
        for line in self._lines.values():
            line.clear()
        self._ahead.clear()
        self.cache.keep_only(generation)

    def ask(self, messages: Iterable[object]) -> None:
        """Send questions; maps that are known already are left out."""
        for message in messages:
            if isinstance(message, AskMap):
                self._ahead.clear()
                if self.cache.get(message.generation, message.request) is not None:
                    continue
            line = self._lines.get(type(message))
            if line is None:
                self._post(message)
            else:
                line.ask(message)

    def is_under_way(self, message: object) -> bool:
        """Whether exactly this question waits for its answer."""
        return self._lines[type(message)].under_way == message

    def failed(self, message: object) -> None:
        """A question failed; one that nobody waits for changes nothing."""
        if self.is_under_way(message):
            self.answered(type(message))

    def answered(self, kind: type) -> None:
        """An answer of the question under way of that kind has come."""
        self._lines[kind].answered()
        if kind is AskMap:
            self._fetch_ahead()

    def fetch_ahead(self, generation: int, requests: Iterable[MapRequest]) -> None:
        """Fetch maps that will probably be wanted next, in idle moments."""
        self._ahead = [
            AskMap(generation, request)
            for request in requests
            if self.cache.get(generation, request) is None
        ]
        self._fetch_ahead()

    def _fetch_ahead(self) -> None:
        line = self._lines[AskMap]
        if line.idle and self._ahead:
            line.ask(self._ahead.pop(0))
