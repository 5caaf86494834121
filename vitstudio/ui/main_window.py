"""The window: lays out the views and takes drops; it decides nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QByteArray, QSize, Qt, Signal
from PySide6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QMainWindow,
    QScrollArea,
    QSplitter,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from vitstudio.settings import Settings
from vitstudio.ui.metrics import Metrics
from vitstudio.ui.pictures import image_of, local_paths
from vitstudio.ui.theme import set_property
from vitstudio.ui.views.anatomy import AnatomyRail
from vitstudio.ui.views.atlas import AtlasView
from vitstudio.ui.views.bias_panel import BiasPanel
from vitstudio.ui.views.breadcrumb import Breadcrumb
from vitstudio.ui.views.canvas import Canvas
from vitstudio.ui.views.colour_bar import ColourBarView
from vitstudio.ui.views.controls import rule
from vitstudio.ui.views.depth_panel import DepthPanel
from vitstudio.ui.views.drop_veil import DropVeil
from vitstudio.ui.views.notice import Notice
from vitstudio.ui.views.predictions import PredictionsPanel
from vitstudio.ui.views.prompts_panel import PromptsPanel
from vitstudio.ui.views.status_line import StatusLine
from vitstudio.ui.views.token_panel import TokenPanel
from vitstudio.ui.views.top_bar import TopBar
from vitstudio.ui.views.transport import TransportBar
from vitstudio.ui.views.view_bar import ViewBar
from vitstudio.ui.views.world_note import WorldNote
from vitstudio.ui.views.world_panel import WorldPanel

TABS = ("Heads", "Answer", "Prompts", "Depth", "Bias", "World")
TAB_HELP = {
    "Heads": "All heads of all layers at a glance",
    "Answer": "What the model takes the picture for",
    "Prompts": "How well the picture goes with words, for models that read text",
    "Depth": "Distances, for models that measure them",
    "Bias": "What layers with windows add by position alone",
    "World": "Made scenes of which everything is known",
}
RAIL, MIDDLE, DOCK = range(3)
FRAME_SIZE = QSize(16, 48)
"""Room for the title and border that the desktop adds; how much is unknown before it did."""


class MainWindow(QMainWindow):
    """Top bar, rail, canvas, dock and status line.

    Signals
    -------
    paths_dropped(list of str), image_dropped(QImage or bytes of a PNG file)
    tab_shown(title)
    closing()
        Just before the window closes.
    """

    paths_dropped = Signal(object)
    image_dropped = Signal(object)
    tab_shown = Signal(str)
    closing = Signal()

    def __init__(self, samples: Sequence[str], metrics: Metrics) -> None:
        super().__init__()
        self.setWindowTitle("VitStudio")
        self.setAcceptDrops(True)
        self._metrics = metrics
        self._narrow = False
        self._set_aside = False
        self._widths = [metrics.rail, 0, metrics.dock]
        self.top_bar = TopBar(samples, metrics)
        self.rail = AnatomyRail()
        self.breadcrumb = Breadcrumb()
        self.canvas = Canvas(samples)
        self.colour_bar = ColourBarView()
        self.transport = TransportBar()
        self.view_bar = ViewBar()
        self.atlas = AtlasView()
        self.token = TokenPanel()
        self.predictions = PredictionsPanel()
        self.classes_note = WorldNote()
        self.prompts = PromptsPanel()
        self.depth_panel = DepthPanel()
        self.bias = BiasPanel()
        self.world = WorldPanel()
        self.status = StatusLine()
        self.columns = QSplitter(Qt.Orientation.Horizontal)
        self.tabs = QTabWidget()
        self._lay_out()
        self.notice = Notice(self.canvas)
        self._veil = DropVeil(self)
        self.resize(first_size(self.screen().availableSize(), metrics))
        self.setMinimumSize(metrics.least_width, metrics.least_height)

    def restore(self, settings: Settings) -> None:
        """Take over the place and the columns of the last run."""
        if settings.geometry:
            self.restoreGeometry(QByteArray.fromBase64(settings.geometry.encode()))
        if len(settings.columns) == self.columns.count():
            self.columns.setSizes(shrunk(settings.columns, self._room()))
            self._note_widths()
        if 0 <= settings.tab < self.tabs.count():
            self.tabs.setCurrentIndex(settings.tab)

    def _room(self) -> int:
        """Pixels that the columns have side by side."""
        full = self.isMaximized() or self.isFullScreen()
        return self.screen().availableSize().width() if full else self.width()

    def remember(self, settings: Settings) -> Settings:
        """The settings with this window's place and columns."""
        geometry = bytes(self.saveGeometry().toBase64().data()).decode()
        columns = self.columns.sizes()
        if self._set_aside and columns[RAIL] == 0:
            columns[RAIL] = self._widths[RAIL]
        return settings.replace(
            geometry=geometry, columns=tuple(columns), tab=self.tabs.currentIndex()
        )

    def toggle_rail(self) -> None:
        """Close the left side, or open it."""
        self._toggle(RAIL)

    def toggle_dock(self) -> None:
        """Close the right side, or open it."""
        self._toggle(DOCK)

    def _note_widths(self) -> None:
        """Remember how wide the sides are wanted, for when they open again."""
        sizes = self.columns.sizes()
        self._widths = [size or was for size, was in zip(sizes, self._widths, strict=True)]

    def _toggle(self, place: int) -> None:
        sizes = self.columns.sizes()
        self._set_aside = False
        if sizes[place] > 0:
            self._close(place)
            return
        other = DOCK if place == RAIL else RAIL
        room = sum(sizes) - sizes[other] - self._metrics.middle
        if room < (self.rail.minimumWidth() if place == RAIL else self._metrics.dock):
            self._close(other)  # there is no room for both beside the picture
            room += sizes[other]
        self._open(place, min(self._widths[place], room))

    def _close(self, place: int) -> None:
        """Give the room of a side to the picture."""
        sizes = self.columns.sizes()
        sizes[MIDDLE] += sizes[place]
        sizes[place] = 0
        self.columns.setSizes(sizes)

    def _open(self, place: int, width: int) -> None:
        """Take the room of a side from the picture."""
        sizes = self.columns.sizes()
        sizes[MIDDLE] -= width - sizes[place]
        sizes[place] = width
        self.columns.setSizes(sizes)

    def show_tab(self, title: str) -> None:
        """Bring a tab of the right side to the front; one that has nothing to show says why."""
        place = TABS.index(title)
        if self.tabs.isTabEnabled(place):
            self.tabs.setCurrentIndex(place)
            if self.columns.sizes()[DOCK] == 0:
                self.toggle_dock()
        else:
            self.notice.show_notice(self.tabs.tabToolTip(place), "info")

    @property
    def tab(self) -> str:
        """The tab in front."""
        return TABS[self.tabs.currentIndex()]

    def show_reasons(self, reasons: Mapping[str, str]) -> None:
        """Switch off the tabs that have nothing to show, each with the sentence that says why."""
        if self.tab in reasons:
            self.tabs.setCurrentIndex(0)
        for place, title in enumerate(TABS):
            self.tabs.setTabEnabled(place, title not in reasons)
            self.tabs.setTabToolTip(place, reasons.get(title, TAB_HELP[title]))

    def _lay_out(self) -> None:
        body = QWidget()
        layout = QVBoxLayout(body)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        self.columns.addWidget(_side(self.rail))
        self.columns.addWidget(self._centre())
        self.columns.addWidget(self._dock())
        self.columns.setHandleWidth(1)
        self.columns.splitterMoved.connect(self._note_widths)
        self.columns.setStretchFactor(MIDDLE, 1)
        for side in (RAIL, DOCK):
            self.columns.setStretchFactor(side, 0)
            self.columns.setCollapsible(side, True)
        self.columns.setCollapsible(MIDDLE, False)
        metrics = self._metrics
        middle = metrics.width - metrics.rail - metrics.dock
        self.columns.setSizes([metrics.rail, middle, metrics.dock])
        for widget in (self.top_bar, rule(), self.columns, rule(), self.status):
            layout.addWidget(widget, stretch=1 if widget is self.columns else 0)
        self.setCentralWidget(body)

    def _centre(self) -> QWidget:
        centre = QFrame()
        picture = QHBoxLayout()
        picture.setSpacing(0)
        picture.addWidget(self.canvas, stretch=1)
        picture.addWidget(self.colour_bar)
        layout = QVBoxLayout(centre)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.breadcrumb)
        layout.addLayout(picture, stretch=1)
        layout.addWidget(self.transport)
        layout.addWidget(rule())
        layout.addWidget(self.view_bar)
        return centre

    def _dock(self) -> QWidget:
        pages = (
            _scrolled(_column(self.atlas, self.token)),
            _scrolled(
                _column(
                    self.classes_note,
                    self.predictions,
                    self.predictions.truth,
                    self.predictions.mean,
                )
            ),
            _scrolled(self.prompts),
            _scrolled(self.depth_panel),
            _scrolled(_column(self.bias)),
            _scrolled(self.world),
        )
        for title, page in zip(TABS, pages, strict=True):
            self.tabs.setTabToolTip(self.tabs.addTab(page, title), TAB_HELP[title])
        self.tabs.currentChanged.connect(self._on_tab)
        self.tabs.setDocumentMode(True)
        self.tabs.tabBar().setDrawBase(False)
        self.tabs.setUsesScrollButtons(False)  # its titles are as wide as the widest of the pages
        dock = _side(self.tabs)
        dock.setMinimumWidth(self._metrics.dock)
        return dock

    def _on_tab(self, place: int) -> None:
        # Qt hands the focus of the page before on to the first box of this one, where the digits
        # that choose a view would be typed into it.
        focus, page = self.focusWidget(), self.tabs.currentWidget()
        if focus is not None and page is not None and page.isAncestorOf(focus):
            self.canvas.setFocus()
        self.tab_shown.emit(TABS[place])

    # ---- Qt ----

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Close the left side where the window becomes narrow, and open it where it is not.

        What it shows is in the line above the picture too, and its keys go on working.
        """
        super().resizeEvent(event)
        narrow = self.width() < self._metrics.narrow
        if narrow == self._narrow:
            return
        self._narrow = narrow
        is_open = self.columns.sizes()[RAIL] > 0
        if narrow and is_open:
            self._close(RAIL)
        elif self._set_aside and not is_open:
            self._open(RAIL, self._widths[RAIL])
        self._set_aside = narrow and is_open

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Show where to drop what can be opened."""
        if local_paths(event.mimeData()) or event.mimeData().hasImage():
            event.acceptProposedAction()
            self._veil.cover(self.rect())

    def dragLeaveEvent(self, _event: QDragLeaveEvent) -> None:
        """Take the veil away."""
        self._veil.hide()

    def dropEvent(self, event: QDropEvent) -> None:
        """Hand on what was dropped."""
        self._veil.hide()
        data = event.mimeData()
        paths = local_paths(data)
        image = None if paths else image_of(data)
        event.acceptProposedAction()
        if paths:
            self.paths_dropped.emit(paths)
        elif image is not None:
            self.image_dropped.emit(image)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Say so before closing."""
        self.closing.emit()
        super().closeEvent(event)


def first_size(available: QSize, metrics: Metrics) -> QSize:
    """The size of a window that never had another one: the preferred, or what the screen has."""
    return QSize(metrics.width, metrics.height).boundedTo(available - FRAME_SIZE)


def shrunk(columns: Sequence[int], room: int) -> list[int]:
    """Widths of columns, smaller by one factor where they come from a larger screen.

    Else the sides would keep their widths, and the picture get what is left.
    """
    factor = min(1.0, room / max(sum(columns), 1))
    return [round(width * factor) for width in columns]


def _side(content: QWidget) -> QFrame:
    side = QFrame()
    set_property(side, "role", "side")
    layout = QVBoxLayout(side)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.addWidget(content)
    return side


def _column(*widgets: QWidget) -> QWidget:
    page = QWidget()
    layout = QVBoxLayout(page)
    layout.setContentsMargins(14, 12, 14, 12)
    layout.setSpacing(10)
    for widget in widgets:
        layout.addWidget(widget)
    layout.addStretch()
    return page


def _scrolled(page: QWidget) -> QScrollArea:
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    area.setWidget(page)
    return area
