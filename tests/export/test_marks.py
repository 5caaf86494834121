"""Windows, sampling points and depth in every format: on their own pixels, and as real shapes."""

import json
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from PySide6.QtGui import QColor

from tests.export.helpers import make_content, make_depth, make_points, make_spec, make_windows
from tests.export.test_landing import SIZES, render
from vitstudio.export.layout import plan_figure, raster_size
from vitstudio.export.save import save
from vitstudio.painting import palette
from vitstudio.painting.points import set_colour
from vitstudio.painting.windows import asked_window

SVG = "{http://www.w3.org/2000/svg}"
FORMATS = [".png", ".svg", ".pdf"]
FITS = ["aspect", "trained", "whole"]
TOLERANCE_PX = 1.5


def picture_of(content, path):
    """The picture's part of an exported figure, and its pixels per source pixel."""
    layout = plan_figure(content, raster_size(content.info.frame.size_rc, 6000))
    pixels = render(save(content, path), layout.width, layout.height)
    x, y, width, height = layout.picture
    return pixels[y : y + height, x : x + width], width / content.info.frame.size_rc[1]


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("size_rc", SIZES.values(), ids=SIZES.keys())
@pytest.mark.parametrize("suffix", FORMATS)
def test_a_hot_point_lands_on_its_pixel(qapp, tmp_path, suffix, size_rc, fit):
    hot = (size_rc[1] * 0.45, size_rc[0] * 0.52)
    content = make_points(hot, size_rc, fit=fit, show_grid=False, show_offsets=False)
    picture, scale = picture_of(content, tmp_path / f"points{suffix}")
    weight = np.clip(picture[..., 0] - 150, 0, None)  # only the hottest colour is so red
    rows, cols = np.indices(weight.shape)
    found = [(weight * (place + 0.5)).sum() / weight.sum() for place in (cols, rows)]
    assert found == pytest.approx([hot[0] * scale, hot[1] * scale], abs=TOLERANCE_PX)


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("size_rc", SIZES.values(), ids=SIZES.keys())
@pytest.mark.parametrize("suffix", FORMATS)
def test_a_depth_rectangle_lands_on_its_pixels(qapp, tmp_path, suffix, size_rc, fit):
    rows, cols = size_rc
    rect = (round(cols * 0.4), round(rows * 0.45), round(cols * 0.6), round(rows * 0.7))
    content = make_depth(rect, size_rc, fit=fit, smooth=fit == "trained")
    picture, scale = picture_of(content, tmp_path / f"depth{suffix}")
    far = picture[..., 1] > 120
    found_rows, found_cols = np.nonzero(far)
    edges = [found_cols.min(), found_rows.min(), found_cols.max() + 1, found_rows.max() + 1]
    # To the nearest pixel of the model's input, which is what the rectangle is made of.
    pixel = scale / min(content.info.transform.scale_xy)
    expected = [side * scale for side in rect]
    assert edges == pytest.approx(expected, abs=0.5 * pixel + TOLERANCE_PX)
    assert far.mean() == pytest.approx(
        (rect[2] - rect[0]) * (rect[3] - rect[1]) / (rows * cols), rel=0.05
    )


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("size_rc", SIZES.values(), ids=SIZES.keys())
@pytest.mark.parametrize(
    ("suffix", "query_rc"), [(".png", (1, 1)), (".png", (9, 9)), (".svg", (9, 9)), (".pdf", (9, 9))]
)
def test_the_asked_window_is_bright_cell_by_cell(qapp, tmp_path, suffix, size_rc, fit, query_rc):
    content = make_windows(query_rc, size_rc, fit=fit)
    picture, scale = picture_of(content, tmp_path / f"windows{suffix}")
    info = content.info
    own, _masked = asked_window(info.layers[0], content.query_rc)
    cells = {
        (row, col)
        for top, left, high, wide in own
        for row in range(top, top + high)
        for col in range(left, left + wide)
    }
    for row in range(info.grid_size[0]):
        for col in range(info.grid_size[1]):
            x0, y0, x1, y1 = (
                side * scale for side in info.transform.cell_rect(row, col, info.grid_size)
            )
            inset = 0.2 * (x1 - x0)
            part = picture[
                max(0, round(y0 + inset)) : max(0, round(y1 - inset)),
                max(0, round(x0 + inset)) : max(0, round(x1 - inset)),
            ]
            if part.size:
                bright = np.median(part) > 180
                assert bright == ((row, col) in cells), (row, col)


