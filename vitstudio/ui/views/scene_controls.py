"""Rows of the world panel: a word to choose, an amount to slide."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap
from PySide6.QtWidgets import QHBoxLayout, QLabel, QWidget

from vitstudio.ui.views.controls import KeySlider, MenuButton, label

Rgb = tuple[float, float, float]
SWATCH = QSize(12, 12)
STEPS = 200
NAME_TEXT = "Distance"
VALUE_TEXT = "-180°"


class WordMenu(MenuButton):
    """A menu of words, with their colours before them where they have any.

    Signals
    -------
    picked(word)
    """

    def __init__(self, name: str, words: Iterable[str], colours: Mapping[str, Rgb] | None = None):
        super().__init__(name)
        self._icons: dict[str, QIcon] = {}
        listed = list(words)
        self.set_choices((word, word) for word in listed)
        for word, rgb in (colours or {}).items():
            self._icons[word] = colour_icon(rgb)
            self.choice(word).setIcon(self._icons[word])
        self.setToolTip(name)
        self.setIconSize(SWATCH)
        self.word = ""

    def show_word(self, word: str) -> None:
        """Show what is chosen."""
        if word != self.word:
            self.word = word
            self.set_title(f" {word}" if word in self._icons else word)
            self.choose(word)
            if word in self._icons:
                self.setIcon(self._icons[word])


class Amount(QWidget):
    """A name, a slider and the number that it stands at.

    Signals
    -------
    moved(value)
        By a person.
    """

    moved = Signal(float)

    def __init__(
        self, name: str, low: float, high: float, text: Callable[[float], str], tooltip: str
    ) -> None:
        super().__init__()
        self._low, self._high, self._text = low, high, text
        self._showing = False
        self.slider = KeySlider(0, STEPS, tooltip)
        self.slider.setPageStep(STEPS // 10)
        self.slider.setToolTip(tooltip)
        self.number = label("", "muted")
        self.number.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        title = QLabel(name)
        title.setProperty("role", "muted")
        title.setToolTip(tooltip)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        for widget, sample in ((title, NAME_TEXT), (self.number, VALUE_TEXT)):
            widget.setFixedWidth(self.fontMetrics().horizontalAdvance(sample) + 10)
        row.addWidget(title)
        row.addWidget(self.slider, stretch=1)
        row.addWidget(self.number)
        self.slider.valueChanged.connect(self._on_value)

    def show_value(self, value: float) -> None:
        """Show a value; the slider stands at its end where that is beyond it."""
        self._showing = True
        if not self.slider.isSliderDown():
            part = (value - self._low) / (self._high - self._low)
            self.slider.setValue(round(STEPS * min(max(part, 0.0), 1.0)))
        self.number.setText(self._text(value))
        self._showing = False

    def _on_value(self, step: int) -> None:
        if not self._showing:
            self.moved.emit(round(self._low + (self._high - self._low) * step / STEPS, 4))


def metres(value: float) -> str:
    """A distance as shown: "2.05 m"."""
    return f"{value:.2f} m"


def degrees(value: float) -> str:
    """An angle as shown: "-35°"."""
    return f"{value:.0f}°"


def percent(value: float) -> str:
    """A part as shown: "70 %"."""
    return f"{100 * value:.0f} %"


def colour_icon(rgb: Rgb) -> QIcon:
    """A small square of a colour."""
    pixmap = QPixmap(SWATCH)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor.fromRgbF(*rgb))
    painter.drawRoundedRect(pixmap.rect(), 3, 3)
    painter.end()
    return QIcon(pixmap)
