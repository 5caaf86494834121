"""What the canvas shows before there is a picture: where to drop one, and the samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import PurePath

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from vitstudio.painting import palette

CARD_SIZE = (460, 250)


class EmptyState(QWidget):
    """A dashed card in the middle: drop, open, or take a sample.

    Signals
    -------
    sample_picked(path), scene_wanted(), open_wanted()
    """

    sample_picked = Signal(str)
    scene_wanted = Signal()
    open_wanted = Signal()

    def __init__(self, samples: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        centred = Qt.AlignmentFlag.AlignCenter
        title = QLabel("Drop a picture here", alignment=centred)
        title.setProperty("role", "title")
        hint = QLabel("or a folder, a checkpoint, an export of VitStudio", alignment=centred)
        hint.setProperty("role", "muted")
        button = QPushButton("Open a picture…   Ctrl+O")
        button.setProperty("kind", "primary")
        button.clicked.connect(self.open_wanted)
        self._busy = QLabel("", alignment=centred)
        self._busy.setProperty("role", "muted")
        layout = QVBoxLayout(self)
        layout.addStretch()
        for widget in (title, hint):
            layout.addWidget(widget)
        layout.addSpacing(14)
        layout.addWidget(button, alignment=Qt.AlignmentFlag.AlignHCenter)
        layout.addSpacing(10)
        layout.addLayout(self._sample_row(samples))
        layout.addWidget(self._busy)
        layout.addStretch()

    def show_busy(self, text: str) -> None:
        """What is being waited for; "" for nothing."""
        self._busy.setText(text)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """The ground and the dashed card."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(palette.GROUND))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(palette.LINE), 1.5, Qt.PenStyle.DashLine))
        painter.setBrush(QColor(palette.PANEL))
        width, height = min(CARD_SIZE[0], self.width() - 24), min(CARD_SIZE[1], self.height() - 24)
        card = QRectF((self.width() - width) / 2, (self.height() - height) / 2, width, height)
        painter.drawRoundedRect(card, 14, 14)

    def _sample_row(self, samples: Sequence[str]) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(2)
        row.addStretch()
        label = QLabel("Samples:")
        label.setProperty("role", "muted")
        row.addWidget(label)
        for path in samples:
            row.addWidget(_link(PurePath(path).stem, partial(self.sample_picked.emit, path)))
        row.addWidget(_link("tabletop world", self.scene_wanted.emit))
        row.addStretch()
        return row


def _link(text: str, follow: Callable[[], object]) -> QPushButton:
    link = QPushButton(text)
    link.setProperty("kind", "link")
    link.setCursor(Qt.CursorShape.PointingHandCursor)
    link.clicked.connect(lambda: follow())
    return link
