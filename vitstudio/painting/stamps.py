"""Circles drawn once and then stamped: thousands of points in a frame.

Qt draws an antialiased circle in some 25 microseconds; laying a small picture down takes one.
Sizes and places are right to a quarter of a pixel, colours to 1/64.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage, QPainter

from vitstudio.painting.marks import Circles, Colours, draw_circle
from vitstudio.painting.paths import Points
from vitstudio.painting.scene import saved

PHASES = 2
"""Places inside a pixel, each way, that have a stamp of their own."""
RADIUS_STEPS = 2
COLOUR_STEP = 8
RING_STEP = 32
LARGEST_STORE = 4096


class Stamps:
    """Pictures of circles, kept from one paint to the next."""

    def __init__(self) -> None:
        self._store: dict[tuple[object, ...], tuple[QImage, int]] = {}

    def draw(self, painter: QPainter, mark: Circles, unit_px: float) -> None:
        """Draw circles on a raster device, those outside of it left out."""
        if not len(mark.centres):
            return
        with saved(painter):
            device = painter.deviceTransform()
            matrix = np.array([[device.m11(), device.m12()], [device.m21(), device.m22()]])
            places = mark.centres @ matrix + (device.dx(), device.dy())
            # Stamps are pixels of the device: nothing may scale or move them on their way.
            painter.resetTransform()
            window = painter.deviceTransform()
            painter.setTransform(window.inverted()[0])
            port = painter.device()
            ratio = port.devicePixelRatioF()
            size = np.array([port.width() * ratio, port.height() * ratio])
            reach = (mark.radii.max() + mark.ring + mark.halo) * unit_px
            inside = places - (window.dx(), window.dy())
            seen = ((inside > -reach) & (inside < size + reach)).all(axis=1)
            if seen.any():
                self._stamp(painter, mark, places, seen, unit_px)

    def _stamp(
        self,
        painter: QPainter,
        mark: Circles,
        places: Points,
        seen: NDArray[np.bool_],
        unit_px: float,
    ) -> None:
        steps = np.floor(places[seen] * PHASES + 0.5).astype(np.int64)
        whole, phases = np.divmod(steps, PHASES)
        radii = np.rint(mark.radii[seen] * unit_px * RADIUS_STEPS).astype(np.int64)
        fills = _rounded(mark.fills[seen], 4 * (COLOUR_STEP,))
        rings = _rounded(mark.rings[seen], (1, 1, 1, RING_STEP))
        rows = np.column_stack([np.maximum(radii, 1), phases, fills, rings]).tolist()
        look = (unit_px, mark.ring, mark.halo, mark.halo_colour, mark.halo_alpha)
        if len(self._store) > LARGEST_STORE:
            self._store.clear()
        store = self._store
        for row, (x, y) in zip(rows, whole.tolist(), strict=True):
            key = (*row, *look)
            found = store.get(key)
            if found is None:
                found = store[key] = _make_stamp(mark, row, unit_px)
            image, middle = found
            painter.drawImage(QPoint(x - middle, y - middle), image)


def _rounded(colours: Colours, steps: tuple[int, ...]) -> NDArray[np.int64]:
    """Colours in steps; nothing becomes clear, or stops being so."""
    wide = colours.astype(np.int64)
    return np.where(wide == 0, 0, np.clip((wide + np.array(steps) // 2) // steps * steps, 1, 255))


def _make_stamp(mark: Circles, row: list[int], unit_px: float) -> tuple[QImage, int]:
    """The picture of a circle, and the pixel that the circle's own pixel is in it."""
    radius_steps, phase_x, phase_y, *colours = row
    radius = radius_steps / RADIUS_STEPS / unit_px
    reach = math.ceil((radius + mark.ring + mark.halo) * unit_px) + 1
    image = QImage(2 * reach + 1, 2 * reach + 1, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    painter.translate(reach + phase_x / PHASES, reach + phase_y / PHASES)
    painter.scale(unit_px, unit_px)
    fill, ring = np.array(colours[:4], np.uint8), np.array(colours[4:], np.uint8)
    draw_circle(painter, mark, radius, fill, ring)
    painter.end()
    return image, reach
