"""The entries of the Open menu for pictures that move: videos, slides, cameras and screens."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from functools import partial
from typing import Protocol

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QMenu, QWidget

from vitstudio.core.live import CAPTURED, DEMO, LiveKind, kind_of, live_title, name_of
from vitstudio.ui.views.drawing import shortened

LOOKING = "Looking…"
SENTENCE_CHARACTERS = 60


class Titled(Protocol):
    """A format of a camera: only its title matters here."""

    @property
    def title(self) -> str: ...  # noqa: D102


class SourceMenu(QObject):
    """Section "Live" of a menu.

    Signals
    -------
    action_wanted(id)
        An entry of the table of actions.
    source_picked(source)
    captures_wanted()
        The menu is about to open: now, or a moment later, `show_captures` says what there is.
    format_picked(format)
        One of the formats that `show_captures` was given.
    """

    action_wanted = Signal(str)
    source_picked = Signal(str)
    captures_wanted = Signal()
    format_picked = Signal(object)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._kinds = {kind: QMenu(kind.capitalize(), parent) for kind in CAPTURED}
        self._formats = QMenu("Camera format", parent)
        for menu in self._kinds.values():
            _say(menu, LOOKING)
        self._formats.menuAction().setVisible(False)

    def kind(self, kind: LiveKind) -> QMenu:
        """The submenu of cameras, screens or windows."""
        return self._kinds[kind]

    @property
    def formats(self) -> QMenu:
        """The submenu of the formats of the camera in use; hidden while there is none."""
        return self._formats

    def pop_up(self, kind: LiveKind, below: QWidget) -> None:
        """Open the submenu of cameras, screens or windows by itself, its first entry chosen."""
        self.captures_wanted.emit()
        menu = self._kinds[kind]
        menu.popup(below.mapToGlobal(below.rect().bottomLeft()))
        menu.setActiveAction(menu.actions()[0])

    def add_to(self, menu: QMenu) -> None:
        """Add the section to a menu that is about to open."""
        self.captures_wanted.emit()
        menu.addSeparator()
        menu.addAction("Live").setEnabled(False)
        menu.addAction("Open a video…\tCtrl+Shift+V", self._want("live.video"))
        menu.addAction("Slide show of a folder…", self._want("live.slides"))
        menu.addAction(live_title(DEMO), partial(self.source_picked.emit, DEMO))
        for submenu in (*self._kinds.values(), self._formats):
            menu.addMenu(submenu)

    def show_captures(
        self,
        sources: Sequence[tuple[str, str]],
        reason: str = "",
        formats: Sequence[Titled] = (),
        chosen: Titled | None = None,
        current: str = "",
    ) -> None:
        """Fill the submenus.

        Parameters
        ----------
        sources : sequence of (source, title)
            Every camera, screen and window, e.g. ("camera:C920", "Camera C920").
        reason : str
            Why none can be captured; stands where a list is empty.
        formats : sequence of formats
            What the camera in use offers.
        chosen : format or None
            Which of them is in use.
        current : str
            The source that is open.
        """
        for kind, menu in self._kinds.items():
            menu.clear()
            of_kind = [source for source, _title in sources if kind_of(source) == kind]
            for source in of_kind:
                self._add_source(menu, source, source == current)
            if not of_kind:
                _say(menu, reason or f"No {kind} was found")
            if menu.isVisible():  # it was opened to look for them
                menu.setActiveAction(menu.actions()[0])
        self._formats.clear()
        self._formats.menuAction().setVisible(bool(formats))
        for each in formats:
            entry = self._formats.addAction(each.title, partial(self.format_picked.emit, each))
            entry.setCheckable(True)
            entry.setChecked(each == chosen)

    def _add_source(self, menu: QMenu, source: str, current: bool) -> None:
        name = name_of(source) or live_title(source)
        shown = shortened(name, menu.fontMetrics()).replace("&", "&&")
        entry = menu.addAction(shown, partial(self.source_picked.emit, source))
        entry.setCheckable(True)
        entry.setChecked(current)

    def _want(self, action: str) -> partial[None]:
        return partial(self.action_wanted.emit, action)


def _say(menu: QMenu, sentence: str) -> None:
    """A sentence in place of entries, in lines that fit a menu."""
    for line in textwrap.wrap(sentence, SENTENCE_CHARACTERS):
        menu.addAction(line.replace("&", "&&")).setEnabled(False)
