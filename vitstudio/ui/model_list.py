"""The list of the model picker: rows and how they look."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QPersistentModelIndex,
    QPointF,
    QRectF,
    QSize,
    Qt,
)
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from vitstudio.core.spec import ModelSpec
from vitstudio.core.worlds import WORLD_NAMES, trained_on
from vitstudio.painting import palette
from vitstudio.ui.model_rows import ModelRow, build_rows, facts_text, size_text
from vitstudio.ui.views.drawing import (
    colour,
    derived_font,
    draw_chevron_down,
    draw_pill,
    draw_text,
    pill_width,
    text_width,
    unit,
)

Index = QModelIndex | QPersistentModelIndex

HEADING_PX = 28
ROW_PX = 50
ROW_ROLE = int(Qt.ItemDataRole.UserRole)
CURRENT_ROLE = ROW_ROLE + 1
PROGRESS_ROLE = ROW_ROLE + 2
BADGE_GROUND = "#1c3d55"
"""Brighter than the ground of the selected row, on which badges lie too."""
FAINT_INK = "#6d7686"


class ModelListModel(QAbstractListModel):
    """Grouped and filtered specs; a few hundred, so a new filter simply rebuilds the rows."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.specs: tuple[ModelSpec, ...] = ()
        self.current_id = ""
        self.progress: dict[str, float | None] = {}
        self._rows: tuple[ModelRow, ...] = ()
        self._text = ""

    def set_specs(self, specs: tuple[ModelSpec, ...], current_id: str) -> None:
        """Replace all models."""
        self.specs, self.current_id = specs, current_id
        self.set_text(self._text)

    def set_text(self, text: str) -> None:
        """Show the models that match."""
        self.beginResetModel()
        self._text = text
        self._rows = build_rows(self.specs, text)
        self.endResetModel()

    def set_progress(self, model_id: str, fraction: float | None) -> None:
        """Mark a model as being downloaded."""
        self.progress[model_id] = fraction
        self._repaint(model_id)

    def clear_progress(self, model_id: str) -> None:
        """Take that mark off."""
        if model_id in self.progress:
            del self.progress[model_id]
            self._repaint(model_id)

    def row_of(self, model_id: str) -> int | None:
        """Where a model stands now; None if it is filtered out."""
        for number, row in enumerate(self._rows):
            if row.spec is not None and row.spec.id == model_id:
                return number
        return None

    def spec_at(self, index: Index) -> ModelSpec | None:
        """The model of a row; None for a heading."""
        return self._rows[index.row()].spec if index.isValid() else None

    def _repaint(self, model_id: str) -> None:
        row = self.row_of(model_id)
        if row is not None:
            self.dataChanged.emit(self.index(row), self.index(row))

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """All rows are top-level."""
        return 0 if parent.isValid() else len(self._rows)

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Headings cannot be picked."""
        if self.spec_at(index) is None:
            return Qt.ItemFlag.NoItemFlags
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Texts, and the row itself for the delegate."""
        row = self._rows[index.row()]
        if role == ROW_ROLE:
            return row
        if role == Qt.ItemDataRole.DisplayRole:
            return row.spec.title if row.spec is not None else row.heading
        if row.spec is None:
            return None
        if role == CURRENT_ROLE:
            return row.spec.id == self.current_id
        if role == PROGRESS_ROLE and row.spec.id in self.progress:
            return _progress_text(self.progress[row.spec.id])
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{row.spec.title}, {row.spec.family}, {facts_text(row.spec)}, {place(row.spec)}"
        if role == Qt.ItemDataRole.ToolTipRole:
            return _tooltip(row.spec)
        return None


def place(spec: ModelSpec) -> str:
    """Where a model's weights are, in words."""
    size = size_text(spec.weights_bytes)
    return {
        "bundled": f"bundled, {WORLD_NAMES[spec.world]}" if spec.world else "bundled",
        "local": "on this computer",
        "download": f"to download, {size}" if size else "to download",
        "none": "no weights",
    }[spec.availability]


def _progress_text(fraction: float | None) -> str:
    return "downloading" if fraction is None else f"{fraction:.0%}"


