"""A slim bar to go through time: a click goes there, and while dragging the newest wish counts."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QHelpEvent,
    QHideEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QWheelEvent,
)
from PySide6.QtWidgets import QToolTip

from vitstudio.painting import palette
from vitstudio.ui.style_sheet import BAR_GROUND
from vitstudio.ui.views.controls import KeySlider
from vitstudio.ui.views.drawing import unit

PACE_MS = 40
"""Between two wishes of one drag: a mouse says more than any decoder can follow."""
PATIENCE_MS = 700
"""How long the handle waits where it was put, until it is told where it is."""
HANDLE_PX = 5.5
TRACK_PX = 4.0
FEWEST_PX = 12.0
"""Pictures nearer to each other than this are not told apart on the bar."""


class ScrubBar(KeySlider):
    """Shows a place; a click, a drag or an arrow key only says which one is wanted.

    The handle follows the mouse at once. Then it stays until `show_place` says that the wish came
    true, so that a late "still there" does not make it jump; without an answer it goes back.

    Signals
    -------
    wished(place)
        While dragging, the newest one, every `PACE_MS` at most; the last one always.
    moved(place)
        Every place under the handle while it is dragged, for texts beside the bar.
    """

    wished = Signal(int)
    moved = Signal(int)

    def __init__(self, name: str) -> None:
        super().__init__(0, 0, name)
        self._told = 0
        self._wish: int | None = None
        self._unsaid: int | None = None
        self._say: Callable[[int], str] = str
        self._look = (palette.ACCENT, palette.LINE, palette.TEXT)
        self._notched = False
        self._pace = QTimer(self, singleShot=True, interval=PACE_MS)
        self._pace.timeout.connect(self._say_wish)
        self._patience = QTimer(self, singleShot=True, interval=PATIENCE_MS)
        self._patience.timeout.connect(self._give_up)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setMouseTracking(True)
        self.actionTriggered.connect(self._on_action)

    def set_look(self, before: str, after: str, handle: str, *, notched: bool = False) -> None:
        """Colours left of the handle, right of it and its own; whether places are told apart."""
        if (before, after, handle) != self._look or notched != self._notched:
            self._look, self._notched = (before, after, handle), notched
            self.update()

    def set_words(self, say: Callable[[int], str]) -> None:
        """What the tooltip says of a place."""
        self._say = say

    def set_scale(self, last: int, step: int = 1) -> None:
        """Places from 0 to `last`; an arrow key goes by `step`."""
        self.setRange(0, max(last, 0))
        self.setSingleStep(max(step, 1))
        self.setPageStep(10 * max(step, 1))

    def show_place(self, place: int, near: int = 0) -> None:
        """Where it is now; a wish that lies no further than `near` from it came true."""
        self._told = place
        if self._wish is not None and not self.isSliderDown() and abs(place - self._wish) <= near:
            self._forget()
        if self._wish is None and not self.isSliderDown():
            self.setValue(place)

    @property
    def place(self) -> int:
        """Where the handle is."""
        return self.sliderPosition()

    @property
    def is_held(self) -> bool:
        """Whether the handle is where a person put it, and not where it was told to be."""
        return self._wish is not None

    def x_of(self, place: int) -> float:
        """Where a place lies, in pixels from the left."""
        start, length = self._track()
        return start + length * place / max(self.maximum(), 1)

    def place_at(self, x: float) -> int:
        """The place nearest to a pixel."""
        start, length = self._track()
        return round(min(max((x - start) / length, 0.0), 1.0) * self.maximum())

    # ---- wishes ----

    def _on_action(self) -> None:
        """A mouse, a key or a screen reader moved the handle; `value` is still the one before."""
        if self.sliderPosition() == self.value():
            return
        self._wish = self._unsaid = self.sliderPosition()
        self.moved.emit(self._wish)
        if not self.isSliderDown():
            self._patience.start()
        if not self._pace.isActive():
            self._say_wish()

    def _say_wish(self) -> None:
        if self._unsaid is not None:
            wish, self._unsaid = self._unsaid, None
            self._pace.start()
            self.wished.emit(wish)

    def _forget(self) -> None:
        self._wish = None
        self._patience.stop()

    def _give_up(self) -> None:
        self._forget()
        self.setValue(self._told)

    # ---- Qt ----

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Go where the mouse is."""
        if event.button() != Qt.MouseButton.LeftButton or self.maximum() == 0:
            event.ignore()
            return
        self._patience.stop()
        self.setSliderDown(True)
        self.setSliderPosition(self.place_at(event.position().x()))
        self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag."""
        if self.isSliderDown():
            self.setSliderPosition(self.place_at(event.position().x()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Say the last wish without waiting."""
        if event.button() != Qt.MouseButton.LeftButton or not self.isSliderDown():
            event.ignore()
            return
        self.setSliderDown(False)
        self._say_wish()
        if self._wish is not None:
            self._patience.start()
        self.update()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave the wheel to what is around: nobody turns it to lose the place."""
        event.ignore()

    def hideEvent(self, event: QHideEvent) -> None:
        """Forget what was wanted."""
        super().hideEvent(event)
        self.setSliderDown(False)
        self._unsaid = None
        self._pace.stop()
        self._give_up()

    def event(self, event: QEvent) -> bool:
        """Say what lies under the cursor."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            text = self._say(self.place_at(event.pos().x())) if self.isEnabled() else self.toolTip()
            QToolTip.showText(event.globalPos(), text, self)
            return True
        return super().event(event)

    def sizeHint(self) -> QSize:
        """Room for the handle."""
        return QSize(round(160 * unit(self.font())), round(18 * unit(self.font())))

    def minimumSizeHint(self) -> QSize:
        """Wide enough to be dragged."""
        return QSize(round(60 * unit(self.font())), round(14 * unit(self.font())))

    def paintEvent(self, _event: QPaintEvent) -> None:
        """The track, what lies before the handle, single pictures, and the handle."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        scale, (start, length) = unit(self.font()), self._track()
        before, after, handle = self._look
        alive = self.isEnabled() and self.maximum() > 0
        lifted = alive and (self.isSliderDown() or self.underMouse())
        thick = TRACK_PX * scale + (2.0 if lifted else 0.0)
        middle, x = self.height() / 2, self.x_of(self.sliderPosition())
        track = QRectF(start, middle - thick / 2, length, thick)
        painter.setBrush(QColor(after if alive else palette.LINE))
        painter.drawRoundedRect(track, thick / 2, thick / 2)
        if not alive:
            return
        painter.setBrush(QColor(before))
        track.setRight(max(x, start + thick))
        painter.drawRoundedRect(track, thick / 2, thick / 2)
        if self._notched and length / self.maximum() >= FEWEST_PX * scale:
            painter.setPen(QPen(QColor(BAR_GROUND), 1.0))
            for place in range(1, self.maximum()):
                at = round(self.x_of(place)) + 0.5
                painter.drawLine(QPointF(at, track.top()), QPointF(at, track.bottom()))
        radius = HANDLE_PX * scale + (1.0 if lifted else 0.0)
        painter.setPen(QPen(QColor(BAR_GROUND), 1.5))
        painter.setBrush(QColor(palette.ACCENT if self.hasFocus() else handle))
        painter.drawEllipse(QPointF(x, middle), radius, radius)

    def _track(self) -> tuple[float, float]:
        edge = (HANDLE_PX + 1.5) * unit(self.font())
        return edge, max(self.width() - 2 * edge, 1.0)
