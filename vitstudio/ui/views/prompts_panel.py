"""The prompts tab: what the picture is compared with, and how well each goes with it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from vitstudio.core.prompts import EXAMPLES, LABEL_SETS, TEMPLATE_SETS, label_set
from vitstudio.core.zeroshot import TextLook, ZeroShotAnswer
from vitstudio.painting import palette
from vitstudio.state.resolve import ViewState
from vitstudio.state.titles import chosen_prompt
from vitstudio.ui.views.controls import MenuButton, label, row
from vitstudio.ui.views.mean_button import MeanButton
from vitstudio.ui.views.prompt_bars import MOST_BARS, BarsView, bars_of
from vitstudio.ui.views.text_attention import TextAttentionCard
from vitstudio.ui.views.way_on import WayOn
from vitstudio.ui.views.words_card import WordsCard
from vitstudio.ui.views.world_note import WorldNote

TYPING_MS = 120
EMPTY = (
    "Type what may be in the picture, one prompt a line. While you type, bars show how well each "
    "one goes with it; a click on a bar shows which patches speak for it."
)
WAITING = "The bars appear here once the picture has been traced."
TEMPLATE_TITLES = {
    "photo": "a photo of a {}",
    "plain": "{}   (the prompt alone)",
    "seven": "7 templates of CLIP's authors, averaged",
    "photos": "7 kinds of photos, averaged",
}
OWN = "own"
SCENE = "scene"


class PromptsPanel(QWidget):
    """Shows prompts, templates and answers; every change only asks.

    Signals
    -------
    prompts_typed(prompts)
        A moment after the last key.
    labels_picked(prompts)
        A label set, an example, or nothing.
    templates_picked(templates), prompt_picked(prompt), start_layer_picked(layer or None),
    text_token_picked(index)
    mean_picked(seconds)
        Over how long live probabilities are averaged; 0 for none.
    file_wanted(), captions_wanted(), model_wanted()
    """

    prompts_typed = Signal(object)
    labels_picked = Signal(object)
    templates_picked = Signal(object)
    prompt_picked = Signal(str)
    start_layer_picked = Signal(object)
    text_token_picked = Signal(int)
    mean_picked = Signal(float)
    file_wanted = Signal()
    captions_wanted = Signal()
    model_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._typed: tuple[str, ...] = ()
        self._templates: tuple[str, ...] = ()
        self._chosen = ""
        self._true = ""
        self._example: tuple[str, ...] = ()
        self._answer: ZeroShotAnswer | None = None
        self._showing = False
        self._mean_s: float | None = None
        self.refused = WayOn("Compare the picture with words", "Choose a CLIP model…")
        self.refused.clicked.connect(self.model_wanted)
        self.editor = QPlainTextEdit()
        self.editor.setAccessibleName("Prompts, one a line")
        self.editor.setTabChangesFocus(True)
        self.editor.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.editor.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.labels = MenuButton("Label sets")
        self.labels.setToolTip("Fill in a list of labels")
        self.template = QLineEdit()
        self.template.setAccessibleName("Template")
        self.templates = MenuButton("Templates")
        self.problem = QLabel(wordWrap=True)
        self.note = WorldNote()
        self.bars = BarsView()
        self.empty = WayOn("", "Try an example")
        self.empty.say(EMPTY, True)
        self.scale = QLabel(wordWrap=True)
        self.scale.setProperty("role", "small")
        self.mean = MeanButton("Probabilities")
        self.words = WordsCard()
        self.text = TextAttentionCard()
        self._typing = QTimer(self, singleShot=True, interval=TYPING_MS)
        self._typing.timeout.connect(self._say_prompts)
        self._fill_menus()
        self._lay_out()
        self._connect()
        self._show_example("")
        self.show_truth((), "")
        self._show_bars()

    # ---- what is shown ----

    def show_view(self, view: ViewState) -> None:
        """Show the state's prompts and templates, or why this model takes none."""
        reason = view.disabled.get("prompts")
        self._pages.setCurrentIndex(0 if reason else 1)
        self.refused.say(reason or "", view.spec is not None)
        self.note.say(view.world_note)
        self._show_example(view.spec.world if view.spec is not None else "")
        state = view.state
        self._showing = True
        if not self._typing.isActive() and state.prompts != self._typed:
            self._typed = state.prompts
            self.editor.setPlainText("\n".join(state.prompts))
        if state.templates != self._templates:
            self._show_templates(state.templates)
        self._showing = False
        chosen = chosen_prompt(state)
        if chosen != self._chosen:
            self._chosen = chosen
            self._show_bars()
        self.words.show_view(view, chosen)

    def show_answer(self, answer: ZeroShotAnswer | None) -> None:
        """Show how well each prompt goes with the picture; None while that is not known."""
        if answer is None and self._answer is None:
            return
        self._answer = answer
        self._say_problem("")
        self._show_bars()

    def show_mean(self, mean_s: float | None) -> None:
        """Say over how long the next answers are averaged; None: they are of a picture that stands.

        Of a mean, bars keep their order until one is clearly ahead of another.
        """
        self._mean_s = mean_s
        self.mean.show_mean(mean_s)

    def show_words(self, prompt: str, words: Sequence[tuple[str, float]]) -> None:
        """Show how much each word of a prompt matters."""
        self.words.show_words(prompt, words)

    def show_text(self, look: TextLook | None) -> None:
        """Show what one token of the chosen prompt looks at; None while that is not known."""
        self.text.show_attention(look)

    def show_failed(self, sentence: str) -> None:
        """Show why the prompts could not be compared."""
        self.show_answer(None)
        self._say_problem(sentence)

    def show_truth(self, captions: Sequence[str], right: str) -> None:
        """Offer the captions of a made scene, () for none, and mark the true one among the bars."""
        offer = self.labels.choice(SCENE)
        offer.setEnabled(bool(captions))
        offer.setToolTip("\n".join(captions) or "A tabletop scene has captions that are known")
        self.empty.button.setText("Try the captions of this scene" if right else "Try an example")
        if right != self._true:
            self._true = right
            self._show_bars()

    def _show_example(self, world: str) -> None:
        self._example = EXAMPLES.get(world, EXAMPLES[""])
        self.editor.setPlaceholderText("\n".join(self._example))

    def _show_bars(self) -> None:
        answer = self._answer
        before = [bar.prompt for bar in self.bars.bars] if self._mean_s else ()
        bars = () if answer is None else bars_of(answer, self._chosen, self._true, before)
        self.bars.show_bars(bars, self._chosen)
        self._middle.setCurrentIndex(1 if self._typed else 0)
        self.scale.setVisible(answer is not None)
        if answer is not None:
            self.scale.setText(scale_text(answer))
            self.scale.setToolTip(scale_help(answer))

    def _show_templates(self, templates: tuple[str, ...]) -> None:
        self._templates = templates
        several = len(templates) > 1
        self.template.setReadOnly(several)
        text = f"{len(templates)} templates, averaged" if several else templates[0]
        self.template.setText(text)
        self.template.setToolTip(
            "\n".join(templates) if several else "The sentence around a prompt; {} is its place"
        )
        known = {value: key for key, value in TEMPLATE_SETS.items()}
        self.templates.choose(known.get(templates, OWN))
        self._say_problem("")

    def _say_problem(self, sentence: str) -> None:
        # The theme has no role for a warning sentence, only for warning pills.
        self.problem.setText(f'<span style="color:{palette.WARNING}">{escape(sentence)}</span>')
        self.problem.setVisible(bool(sentence))

    # ---- what is asked ----

    def _on_text(self) -> None:
        if not self._showing:
            self._typing.start()

    def _say_prompts(self) -> None:
        self._typed = prompts_in(self.editor.toPlainText())
        self.prompts_typed.emit(self._typed)
        self._show_bars()

    def _on_template(self, text: str) -> None:
        if self._showing:
            return
        if text.count("{}") != 1:
            kept = self._templates[0] if self._templates else ""
            self._say_problem(f"A template needs one slot {{}} for the prompt; “{kept}” stays.")
            return
        self._say_problem("")
        self._templates = (text,)
        self.templates_picked.emit((text,))

    def _on_template_left(self) -> None:
        """Put the template that is in use back in place of one without a slot."""
        if len(self._templates) == 1 and self.template.text() != self._templates[0]:
            self._showing = True
            self.template.setText(self._templates[0])
            self._showing = False
            self._say_problem("")

    def _on_template_set(self, key: str) -> None:
        if key == OWN:
            if len(self._templates) > 1:
                self.templates_picked.emit(TEMPLATE_SETS["photo"])
            self.template.setFocus()
            self.template.selectAll()
        else:
            self.templates_picked.emit(TEMPLATE_SETS[key])

    def _on_label_set(self, key: str) -> None:
        self._typing.stop()
        if key == "file":
            self.file_wanted.emit()
        elif key == SCENE:
            self.captions_wanted.emit()
        else:
            self.labels_picked.emit(label_set(key) if key in LABEL_SETS else ())

    def _on_example(self) -> None:
        if self._true:
            self.captions_wanted.emit()
        else:
            self.labels_picked.emit(self._example)

    # ---- how it is built ----

    def _fill_menus(self) -> None:
        self.labels.set_title("Label sets")
        self.labels.set_choices(
            [
                *LABEL_SETS.items(),
                (SCENE, "Captions of this scene"),
                ("", ""),
                ("file", "Own file…"),
                ("clear", "Clear the list"),
            ]
        )
        for action in self.labels.menu().actions():
            action.setCheckable(False)
        self.templates.set_title("")
        self.templates.setToolTip("Templates to choose from")
        self.templates.set_choices([*TEMPLATE_TITLES.items(), ("", ""), (OWN, "Own…")])

    def _lay_out(self) -> None:
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(14, 10, 14, 12)
        column.setSpacing(8)
        column.addLayout(row(label("Prompts, one a line", "muted"), None, self.labels))
        self.editor.setFixedHeight(round(5.6 * self.fontMetrics().lineSpacing()) + 14)
        column.addWidget(self.editor)
        column.addLayout(row(label("Template", "muted"), self.template, self.templates))
        self.problem.hide()
        column.addWidget(self.problem)
        column.addWidget(self.note)
        self.bars.empty_text = WAITING
        # First in its place: a stack without a window would show its page as a window.
        self._middle = QStackedLayout()
        column.addLayout(self._middle, stretch=1)
        self._middle.addWidget(self.empty)
        self._middle.addWidget(self.bars)
        column.addLayout(row(self.scale, self.mean))
        column.addWidget(self.words)
        column.addWidget(self.text)
        self._pages = QStackedLayout(self)
        self._pages.addWidget(self.refused)
        self._pages.addWidget(content)

    def _connect(self) -> None:
        self.editor.textChanged.connect(self._on_text)
        self.template.textChanged.connect(self._on_template)
        self.template.editingFinished.connect(self._on_template_left)
        self.templates.picked.connect(self._on_template_set)
        self.labels.picked.connect(self._on_label_set)
        self.empty.clicked.connect(self._on_example)
        self.bars.picked.connect(self.prompt_picked)
        self.words.prompt_picked.connect(self.prompt_picked)
        self.words.start_layer_picked.connect(self.start_layer_picked)
        self.text.token_picked.connect(self.text_token_picked)
        self.mean.mean_picked.connect(self.mean_picked)


def prompts_in(text: str) -> tuple[str, ...]:
    """The prompts of a text, one a line; empty and repeated lines are left out."""
    return tuple(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))


def scale_text(answer: ZeroShotAnswer) -> str:
    """How probabilities come from cosines, in one line, and how many bars are left out."""
    scale = f"{answer.logit_scale:.4g} × cosine"
    if answer.logit_bias is None:
        text = f"softmax of {scale}"
    else:
        sign = "+" if answer.logit_bias >= 0 else "-"
        text = f"sigmoid of {scale} {sign} {abs(answer.logit_bias):.3g}"
    total = len(dict.fromkeys(answer.prompts))
    return text if total <= MOST_BARS else f"{text}   ·   likeliest {MOST_BARS} of {total:,}"


def scale_help(answer: ZeroShotAnswer) -> str:
    """What those words mean."""
    if answer.logit_bias is None:
        return (
            "The model compares the picture with each prompt (cosine), multiplies by the scale "
            "that it learnt, and shares 100 % out among the prompts of this list: a prompt's "
            "share depends on the others, its cosine does not."
        )
    return (
        "The model compares the picture with each prompt (cosine) and judges each one by itself, "
        "by the scale and bias that it learnt: the shares need not add up to 100 %."
    )