def _tooltip(spec: ModelSpec) -> str:
    lines = [spec.title, spec.id, facts_text(spec)]
    if spec.num_classes:
        lines.append(f"{spec.num_classes:,} classes")
    if (world := trained_on(spec)) and spec.availability != "none":
        lines.append(f"{world}: its answers hold for scenes of that world only")
    elif world:
        lines.append(f"weights: {spec.origin}")
    lines += [line for line in (spec.paper, spec.licence and f"licence: {spec.licence}") if line]
    return "\n".join(lines)


class ModelDelegate(QStyledItemDelegate):
    """Paints a heading or a model."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """Fixed heights; the width is the view's."""
        row: ModelRow = index.data(ROW_ROLE)
        height = ROW_PX if row.spec is not None else HEADING_PX
        return QSize(100, round(height * unit(option.font)))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Paint one row, in design pixels scaled to the font."""
        row: ModelRow = index.data(ROW_ROLE)
        rect = QRectF(option.rect)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if row.spec is None:
            painter.setFont(derived_font(option.font, 0.78, bold=True))
            scale = unit(option.font)
            line = rect.adjusted(10 * scale, 4, 0, 0)
            draw_text(painter, line, row.heading.upper(), palette.MUTED)
        else:
            self._paint_model(painter, rect, option, index, row.spec)
        painter.restore()

    def _paint_model(
        self,
        painter: QPainter,
        rect: QRectF,
        option: QStyleOptionViewItem,
        index: Index,
        spec: ModelSpec,
    ) -> None:
        scale = unit(option.font)
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        hovered = bool(option.state & QStyle.StateFlag.State_MouseOver)
        box = rect.adjusted(0, 1, -4 * scale, -1)
        if selected or hovered:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour(palette.ACCENT_GROUND if selected else palette.HOVER))
            painter.drawRoundedRect(box, 6 * scale, 6 * scale)
        inner = box.adjusted(10 * scale, 5 * scale, -10 * scale, -5 * scale)
        first = QRectF(inner.x(), inner.y(), inner.width(), 20 * scale)
        second = QRectF(inner.x(), inner.y() + 21 * scale, inner.width(), 18 * scale)

        small = derived_font(option.font, 0.85)
        painter.setFont(derived_font(option.font, 0.85, bold=True))
        badge = QRectF(first.x(), first.y() + 1.5 * scale, 0, 17 * scale)
        badge.setWidth(pill_width(painter.font(), spec.family))
        draw_pill(painter, badge, spec.family, palette.ACCENT, BADGE_GROUND)
        progress = index.data(PROGRESS_ROLE) or ""
        painter.setFont(small)
        taken = _paint_place(painter, first, spec, progress, scale)

        painter.setFont(derived_font(option.font, 1.0, bold=bool(index.data(CURRENT_ROLE))))
        title = first.adjusted(badge.width() + 9 * scale, 0, -taken - 10 * scale, 0)
        draw_text(painter, title, spec.title)
        painter.setFont(small)
        facts = facts_text(spec)
        room = text_width(small, facts)
        draw_text(painter, second, facts, palette.MUTED, Qt.AlignmentFlag.AlignRight)
        name = second.adjusted(0, 0, -room - 14 * scale, 0)
        draw_text(painter, name, spec.id, FAINT_INK, elide=Qt.TextElideMode.ElideMiddle)


def _paint_place(
    painter: QPainter, line: QRectF, spec: ModelSpec, progress: str, scale: float
) -> float:
    """Paint where the weights are at the right end; returns the width it took."""
    font = painter.font()
    if progress or spec.availability in ("bundled", "local", "none"):
        text = progress or place(spec)
        inks = {
            "bundled": (palette.GOOD, palette.GOOD_GROUND),
            "none": (palette.WARNING, palette.WARNING_GROUND),
        }
        ink, ground = inks.get(spec.availability, (palette.TEXT, palette.LINE))
        if progress:
            ink, ground = palette.ACCENT, BADGE_GROUND
        width = pill_width(font, text)
        pill = QRectF(line.right() - width, line.y() + 1.5 * scale, width, 17 * scale)
        draw_pill(painter, pill, text, ink, ground)
        return width
    text = size_text(spec.weights_bytes) or "size unknown"
    width = text_width(font, text)
    draw_text(painter, line, text, palette.MUTED, Qt.AlignmentFlag.AlignRight)
    arrow = QPointF(line.right() - width - 9 * scale, line.center().y())
    draw_chevron_down(painter, arrow, palette.MUTED)
    return width + 16 * scale
