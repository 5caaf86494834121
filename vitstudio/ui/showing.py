"""Writes the differences between two situations to the views."""

from __future__ import annotations

from vitstudio.core.flicker import Flicker
from vitstudio.core.frame import Frame
from vitstudio.core.live import live_title
from vitstudio.core.overlay import shown_colormap
from vitstudio.core.spec import ModelSpec
from vitstudio.core.trace import FloatArray, TokenFacts, TokenMap, TraceInfo
from vitstudio.core.truth import Truth
from vitstudio.core.worlds import WORLD_NAMES
from vitstudio.painting.numbers import format_value
from vitstudio.state.requests import (
    Situation,
    bias_refusal,
    bias_request,
    has_bias,
    text_request,
    token_request,
    words_request,
)
from vitstudio.state.titles import query_title
from vitstudio.ui.screen import Screen

SHORT_UNITS = {
    "attention weight": "weight",
    "token norm": "norm",
    "cosine similarity": "similarity",
    "share of the mixing": "share",
}
NO_BIAS = "This layer was built without a position bias."


class Showing:
    """Remembers what the views show, so that each is told only what changed."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._frame: Frame | None = None
        self._map: TokenMap | None = None
        self._map_generation = -1
        self._point: tuple[float, float] | None = None
        self._notices: tuple[str, ...] = ()
        self._held = False
        self._true: tuple[Truth | None, ModelSpec | None] = (None, None)
        self._depth: TokenMap | None = None
        self._reasons: dict[str, str] = {}
        self._live: tuple[float | None, Flicker | None] = (None, None)

    def situation(self, old: Situation, new: Situation, frame: Frame | None) -> None:
        """Everything but the map and the answers that take time."""
        screen, view = self._screen, new.view
        if frame is not self._frame:
            # A changed scene comes together with its map, so that nothing flickers.
            live = goes_on(old, new) and new.request is not None
            self._frame, self._held = frame, live
            self._map, self._map_generation = None, -1
            if not live:
                screen.canvas.show_frame(frame)
            self.cursor(new, None)  # where it is on the new picture shows its next move
            screen.status.show_source(*_source_texts(frame))
        if new.info is None and old.info is not None:
            self._forget()
        if not looks_alike(old, new):
            self._rail(old, new)
            self._controls(new)
        self._classes(old, new)
        self._tabs(new)
        self._truth(new, frame)
        self._prompts(old, new)
        self._bias(old, new)
        if token_request(new) is None:
            screen.token.show_token(None, token_title(new))
        if view.notices != self._notices:
            self._notices = view.notices
            for text in view.notices:
                screen.notice.show_notice(text, "info")

    def _controls(self, new: Situation) -> None:
        """What is chosen, and what can be."""
        screen, view = self._screen, new.view
        screen.breadcrumb.show_view(view)
        screen.view_bar.show_view(view)
        screen.top_bar.show_view(view, new.info)
        screen.atlas.set_colormap(shown_colormap(view.state))
        screen.bias.set_colormap(view.state.colormap)
        head = view.state.head
        screen.atlas.show_selection(view.state.layer, None if isinstance(head, str) else head)
        screen.depth.show_view(view)
        screen.world.show_source(view.state.source)

    def map(self, situation: Situation, token_map: TokenMap | None) -> None:
        """The map of this situation; None for the plain picture, or while there is none."""
        if self._held:
            self._held = False
            self._screen.canvas.show_frame(self._frame)
        self._map, self._map_generation = token_map, situation.generation
        self._screen.canvas.show_map(token_map, situation.view, situation.info)
        self._screen.colour_bar.show_map(token_map, situation.view)
        self.cursor(situation, self._point)

    def is_of(self, situation: Situation) -> bool:
        """Whether the canvas shows a map of this very trace, so that another of it can follow."""
        return self._map_generation == situation.generation and not self._held

    def map_first(self, situation: Situation, token_map: TokenMap) -> None:
        """Have the map of another question about the same picture painted, and nothing else."""
        self._screen.canvas.show_map(token_map, situation.view, situation.info)
        self._screen.canvas.repaint_now()

    def pending_map(self, situation: Situation) -> None:
        """A map is on its way: keep the last one if it belongs to the same trace."""
        if self._map is not None and self._map_generation == situation.generation:
            self._screen.canvas.show_map(self._map, situation.view, situation.info)

    def token(self, situation: Situation, facts: TokenFacts) -> None:
        """Figures of the asked token."""
        self._screen.token.show_token(facts, token_title(situation))

    def depth(self, situation: Situation, token_map: TokenMap | None) -> None:
        """The depth map of this trace, whichever view is drawn; None while it is not known."""
        if token_map is not self._depth or token_map is None:
            self._depth = token_map
            self._screen.depth.show_depth(token_map, situation.info)

    def live(self, mean_s: float | None, flicker: Flicker | None = None) -> None:
        """Over how long what comes next is averaged; None: it is of a picture that stands."""
        if (mean_s, flicker) == self._live:
            return
        if mean_s != self._live[0]:
            self._screen.predictions.show_mean(mean_s)
            self._screen.prompts.show_mean(mean_s)
        self._live = (mean_s, flicker)
        self._screen.depth.show_live(mean_s, flicker)

    def moves(self) -> None:
        """Pictures come one after another: what is computed of resting ones only is of none now."""
        self._screen.rail.show_facts(None)
        self._screen.prompts.show_words("", ())

    def bias(self, values: FloatArray | None) -> None:
        """The position bias of the shown layer; None where it has none."""
        self._screen.bias.show_bias(values, NO_BIAS if values is None else "")

    def waiting(self, what: str) -> None:
        """What a person waits for, as quiet text over the picture."""
        texts = {
            "model": "Loading the model…",
            "picture": "Opening the picture…",
            "trace": "Running the model…",
        }
        self._screen.canvas.show_busy(texts.get(what, ""))

    def cursor(self, situation: Situation, point: tuple[float, float] | None) -> None:
        """Pixel, patch and value under the cursor; said again when the map under it changes."""
        self._point = point
        cell, parts, metres, true = None, [], None, None
        if point is not None and self._frame is not None:
            x, y = point
            rows, cols = self._frame.size_rc
            info = situation.info
            if 0 <= x < cols and 0 <= y < rows:
                parts.append(f"pixel {int(x)}, {int(y)}")
                cell = info.transform.cell_at(x, y, self._grid(info)) if info is not None else None
                if info is not None and cell is None:
                    parts.append("outside what the model sees")
                metres = self._depth_at(info, x, y)
                if metres is not None and self._frame.truth is not None:
                    true = float(self._frame.truth.depth[int(y), int(x)])
        self._screen.depth.show_cursor(metres, true)
        if cell is not None:
            if not self._shows_pixels():
                parts.append(f"patch {query_title(cell)}")
            parts.extend(self._value_at(cell))
        self._screen.canvas.show_hover(None if self._shows_pixels() else cell)
        self._screen.status.show_cursor("     ".join(parts))

    def _grid(self, info: TraceInfo) -> tuple[int, int]:
        """The grid that the cursor reads: that of the map on screen."""
        if self._map is not None and self._map_generation == info.generation:
            rows, cols = self._map.values.shape[:2]
            return rows, cols
        return info.grid_size

    def _shows_pixels(self) -> bool:
        """Whether the map on screen has a value a pixel, so that patches say nothing."""
        return self._map is not None and self._map.request.view == "depth"

    def _depth_at(self, info: TraceInfo | None, x: float, y: float) -> float | None:
        if self._depth is None or info is None:
            return None
        rows, cols = self._depth.values.shape[:2]
        cell = info.transform.cell_at(x, y, (rows, cols))
        return None if cell is None else float(self._depth.values[cell])

    def _value_at(self, cell: tuple[int, int]) -> list[str]:
        token_map = self._map
        if token_map is None or token_map.values.ndim != 2:
            return []
        rows, cols = token_map.values.shape
        if cell[0] >= rows or cell[1] >= cols:
            return []
        value = float(token_map.values[cell])
        if token_map.unit == "m":
            return [format_metres(value)]
        if token_map.unit == "m of error":
            return [f"{format_metres(value)} off"]
        unit = SHORT_UNITS.get(token_map.unit, token_map.unit)
        return [f"{unit} {format_value(value)}"]

    def _forget(self) -> None:
        screen = self._screen
        screen.atlas.show_atlas(None)
        screen.rail.show_facts(None)
        screen.top_bar.show_times(None, None)

    def _tabs(self, new: Situation) -> None:
        """Tabs that have nothing to show say why; those that offer a way on stay open."""
        view = new.view
        reasons = {}
        if view.spec is not None:
            reasons = {"Answer": view.disabled.get("classes", "")}
            if view.layer is not None and not has_bias(view):
                reasons["Bias"] = bias_refusal(view)
        reasons = {title: reason for title, reason in reasons.items() if reason}
        if reasons != self._reasons:
            self._reasons = reasons
            self._screen.tabs.show_reasons(reasons)

    def _truth(self, new: Situation, frame: Frame | None) -> None:
        """What is known of a made scene, beside the answers about it."""
        truth, spec = frame.truth if frame is not None else None, new.view.spec
        if (truth, spec) == self._true:
            return
        self._true = (truth, spec)
        judged = truth is not None and spec is not None and spec.world in WORLD_NAMES
        self._screen.predictions.show_truth("" if truth is None else truth.shape, judged)
        captions, right = ((), "") if truth is None else (truth.captions, truth.right_caption)
        self._screen.prompts.show_truth(captions, right)

    def _prompts(self, old: Situation, new: Situation) -> None:
        panel = self._screen.prompts
        panel.show_view(new.view)
        live = goes_on(old, new)
        if (new.generation != old.generation and not live) or not new.view.state.prompts:
            panel.show_answer(None)
        words, before = words_request(new), words_request(old)
        if words != before and not (live and words and before and words.prompt == before.prompt):
            panel.show_words("", ())
        if text_request(new) is None:
            panel.show_text(None)

    def _bias(self, old: Situation, new: Situation) -> None:
        if new.view.layer is old.view.layer and bias_request(new) == bias_request(old):
            return
        waiting = "The position bias appears here once a picture has been traced."
        self._screen.bias.show_bias(None, bias_refusal(new.view) or waiting)

    def _rail(self, old: Situation, new: Situation) -> None:
        spec, rail = new.view.spec, self._screen.rail
        if spec is None:
            return
        if spec is not old.view.spec or new.info is not old.info:
            rail.show_model(spec, new.info)
        rail.show_layer(new.view.state.layer, new.view.state.view)

    def _classes(self, old: Situation, new: Situation) -> None:
        if new.view.world_note != old.view.world_note:
            self._screen.classes_note.say(new.view.world_note)
        reason = new.view.disabled.get("classes", "")
        fresh = new.generation != old.generation and not goes_on(old, new)
        if fresh or reason != old.view.disabled.get("classes", ""):
            self._screen.predictions.show_classes((), reason)


def looks_alike(old: Situation, new: Situation) -> bool:
    """Whether a trace took another's place of which nothing but the picture is another."""
    if not goes_on(old, new) or old.view != new.view:
        return False
    first, second = (
        (each.frame.size_rc, each.transform.input_size, each.layers)
        for each in (old.info, new.info)
        if each
    )
    return first == second


def goes_on(old: Situation, new: Situation) -> bool:
    """Whether a trace took another's place at once: of a scene that changed a little.

    What the panels show of the old one then stays for the moment that the new answers take.
    """
    return old.info is not None and new.info is not None and old.info is not new.info


def format_metres(value: float) -> str:
    """A distance as shown: "3.42 m"."""
    return f"{value:.2f} m"


def token_title(situation: Situation) -> str:
    """The asked token, for the head of its panel: "Patch row 9, column 17", "Class token"."""
    view = situation.view
    if view.query_rc is not None:
        return f"Patch {query_title(view.query_rc)}"
    if isinstance(view.state.query, str):
        title = query_title(view.state.query)
        return title[:1].upper() + title[1:]
    return "Patch"


def _source_texts(frame: Frame | None) -> tuple[str, str]:
    if frame is None:
        return "", ""
    rows, cols = frame.size_rc
    said = frame.source if frame.truth is None else frame.truth.caption
    return f"{live_title(frame.source)}   {cols} × {rows}", said
