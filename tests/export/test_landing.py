"""A hot cell lands on its own source pixels, in every format, picture shape and fit.

The same figure is made twice: with a clear map it shows a block painted into the photo at known
pixels, with an opaque map the hot cell. Their distance must be that of the geometry.
"""

import numpy as np
import pytest
from PySide6.QtCore import QSize
from PySide6.QtGui import QImage, QPainter
from PySide6.QtPdf import QPdfDocument
from PySide6.QtSvg import QSvgRenderer

from tests.export.helpers import make_content
from vitstudio.export.layout import plan_figure, raster_size
from vitstudio.export.save import save

SIZES = {"landscape": (300, 421), "portrait": (397, 260), "square": (320, 320)}
HOT_RC = {"aspect": (2, 6), "trained": (2, 6), "whole": (3, 5)}
TOLERANCE_PX = 1.5


def as_array(image):
    image = image.convertToFormat(QImage.Format.Format_RGB888)
    data = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return data[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).astype(float)


def render(path, width, height):
    """An exported file as pixels, read back by an independent reader."""
    if path.suffix == ".png":
        return as_array(QImage(str(path)))
    image = QImage(width, height, QImage.Format.Format_RGB32)
    image.fill(0)
    painter = QPainter(image)
    if path.suffix == ".svg":
        renderer = QSvgRenderer(str(path))
        assert renderer.isValid()
        renderer.render(painter)
    else:
        document = QPdfDocument()
        assert document.load(str(path)) == QPdfDocument.Error.None_
        assert document.pageCount() == 1
        painter.drawImage(0, 0, document.render(0, QSize(width, height)))
        document.close()
    painter.end()
    return as_array(image)


def bright_centre(content, path):
    layout = plan_figure(content, raster_size(content.info.frame.size_rc, 6000))
    pixels = render(save(content, path), layout.width, layout.height)
    assert pixels.shape[:2] == (layout.height, layout.width)
    x, y, width, height = layout.picture
    green = pixels[y : y + height, x : x + width, 1]
    weight = np.clip(green - 60, 0, None)
    rows, cols = np.indices(green.shape)
    return (
        float((weight * (cols + 0.5)).sum() / weight.sum()),
        float((weight * (rows + 0.5)).sum() / weight.sum()),
    ), width / content.info.frame.size_rc[1]


@pytest.mark.parametrize("smooth", [False, True], ids=["nearest", "smooth"])
@pytest.mark.parametrize("fit", ["aspect", "trained", "whole"])
@pytest.mark.parametrize("size_rc", SIZES.values(), ids=SIZES.keys())
@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_hot_cell_lands_on_its_pixels(qapp, tmp_path, suffix, size_rc, fit, smooth):
    rgb = np.full((*size_rc, 3), 20, dtype=np.uint8)
    plain = make_content(size_rc, hot_rc=HOT_RC[fit], rgb=rgb, fit=fit)
    info = plain.info
    cell_x, cell_y = info.transform.cell_centre(*HOT_RC[fit], info.grid_size)
    left, top = int(cell_x) - 7, int(cell_y) - 5
    rgb[top : top + 10, left : left + 10] = (0, 255, 0)
    look = {"fit": fit, "smooth": smooth, "show_grid": False, "hot_rc": HOT_RC[fit], "rgb": rgb}
    block, scale = bright_centre(
        make_content(size_rc, opacity=0.0, **look), tmp_path / f"a{suffix}"
    )
    hot, _ = bright_centre(make_content(size_rc, opacity=1.0, **look), tmp_path / f"b{suffix}")
    assert hot[0] - block[0] == pytest.approx((cell_x - left - 5) * scale, abs=TOLERANCE_PX)
    assert hot[1] - block[1] == pytest.approx((cell_y - top - 5) * scale, abs=TOLERANCE_PX)


def test_a_tiny_picture_is_enlarged_to_equal_squares(qapp, tmp_path):
    rgb = np.zeros((32, 32, 3), dtype=np.uint8)
    rgb[3, 20] = 255
    content = make_content((32, 32), rgb=rgb, view="picture", show_grid=False)
    layout = plan_figure(content, raster_size((32, 32), 6000))
    x, y, width, height = layout.picture
    assert width == height == 44 * 32
    pixels = as_array(QImage(str(save(content, tmp_path / "tiny.png"))))[
        y : y + height, x : x + width
    ]
    rows, cols = np.nonzero(pixels[..., 0] > 128)
    assert (rows.min(), rows.max() + 1) == (3 * 44, 4 * 44)
    assert (cols.min(), cols.max() + 1) == (20 * 44, 21 * 44)


def test_a_large_picture_keeps_its_pixels(qapp):
    assert raster_size((1500, 2400), 6000) == (2400, 1500)
    assert raster_size((9000, 12000), 6000) == (6000, 4500)
    assert raster_size((400, 600), 6000) == (1400, 933)


def test_screen_formats_agree(qapp, tmp_path):
    """PNG, SVG and PDF show the same figure; letters and hairlines differ a little."""
    generator = np.random.default_rng(3)
    rgb = np.repeat(
        np.repeat(generator.integers(0, 255, (15, 21, 3), dtype=np.uint8), 20, 0), 20, 1
    )
    content = make_content((300, 420), rgb=rgb, smooth=False, query_rc=(4, 4), fit="trained")
    layout = plan_figure(content, raster_size((300, 420), 6000))
    png, svg, pdf = (
        render(save(content, tmp_path / f"figure{suffix}"), layout.width, layout.height)
        for suffix in (".png", ".svg", ".pdf")
    )
    assert np.abs(png - svg).mean() < 2.5
    assert np.abs(png - pdf).mean() < 3.5
