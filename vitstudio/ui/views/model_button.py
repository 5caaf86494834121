"""The button that names the model: family, title, and where its weights are."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
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
        layout.setContentsMargins(10, 0, 10, 0)
        layout.setSpacing(9)
        layout.addWidget(self._family, alignment=Qt.AlignmentFlag.AlignVCenter)
        layout.addWidget(self._title, stretch=1)
        layout.addWidget(self._where, alignment=Qt.AlignmentFlag.AlignVCenter)
        layout.addWidget(label("▾", "muted"))
        for child in self.findChildren(QLabel):
            child.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._family.hide()
        self._where.hide()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumWidth(round(210 * unit(self.font())))
        self.setMaximumWidth(round(460 * unit(self.font())))

    def sizeHint(self) -> QSize:
        """Room for the title and both badges."""
        return QSize(round(330 * unit(self.font())), super().sizeHint().height())

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
        self._family.setText(spec.family)
        # A title that begins with its family needs no badge beside it, but the room.
        self._family.setVisible(not title.startswith(spec.family))
        self._title.setText(title)
        self.setToolTip("\n".join(part for part in (spec.title, trained_on(spec)) if part))
        self._where.setText(text)
        set_property(self._where, "pill", pill)
        self._where.show()
