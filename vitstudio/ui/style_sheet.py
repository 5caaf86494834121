"""The window's style sheet, made from the palette and the measures.

Widgets choose their looks by properties, never by their own style sheets:

- QLabel `role`: "heading", "muted", "small", "strong", "brand", "title";
  `pill`: "accent", "good", "warning", "bad", "muted".
- QPushButton / QToolButton `kind`: "menu" (framed, the default), "primary" (accent), "flat".
- QPushButton `segment`: "first", "middle", "last", "only" (parts of a `Segmented`).
- QFrame `role`: "bar", "card", "line".
"""

from __future__ import annotations

from string import Template

from vitstudio.painting import palette
from vitstudio.ui.metrics import Metrics

DISABLED = "#4d5563"
PRESSED = "#2a3340"
BAR_GROUND = "#0f1216"
BAD_GROUND = "#351a1c"

BASE = """
QWidget { color: $text; font-size: ${font}px; }
QMainWindow, QDialog { background: $ground; }
QToolTip {
    background: $raised; color: $text; border: 1px solid $line; padding: 5px 8px;
    font-size: ${font}px;
}
QFrame[role="bar"] { background: $bar_ground; border: none; }
QFrame[role="side"] { background: $panel; border: none; }
QFrame[role="card"] { background: $raised; border: 1px solid $line; border-radius: ${card}px; }
QFrame[role="line"] { background: $line; border: none; }
QLabel { background: transparent; }
QLabel:disabled { color: $disabled; }
QLabel[role="heading"] {
    color: $muted; font-size: ${small}px; font-weight: 600; letter-spacing: 1px;
}
QLabel[role="muted"] { color: $muted; }
QLabel[role="small"] { color: $muted; font-size: ${small}px; }
QLabel[role="strong"] { font-weight: 600; }
QLabel[role="brand"] { font-size: ${brand}px; font-weight: 700; }
QLabel[role="title"] { font-size: ${title}px; font-weight: 600; }
"""

PILLS = """
QLabel[pill] { font-size: ${small}px; font-weight: 600; padding: 1px 7px; border-radius: 4px; }
QLabel[pill="accent"] { color: $accent; background: $accent_ground; }
QLabel[pill="good"] { color: $good; background: $good_ground; }
QLabel[pill="warning"] { color: $warning; background: $warning_ground; }
QLabel[pill="bad"] { color: $bad; background: $bad_ground; }
QLabel[pill="legend"] { color: $text; background: rgba(11, 13, 16, 190); font-weight: 400; }
QLabel[pill="muted"] { color: $muted; background: $line; }
"""

BUTTONS = """
QPushButton, QToolButton {
    background: $raised; border: 1px solid $line; border-radius: ${radius}px;
    padding: 0 11px; min-height: ${inner_row}px;
}
QToolButton { padding: 0 6px; }
QPushButton:hover, QToolButton:hover { background: $hover; }
QPushButton:pressed, QToolButton:pressed { background: $pressed; }
QPushButton:disabled, QToolButton:disabled { color: $disabled; }
QPushButton:focus, QToolButton:focus { border: 1px solid $accent; outline: none; }
QPushButton:checked, QToolButton:checked { background: $pressed; color: $text; }
QToolButton::menu-indicator, QPushButton::menu-indicator { image: none; width: 0; }
QPushButton[kind="primary"], QToolButton[kind="primary"] {
    background: $accent; border: 1px solid $accent; color: $ground; font-weight: 600;
}
QPushButton[kind="primary"]:hover, QToolButton[kind="primary"]:hover { background: #74d1ff; }
QPushButton[kind="primary"]:pressed, QToolButton[kind="primary"]:pressed { background: #38a9e0; }
QPushButton[kind="primary"]:disabled, QToolButton[kind="primary"]:disabled {
    background: $line; border-color: $line; color: $disabled;
}
QPushButton[kind="primary"]:focus, QToolButton[kind="primary"]:focus { border: 1px solid $text; }
QPushButton[kind="flat"], QToolButton[kind="flat"] {
    background: transparent; border: 1px solid transparent; padding: 0 7px;
}
QPushButton[kind="flat"]:hover, QToolButton[kind="flat"]:hover { background: $hover; }
QPushButton[kind="flat"]:focus, QToolButton[kind="flat"]:focus { border: 1px solid $accent; }
QPushButton[kind="link"] {
    background: transparent; border: 1px solid transparent; color: $accent; padding: 0 4px;
}
QPushButton[kind="link"]:hover { color: #8ad8ff; }
QPushButton[kind="link"]:focus { border: 1px solid $accent; }
QPushButton[segment] {
    border: 1px solid $line; border-right-width: 0; border-radius: 0; color: $soft; padding: 0 10px;
}
QPushButton[compact="true"] { padding: 0 7px; }
QPushButton[segment]:checked { background: $chosen; color: white; }
QPushButton[segment]:disabled { color: $disabled; }
QPushButton[segment]:checked:disabled { background: $raised; color: $disabled; }
QPushButton[segment]:focus { border: 1px solid $accent; }
QPushButton[segment="first"] {
    border-top-left-radius: ${radius}px; border-bottom-left-radius: ${radius}px;
}
QPushButton[segment="last"] {
    border-right-width: 1px;
    border-top-right-radius: ${radius}px; border-bottom-right-radius: ${radius}px;
}
QPushButton[segment="only"] { border-right-width: 1px; border-radius: ${radius}px; }
"""

