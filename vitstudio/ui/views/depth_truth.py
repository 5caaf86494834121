"""The part of the depth tab that compares a depth map with the truth of a made scene."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QVBoxLayout

from vitstudio.core.state import DepthOf
from vitstudio.core.trace import TokenMap, TraceInfo
from vitstudio.core.truth import DELTA, depth_errors
from vitstudio.state.resolve import ViewState
from vitstudio.ui.views.controls import Segmented, label

CHOICES: tuple[tuple[DepthOf, str], ...] = (
    ("answer", "Answer"),
    ("truth", "Truth"),
    ("error", "Error"),
)
CHOICE_HELP = {
    "answer": "What the model measures",
    "truth": "The true distances, on the model's own pixels",
    "error": "How many metres the answer is off, pixel by pixel",
}
UNKNOWN = "–"
FIGURES = {
    "AbsRel": "Mean error as a part of the true distance, over all pixels that the model saw",
    "δ1": f"Share of pixels where neither distance is over {DELTA} times the other",
    "Mean error": "Mean distance between answer and truth",
}


class DepthTruth(QFrame):
    """What is compared, and the errors; there only for scenes whose depth is known.

    Signals
    -------
    picked("answer" | "truth" | "error")
    """

    picked = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self.choice = Segmented(CHOICES, "Answer, truth or error", compact=True)
        self.choice.set_tooltips(CHOICE_HELP)
        self.choice.picked.connect(self.picked)
        self.under_cursor = QLabel(UNKNOWN)
        self.figures = {name: QLabel(UNKNOWN) for name in FIGURES}
        top = QHBoxLayout()
        top.addWidget(label("Compare", "muted"))
        top.addStretch()
        top.addWidget(self.choice)
        grid = QGridLayout()
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(0, 1)
        grid.addWidget(label("True under the cursor", "muted"), 0, 0)
        grid.addWidget(self.under_cursor, 0, 1)
        for line, (name, figure) in enumerate(self.figures.items(), start=1):
            title = label(name, "muted")
            for widget in (title, figure):
                widget.setToolTip(FIGURES[name])
            grid.addWidget(title, line, 0)
            grid.addWidget(figure, line, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(13, 10, 13, 11)
        column.setSpacing(8)
        column.addLayout(top)
        column.addLayout(grid)
        self.hide()

    def show_view(self, view: ViewState) -> None:
        """Show which of the three is on the picture; hidden where nothing is known."""
        self.setVisible("truth" not in view.disabled)
        shown = view.state.depth_of if view.state.view == "depth" else ""
        self.choice.choose(shown)

    def show_depth(self, token_map: TokenMap | None, info: TraceInfo | None) -> None:
        """Show the errors of the model's depth map; None while it is not known."""
        texts = (UNKNOWN,) * len(self.figures)
        truth = info.frame.truth if info is not None else None
        if token_map is not None and info is not None and truth is not None:
            errors = depth_errors(token_map.values, truth, info.transform)
            texts = (
                f"{errors.abs_rel:.3f}",
                f"{100 * errors.delta1:.1f} %",
                f"{errors.mean:.2f} m",
            )
        for figure, text in zip(self.figures.values(), texts, strict=True):
            figure.setText(text)

    def show_cursor(self, metres: float | None) -> None:
        """Show the true distance under the cursor."""
        self.under_cursor.setText(UNKNOWN if metres is None else f"{metres:.2f} m")
