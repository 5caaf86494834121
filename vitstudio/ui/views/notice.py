"""A message over the canvas that blocks nothing."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QWidget,
)

from vitstudio.ui.screen import NoticeKind
from vitstudio.ui.theme import set_property
from vitstudio.ui.views.shadow import Shadow

SHOWN_MS = 5000
WIDEST = 560
MARKS: dict[NoticeKind, str] = {"info": "i", "good": "done", "warning": "note", "bad": "failed"}
PILLS: dict[NoticeKind, str] = {
    "info": "accent",
    "good": "good",
    "warning": "warning",
    "bad": "bad",
}


class Notice(QFrame):
    """Says one sentence near the bottom of its parent; failures stay until dismissed.

    Signals
    -------
    dismissed()
    """

    dismissed = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self._mark = QLabel()
        self._mark.setProperty("pill", "accent")  # a badge from the start, or it gets no padding
        # Names of files come with the sentences: they are no markup, whatever they look like.
        self._text = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        close = QPushButton("Dismiss")
        close.setProperty("kind", "flat")
        close.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # it goes away, and the focus elsewhere
        close.setToolTip("Close this message (Esc)")
        close.clicked.connect(self.dismiss)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 8, 6, 8)
        layout.setSpacing(10)
        layout.addWidget(self._mark, alignment=Qt.AlignmentFlag.AlignVCenter)
        layout.addWidget(self._text, stretch=1)
        layout.addWidget(close)
        self._shadow = Shadow(self)
        self._timer = QTimer(self, singleShot=True, interval=SHOWN_MS)
        self._timer.timeout.connect(self.dismiss)
        parent.installEventFilter(self)
        self.hide()

    @property
    def text(self) -> str:
        """The sentence shown; "" for none."""
        return "" if self.isHidden() else self._text.text()

    def show_notice(self, text: str, kind: NoticeKind) -> None:
        """Say a sentence; an information goes away by itself and never hides a failure."""
        if kind == "info" and self._timer.isActive() is False and not self.isHidden():
            return
        self._text.setText(text)
        self._mark.setText(MARKS[kind])
        set_property(self._mark, "pill", PILLS[kind])
        if kind == "bad":
            self._timer.stop()
        else:
            self._timer.start()
        self.show()
        self._place()

    def dismiss(self) -> None:
        """Take the message away."""
        self._timer.stop()
        self.hide()
        self._shadow.follow()
        self.dismissed.emit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keep the place when the parent is resized."""
        if event.type() == QEvent.Type.Resize and not self.isHidden():
            self._place()
        return bool(super().eventFilter(watched, event))

    def _place(self) -> None:
        parent, layout = self.parentWidget(), self.layout()
        assert parent is not None
        assert layout is not None
        width = min(WIDEST, parent.width() - 32)
        self.setFixedWidth(width)
        # Both with the frame, which takes a pixel of each side from the layout.
        height = layout.totalHeightForWidth(width)
        self.setFixedHeight(max(height, layout.totalMinimumSize().height()))
        self.move((parent.width() - width) // 2, parent.height() - self.height() - 16)
        self.raise_()
        self._shadow.follow()
