"""What one token of the chosen prompt looks at, in one layer and head of the text tower."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QLabel, QVBoxLayout

from vitstudio.core.zeroshot import TextLook
from vitstudio.state.titles import head_title
from vitstudio.ui.views.drawing import ElidedLabel
from vitstudio.ui.views.tint import tinted

HELP = (
    "The stronger the colour, the more the outlined token looks at a token. Click a token to ask "
    "it; layer and head follow those of the picture"
)


class TextAttentionCard(QFrame):
    """Tokens as links, tinted by their weight; a click only asks.

    Signals
    -------
    token_picked(index)
    """

    token_picked = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self.title = ElidedLabel("")
        self.title.setProperty("role", "muted")
        self.text = QLabel(wordWrap=True, textFormat=Qt.TextFormat.RichText)
        self.text.setTextInteractionFlags(
            Qt.TextInteractionFlag.LinksAccessibleByMouse
            | Qt.TextInteractionFlag.LinksAccessibleByKeyboard
        )
        self.text.setToolTip(HELP)
        self.text.linkActivated.connect(lambda link: self.token_picked.emit(int(link)))
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 9, 10, 10)
        column.setSpacing(7)
        column.addWidget(self.title)
        column.addWidget(self.text)
        self.hide()

    def show_attention(self, look: TextLook | None) -> None:
        """Show the tokens of a prompt; None while they are not known."""
        self.setVisible(look is not None)
        if look is None:
            return
        where = f"Text layer {look.layer + 1} of {look.num_layers}"
        title = f"{where}, {head_title(look.head, look.num_heads)}"
        self.title.setText(title)
        self.title.setToolTip(title)
        most = max(*look.weights, 1e-9)
        pairs = list(zip(look.tokens, look.weights, strict=True))
        words = (
            tinted(token, weight / most, link=str(index), marked=index == look.token)
            for index, (token, weight) in enumerate(pairs)
        )
        self.text.setText(" ".join(words))
        shares = "<br>".join(f"{escape(token)}   {weight:.1%}" for token, weight in pairs)
        asked = escape(look.tokens[look.token])
        self.text.setToolTip(f"<p>{HELP}.</p><p>“{asked}” looks at:<br>{shares}</p>")
