"""The button that names the model: family, title, and where its weights are."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy

from vitstudio.core.spec import Availability, ModelSpec
from vitstudio.core.worlds import WORLD_NAMES, trained_on
from vitstudio.ui.theme import set_property
from vitstudio.ui.views.controls import label
from vitstudio.ui.views.drawing import ElidedLabel, unit

PILLS: dict[Availability, tuple[str, str]] = {
    "bundled": ("bundled", "good"),
    "local": ("on this computer", "accent"),
    "download": ("to download", "muted"),
    "none": ("no weights", "warning"),
}
MARGIN = 10
SPACING = 9


class ModelButton(QPushButton):
    """Opens the model picker; its parts let the mouse through."""

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Model")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._family = QLabel()
        self._family.setProperty("pill", "accent")
        self._title = ElidedLabel("No model")
        self._title.setProperty("role", "strong")
        self._where = QLabel()
        self._where.setProperty("pill", "good")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(MARGIN, 0, MARGIN, 0)
        layout.setSpacing(SPACING)
        layout.addWidget(self._family, alignment=Qt.AlignmentFlag.AlignVCenter)
        layout.addWidget(self._title, stretch=1)
        layout.addWidget(self._where, alignment=Qt.AlignmentFlag.AlignVCenter)
        self._arrow = label("▾", "muted")
        layout.addWidget(self._arrow)
        for child in self.findChildren(QLabel):
            child.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._family.hide()
        self._where.hide()
        self._warns = False
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumWidth(round(190 * unit(self.font())))
        self.setMaximumWidth(round(460 * unit(self.font())))

    def sizeHint(self) -> QSize:
        """Room for the title and both badges."""
        return QSize(round(330 * unit(self.font())), super().sizeHint().height())

    def wanted_width(self) -> int:
        """Pixels in which neither the title nor a badge is left out."""
        parts = [self._title.sizeHint().width(), *map(_pill_room, self._badges())]
        return min(sum(parts) + self._around(), self.maximumWidth())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave out badges for the title where both have no room."""
        super().resizeEvent(event)
        self._arrange()

    def _arrange(self) -> None:
        """First the family, which most titles begin with, then where the weights are.

        Not a warning, however: that of random weights stays.
        """
        room = self.width() - self._around() - self._title.sizeHint().width()
        needed = sum(map(_pill_room, self._badges()))
        for badge in self._badges():
            fits = needed <= room or (badge is self._where and self._warns)
            badge.setVisible(fits)
            needed -= 0 if fits else _pill_room(badge)

    def _badges(self) -> list[QLabel]:
        """Those that say something of this model, the one first that is missed least."""
        return [badge for badge in (self._family, self._where) if badge.text()]

    def _around(self) -> int:
        """Pixels for the edges and the arrow."""
        return 2 * MARGIN + SPACING + self._arrow.sizeHint().width()

    def show_model(self, spec: ModelSpec) -> None:
        """Name a model."""
        title = spec.title
        text, pill = PILLS[spec.availability]
        if not spec.trained:
            text, pill = "random weights", "warning"
        elif spec.world and spec.availability == "bundled":
            text = WORLD_NAMES[spec.world]
            # The badge says so, and a narrow window has no room to say it twice.
            title = title.removeprefix(f"{spec.world.capitalize()} ")
        # A title that begins with its family needs no badge beside it, but the room.
        self._family.setText("" if title.startswith(spec.family) else spec.family)
        self._family.setVisible(bool(self._family.text()))
        self._title.setText(title)
        self.setToolTip("\n".join(part for part in (spec.title, trained_on(spec)) if part))
        self._where.setText(text)
        set_property(self._where, "pill", pill)
        self._where.show()
        self._warns = pill == "warning"
        self._arrange()


def _pill_room(badge: QLabel) -> int:
    """Pixels that a badge takes, with what parts it from the title."""
    badge.ensurePolished()
    return badge.sizeHint().width() + SPACING
