"""The chosen prompt: which of its words matter, and where relevance begins."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSpinBox, QVBoxLayout

from vitstudio.painting import palette
from vitstudio.state.resolve import ViewState
from vitstudio.ui.views.controls import ToggleButton, label
from vitstudio.ui.views.drawing import ElidedLabel
from vitstudio.ui.views.tint import tinted

LONGEST = 60
"""Words that are shown; a longer sentence would push the bars away."""
HELP = "The stronger the colour, the more a word speaks for the picture"


class WordsCard(QFrame):
    """Tinted words of one prompt; every click only asks.

    Signals
    -------
    prompt_picked(prompt), start_layer_picked(layer or None)
    """

    prompt_picked = Signal(str)
    start_layer_picked = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self._prompt = ""
        self._showing = False
        self.title = ElidedLabel("Which words matter")
        self.title.setProperty("role", "muted")
        self.text = QLabel(wordWrap=True)
        self.text.setToolTip(HELP)
        self.show_map = ToggleButton("On the picture")
        self.show_map.setToolTip("Show which patches speak for this prompt")
        self.show_map.asked.connect(self._on_asked)
        self.start = QSpinBox()
        self.start.setSpecialValueText("last only")
        self.start.setKeyboardTracking(False)
        self.start.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.start.setAccessibleName("First layer that relevance goes through")
        self.start.setToolTip(
            "Relevance goes back from the last layer to this one; from earlier layers on it is "
            "wider and noisier"
        )
        self.start.valueChanged.connect(self._on_start)
        first, second = QHBoxLayout(), QHBoxLayout()
        first.addWidget(self.title, 1)
        first.addWidget(self.show_map)
        second.addWidget(label("Relevance from layer", "muted"))
        second.addWidget(self.start)
        second.addStretch()
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 9, 10, 10)
        column.setSpacing(7)
        column.addLayout(first)
        column.addWidget(self.text)
        column.addLayout(second)

    def show_view(self, view: ViewState, prompt: str) -> None:
        """Show which prompt is chosen and how relevance is asked."""
        self.setVisible(bool(prompt))
        state, spec = view.state, view.spec
        self._showing = True
        self.show_map.show_on(state.view == "relevance")
        if spec is not None:
            self.start.setRange(0, spec.num_layers)
            if not self.start.hasFocus():
                self.start.setValue(0 if state.start_layer is None else state.start_layer + 1)
        self._showing = False
        if prompt != self._prompt:
            self._prompt = prompt
            self._show_plain()

    def show_words(self, prompt: str, words: Sequence[tuple[str, float]]) -> None:
        """Tint the words of the chosen prompt; without any, show it as it is."""
        if not words or prompt != self._prompt:
            self._show_plain()
            return
        most = max(max(share for _word, share in words), 1e-9)
        parts = [tinted(word, max(share, 0.0) / most) for word, share in words[:LONGEST]]
        self.text.setText(" ".join(parts) + (" …" if len(words) > LONGEST else ""))
        shares = "\n".join(f"{word}   {share:.0%}" for word, share in words[:LONGEST])
        self.text.setToolTip(f"{HELP}:\n{shares}")

    def _show_plain(self) -> None:
        words = self._prompt.split()
        shown = " ".join(words[:LONGEST]) + (" …" if len(words) > LONGEST else "")
        self.text.setText(f'<span style="color:{palette.MUTED}">{escape(shown[:600])}</span>')
        self.text.setToolTip(HELP)

    def _on_asked(self) -> None:
        if self._prompt:
            self.prompt_picked.emit(self._prompt)

    def _on_start(self, value: int) -> None:
        if not self._showing:
            self.start_layer_picked.emit(None if value == 0 else value - 1)
