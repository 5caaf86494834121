"""Where the tiles of the atlas lie."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect

GAP_PX = 2
GUTTER_PX = 18
TOP_PX = 14
EDGE_PX = 2
MAX_TILE_PX = 96
MIN_TILE_PX = 5
LABEL_PITCH_PX = 13


class AtlasLayout:
    """A grid of tiles that fills a width, all on whole pixels.

    Parameters
    ----------
    layers, heads : int
    grid_size : (rows, cols)
        Of one map; the tiles keep its aspect.
    width : int
        Pixels there are, the gutter with the layer numbers included.
    """

    def __init__(self, layers: int, heads: int, grid_size: tuple[int, int], width: int) -> None:
        self.layers, self.heads = layers, heads
        across = max(1, heads)
        room = max(across * (MIN_TILE_PX + GAP_PX), width - GUTTER_PX - EDGE_PX + GAP_PX)
        room = min(room, across * (MAX_TILE_PX + GAP_PX))
        # Rounded edges rather than one rounded width: the last tile ends where the panel does.
        self._edges = [GUTTER_PX + round(room * head / across) for head in range(across + 1)]
        rows, cols = grid_size
        tile_width = room / across - GAP_PX
        self._tile_height = max(MIN_TILE_PX, round(tile_width * rows / cols))

    @property
    def height_px(self) -> int:
        """Of all rows, the line of head numbers included."""
        return TOP_PX + self.layers * (self._tile_height + GAP_PX) - GAP_PX + EDGE_PX

    def tile(self, layer: int, head: int) -> QRect:
        """Of one map."""
        left, right = self._edges[head], self._edges[head + 1]
        top = TOP_PX + layer * (self._tile_height + GAP_PX)
        return QRect(left, top, right - left - GAP_PX, self._tile_height)

    def tile_pixels(self, ratio: float) -> tuple[int, int]:
        """(rows, cols) of screen pixels in the smallest tile."""
        widths = [self.tile(0, head).width() for head in range(max(1, self.heads))]
        return max(1, int(self._tile_height * ratio)), max(1, int(min(widths) * ratio))

    def tile_at(self, position: QPoint) -> tuple[int, int] | None:
        """(layer, head) under a point, or None in a gap."""
        layer = (position.y() - TOP_PX) // (self._tile_height + GAP_PX)
        if not 0 <= layer < self.layers:
            return None
        for head in range(self.heads):
            if self.tile(layer, head).contains(position):
                return layer, head
        return None

    def layer_labels(self) -> list[tuple[int, QRect]]:
        """Layers that get a number, each with its room in the gutter; fewer where tiles are low."""
        pitch = self._tile_height + GAP_PX
        step = -(-LABEL_PITCH_PX // pitch)
        labels = []
        for layer in range(step - 1, self.layers, step):
            middle = self.tile(layer, 0).center().y()
            labels.append((layer, QRect(0, middle - 6, GUTTER_PX - 5, 13)))
        return labels

    def head_labels(self) -> list[tuple[int, QRect]]:
        """Heads that get a number, each with its room above the tiles."""
        pitch = (self._edges[-1] - self._edges[0]) / max(1, self.heads)
        step = max(1, -(-16 // max(1, int(pitch))))
        labels = []
        for head in range(step - 1, self.heads, step):
            tile = self.tile(0, head)
            labels.append((head, QRect(tile.left() - 4, 0, tile.width() + 8, TOP_PX - 2)))
        return labels
