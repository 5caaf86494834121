"""What exactly is shown, in words, and the proof that it is what the net computed."""

from __future__ import annotations

import html
import re

from PySide6.QtCore import Qt
from PySide6.QtGui import QFont, QResizeEvent, QTextDocument
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QWidget

from vitstudio.core.spec import MixerKind
from vitstudio.engine.messages import CheckReady
from vitstudio.painting import palette
from vitstudio.state.resolve import ViewState
from vitstudio.ui.theme import set_property

EXACT_BELOW = 1e-4
STRONG = re.compile(
    r"^(layer \d+|head \d+|mean|maximum|rollout)"
    r"|(row \d+, column \d+|class token|distillation token|register \d+)"
)
VERB = re.compile(r" (looks at|is looked at by|samples|draws on)$")
MARGIN = 16
GAP = 8
FULL_BADGE = 5
"""So many wordings are tried before the badge leaves out its figure."""


PROOF = (
    "The attention of this layer was computed again from its input, multiplied with the values and "
    "projected."
)
RUN_AGAIN = (
    "This layer has no attention weights to draw. It was run again from its kept input, which is "
    "what Mixing asks."
)
PROOFS: dict[MixerKind, str] = {
    "pooling": "The average of this layer was computed again from the weights that are drawn.",
    "mixing": RUN_AGAIN,
    "convolution": RUN_AGAIN,
}
"""What was compared, by the kind of layer."""


class Breadcrumb(QWidget):
    """One line of rich text and a badge; it gets shorter where the room is narrow."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: tuple[str, ...] = ()
        self._kind: MixerKind = "global"
        self._sentence = QLabel(textFormat=Qt.TextFormat.RichText)
        self._sentence.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._badge = QLabel()
        self._badge.setProperty("pill", "good")
        self._badge.hide()
        self._badge_texts = ("", "")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(MARGIN, 8, MARGIN, 8)
        layout.setSpacing(GAP)
        layout.addWidget(self._sentence, stretch=1)
        layout.addWidget(self._badge)

    @property
    def text(self) -> str:
        """The sentence without marks, for screen readers and tests."""
        return " › ".join(self._parts)

    @property
    def badge(self) -> str:
        """The words of the badge; "" where nothing is proved yet."""
        return "" if self._badge.isHidden() else self._badge.text()

    def show_view(self, view: ViewState) -> None:
        """Say what is shown."""
        self._kind = view.layer.kind if view.layer is not None else "global"
        if view.breadcrumb != self._parts:
            self._parts = view.breadcrumb
            self._sentence.setToolTip(self.text)
            self.setAccessibleName(self.text)
            self._lay_out()

    def show_check(self, check: CheckReady | None) -> None:
        """Say how far the recomputed layer is from the real one; None takes the badge away."""
        before = self._badge_texts
        self._show_badge(check)
        if self._badge_texts != before:
            self._lay_out()

    def _show_badge(self, check: CheckReady | None) -> None:
        self._badge.setVisible(check is not None)
        if check is None:
            self._badge_texts = ("", "")
            return
        error = _short(check.error)
        word, pill = "exact", "good"
        if check.error > check.tolerance:
            word, pill = "differs", "bad"
        elif check.error > EXACT_BELOW:
            word = "agrees"
        self._badge_texts = (f"{word} · {error}" if check.error > 0 else word, word)
        set_property(self._badge, "pill", pill)
        self._badge.setToolTip(
            f"<p>{PROOFS.get(self._kind, PROOF)} The result was compared with what the layer "
            f"really put out: the largest relative difference is {error}; for this precision at "
            f"most {_short(check.tolerance)} is expected.</p>"
        )

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Choose the longest wording that fits."""
        super().resizeEvent(event)
        self._lay_out()

    def _lay_out(self) -> None:
        rooms = [self._room_beside(badge) for badge in self._badge_texts]
        wordings = _wordings(self._parts)
        for place, wording in enumerate(wordings):
            brief = place >= FULL_BADGE
            if _width(text := _rich(wording), self._sentence.font()) <= rooms[brief]:
                break
        else:
            # Nothing but the end of a long prompt can be left out now.
            metrics, end = self._sentence.fontMetrics(), "".join(wordings[-1])
            text = _rich((metrics.elidedText(end, Qt.TextElideMode.ElideRight, rooms[1]),))
        self._badge.setText(self._badge_texts[brief])
        self._sentence.setText(text)

    def _room_beside(self, badge: str) -> int:
        """Pixels that the sentence has beside the badge with these words."""
        room = self.width() - 2 * MARGIN
        if badge:
            self._badge.setText(badge)
            self._badge.ensurePolished()
            room -= self._badge.sizeHint().width() + GAP
        return room


def _width(text: str, font: QFont) -> float:
    """Pixels that rich text takes in one line."""
    document = QTextDocument()
    document.setDefaultFont(font)
    document.setDocumentMargin(0)
    document.setHtml(text)
    return document.idealWidth()


def _wordings(parts: tuple[str, ...]) -> list[tuple[str, ...]]:
    """From the full sentence to the shortest that still says what is asked."""
    if not parts:
        return [()]
    rest = parts[1:]
    brief = tuple(re.sub(r" of \d+( heads)?$", "", part) for part in rest)
    terse = tuple(re.sub(r"( of \d+)? \([^)]*\)$", "", part) for part in brief)
    asked = tuple(part.replace("patch row", "row") for part in terse)
    bare = tuple(VERB.sub("", part) for part in asked)
    shorter = (parts, (parts[0], *brief), rest, brief, terse)
    assert len(shorter) == FULL_BADGE
    ends = (bare[0], bare[-1]) if len(bare) > 1 else bare
    return [*shorter, terse, asked, bare, ends, bare[-1:]]


def _rich(parts: tuple[str, ...]) -> str:
    arrow = f"<span style='color:{palette.MUTED}'>&nbsp;&nbsp;›&nbsp;&nbsp;</span>"
    return arrow.join(_rich_part(part) for part in parts)


def _rich_part(part: str) -> str:
    text = html.escape(part)
    marked = STRONG.sub(
        lambda match: f"<span style='color:{palette.TEXT};font-weight:600'>{match[0]}</span>", text
    )
    if re.match(r"(layer|head|mean|maximum|rollout)\b", part):
        first = part[0]
        marked = marked.replace(f"'>{first}", f"'>{first.upper()}", 1)
    return f"<span style='color:{palette.MUTED}'>{marked}</span>"


def _short(error: float) -> str:
    if error == 0:
        return "0"
    mantissa, exponent = f"{error:.0e}".split("e")
    return f"{mantissa}e{int(exponent)}"
