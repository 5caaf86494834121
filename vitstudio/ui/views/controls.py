"""Small controls shared by the bars."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import partial

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QAction, QIcon, QKeyEvent, QPainter, QPixmap, QValidator
from PySide6.QtWidgets import (
    QDoubleSpinBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QSizePolicy,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from vitstudio.painting.colour_bar import bar_image
from vitstudio.ui.theme import set_property
from vitstudio.ui.views.drawing import set_tooltip

LINE_GAP = 4
"""Between the lines of a row of buttons that is too long for one."""
SLIDER_KEYS = (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Home, Qt.Key.Key_End)


class Segmented(QWidget):
    """A row of joined buttons of which one is chosen.

    It never moves by itself: a click only asks, and `choose` shows what became of it.

    Signals
    -------
    picked(key)
    """

    picked = Signal(str)

    def __init__(
        self, items: Iterable[tuple[str, str]], name: str, *, compact: bool = False
    ) -> None:
        super().__init__()
        self.setAccessibleName(name)
        pairs = list(items)
        self.buttons: dict[str, QPushButton] = {}
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(LINE_GAP)
        self._lines = (QHBoxLayout(), QHBoxLayout())
        for line in self._lines:
            line.setSpacing(0)
            layout.addLayout(line)
        for place, (key, title) in enumerate(pairs):
            button = QPushButton(title)
            button.setCheckable(True)
            button.setProperty("segment", _segment(place, len(pairs)))
            button.setProperty("compact", compact)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.clicked.connect(partial(self._on_clicked, key))
            self._lines[0].addWidget(button)
            self.buttons[key] = button
        self._chosen = ""
        self._offered = list(self.buttons)
        self._first_line = len(self.buttons)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def choose(self, key: str) -> None:
        """Show that a key is chosen."""
        self._chosen = key
        for other, button in self.buttons.items():
            button.setChecked(other == key)

    def offer(self, keys: Collection[str]) -> None:
        """Show the parts of these keys only, joined as if there were no others."""
        offered = [key for key in self.buttons if key in keys]
        if offered == self._offered:
            return
        wrapped = self._first_line < len(self._offered)
        self._offered = offered
        for key, button in self.buttons.items():
            button.setVisible(key in offered)
        self._break_after(self._middle() if wrapped else len(offered))

    def wrap(self, width: int) -> None:
        """Take two lines where one is wider than `width`, else one."""
        fits = self.width_in_lines(1) <= width
        first = len(self._offered) if fits else self._middle()
        if first != self._first_line:
            self._break_after(first)

    def width_in_lines(self, lines: int) -> int:
        """Pixels that one or two lines of the parts that are offered take."""
        widths = [self.buttons[key].sizeHint().width() for key in self._offered]
        first = len(widths) if lines == 1 else self._middle()
        return max(sum(widths[:first]), sum(widths[first:]))

    def _middle(self) -> int:
        """How many parts the first of two lines has: both as near in width as can be."""
        widths = [self.buttons[key].sizeHint().width() for key in self._offered]
        places = range(1, len(widths) + 1)
        return min(places, key=lambda i: max(sum(widths[:i]), sum(widths[i:])), default=0)

    def _break_after(self, first: int) -> None:
        """Begin the second line after so many parts that are offered."""
        self._first_line = first
        lines = self._offered[:first], self._offered[first:]
        for layout, keys in zip(self._lines, lines, strict=True):
            while layout.takeAt(0) is not None:
                pass
            for place, key in enumerate(keys):
                button = self.buttons[key]
                layout.addWidget(button)
                set_property(button, "segment", _segment(place, len(keys)))
            layout.addStretch()

    def set_tooltips(self, texts: Mapping[str, str]) -> None:
        """Explain the parts."""
        for key, text in texts.items():
            self.buttons[key].setToolTip(text)

    def _on_clicked(self, key: str) -> None:
        self.choose(self._chosen)
        self.picked.emit(key)


class ToggleButton(QPushButton):
    """A button that shows whether something is on; a click only asks."""

    asked = Signal()

    def __init__(self, title: str, icon: QIcon | None = None) -> None:
        super().__init__("" if icon else title)
        if icon is not None:
            self.setIcon(icon)
            self.setProperty("compact", True)
        self.setAccessibleName(title)
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._on = False
        self.clicked.connect(self._on_clicked)

    def show_on(self, on: bool) -> None:
        """Show that it is on, or off."""
        self._on = on
        self.setChecked(on)

    def _on_clicked(self) -> None:
        self.setChecked(self._on)
        self.asked.emit()


class KeySlider(QSlider):
    """A slider that takes arrow keys only when reached by Tab, so that they else step layers."""

    def __init__(self, low: int, high: int, name: str) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self.setRange(low, high)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAccessibleName(name)

    def event(self, event: QEvent) -> bool:
        """Claim the keys that move a slider before the window's shortcuts see them."""
        if event.type() == QEvent.Type.ShortcutOverride:
            assert isinstance(event, QKeyEvent)
            if event.key() in SLIDER_KEYS:
                event.accept()
                return True
        return bool(super().event(event))


