"""How the window looks: one style sheet, one set of measures, made from the palette."""

from __future__ import annotations

from PySide6.QtCore import QLocale
from PySide6.QtGui import QColor, QFont, QPalette
from PySide6.QtWidgets import QApplication, QWidget

from vitstudio.painting import palette
from vitstudio.ui.metrics import Metrics, metrics_for
from vitstudio.ui.style_sheet import DISABLED, style_sheet

FONT_FAMILIES = ("Inter", "SF Pro Text", "Segoe UI", "Noto Sans", "DejaVu Sans")


def apply_theme(app: QApplication) -> Metrics:
    """Put fonts, colours and the style sheet on the whole program; returns the measures used."""
    metrics = apply_colours(app)
    apply_style_sheet(app, metrics)
    return metrics


def apply_style_sheet(app: QApplication, metrics: Metrics) -> None:
    """The second half of `apply_theme`."""
    app.setStyleSheet(style_sheet(metrics))


def apply_colours(app: QApplication) -> Metrics:
    """The first half of `apply_theme`: all but the style sheet.

    A window that is built under a style sheet is styled again whenever one of its parts is put into
    another: two thirds of the time of building it. So it is built first, then styled once.
    """
    screen = app.primaryScreen()
    metrics = metrics_for(screen.availableGeometry().height() if screen is not None else 900)
    app.setStyle("Fusion")
    font = QFont()
    font.setFamilies(list(FONT_FAMILIES))
    font.setPixelSize(metrics.font)
    app.setFont(font)
    app.setPalette(_palette())
    # Boxes for numbers read and write them as the rest of the program does. Left to the desktop,
    # a German one would take "0.05", copied from the colour bar, for 5.
    QLocale.setDefault(QLocale.c())
    return metrics


def set_property(widget: QWidget, name: str, value: object) -> None:
    """Set a property that the style sheet selects by, and redraw the widget with it."""
    if widget.property(name) == value:
        return
    widget.setProperty(name, value)
    style = widget.style()
    style.unpolish(widget)
    style.polish(widget)


def _palette() -> QPalette:
    colours = QPalette()
    roles = {
        QPalette.ColorRole.Window: palette.PANEL,
        QPalette.ColorRole.Base: palette.RAISED,
        QPalette.ColorRole.AlternateBase: palette.PANEL,
        QPalette.ColorRole.Button: palette.RAISED,
        QPalette.ColorRole.WindowText: palette.TEXT,
        QPalette.ColorRole.Text: palette.TEXT,
        QPalette.ColorRole.ButtonText: palette.TEXT,
        QPalette.ColorRole.PlaceholderText: palette.MUTED,
        QPalette.ColorRole.ToolTipBase: palette.RAISED,
        QPalette.ColorRole.ToolTipText: palette.TEXT,
        QPalette.ColorRole.Highlight: palette.ACCENT,
        QPalette.ColorRole.HighlightedText: palette.GROUND,
        QPalette.ColorRole.Link: palette.ACCENT,
    }
    for role, colour in roles.items():
        colours.setColor(role, QColor(colour))
    for role in (
        QPalette.ColorRole.WindowText,
        QPalette.ColorRole.Text,
        QPalette.ColorRole.ButtonText,
    ):
        colours.setColor(QPalette.ColorGroup.Disabled, role, QColor(DISABLED))
    return colours
