"""The picture as a cloud of points in a window of its own; imported only when it is opened.

OpenGL may be missing (no driver, no display): then the window says so, and what works without.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QOpenGLContext, QVector3D
from PySide6.QtWidgets import QLabel, QStackedLayout, QVBoxLayout, QWidget

from vitstudio.core.frame import Frame
from vitstudio.core.live import is_live
from vitstudio.core.trace import TokenMap, TraceInfo
from vitstudio.painting import palette
from vitstudio.ui.views.controls import label
from vitstudio.ui.views.point_cloud import MOST_POINTS, cloud_of

SIZE = (900, 640)
HINT = "Drag to turn   ·   wheel to come nearer   ·   middle button or Ctrl + drag to move"
NO_GL = (
    "This computer offers no OpenGL here, which the view in 3D needs. Distances, colours and "
    "iso-lines on the picture work without it."
)
PREPARING = "Preparing the view in 3D…"
NO_DEPTH = "There is no depth map of this picture yet."
NO_LIVE_DEPTH = (
    "While pictures move, only what is in front is computed: choose the Depth tab, or show the "
    "depth map on the picture."
)
FROM_THE_SIDE = -76.0
"""Degrees: a little beside the camera (-90), so that depth shows at first sight."""
FROM_ABOVE = 9.0
LARGER = 1.6
"""Than the gaps, which a slanted surface widens."""


class CloudWindow(QWidget):
    """A window that turns a depth map into space.

    Parameters
    ----------
    parent : QWidget
        The main window, with which this one closes.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setWindowTitle("Depth in 3D · VitStudio")
        self.resize(*SIZE)
        self.setAutoFillBackground(True)
        self._seen: Frame | None = None
        self._points: Any = None
        self.message = QLabel(wordWrap=True, alignment=Qt.AlignmentFlag.AlignCenter)
        self.message.setProperty("role", "muted")
        self.message.setMargin(40)
        self.view: Any = None
        self._shown: tuple[TokenMap | None, TraceInfo | None, float, int]
        self._shown = (None, None, 60.0, MOST_POINTS)
        self._ready = False
        self._pages = QStackedLayout()
        self._foot = label(HINT, "small")
        self._foot.setContentsMargins(14, 6, 14, 8)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(self._pages, stretch=1)
        layout.addWidget(self._foot)
        self._pages.addWidget(self.message)
        self._say(PREPARING)

    def show_depth(
        self,
        token_map: TokenMap | None,
        info: TraceInfo | None,
        field_of_view: float,
        most: int = MOST_POINTS,
    ) -> None:
        """Show a depth map in space; None says that there is none.

        The pictures of one moving source are seen from where the user has turned to; another
        picture is seen from beside its camera. `most` is the limit of points.
        """
        self._shown = token_map, info, field_of_view, most
        if not self._ready:
            return
        if self.view is None or token_map is None or info is None:
            moves = info is not None and is_live(info.frame.source)
            self._say(NO_GL if self.view is None else NO_LIVE_DEPTH if moves else NO_DEPTH)
            return
        points, colours, sizes = cloud_of(token_map.values, info, field_of_view, most)
        self._draw(pos=points, color=colours, size=LARGER * sizes)
        seen, self._seen = self._seen, info.frame
        if seen is None or not goes_on(seen, info.frame):
            self._look_at(float(np.median(points[:, 1])), field_of_view)
        self._say("")

    def prepare(self) -> None:
        """The libraries are loaded: make the view and draw what was asked for."""
        if self._ready:
            return
        self.view = make_view()
        if self.view is not None:
            self._pages.addWidget(self.view)
        self._ready = True
        self.show_depth(*self._shown)

    def _say(self, text: str) -> None:
        self.message.setText(text)
        self._pages.setCurrentIndex(0 if text else 1)
        self._foot.setVisible(not text)

    def _draw(self, **points: Any) -> None:
        if self._points is None:
            import pyqtgraph.opengl as gl

            self._points = gl.GLScatterPlotItem(**points, pxMode=False)
            self._points.setGLOptions("opaque")
            self.view.addItem(self._points)
        else:
            self._points.setData(**points)

    def _look_at(self, distance: float, field_of_view: float) -> None:
        """From beside the camera to the middle of the scene."""
        self.view.opts["fov"] = min(field_of_view, 75.0)
        self.view.setCameraPosition(
            pos=QVector3D(0.0, distance, 0.0),
            distance=1.15 * distance,
            elevation=FROM_ABOVE,
            azimuth=FROM_THE_SIDE,
        )


def goes_on(before: Frame, frame: Frame) -> bool:
    """Whether a picture is the one of before, or another of the same moving source."""
    return frame is before or (is_live(frame.source) and frame.source == before.source)


def make_view() -> Any:
    """A view in space; None where OpenGL is missing."""
    if not QOpenGLContext().create():
        return None
    try:
        import pyqtgraph.opengl as gl
    except (ImportError, OSError, AttributeError):
        return None
    view = gl.GLViewWidget()
    view.setBackgroundColor(palette.GROUND)
    return view
