"""Choosing a model: search, see where its weights are, open or fetch it."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import QSize, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from vitstudio.core.spec import ModelSpec
from vitstudio.painting import palette
from vitstudio.ui.model_list import ModelDelegate, ModelListModel
from vitstudio.ui.model_rows import open_text
from vitstudio.ui.search_popup import SearchPopup
from vitstudio.ui.views.drawing import ElidedLabel, unit

RANDOM_HELP = (
    "Open the architecture without training: it shows what the structure alone does. The window "
    "and every export say that the weights are random."
)
WAY_ON = (
    "Bundled models and those on this computer open without a network; "
    "so does a checkpoint file that you have."
)


class _DownloadStrip(QWidget):
    """One running or failed download, with what can be done about it."""

    cancel_clicked = Signal()
    retry_clicked = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.text = ElidedLabel("", self)
        self.hint = QLabel(WAY_ON, self)
        self.hint.setProperty("role", "small")
        self.hint.setWordWrap(True)
        self.bar = QProgressBar(self)
        self.bar.setTextVisible(False)
        self.failure = QLabel(self)
        self.failure.setWordWrap(True)
        self.button = QPushButton("Cancel", self)
        self.button.setAutoDefault(False)
        self.button.clicked.connect(self._on_clicked)
        self._failed = False
        words = QVBoxLayout()
        words.setSpacing(4)
        parts: tuple[QWidget, ...] = (self.text, self.bar, self.failure, self.hint)
        for part in parts:
            words.addWidget(part)
        line = QHBoxLayout(self)
        line.setContentsMargins(2, 2, 2, 2)
        line.setSpacing(12)
        line.addLayout(words, 1)
        line.addWidget(self.button)

    def show_running(self, fraction: float | None, text: str) -> None:
        """Show how far it is; without a fraction the bar only moves."""
        self._set_failed(False)
        self.text.setText(text)
        self.text.setToolTip(text)
        self.bar.setRange(0, 0 if fraction is None else 1000)
        if fraction is not None:
            self.bar.setValue(round(1000 * min(max(fraction, 0.0), 1.0)))
        self.show()

    def show_failure(self, sentence: str) -> None:
        """Show why it stopped, and the way on."""
        self._set_failed(True)
        # The theme has no role for a warning sentence, only for warning pills.
        self.failure.setText(f'<span style="color:{palette.WARNING}">{escape(sentence)}</span>')
        self.show()

    def _set_failed(self, failed: bool) -> None:
        self._failed = failed
        self.text.setVisible(not failed)
        self.bar.setVisible(not failed)
        self.failure.setVisible(failed)
        self.hint.setVisible(failed)
        self.button.setText("Try again" if failed else "Cancel")

    def _on_clicked(self) -> None:
        (self.retry_clicked if self._failed else self.cancel_clicked).emit()


class ModelPicker(SearchPopup):
    """Popup with every model that can be named; passive: it emits what was asked for.

    Signals
    -------
    model_chosen : str, str
        Model id, and "default" or "random" weights.
    download_requested, cancel_requested : str
        Model id.
    checkpoint_requested
        A file is to be chosen.
    """

    model_chosen = Signal(str, str)
    download_requested = Signal(str)
    checkpoint_requested = Signal()
    cancel_requested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Search models by name, family or id", parent)
        self.setAccessibleName("Choose a model")
        self._model = ModelListModel(self)
        self.use(self._model, ModelDelegate(self.list))
        self.list.empty_text = "The list of models is on its way."
        self._downloads: dict[str, tuple[float | None, str]] = {}
        self._failures: dict[str, str] = {}
        self._told = ""
        self._coming: tuple[tuple[ModelSpec, ...], str] | None = None
        self._strip = _DownloadStrip(self)
        self._strip.hide()
        self._checkpoint = self._button("Open checkpoint file…", self._on_checkpoint)
        self._checkpoint.setToolTip("Load weights from a .safetensors, .pth or .bin file.")
        self._random = self._button("Use random weights", self._on_random)
        self._random.setToolTip(RANDOM_HELP)
        self._open = self._button("Open", self.activate)
        self._open.setProperty("kind", "primary")
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self._checkpoint)
        buttons.addStretch(1)
        buttons.addWidget(self._random)
        buttons.addWidget(self._open)
        self.column.addWidget(self._strip)
        self.column.addLayout(buttons)
        self.search.textChanged.connect(self._on_text)
        self.list.selectionModel().currentChanged.connect(self._on_current)
        self._strip.cancel_clicked.connect(self._on_cancel)
        self._strip.retry_clicked.connect(self._on_retry)
        self._show_current()

    def _button(self, text: str, handler: object) -> QPushButton:
        button = QPushButton(text, self)
        # Enter belongs to the search field; a default button would answer it a second time.
        button.setAutoDefault(False)
        button.clicked.connect(handler)
        return button

    def sizeHint(self) -> QSize:
        """Room for about eight models."""
        scale = unit(self.font())
        return QSize(round(640 * scale), round(560 * scale))

    def show_models(self, specs: tuple[ModelSpec, ...], current_id: str) -> None:
        """List these models; the row that was selected stays so where it still exists.

        While nobody sees it the list is left alone: its hundreds of rows would hold the window up
        whenever a model is changed.
        """
        self._coming = specs, current_id
        if self.isVisible():
            self._list_models()

    def showEvent(self, event: QShowEvent) -> None:
        """Bring the list up to date."""
        self._list_models()
        super().showEvent(event)

    def _list_models(self) -> None:
        if self._coming is None:
            return
        (specs, current_id), self._coming = self._coming, None
        selected = self._spec()
        for spec in specs:
            if spec.availability in ("bundled", "local"):
                self._forget(spec.id)
        self._model.set_specs(specs, current_id)
        self._say_empty()
        self._select(selected.id if selected is not None else current_id)
        self._show_current()

    def show_progress(self, model_id: str, fraction: float | None, text: str) -> None:
        """Show how far a download is; `fraction` None where its length is not known."""
        self._failures.pop(model_id, None)
        self._downloads[model_id] = (fraction, text)
        self._told = model_id
        self._model.set_progress(model_id, fraction)
        self._show_current()

    def show_failed(self, model_id: str, sentence: str) -> None:
        """Show why a download did not work, with the way on."""
        self._forget(model_id)
        self._failures[model_id] = sentence
        self._told = model_id
        self._show_current()

    def clear_progress(self, model_id: str) -> None:
        """Take a finished or cancelled download off the screen."""
        self._forget(model_id)
        self._show_current()

    def activate(self) -> None:
        """Open the current model, or ask for its weights."""
        spec = self._spec()
        if spec is None:
            return
        if spec.availability == "download":
            if spec.id not in self._downloads:
                self.download_requested.emit(spec.id)
            return
        self.accept()
        self.model_chosen.emit(spec.id, "random" if spec.availability == "none" else "default")

    def _spec(self) -> ModelSpec | None:
        return self._model.spec_at(self.list.currentIndex())

    def _select(self, model_id: str) -> None:
        row = self._model.row_of(model_id)
        if row is None:
            self.select_first()
        else:
            self.select_row(row)

    def _forget(self, model_id: str) -> None:
        self._downloads.pop(model_id, None)
        self._failures.pop(model_id, None)
        self._model.clear_progress(model_id)

    def _say_empty(self) -> None:
        text = self.search.text().strip()
        if not self._model.specs:
            self.list.empty_text = "The list of models is on its way."
        else:
            self.list.empty_text = f"No model matches “{text}”; try fewer words, or open a file."

    def _show_current(self) -> None:
        """Buttons and strip for the selected row."""
        spec = self._spec()
        self._random.setEnabled(spec is not None)
        self._open.setText("Open" if spec is None else open_text(spec))
        running = spec is not None and spec.id in self._downloads
        self._open.setEnabled(spec is not None and not running)
        shown = self._strip_id(spec)
        if shown in self._downloads:
            self._strip.show_running(*self._downloads[shown])
        elif shown in self._failures:
            self._strip.show_failure(self._failures[shown])
        else:
            self._strip.hide()

    def _strip_id(self, spec: ModelSpec | None) -> str:
        """The selected model's own download, else the one that was last heard of."""
        if spec is not None and (spec.id in self._downloads or spec.id in self._failures):
            return spec.id
        return self._told

    def _on_text(self, text: str) -> None:
        selected = self._spec()
        self._model.set_text(text)
        self._say_empty()
        if text.strip() or selected is None:
            self.select_first()
        else:
            self._select(selected.id)
        self._show_current()

    def _on_current(self) -> None:
        self._show_current()

    def _on_random(self) -> None:
        spec = self._spec()
        if spec is not None:
            self.accept()
            self.model_chosen.emit(spec.id, "random")

    def _on_checkpoint(self) -> None:
        self.accept()
        self.checkpoint_requested.emit()

    def _on_cancel(self) -> None:
        self.cancel_requested.emit(self._strip_id(self._spec()))

    def _on_retry(self) -> None:
        self.download_requested.emit(self._strip_id(self._spec()))
