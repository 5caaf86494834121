"""Promises of the canvas: what lies on the picture is painted within a frame."""

from __future__ import annotations

from PySide6.QtWidgets import QApplication, QGraphicsView

from vitstudio.bench.driving import application
from vitstudio.bench.timing import Row, median_seconds
from vitstudio.core.assets import sample_pictures
from vitstudio.core.state import State
from vitstudio.models.answers import token_map
from vitstudio.models.load import load
from vitstudio.sources.image import load_frame
from vitstudio.state.resolve import resolve
from vitstudio.ui.views.canvas import Canvas

SIZE = 980, 700
DEFORMABLE_LAYER = 5
"""Of DAT-Tiny: 3 groups of 14 x 14 points."""


def mark_rows(repeats: int) -> list[Row]:
    """A whole repaint with all sampling points of a layer."""
    application()
    model = load("dat_tiny", weights="random", precision="float32")
    frame = load_frame(sample_pictures()[0])
    trace = model.trace_frame(frame, "whole")
    state = State(layer=DEFORMABLE_LAYER, view="usage")
    view = resolve(state, model.spec, trace.info)
    found = token_map(trace, view.requests[0])
    canvas = Canvas()
    canvas.resize(*SIZE)
    canvas.show()
    canvas.show_frame(frame)
    canvas.show_map(found, view, trace.info)
    QApplication.processEvents()
    graphics = canvas.findChild(QGraphicsView)
    assert graphics is not None
    seconds = median_seconds(graphics.viewport().repaint, 5 * repeats)
    canvas.close()
    canvas.deleteLater()
    assert found.points is not None
    note = f"DAT-Tiny, {found.points.weights.size} points with their offsets, picture and map"
    return [
        Row("repaint with all sampling points of a layer", seconds * 1e3, "ms", 16.0, note=note)
    ]
