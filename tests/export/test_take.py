"""Takes written and read back by the libraries that others would read them with."""

import errno
import io
import json
import os
import sys
from dataclasses import replace

import av
import numpy as np
import pytest
from PIL import Image

from tests.export.helpers import make_content, make_map, make_points, make_spec
from vitstudio.core.errors import Cancelled, ExportError
from vitstudio.core.frame import Frame
from vitstudio.core.state import State
from vitstudio.export import files, movie, take
from vitstudio.export.drawing import render_image
from vitstudio.export.gif import gif_places
from vitstudio.export.layout import plan_figure, raster_size
from vitstudio.export.movie import picture_spans
from vitstudio.export.restore import read_state
from vitstudio.export.stage import pixels_of, plan_stage
from vitstudio.export.take import TakePicture, write_take

SIZE_RC = (64, 280)
SUFFIXES = (".mp4", ".gif", ".npz")
TIMES_S = (50.0, 50.1, 50.5, 50.56)
COLOURS = np.array(((200, 40, 30), (30, 60, 210), (40, 170, 60), (220, 200, 40)), np.uint8)
QUARTERS = ((0, 0), (0, 1), (1, 1), (1, 0))
HOT = np.array((0xFC, 0xFF, 0xA4))
"""The last colour of inferno."""
HOT_CELLS = ((2, 5), (5, 1), (0, 3), (6, 20))


