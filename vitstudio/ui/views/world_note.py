"""The line that says which answers of a net hold for this picture."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel

from vitstudio.painting import palette


class WorldNote(QLabel):
    """A warning sentence; takes no room while there is nothing to say."""

    def __init__(self) -> None:
        super().__init__(wordWrap=True, textFormat=Qt.TextFormat.RichText)
        self.sentence = ""
        self.hide()

    def say(self, sentence: str) -> None:
        """Show a sentence, "" for none."""
        self.sentence = sentence
        # The theme has no role for a warning sentence, only for warning pills.
        self.setText(f'<span style="color:{palette.WARNING}">{escape(sentence)}</span>')
        # Without a place it would open as a window.
        self.setVisible(bool(sentence) and self.parentWidget() is not None)
