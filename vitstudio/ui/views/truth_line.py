"""The true class below the predictions."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QWidget

from vitstudio.painting import palette


class TruthLine(QLabel):
    """Says "✓ true: mug", with a cross where the likeliest class is another; takes no room else."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, wordWrap=True, textFormat=Qt.TextFormat.RichText)
        self.spoken = ""
        self.hide()

    def say(self, name: str, right: bool | None) -> None:
        """Show the true class ("" for none), and whether it was found; None where none could be."""
        mark, colour = {
            None: ("", palette.MUTED),
            True: ("✓ ", palette.GOOD),
            False: ("✗ ", palette.BAD),
        }[right]
        self.spoken = f"{mark}true: {name}" if name else ""
        self.setText(f'<span style="color:{colour}">{mark}true: <b>{escape(name)}</b></span>')
        told = {
            None: "this model has no such list of classes",
            True: "the likeliest class is that",
            False: "the likeliest class is another",
        }[right]
        self.setToolTip(f"The main solid of the scene is a {name}; {told}")
        self.setVisible(bool(name))
