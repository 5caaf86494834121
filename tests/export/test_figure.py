import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtGui import QImage

from tests.export.helpers import make_content, make_spec
from vitstudio.export.figure import Figure
from vitstudio.export.layout import plan_figure, raster_size
from vitstudio.export.png import encode_png
from vitstudio.painting.text import advance, make_font

ROOT = Path(__file__).resolve().parents[2]

SCRIPT = """
import sys
from tests.export.helpers import make_content, make_spec
from vitstudio.export.figure import Figure
figure = Figure(make_content(spec=make_spec(trained=False)))
for suffix in (".png", ".svg", ".pdf", ".npz"):
    figure.save(sys.argv[1] + "/figure" + suffix)
image = figure.to_image()
assert image.width() > 1400 and not image.isNull()
unwanted = {"torch", "PySide6.QtWidgets", "vitstudio.state", "vitstudio.ui"} & set(sys.modules)
assert not unwanted, unwanted
"""


def run_without_display(tmp_path, **extra):
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    }
    return subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path)],
        cwd=ROOT,
        env={**environment, **extra},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_a_script_exports_without_a_window_or_a_display(tmp_path):
    done = run_without_display(tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    for suffix in (".png", ".svg", ".pdf", ".npz", ".json"):
        assert (tmp_path / f"figure{suffix}").stat().st_size > 500


def test_a_stale_display_does_no_harm(tmp_path):
    done = run_without_display(tmp_path, DISPLAY=":987")
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="fonts are hidden by fontconfig")
def test_a_machine_without_fonts_still_exports(tmp_path):
    config = tmp_path / "fonts.conf"
    config.write_text("<fontconfig></fontconfig>")
    done = run_without_display(tmp_path, FONTCONFIG_FILE=str(config))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "figure.png").stat().st_size > 500


def test_any_thread_paints_the_same_figure(qapp):
    figure = Figure(make_content(query_rc=(1, 1)))
    images: list[QImage] = []
    threads = [threading.Thread(target=lambda: images.append(figure.to_image())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    expected = encode_png(figure.to_image())
    assert [encode_png(image) == expected for image in images] == [True] * 3


SHAPES = [(1, 1), (32, 32), (20, 900), (900, 20), (300, 420), (420, 300), (2000, 1500)]


@pytest.mark.parametrize("size_rc", SHAPES)
@pytest.mark.parametrize("trained", [True, False])
def test_nothing_is_cut_off(qapp, size_rc, trained):
    content = make_content(
        size_rc,
        fit="whole",
        hot_rc=(4, 4),
        spec=make_spec(trained=trained),
        source="/pictures/" + "a_rather_long_name_of_a_picture_" * 4 + ".png",
    )
    layout = plan_figure(content, raster_size(size_rc, 6000))
    x, y, width, height = layout.picture
    assert min(x, y) >= 20 * layout.unit
    assert x + width <= layout.width
    assert layout.bar is not None
    assert layout.bar.bar.top() >= 0
    assert layout.bar.unit_x <= layout.width - 20 * layout.unit
    previous = y + height
    for line in layout.lines:
        end = line.x + advance(
            make_font(line.size_px, bold=line.bold), "".join(span.text for span in line.spans)
        )
        assert end <= layout.width - 0.9 * 44 * layout.unit
        assert line.baseline - line.size_px > previous - 1
        previous = line.baseline
    assert previous < layout.height - 20 * layout.unit
    assert (layout.chip is None) is trained


def test_every_word_of_the_breadcrumb_is_on_the_figure(qapp):
    content = make_content((900, 40), fit="whole", hot_rc=(4, 4))
    layout = plan_figure(content, raster_size((900, 40), 6000))
    words = "".join(span.text for line in layout.lines for span in line.spans)
    for part in content.breadcrumb:
        assert part.replace(" ", "") in words.replace(" ", "")


def test_a_plain_picture_has_no_colour_bar(qapp):
    content = make_content(view="picture")
    assert plan_figure(content, (1400, 1000)).bar is None
    image = Figure(content).to_image()
    assert image.width() < 1500


def test_the_picture_is_shown_unchanged_without_a_map(qapp):
    rgb = np.random.default_rng(2).integers(0, 255, (1400, 1500, 3), dtype=np.uint8)
    content = make_content((1400, 1500), rgb=rgb, view="picture", show_grid=False, fit="whole")
    x, y, width, height = plan_figure(content, raster_size((1400, 1500), 6000)).picture
    image = Figure(content).to_image().convertToFormat(QImage.Format.Format_RGB888)
    data = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    shown = data[y : y + height, 3 * x : 3 * (x + width)].reshape(height, width, 3)
    assert np.array_equal(shown, rgb)
