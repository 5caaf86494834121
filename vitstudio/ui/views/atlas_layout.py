"""Where the tiles of the atlas lie."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import QPoint, QRect

GAP_PX = 2
GUTTER_PX = 18
TOP_PX = 14
EDGE_PX = 2
MAX_TILE_PX = 96
MIN_TILE_PX = 5
LABEL_PITCH_PX = 13
MANY_HEADS = 12
LAYER_GAP_PX = 4
LINES = 4
"""Into which the heads of the widest layer of a pyramid are broken."""


class AtlasLayout:
    """A grid of tiles that fills a width, all on whole pixels.

    In a pyramid the last layers have several times as many heads as the first: theirs go on in
    further lines, or the tiles of all layers would be too small to see.

    Parameters
    ----------
    layers, heads : int
        `heads` are those of the layer that has most.
    grid_size : (rows, cols)
        Of one map; the tiles keep its aspect.
    width : int
        Pixels there are, the gutter with the layer numbers included.
    num_heads : sequence of int, optional
        Of every layer, where they differ.
    scale : float
        Of the numbers and the room for them: `unit` of their font.
    """

    def __init__(
        self,
        layers: int,
        heads: int,
        grid_size: tuple[int, int],
        width: int,
        num_heads: Sequence[int] = (),
        scale: float = 1.0,
    ) -> None:
        self.layers, self.heads = layers, heads
        self._gutter, self._head_room = round(GUTTER_PX * scale), round(TOP_PX * scale)
        self._label_pitch = round(LABEL_PITCH_PX * scale)
        differ = len(set(num_heads)) > 1
        self.across = across = max(1, heads // LINES if differ and heads > MANY_HEADS else heads)
        counts = num_heads if differ else (heads,) * layers
        lines = [max(1, math.ceil(count / across)) for count in counts]
        self._first_lines = [sum(lines[:layer]) for layer in range(layers + 1)]
        self._layer_gap = LAYER_GAP_PX if max(lines, default=1) > 1 else 0
        room = max(across * (MIN_TILE_PX + GAP_PX), width - self._gutter - EDGE_PX + GAP_PX)
        room = min(room, across * (MAX_TILE_PX + GAP_PX))
        # Rounded edges rather than one rounded width: the last tile ends where the panel does.
        self._edges = [self._gutter + round(room * head / across) for head in range(across + 1)]
        rows, cols = grid_size
        tile_width = room / across - GAP_PX
        self._tile_height = max(MIN_TILE_PX, round(tile_width * rows / cols))

    @property
    def height_px(self) -> int:
        """Of all rows, the line of head numbers included."""
        return self._top(self.layers) - GAP_PX - self._layer_gap + EDGE_PX

    def _top(self, layer: int) -> int:
        """Where the first line of a layer begins."""
        pitch = self._tile_height + GAP_PX
        return self._head_room + self._first_lines[layer] * pitch + layer * self._layer_gap

    def tile(self, layer: int, head: int) -> QRect:
        """Of one map."""
        line, place = divmod(head, self.across)
        left, right = self._edges[place], self._edges[place + 1]
        top = self._top(layer) + line * (self._tile_height + GAP_PX)
        return QRect(left, top, right - left - GAP_PX, self._tile_height)

    def row(self, layer: int, count: int) -> QRect:
        """Around the first `count` maps of a layer."""
        whole = self.tile(layer, 0)
        for head in range(1, count):
            whole = whole.united(self.tile(layer, head))
        return whole

    def tile_pixels(self, ratio: float) -> tuple[int, int]:
        """(rows, cols) of screen pixels in the smallest tile."""
        widths = [self.tile(0, head).width() for head in range(self.across)]
        return max(1, int(self._tile_height * ratio)), max(1, int(min(widths) * ratio))

    def tile_at(self, position: QPoint) -> tuple[int, int] | None:
        """(layer, head) under a point, or None in a gap."""
        for layer in range(self.layers):
            if self._top(layer) <= position.y() < self._top(layer + 1):
                line = (position.y() - self._top(layer)) // (self._tile_height + GAP_PX)
                first = line * self.across
                for head in range(first, min(first + self.across, self.heads)):
                    if self.tile(layer, head).contains(position):
                        return layer, head
        return None

    def layer_labels(self) -> list[tuple[int, QRect]]:
        """Layers that get a number, each with its room in the gutter; fewer where tiles are low."""
        pitch = self._tile_height + GAP_PX
        step = -(-self._label_pitch // pitch)
        labels = []
        if self._layer_gap:
            step = 1
        for layer in range(step - 1, self.layers, step):
            middle = self.tile(layer, 0).center().y()
            top = middle - self._label_pitch // 2
            labels.append((layer, QRect(0, top, self._gutter - 5, self._label_pitch)))
        return labels

    def head_labels(self) -> list[tuple[int, QRect]]:
        """Heads that get a number, each with its room above the tiles."""
        pitch = (self._edges[-1] - self._edges[0]) / self.across
        step = max(1, -(-(self._label_pitch + 3) // max(1, int(pitch))))
        labels = []
        for head in range(step - 1, min(self.heads, self.across), step):
            tile = self.tile(0, head)
            labels.append((head, QRect(tile.left() - 4, 0, tile.width() + 8, self._head_room - 2)))
        return labels