def test_svg_has_windows_as_the_rectangles_of_their_cells(qapp, tmp_path):
    content = make_windows((7, 9), (300, 421))
    root = ET.parse(save(content, tmp_path / "windows.svg")).getroot()
    layout = plan_figure(content, raster_size((300, 421), 1400))
    x, y, width, height = layout.picture
    info = content.info
    own, masked = asked_window(info.layers[0], content.query_rc)
    assert len(own) + len(masked) > 1
    for name, pieces in (("window", own), ("window-masked", masked)):
        shape = root.find(f"{SVG}g[@id='{name}']").findall(f"{SVG}path")[-1].get("d")
        expected = []
        for top, left, high, wide in pieces:
            x0, y0, *_ = info.transform.cell_rect(top, left, info.grid_size)
            *_, x1, y1 = info.transform.cell_rect(top + high - 1, left + wide - 1, info.grid_size)
            seen = info.transform.seen_rect()
            corners = max(x0, seen[0]), max(y0, seen[1]), min(x1, seen[2]), min(y1, seen[3])
            factor = (width / 421, height / 300) * 2
            placed = [c * f + o for c, f, o in zip(corners, factor, (x, y, x, y), strict=True)]
            expected.append(placed)
        found = [
            [float(part) for part in box.replace("H", " ").replace("V", " ").split()[:4]]
            for box in shape.split("M")[1:]
        ]
        assert np.array(found) == pytest.approx(np.array(expected), abs=0.02)
    assert root.find(f"{SVG}path[@id='windows']") is not None
    assert root.find(f"{SVG}path[@id='window-hatch']") is not None


def test_svg_has_points_as_circles_and_offsets_as_lines(qapp, tmp_path):
    content = make_points((190.0, 150.0), (300, 421), show_offsets=True)
    root = ET.parse(save(content, tmp_path / "points.svg")).getroot()
    group = root.find(f"{SVG}g[@id='points']")
    circles = group.findall(f"{SVG}circle")
    filled = [circle for circle in circles if circle.get("fill") != "none"]
    assert len(filled) == 3  # the fourth lies outside and is open
    layout = plan_figure(content, raster_size((300, 421), 1400))
    x, y, width, height = layout.picture
    hot = max(filled, key=lambda circle: float(circle.get("r")))
    assert float(hot.get("cx")) == pytest.approx(x + 190 * width / 421, abs=0.1)
    assert float(hot.get("cy")) == pytest.approx(y + 150 * height / 300, abs=0.1)
    assert root.find(f"{SVG}g[@id='offsets']") is not None
    words = "".join(root.itertext())
    assert "group 1" in words
    colours = {span.get("fill") for span in root.iter(f"{SVG}tspan")}
    assert {set_colour(0), set_colour(1)} <= colours


def test_svg_has_iso_lines_as_curves(qapp, tmp_path):
    content = make_depth((100, 100, 300, 200), (300, 421), iso_step=2.0)
    root = ET.parse(save(content, tmp_path / "depth.svg")).getroot()
    paths = root.find(f"{SVG}g[@id='iso-lines']").findall(f"{SVG}path")
    assert len(paths) == 2
    assert paths[-1].get("stroke") == palette.TEXT
    assert paths[-1].get("d").count("M") == 4  # at 2, 4, 6 and 8 m
    assert root.find(f"{SVG}path[@id='grid']") is None
    assert root.find(f"{SVG}image[@id='map']") is not None
    assert "lines every 2 m" in "".join(root.itertext())


