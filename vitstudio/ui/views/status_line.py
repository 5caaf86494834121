"""The line at the bottom: cursor, long work, file and a hint."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QPushButton, QWidget

from vitstudio.engine.messages import Progress
from vitstudio.ui.views.controls import label
from vitstudio.ui.views.drawing import LONGEST_PX, ElidedLabel, shortened, text_width, unit

MARGIN = 16
SPACING = 18
READABLE_PX = 340
"""Room for what the cursor is on, in design pixels; the hint is left out for it."""
WORK_GAP = 8
RESTING_HINT = "Click a patch to ask what it looks at · Shift to peek"


class StatusLine(QFrame):
    """Says what the cursor is on, and what is under way.

    Signals
    -------
    cancelled()
    """

    cancelled = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "bar")
        self._cursor = ElidedLabel()
        self._cursor.setProperty("role", "muted")
        self._source = label("", "muted")
        self._hint = label(RESTING_HINT, "muted")
        self._doing = ""
        self._work = QWidget()
        self._work_text = QLabel(textFormat=Qt.TextFormat.PlainText)
        self._bar = QProgressBar(textVisible=False)
        self._bar.setFixedWidth(140)
        self._cancel = cancel = QPushButton("Cancel")
        cancel.setProperty("kind", "link")
        cancel.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # it goes away, and the focus elsewhere
        cancel.clicked.connect(self.cancelled)
        work = QHBoxLayout(self._work)
        work.setContentsMargins(0, 0, 0, 0)
        work.setSpacing(WORK_GAP)
        for widget in (self._work_text, self._bar, cancel):
            work.addWidget(widget)
        self._work.hide()
        self._hint.hide()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(MARGIN, 0, MARGIN, 0)
        layout.setSpacing(SPACING)
        layout.addWidget(self._cursor, stretch=1)
        layout.addWidget(self._work)
        layout.addWidget(self._source)
        layout.addWidget(self._hint)
        self.setFixedHeight(30)

    @property
    def cursor_text(self) -> str:
        """What the cursor is on."""
        return self._cursor.text()

    def show_cursor(self, text: str) -> None:
        """Say what the cursor is on; "" when it is nowhere."""
        self._cursor.setText(text)

    def show_source(self, text: str, tooltip: str) -> None:
        """The picture's name and size."""
        self._source.setText(shortened(text, self.fontMetrics()))
        self._source.setToolTip(tooltip)
        self._make_room()

    def show_progress(self, progress: Progress | None) -> None:
        """Long work under way; None when it ended."""
        self._doing = "" if progress is None else progress.text
        self._work.setVisible(progress is not None)
        self._make_room()
        if progress is None:
            return
        if progress.fraction is None:
            self._bar.setRange(0, 0)
        else:
            self._bar.setRange(0, 1000)
            self._bar.setValue(round(1000 * progress.fraction))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Say as much as fits the new width."""
        super().resizeEvent(event)
        self._make_room()

    def _make_room(self) -> None:
        """Leave out the hint, then the picture's name, and shorten last what is under way."""
        named, works = bool(self._source.text()), not self._work.isHidden()
        room = self.width() - 2 * MARGIN - SPACING
        source = self._source.sizeHint().width() + SPACING if named else 0
        hint = self._hint.sizeHint().width() + SPACING
        readable = READABLE_PX * unit(self.font())
        self._hint.setVisible(named and not works and room - source - hint >= readable)
        if works:
            parts = self._bar.width() + self._cancel.sizeHint().width() + 2 * WORK_GAP
            room -= parts
            wanted = text_width(self._work_text.font(), self._doing) + 2
            fits = room - source >= min(wanted, LONGEST_PX)
            self._source.setVisible(named and fits)
            most = min(room - (source if fits else 0), LONGEST_PX)
            metrics = self._work_text.fontMetrics()
            self._work_text.setText(
                metrics.elidedText(self._doing, Qt.TextElideMode.ElideRight, round(most))
            )
            self._work_text.setToolTip(self._doing)
        else:
            self._source.setVisible(named)
