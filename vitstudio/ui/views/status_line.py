"""The line at the bottom: cursor, long work, file and a hint."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QPushButton, QWidget

from vitstudio.engine.messages import Progress
from vitstudio.ui.views.controls import label
from vitstudio.ui.views.drawing import ElidedLabel, shortened

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
        self._work = QWidget()
        self._work_text = QLabel(textFormat=Qt.TextFormat.PlainText)
        self._bar = QProgressBar(textVisible=False)
        self._bar.setFixedWidth(140)
        cancel = QPushButton("Cancel")
        cancel.setProperty("kind", "link")
        cancel.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # it goes away, and the focus elsewhere
        cancel.clicked.connect(self.cancelled)
        work = QHBoxLayout(self._work)
        work.setContentsMargins(0, 0, 0, 0)
        for widget in (self._work_text, self._bar, cancel):
            work.addWidget(widget)
        self._work.hide()
        self._hint.hide()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(16, 0, 16, 0)
        layout.setSpacing(18)
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
        self._hint.setVisible(bool(text))

    def show_progress(self, progress: Progress | None) -> None:
        """Long work under way; None when it ended."""
        self._work.setVisible(progress is not None)
        self._hint.setVisible(progress is None and bool(self._source.text()))
        if progress is None:
            return
        self._work_text.setText(progress.text)
        if progress.fraction is None:
            self._bar.setRange(0, 0)
        else:
            self._bar.setRange(0, 1000)
            self._bar.setValue(round(1000 * progress.fraction))