class NumberBox(QDoubleSpinBox):
    """A number with a point, as everywhere in the program; a comma becomes one while typing."""

    def validate(self, text: str, place: int) -> tuple[QValidator.State, str, int]:
        """As Qt does, of the text with points."""
        return super().validate(text.replace(",", "."), place)


class MenuButton(QToolButton):
    """A framed button that opens a menu; choices in it are exclusive and only ask.

    Signals
    -------
    picked(key)
    """

    picked = Signal(str)

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setMenu(QMenu(self))
        self._choices: dict[str, QAction] = {}

    def set_title(self, text: str) -> None:
        """The text before the arrow."""
        self.setText(f"{text} ▾")

    def set_choices(self, items: Iterable[tuple[str, str]]) -> None:
        """Fill the menu with (key, title) pairs."""
        menu = self.menu()
        menu.clear()
        self._choices = {}
        for key, title in items:
            if not key:
                menu.addSeparator()
                continue
            action = menu.addAction(title)
            action.setCheckable(True)
            action.triggered.connect(partial(self._on_triggered, key))
            self._choices[key] = action

    def choose(self, key: str) -> None:
        """Tick the chosen one."""
        for other, action in self._choices.items():
            action.setChecked(other == key)

    @property
    def keys(self) -> tuple[str, ...]:
        """Of all choices, in order."""
        return tuple(self._choices)

    def choice(self, key: str) -> QAction:
        """The menu entry of a key."""
        return self._choices[key]

    def _on_triggered(self, key: str) -> None:
        self.picked.emit(key)


def enable(widget: QWidget, reason: str | None, tooltip: str = "") -> None:
    """Switch a control off with the reason as its tooltip, or on with its own."""
    widget.setEnabled(reason is None)
    set_tooltip(widget, tooltip if reason is None else reason)


def swatch(colormap: str, size: QSize) -> QIcon:
    """A small picture of a colour map, from low to high."""
    pixmap = QPixmap(size)
    painter = QPainter(pixmap)
    painter.translate(size.width(), 0)
    painter.rotate(90)
    painter.drawImage(pixmap.rect().transposed(), bar_image(colormap))
    painter.end()
    return QIcon(pixmap)


def label(text: str, role: str) -> QLabel:
    """A label in one of the style sheet's roles; what it says may be a file's name."""
    result = QLabel(text, textFormat=Qt.TextFormat.PlainText)
    result.setProperty("role", role)
    return result


def rule(vertical: bool = False) -> QFrame:
    """A hairline."""
    line = QFrame()
    line.setProperty("role", "line")
    if vertical:
        line.setFixedWidth(1)
    else:
        line.setFixedHeight(1)
    return line


def _segment(place: int, count: int) -> str:
    if count == 1:
        return "only"
    return "first" if place == 0 else "last" if place == count - 1 else "middle"


def row(*widgets: QWidget | None, spacing: int = 8) -> QHBoxLayout:
    """Widgets side by side; None stretches."""
    layout = QHBoxLayout()
    layout.setSpacing(spacing)
    for widget in widgets:
        if widget is None:
            layout.addStretch()
        else:
            layout.addWidget(widget)
    return layout
