"""What a panel shows in place of its content: why there is none, and the way on."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from vitstudio.ui.views.controls import label


class WayOn(QWidget):
    """A sentence in the middle, and one button where something can be done about it.

    Signals
    -------
    clicked()
    """

    clicked = Signal()

    def __init__(self, title: str, button: str) -> None:
        super().__init__()
        centred = Qt.AlignmentFlag.AlignHCenter
        self.title = label(title, "strong")
        self.title.setAlignment(centred)
        if not title:
            self.title.hide()
        self.text = QLabel(wordWrap=True)
        self.text.setProperty("role", "muted")
        self.text.setAlignment(centred)
        self.button = QPushButton(button)
        self.button.clicked.connect(self.clicked)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(18, 24, 18, 24)
        layout.setSpacing(10)
        layout.addWidget(self.title)
        layout.addWidget(self.text)
        layout.addWidget(self.button, alignment=centred)
        layout.addStretch()

    def say(self, text: str, offer: bool) -> None:
        """Show the sentence, with or without the button."""
        self.text.setText(text)
        self.button.setVisible(offer)
