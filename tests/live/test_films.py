"""Films and slides in the real window, and what of it is laid out anew."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication

from tests.live.driven import PATCHES, PHOTO, Driven, save
from tests.sources.films import number_of, numbered, write_film
from vitstudio.core.geometry import plan
from vitstudio.core.live import DEMO
from vitstudio.engine.live_messages import LiveAnswered, LiveMoved


def test_a_film_that_is_cut_short_plays_as_far_as_it_goes(driven: Driven, tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (60, 32, 48, 3)).astype(np.uint8)
    path = write_film(tmp_path / "cut.mkv", list(noise), g="6", preset="ultrafast")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])
    driven.open(str(path))
    driven.until(lambda: "Its pictures end after" in driven.notice)
    moved = driven.got
    driven.until(lambda: rounds(moved) >= 1)
    driven.goes_on(str(path))
    assert driven.playing


def rounds(got: list[Any]) -> int:
    """How often a source began anew."""
    indices = [each.position.index for each in got if isinstance(each, LiveMoved)]
    return sum(after < before for before, after in pairwise(indices))


def test_a_film_that_is_no_film_leaves_the_picture(driven: Driven, tmp_path: Path) -> None:
    path = tmp_path / "bad.mp4"
    path.write_bytes(bytes(2000))
    driven.open(str(path))
    driven.until(lambda: "bad.mp4 cannot be opened as a video" in driven.notice)
    assert driven.state.source == PHOTO
    assert driven.is_settled(PHOTO)


def test_the_asked_point_stays_where_it_is_when_a_film_changes_its_size(
    driven: Driven, tmp_path: Path
) -> None:
    sizes = {False: (48, 64), True: (96, 72)}
    parts = []
    for start, size_rc in ((0, sizes[False]), (100, sizes[True])):
        pictures = [numbered(start + index, size_rc) for index in range(20)]
        part = tmp_path / f"{start}.mpg"
        write_film(part, pictures, "mpeg2video", first=start % 80, form="mpegts", g="5")
        parts.append(part.read_bytes())
    film = tmp_path / "joined.mpg"
    film.write_bytes(b"".join(parts))
    driven.program.state.update(query=(0.75, 0.25))
    driven.open(str(film))
    seen: dict[tuple[int, int], LiveAnswered] = {}

    def both() -> bool:
        for each in driven.got:
            if isinstance(each, LiveAnswered):
                seen[each.info.frame.size_rc] = each
        return len(seen) == 2

    driven.until(both)
    assert set(seen) == set(sizes.values())
    for (rows, cols), answered in seen.items():
        info = answered.info
        assert sizes[number_of(info.frame.rgb) >= 100] == (rows, cols)
        expected = plan((rows, cols), info.spec, "aspect", PATCHES)
        assert info.transform == expected
        token_map = answered.answers[0].token_map  # type: ignore[attr-defined]
        assert token_map.values.shape == info.grid_size
        cell = expected.cell_at(0.75 * cols, 0.25 * rows, info.grid_size)
        assert info.cell_of_token(token_map.request.query, 1) == cell
    driven.settle(str(film))
    assert driven.state.query == (0.75, 0.25)


def test_a_film_that_is_deleted_while_it_plays(driven: Driven, film: str) -> None:
    driven.open(film)
    driven.goes_on(film)
    Path(film).unlink()
    begun = len(driven.got)
    driven.until(lambda: rounds(driven.got[begun:]) >= 1 or not driven.playing)
    driven.settle(film)
    assert driven.playing or "does not exist" in driven.notice
    driven.open(PHOTO)
    driven.settle(PHOTO)
    driven.open(film)
    driven.until(lambda: "does not exist" in driven.notice)
    assert driven.state.source == PHOTO


def test_slides_whose_folder_becomes_empty(driven: Driven, tmp_path: Path) -> None:
    folder = tmp_path / "slides"
    save(folder, "a.png", "b.png")
    source = f"slides:{folder}"
    driven.open(source)
    driven.settle(source)
    for each in folder.iterdir():
        each.unlink()
    driven.presenter.live.set_speed(100.0)
    driven.until(lambda: "There are no pictures left" in driven.notice)
    assert not driven.playing
    driven.program.studio.trigger("layer.previous")
    driven.settle(source)
    save(folder, "c.png", "d.png", "e.png")
    driven.program.studio.trigger("live.play")
    driven.until(lambda: driven.playing)
    driven.goes_on(source, 1)


class Layouts(QObject):
    """Counts how often a widget is laid out anew, and remembers whose layout it was."""

    def __init__(self) -> None:
        super().__init__()
        self.of: list[str] = []

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.LayoutRequest:
            self.of.append(type(watched).__name__)
        return False


def test_live_pictures_have_nothing_laid_out_anew(driven: Driven) -> None:
    driven.open(DEMO)
    driven.goes_on(DEMO, 6)  # the places of figures have grown by now
    layouts = Layouts()
    application = QApplication.instance()
    assert application is not None
    application.installEventFilter(layouts)
    try:
        driven.goes_on(DEMO, 6)
    finally:
        application.removeEventFilter(layouts)
    # A figure may still get wider; not with every picture.
    assert layouts.of.count("MainWindow") <= 2, layouts.of