def test_a_map_of_pixels_is_no_heap_of_shapes(qapp, tmp_path):
    content = make_depth((20, 20, 400, 280), (300, 421), smooth=False)
    content = type(content)(
        content.state,
        content.info,
        type(content.token_map)(
            content.token_map.request,
            np.random.default_rng(0).random((400, 500)).astype(np.float32),
            content.token_map.prefix,
            (0.0, 1.0),
            "m",
        ),
        content.breadcrumb,
        None,
    )
    path = save(content, tmp_path / "depth.svg")
    assert ET.parse(path).getroot().find(f"{SVG}g[@id='map']") is None


@pytest.mark.parametrize("suffix", FORMATS)
def test_inverted_colours_reach_map_and_bar(qapp, tmp_path, suffix):
    plain = make_depth((100, 100, 300, 200), (300, 421))
    turned = make_depth((100, 100, 300, 200), (300, 421), invert=True)
    first, scale = picture_of(plain, tmp_path / f"a{suffix}")
    second, _ = picture_of(turned, tmp_path / f"b{suffix}")
    inside, outside = (round(150 * scale), round(200 * scale)), (round(50 * scale), 60)
    assert first[inside] == pytest.approx(second[outside], abs=2)
    assert first[outside] == pytest.approx(second[inside], abs=2)
    for content, top in ((plain, "#fde725"), (turned, "#440154")):
        layout = plan_figure(content, raster_size((300, 421), 6000))
        image = render(save(content, tmp_path / f"c{suffix}"), layout.width, layout.height)
        bar = layout.bar.bar
        colour = image[round(bar.top()) + 2, round(bar.center().x())]
        assert QColor(top).getRgb()[:3] == pytest.approx(colour, abs=6)


def test_arrays_hold_points_and_windows(qapp, tmp_path):
    points = make_points((190.0, 150.0), (300, 421))
    with np.load(save(points, tmp_path / "points.npz")) as arrays:
        record = points.token_map.points
        for name in ("points", "references", "weights"):
            assert np.array_equal(arrays[name], getattr(record, name))
        assert "window_cells" not in arrays
    facts = json.loads((tmp_path / "points.json").read_text())
    assert facts["point_sets"] == ["group 1", "group 2"]
    assert facts["layer"]["kind"] == "deformable"

    windows = make_windows((3, 3), (300, 421))
    with np.load(save(windows, tmp_path / "windows.npz")) as arrays:
        rows, cols = windows.info.grid_size
        cells = arrays["window_cells"]
        assert sorted(cells[cells >= 0].tolist()) == list(range(rows * cols))
        assert arrays["window_regions"].shape == cells.shape
    facts = json.loads((tmp_path / "windows.json").read_text())
    assert facts["layer"]["window_size_rc"] == [4, 4]
    assert facts["layer"]["shift_size_rc"] == [2, 2]
    assert facts["point_sets"] is None


def test_depth_arrays_are_metres(qapp, tmp_path):
    content = make_depth((100, 100, 300, 200), (300, 421))
    with np.load(save(content, tmp_path / "depth.npz")) as arrays:
        assert arrays["map"].shape == content.info.transform.input_size
        assert set(np.unique(arrays["map"])) == {1.0, 9.0}
    facts = json.loads((tmp_path / "depth.json").read_text())
    assert facts["colours"]["unit"] == "m"
    assert facts["layer"] is None


def test_a_plain_layer_has_neither(qapp):
    content = make_content()
    assert content.windows is None
    assert content.legend == ()
    assert {mark.name for mark in content.marks(2.0)} <= {"unseen", "grid", "query"}


def test_hiding_the_grid_hides_the_windows(qapp):
    content = make_windows((3, 3), (300, 421), show_grid=False)
    assert {mark.name for mark in content.marks(2.0)} <= {"unseen", "query"}


def test_the_grid_is_that_of_the_shown_layer(qapp):
    spec = make_spec()
    content = make_content(spec=spec)
    coarse = tuple(type(layer)(layer.kind, 1, 0, 3, (4, 5)) for layer in content.info.layers)
    info = type(content.info)(**{**vars(content.info), "layers": coarse})
    shown = type(content)(content.state, info, content.token_map, content.breadcrumb, (1, 1))
    assert shown.grid_size == (4, 5)
    grid = next(mark for mark in shown.marks(2.0) if mark.name == "grid")
    assert len(grid.segments) == 3 + 4