INPUTS = """
QLineEdit, QDoubleSpinBox, QSpinBox, QComboBox {
    background: $ground; border: 1px solid $line; border-radius: ${radius}px; padding: 0 8px;
    min-height: ${inner_row}px; selection-background-color: $accent; selection-color: $ground;
}
QLineEdit:focus, QDoubleSpinBox:focus, QSpinBox:focus, QComboBox:focus {
    border: 1px solid $accent;
}
QLineEdit:disabled, QDoubleSpinBox:disabled, QSpinBox:disabled { color: $disabled; }
QLineEdit:read-only { color: $muted; }
QDoubleSpinBox::up-button, QDoubleSpinBox::down-button,
QSpinBox::up-button, QSpinBox::down-button { width: 0; border: none; }
QSlider { min-height: 18px; background: transparent; }
QSlider::groove:horizontal { height: 4px; border-radius: 2px; background: $line; }
QSlider::sub-page:horizontal { height: 4px; border-radius: 2px; background: $accent; }
QSlider::handle:horizontal {
    width: 12px; height: 12px; margin: -4px 0; border-radius: 6px; background: $text;
}
QSlider::handle:horizontal:hover { background: white; }
QSlider::handle:horizontal:focus { background: $accent; }
QSlider::sub-page:horizontal:disabled { background: $line; }
QSlider::handle:horizontal:disabled { background: $disabled; }
QProgressBar {
    background: $line; border: none; border-radius: 2px; max-height: 4px; min-height: 4px;
}
QProgressBar::chunk { background: $accent; border-radius: 2px; }
"""

SURFACES = """
QMenu { background: $raised; border: 1px solid $line; padding: 5px; }
QMenu::item { padding: 5px 26px 5px 12px; border-radius: 4px; }
QMenu::item:selected { background: $chosen; }
QMenu::item:disabled { color: $muted; }
QMenu::separator { height: 1px; background: $line; margin: 5px 4px; }
QMenu::right-arrow { width: 8px; }
QMenu::indicator { width: 10px; height: 10px; left: 2px; }
QMenu::indicator:checked {
    background: qradialgradient(cx: 0.5, cy: 0.5, fx: 0.5, fy: 0.5, radius: 0.5,
        stop: 0.58 $accent, stop: 0.7 transparent);
}
QMenu::indicator:checked:disabled {
    background: qradialgradient(cx: 0.5, cy: 0.5, fx: 0.5, fy: 0.5, radius: 0.5,
        stop: 0.58 $muted, stop: 0.7 transparent);
}
QMenu::indicator:unchecked { background: transparent; }
QScrollArea, QAbstractScrollArea { background: transparent; border: none; }
QPlainTextEdit {
    background: $ground; border: 1px solid $line; border-radius: ${radius}px; padding: 2px 4px;
    selection-background-color: $accent; selection-color: $ground;
}
QPlainTextEdit:focus { border: 1px solid $accent; }
QScrollBar:vertical { background: transparent; width: 10px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 10px; margin: 0; }
QScrollBar::handle { background: $line; border-radius: 3px; margin: 2px; }
QScrollBar::handle:vertical { min-height: 28px; }
QScrollBar::handle:horizontal { min-width: 28px; }
QScrollBar::handle:hover { background: #39414e; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QSplitter::handle { background: $line; }
QSplitter::handle:hover { background: $accent; }
QTabWidget::pane { border: none; border-top: 1px solid $line; }
QTabBar { background: transparent; }
QTabBar::tab {
    background: transparent; color: $muted; padding: 9px 2px 7px 2px; margin: 0 3px;
    border: none; border-bottom: 2px solid transparent;
}
QTabBar::tab:selected { color: $text; border-bottom: 2px solid $accent; }
QTabBar::tab:hover { color: $text; }
QTabBar::tab:disabled { color: $disabled; }
QTabBar::tab:focus { color: $accent; }
QListView, QTreeView {
    background: transparent; border: none; outline: none; selection-background-color: $chosen;
}
QListView::item { padding: 5px 8px; border-radius: 4px; }
QListView::item:selected { background: $chosen; color: $text; }
QListView::item:hover { background: $hover; }
"""


def style_sheet(metrics: Metrics) -> str:
    """The whole style sheet as text."""
    text = BASE + PILLS + BUTTONS + INPUTS + SURFACES
    return Template(text).substitute(
        ground=palette.GROUND,
        panel=palette.PANEL,
        raised=palette.RAISED,
        line=palette.LINE,
        hover=palette.HOVER,
        pressed=PRESSED,
        chosen="#26303c",
        soft="#c3c8d2",
        bar_ground=BAR_GROUND,
        text=palette.TEXT,
        muted=palette.MUTED,
        disabled=DISABLED,
        accent=palette.ACCENT,
        accent_ground=palette.ACCENT_GROUND,
        good=palette.GOOD,
        good_ground=palette.GOOD_GROUND,
        warning=palette.WARNING,
        warning_ground=palette.WARNING_GROUND,
        bad=palette.BAD,
        bad_ground=BAD_GROUND,
        font=metrics.font,
        small=metrics.small,
        brand=metrics.font + 2,
        title=metrics.font + 5,
        row=metrics.row,
        inner_row=metrics.row - 2,
        radius=metrics.radius,
        card=metrics.radius + 2,
    )