def pattern(number, size_rc=SIZE_RC):
    """Quarters of four colours, turned on by one with each number."""
    rows, cols = size_rc
    rgb = np.empty((rows, cols, 3), np.uint8)
    for place, (down, across) in enumerate(QUARTERS):
        half = slice(rows // 2, rows) if down else slice(0, rows // 2)
        side = slice(cols // 2, cols) if across else slice(0, cols // 2)
        rgb[half, side] = COLOURS[(place + number) % 4]
    return rgb


def content(number, size_rc=SIZE_RC, **state):
    rgb = pattern(number, size_rc)
    hot_rc = HOT_CELLS[number % 4] if state.get("view") != "picture" else None
    made = make_content(size_rc, rgb=rgb, hot_rc=hot_rc, source="camera:C920", **state)
    frame = Frame(rgb, "camera:C920", 10 + number, 3.0 + number)
    return replace(made, info=replace(made.info, frame=frame))


def pictures(count=4, **state):
    return [TakePicture(content(number, **state), TIMES_S[number]) for number in range(count)]


PLAIN = {"view": "picture", "show_grid": False}
OVERLAY = {"opacity": 1.0, "smooth": False, "show_grid": False}


@pytest.fixture(scope="module", params=["plain", "overlay"])
def look(request):
    return {"plain": PLAIN, "overlay": OVERLAY}[request.param]


@pytest.fixture(scope="module")
def written(qapp, look, tmp_path_factory):
    """The same take in every format, and the still figures of its pictures."""
    folder = tmp_path_factory.mktemp("takes")
    given = pictures(**look)
    paths = {suffix: write_take(given, folder / f"take{suffix}") for suffix in SUFFIXES}
    figures = [rgb_of(render_image(picture.content)) for picture in given]
    return given, paths, figures


def rgb_of(image):
    return pixels_of(image)[:, :, 2::-1].astype(np.int16)


def movie_frames(path):
    """(start in seconds, length in seconds, RGB) of every picture."""
    with av.open(path) as container:
        stream = container.streams.video[0]
        return [
            (frame.time, float(frame.duration * stream.time_base), frame.to_ndarray(format="rgb24"))
            for frame in container.decode(stream)
        ]


def gif_frames(path):
    """(milliseconds, RGB) of every picture."""
    found = []
    with Image.open(path) as image:
        for number in range(image.n_frames):
            image.seek(number)
            found.append((image.info["duration"], np.asarray(image.convert("RGB"))))
    return found


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def check_pixels(given, found, scale, tolerance):
    """The patterns (or map) are where the layout says, in the colours that they have."""
    layout = plan_figure(given.content, raster_size(SIZE_RC, 6000))
    x, y, width, height = layout.picture
    shown = given.content
    for place, (down, across) in enumerate(QUARTERS):
        at_y = round((y + height * (0.25 + 0.5 * down)) * scale)
        at_x = round((x + width * (0.25 + 0.5 * across)) * scale)
        wanted = shown.info.frame.rgb[
            SIZE_RC[0] * (1 + 2 * down) // 4, SIZE_RC[1] * (1 + 2 * across) // 4
        ].astype(int)
        if shown.token_map is not None:
            wanted = covered(shown, wanted)
        np.testing.assert_allclose(found[at_y, at_x], wanted, atol=tolerance, err_msg=str(place))
    if shown.token_map is not None:
        row, col = np.unravel_index(shown.token_map.values.argmax(), shown.info.grid_size)
        rows, cols = shown.info.grid_size
        source = shown.info.transform.unit_to_source((col + 0.5) / cols, (row + 0.5) / rows)
        at_x = round((x + source[0] / SIZE_RC[1] * width) * scale)
        at_y = round((y + source[1] / SIZE_RC[0] * height) * scale)
        np.testing.assert_allclose(found[at_y, at_x], HOT, atol=tolerance)


def covered(shown, rgb):
    """A colour under the lowest value of the map."""
    pixels = shown.map_pixels()
    coldest = pixels[shown.token_map.values == 0][0].astype(float)
    part = coldest[3] / 255
    return part * coldest[:3] + (1 - part) * rgb


# ---- MP4


def test_a_film_shows_every_figure_in_order(written):
    given, paths, figures = written
    frames = movie_frames(paths[".mp4"])
    assert len(frames) == 4
    for number, (_, _, rgb) in enumerate(frames):
        rows, cols = rgb.shape[:2]
        assert (rows % 2, cols % 2) == (0, 0)
        check_pixels(given[number], rgb, 1.0, tolerance=8)
        errors = [
            np.abs(rgb[: figure.shape[0], : figure.shape[1]] - figure).mean() for figure in figures
        ]
        assert np.argmin(errors) == number
        assert errors[number] < 2.0


def test_a_film_runs_at_the_pace_at_which_it_happened(written):
    _, paths, _ = written
    starts, lengths, _ = zip(*movie_frames(paths[".mp4"]), strict=True)
    np.testing.assert_allclose(starts, (0.0, 0.1, 0.5, 0.56), atol=1e-4)
    np.testing.assert_allclose(lengths, (0.1, 0.4, 0.06, 0.1), atol=1e-4)
    with av.open(paths[".mp4"]) as container:
        assert container.duration / av.time_base == pytest.approx(0.66, abs=0.01)


def test_a_film_is_what_players_expect(written):
    given, paths, _ = written
    with av.open(paths[".mp4"]) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"
        assert (stream.codec_context.colorspace, stream.codec_context.color_range) == (1, 1)
        assert container.metadata["title"] == given[0].content.sentence
        check_metadata(json.loads(container.metadata["comment"]), given)


def test_spans_always_go_on_and_fill_the_take():
    assert picture_spans([0.0]) == [(0, 60_000)]
    assert picture_spans([0.0, 0.0, 0.5]) == [(0, 1), (1, 29_999), (30_000, 29_999)]


def test_without_h264_a_film_is_mpeg4(qapp, tmp_path, monkeypatch):
    monkeypatch.setattr(movie, "ENCODERS", {"none_such": {}, "mpeg4": movie.ENCODERS["mpeg4"]})
    given = pictures(2, **OVERLAY)
    path = write_take(given, tmp_path / "old.mp4")
    with av.open(path) as container:
        assert container.streams.video[0].codec_context.name == "mpeg4"
    starts, lengths, frames = zip(*movie_frames(path), strict=True)
    np.testing.assert_allclose(starts, (0.0, 0.1), atol=1e-4)
    np.testing.assert_allclose(lengths, (0.1, 0.1), atol=1e-4)
    for picture, rgb in zip(given, frames, strict=True):
        check_pixels(picture, rgb, 1.0, tolerance=12)


def test_without_any_encoder_it_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(movie, "ENCODERS", {"none_such": {}})
    with pytest.raises(ExportError, match=r"can encode no MP4; choose \.gif or \.npz"):
        write_take(pictures(1), tmp_path / "a.mp4")
    assert names(tmp_path) == []


def test_without_pyav_the_other_formats_are_named(qapp, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ExportError, match=r"needs PyAV.*pip install av.*\.gif or \.npz"):
        write_take(pictures(1), tmp_path / "a.mp4")
    assert names(tmp_path) == []
    write_take(pictures(1), tmp_path / "a.npz")
    assert names(tmp_path) == ["a.npz"]


def test_a_refusing_encoder_is_a_sentence(qapp, tmp_path, monkeypatch):
    monkeypatch.setattr(movie, "ENCODERS", {"libx264": {"profile": "none_such"}})
    with pytest.raises(ExportError, match=r"could not be encoded .*choose \.gif or \.npz"):
        write_take(pictures(1, **PLAIN), tmp_path / "a.mp4")
    assert names(tmp_path) == []


# ---- GIF


def test_a_gif_shows_every_figure_in_order(written):
    given, paths, figures = written
    frames = gif_frames(paths[".gif"])
    assert [milliseconds for milliseconds, _ in frames] == [100, 400, 60, 100]
    for number, (_, rgb) in enumerate(frames):
        assert rgb.shape[1] == 720
        check_pixels(given[number], rgb, rgb.shape[1] / (figures[0].shape[1] // 2 * 2), tolerance=8)


def test_a_gif_runs_for_ever_and_says_what_it_shows(written):
    given, paths, _ = written
    with Image.open(paths[".gif"]) as image:
        assert image.info["loop"] == 0
        check_metadata(json.loads(image.info["comment"]), given)


def test_a_gif_leaves_out_what_follows_too_fast():
    assert gif_places([0.0]) == ([0], [100])
    assert gif_places([0.0, 0.01, 0.02, 0.03, 0.08]) == ([0, 2, 4], [2, 6, 6])
    assert gif_places([0.0, 1e6]) == ([0, 1], [65_535, 65_535])


def test_left_out_pictures_are_counted_neither_as_done_nor_in_the_metadata(qapp, tmp_path):
    given = [TakePicture(content(n, **PLAIN), time_s) for n, time_s in enumerate((0, 0.01, 0.05))]
    said = []
    path = write_take(given, tmp_path / "a.gif", lambda *done: said.append(done))
    assert said == [(0, 2), (1, 2), (2, 2)]
    with Image.open(path) as image:
        assert image.n_frames == 2
        assert json.loads(image.info["comment"])["take"]["frame_indices"] == [10, 12]


# ---- arrays


def test_arrays_are_the_takes_own_bits(written, look):
    given, paths, _ = written
    with np.load(paths[".npz"], allow_pickle=False) as arrays:
        np.testing.assert_allclose(arrays["times_s"], (0.0, 0.1, 0.5, 0.56))
        assert arrays["capture_times_s"].tolist() == [3.0, 4.0, 5.0, 6.0]
        assert arrays["frame_indices"].tolist() == [10, 11, 12, 13]
        assert arrays["pictures"].dtype == np.uint8
        assert arrays["pictures"].shape == (4, *SIZE_RC, 3)
        for number in range(4):
            assert arrays["pictures"][number].tobytes() == pattern(number).tobytes()
        assert arrays["pictures_at"].tolist() == [[0, 0], [0, 1], [0, 2], [0, 3]]
        assert arrays["model_ids"].tolist() == ["tiny_vit"] * 4
        assert arrays["weights_hashes"].tolist() == ["0123456789abcdef"] * 4
        states = [State.from_json(text) for text in arrays["states"].tolist()]
        assert states == [given[0].content.state]
        assert arrays["state_of"].tolist() == [0] * 4
        info = given[0].content.info
        assert arrays["grid_sizes"].tolist() == [list(info.grid_size)] * 4
        assert tuple(arrays["input_rects_source_px"][3]) == info.transform.input_rect()
        check_metadata(json.loads(arrays["metadata"].tobytes()), given)
        if look is PLAIN:
            assert not {"maps", "maps_at", "prefixes"} & set(arrays)
            return
        assert arrays["maps"].dtype == np.float32
        assert arrays["maps"].shape == (4, *info.grid_size)
        for number, picture in enumerate(given):
            assert np.array_equal(arrays["maps"][number], picture.content.token_map.values)
            assert arrays["maps"][number][HOT_CELLS[number]] == np.float32(0.02)
        assert arrays["prefixes"].tolist() == [[0.25]] * 4


def test_arrays_of_several_shapes_are_stacked_apart(tmp_path):
    large = content(1, (180, 120))
    colours = replace(large, token_map=make_map(np.full((11, 8, 3), 0.5, np.float32), "pca"))
    given = [content(0), large, content(2, view="picture"), colours, content(3)]
    path = write_take([TakePicture(view, n) for n, view in enumerate(given)], tmp_path / "a.npz")
    with np.load(path, allow_pickle=False) as arrays:
        assert arrays["pictures"].shape == (3, *SIZE_RC, 3)
        assert arrays["pictures_1"].shape == (2, 180, 120, 3)
        assert arrays["pictures_at"].tolist() == [[0, 0], [1, 0], [0, 1], [1, 1], [0, 2]]
        assert arrays["maps_at"].tolist() == [[0, 0], [1, 0], [-1, -1], [2, 0], [0, 1]]
        assert arrays["maps_2"].shape == (1, 11, 8, 3)
        assert arrays["prefixes_at"].tolist() == [[0, 0], [0, 1], [-1, -1], [0, 2], [0, 3]]
        for number, view in enumerate(given):
            for name, wanted in (
                ("pictures", view.info.frame.rgb),
                ("maps", view.token_map.values if view.token_map else None),
            ):
                stack, place = arrays[f"{name}_at"][number]
                if wanted is not None:
                    found = arrays[f"{name}_{stack}" if stack else name][place]
                    assert np.array_equal(found, wanted)


def test_sampling_points_are_in_the_arrays(tmp_path):
    views = [make_points((40.0, 30.0 + n), SIZE_RC) for n in range(2)]
    path = write_take([TakePicture(view, n) for n, view in enumerate(views)], tmp_path / "a.npz")
    with np.load(path, allow_pickle=False) as arrays:
        assert arrays["points"].shape == (2, 2, 2, 2)
        for number, view in enumerate(views):
            points = view.token_map.points
            assert np.array_equal(arrays["points"][number], points.points)
            assert np.array_equal(arrays["references"][number], points.references)
            assert np.array_equal(arrays["weights"][number], points.weights)


def test_a_view_that_is_no_contiguous_array_is_written_right(tmp_path):
    wide = np.ascontiguousarray(pattern(0).repeat(2, axis=1))
    wide.setflags(write=False)
    view = content(0)
    view = replace(view, info=replace(view.info, frame=Frame(wide[:, ::2], "camera:C")))
    assert not view.info.frame.rgb.flags.c_contiguous
    path = write_take([TakePicture(view, 0.0)], tmp_path / "a.npz")
    with np.load(path, allow_pickle=False) as arrays:
        assert np.array_equal(arrays["pictures"][0], pattern(0))


# ---- what every take carries


def check_metadata(data, given):
    first = given[0].content
    assert data["program"] == "vitstudio"
    assert data["version"]
    assert State.from_json(json.dumps(data["state"])) == first.state
    assert data["model"]["id"] == "tiny_vit"
    assert data["model"]["weights_hash"] == "0123456789abcdef"
    assert data["picture"]["source"] == "camera:C920"
    assert data["take"] == {
        "pictures": 4,
        "seconds": pytest.approx(0.56),
        "times_s": [0.0, 0.1, 0.5, 0.56],
        "frame_indices": [10, 11, 12, 13],
        "changes": [],
    }


def test_what_changed_during_a_take_is_in_its_metadata(tmp_path):
    views = [content(0), content(1, head=2, layer=1), content(2, head=2, layer=1)]
    spec = make_spec(id="other", weights_hash="f" * 16)
    views.append(replace(views[2], info=replace(views[2].info, spec=spec)))
    path = write_take([TakePicture(view, n) for n, view in enumerate(views)], tmp_path / "a.npz")
    with np.load(path, allow_pickle=False) as arrays:
        changes = json.loads(arrays["metadata"].tobytes())["take"]["changes"]
        states = [State.from_json(text) for text in arrays["states"].tolist()]
        assert arrays["state_of"].tolist() == [0, 1, 1, 1]
        assert arrays["model_ids"].tolist() == ["tiny_vit", "tiny_vit", "tiny_vit", "other"]
    assert states == [views[0].state, views[1].state]
    assert changes == [
        {"picture": 1, "state": {"layer": 1, "head": 2}, "model": {}},
        {"picture": 3, "state": {}, "model": {"id": "other", "weights_hash": "f" * 16}},
    ]


def test_dropped_on_the_window_the_arrays_restore_the_first_view(written):
    given, paths, _ = written
    assert read_state(paths[".npz"]) == given[0].content.state


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_names_in_any_script_survive(qapp, tmp_path, suffix):
    view = content(0, **PLAIN)
    odd = "写真/odd\udcff\x07.mp4"
    view = replace(
        view,
        state=view.state.replace(source=odd),
        info=replace(view.info, frame=Frame(pattern(0), odd)),
        breadcrumb=("ねこ", "odd\udcff"),
    )
    path = write_take([TakePicture(view, 0.0)], tmp_path / f"ねこ{suffix}")
    if suffix == ".mp4":
        with av.open(path) as container:
            text = container.metadata["comment"]
            assert container.metadata["title"] == "ねこ > odd?"
    elif suffix == ".gif":
        with Image.open(path) as image:
            text = image.info["comment"]
    else:
        with np.load(path, allow_pickle=False) as arrays:
            text = arrays["metadata"].tobytes()
    assert json.loads(text)["picture"]["source"] == odd


# ---- one size for all figures


def test_figures_whose_labels_differ_keep_their_picture_in_place(qapp, tmp_path):
    """A narrow picture is centred beside its colour bar, whose labels may be long or short."""
    short, long = (
        content(0, (300, 60), **OVERLAY | {"scale": "fixed", "fixed_range": (0.0, high)})
        for high in (1.0, 0.00012345)
    )
    corners = [
        plan_figure(view, raster_size((300, 60), 6000)).picture[:2] for view in (short, long)
    ]
    assert corners[0] != corners[1]
    stage = plan_stage([short, long], 2560, 2560)
    shown = [
        (place[0] + corner[0], place[1] + corner[1])
        for place, corner in zip(stage.places, corners, strict=True)
    ]
    assert shown[0] == shown[1]
    (x, y), (first, second) = shown[0], (rgb_of(image) for image in stage.figures())
    assert first.shape == second.shape == (stage.full[1], stage.full[0], 3)
    # The first cells are as cold in both, so that they have the same colours: red, then blue.
    rows = [rgb[y + 20, x : x + 280] for rgb in (first, second)]
    assert np.array_equal(*rows)
    for at, colour in ((130, COLOURS[0]), (150, COLOURS[1])):
        np.testing.assert_allclose(rows[0][at], covered(short, colour), atol=3)


def test_a_source_that_changed_its_size_is_centred(qapp, tmp_path):
    views = [content(0, (40, 210), **PLAIN), content(1, (80, 210), **PLAIN)]
    given = [TakePicture(view, float(n)) for n, view in enumerate(views)]
    figures = [rgb_of(render_image(view)) for view in views]
    (_, _, wide), (_, _, tall) = movie_frames(write_take(given, tmp_path / "a.mp4"))
    assert wide.shape == tall.shape
    rows = max(figure.shape[0] for figure in figures)
    cols = max(figure.shape[1] for figure in figures)
    assert wide.shape == (rows + rows % 2, cols + cols % 2, 3)
    for rgb, figure in ((wide, figures[0]), (tall, figures[1])):
        top, left = (
            (all_ - own) // 2 for all_, own in zip(rgb.shape, figure.shape[:2], strict=False)
        )
        part = rgb[top : top + figure.shape[0], left : left + figure.shape[1]]
        assert np.abs(part - figure).mean() < 2.0
        outside = np.ones(rgb.shape[:2], bool)
        outside[top : top + figure.shape[0], left : left + figure.shape[1]] = False
        assert outside.any() == (rgb is wide)
        np.testing.assert_allclose(rgb[outside], np.tile((11, 13, 16), (outside.sum(), 1)), atol=8)


def test_a_turned_source_is_centred_both_ways(qapp):
    views = [content(0, (40, 210), **PLAIN), content(1, (210, 40), **PLAIN)]
    sizes = []
    for view in views:
        layout = plan_figure(view, raster_size(view.info.frame.size_rc, 6000))
        sizes.append((layout.width, layout.height))
    (wide, low), (narrow, high) = sizes
    stage = plan_stage(views, 2560, 2560)
    assert stage.full == (wide + wide % 2, high + high % 2)
    assert stage.places == ((0, (high - low) // 2), ((wide - narrow) // 2, 0))


def test_a_large_source_fits_into_what_players_take(qapp):
    view = content(0, (40, 4000), **PLAIN)
    stage = plan_stage([view], 2560, 2560)
    assert stage.full[0] > 4000
    assert stage.size[0] == 2560
    assert stage.size[1] % 2 == 0
    assert stage.size[1] / stage.full[1] == pytest.approx(2560 / stage.full[0], rel=0.02)
    (image,) = stage.figures()
    assert (image.width(), image.height()) == stage.size
    tall = plan_stage([content(0, (4000, 40), **PLAIN)], 2560, 2560)
    assert tall.size[1] == 2560
    assert plan_stage([content(0, (4000, 40), **PLAIN)], 720, None).size[0] <= 720


# ---- progress, cancel and failures


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_progress_counts_the_pictures(qapp, tmp_path, suffix):
    said = []
    write_take(pictures(3, **PLAIN), tmp_path / f"a{suffix}", lambda *done: said.append(done))
    assert said == [(0, 3), (1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize("after", [0, 1, 3])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_cancelled_take_leaves_the_older_file(qapp, tmp_path, suffix, after):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"older")
    said = []
    with pytest.raises(Cancelled):
        write_take(
            pictures(3, **PLAIN), path, lambda *done: said.append(done), lambda: len(said) > after
        )
    assert said[-1] == (after, 3)
    assert names(tmp_path) == [path.name]
    assert path.read_bytes() == b"older"
    path.unlink()
    with pytest.raises(Cancelled):
        write_take(pictures(1, **PLAIN), path, cancelled=lambda: True)
    assert names(tmp_path) == []


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_full_disk_leaves_the_older_file(qapp, tmp_path, monkeypatch, suffix):
    class FullDisk(io.FileIO):
        def write(self, data):
            if self.tell() + len(data) > 3000:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(data)

    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"older")
    monkeypatch.setattr(files.os, "fdopen", lambda descriptor, _mode: FullDisk(descriptor, "w+b"))
    with pytest.raises(ExportError, match=f"disk is full, so 'a{suffix}' was not written"):
        write_take(pictures(2), path)
    assert names(tmp_path) == [path.name]
    assert path.read_bytes() == b"older"


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_failure_while_drawing_leaves_nothing(qapp, tmp_path, monkeypatch, suffix):
    def fail(*_args):
        raise MemoryError

    monkeypatch.setattr(take, "_counted", fail)
    monkeypatch.setattr("vitstudio.export.take_arrays._write_stacks", fail)
    with pytest.raises(ExportError, match="not enough memory"):
        write_take(pictures(2), tmp_path / f"a{suffix}")
    assert names(tmp_path) == []


def test_a_folder_without_permission_is_said_before_any_work(tmp_path, monkeypatch):
    def refuse(*_args):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(files.os, "open", refuse)
    said = []
    with pytest.raises(ExportError, match="may not be written; choose another folder"):
        write_take(pictures(2), tmp_path / "a.mp4", lambda *done: said.append(done))
    assert said == []


def test_a_write_protected_file_is_said_so(tmp_path, monkeypatch):
    path = tmp_path / "a.gif"
    path.write_bytes(b"older")
    monkeypatch.setattr(files.os, "access", lambda _path, mode: mode != os.W_OK)
    with pytest.raises(ExportError, match="write-protected"):
        write_take(pictures(1), path)
    assert path.read_bytes() == b"older"


@pytest.mark.parametrize("name", ["take", "take.avi", "take.mp4.txt"])
def test_an_unknown_suffix_lists_the_known_ones(tmp_path, name):
    with pytest.raises(ExportError, match=r"a take is \.mp4, \.gif or \.npz"):
        write_take(pictures(1), tmp_path / name)


def test_suffixes_may_be_capitals(qapp, tmp_path):
    path = write_take(pictures(1, **PLAIN), tmp_path / "A.GIF")
    assert path.read_bytes().startswith(b"GIF89a")


def test_a_take_of_nothing_is_none(tmp_path):
    with pytest.raises(ExportError, match="no pictures to write"):
        write_take([], tmp_path / "a.mp4")
    assert names(tmp_path) == []


@pytest.mark.parametrize("times_s", [(1.0, 0.5), (0.0, float("nan"))])
def test_pictures_out_of_order_are_refused(tmp_path, times_s):
    given = [TakePicture(content(n), time_s) for n, time_s in enumerate(times_s)]
    with pytest.raises(ExportError, match="order of their times"):
        write_take(given, tmp_path / "a.npz")


@pytest.mark.parametrize("suffix", [".mp4", ".gif"])
def test_a_single_picture_is_shown_for_a_second(qapp, tmp_path, suffix):
    path = write_take(pictures(1, **PLAIN), tmp_path / f"a{suffix}")
    if suffix == ".mp4":
        ((start, length, _),) = movie_frames(path)
        assert (start, length) == (0.0, pytest.approx(1.0))
    else:
        ((milliseconds, _),) = gif_frames(path)
        assert milliseconds == 1000
