"""The depth tab and the cloud of points."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import Qt

from tests.ui.fakes import depth_spec, make_depth, make_frame, make_info, make_spec
from vitstudio.core.state import State
from vitstudio.core.trace import MapRequest
from vitstudio.state.resolve import resolve
from vitstudio.ui.views import depth_cloud
from vitstudio.ui.views.depth_panel import DepthPanel
from vitstudio.ui.views.point_cloud import cloud_of

SPEC = depth_spec()
INFO = make_info(make_frame(rows=64, cols=96), SPEC)
DEPTH = make_depth(MapRequest("depth", 0), INFO)


@pytest.fixture
def panel(qtbot):
    panel = DepthPanel()
    qtbot.addWidget(panel)
    panel.resize(328, 600)
    panel.show_view(resolve(State(view="depth"), SPEC, INFO))
    panel.show_depth(DEPTH, INFO)
    panel.show()
    return panel


def test_figures_are_those_of_the_map(panel):
    shown = {name: figure.text() for name, figure in panel.figures.items()}
    median = float(np.median(DEPTH.values))
    assert shown == {"Nearest": "0.75 m", "Median": f"{median:.2f} m", "Farthest": "5.00 m"}
    panel.show_cursor(3.4213)
    assert panel.under_cursor.text() == "3.42 m"
    panel.show_depth(None, None)
    assert panel.under_cursor.text() == "–"
    assert not panel.space.isEnabled()


def test_a_model_without_depth_says_so(panel):
    panel.show_view(resolve(State(), make_spec(), None))
    assert panel.refused.isVisible()
    assert panel.refused.text.text() == "Small measures no depth: choose a DepthFormer."


def test_a_fixed_range_begins_with_that_of_the_map(qtbot, panel):
    asked = []
    panel.range_picked.connect(lambda low, high: asked.append((low, high)))
    assert not panel.low.isEnabled()
    qtbot.mouseClick(panel.range.buttons["fixed"], Qt.MouseButton.LeftButton)
    low, high = DEPTH.map_range
    assert asked == [(pytest.approx(low, abs=0.005), pytest.approx(high, abs=0.005))]
    fixed = State(view="depth", scale="fixed", fixed_range=(1.0, 4.0))
    panel.show_view(resolve(fixed, SPEC, INFO))
    assert (panel.low.value(), panel.high.value()) == (1.0, 4.0)
    panel.high.setValue(6.0)
    assert asked[-1] == (1.0, 6.0)


def test_every_control_asks(qtbot, panel):
    asked = []
    panel.invert_asked.connect(lambda: asked.append("invert"))
    panel.iso_step_picked.connect(asked.append)
    panel.view_wanted.connect(lambda: asked.append("view"))
    qtbot.mouseClick(panel.invert, Qt.MouseButton.LeftButton)
    panel.iso.setValue(0.5)
    qtbot.mouseClick(panel.show_map, Qt.MouseButton.LeftButton)
    with qtbot.waitSignal(panel.field_of_view_picked) as field:
        panel.field.setValue(80)
    assert asked == ["invert", 0.5, "view"]
    assert field.args == [80.0]


@pytest.mark.parametrize("fit", ["aspect", "whole"])
@pytest.mark.parametrize("size", [(64, 96), (96, 64)])
def test_a_plane_is_a_plane_and_a_marked_pixel_keeps_place_and_colour(size, fit):
    rows, cols = size
    frame = make_frame(rows=rows, cols=cols)
    rgb = frame.rgb.copy()
    rgb[10, 20] = (255, 0, 0)
    frame = type(frame)(rgb, frame.source)
    info = make_info(frame, SPEC, fit=fit, patches=4)
    depth = np.full(info.transform.input_size, 2.0, np.float32)
    points, colours, sizes = cloud_of(depth, info, 90.0)
    assert np.allclose(points[:, 1], 2.0)
    # A camera of 90 degrees sees 2 m to either side at a distance of 2 m.
    assert np.abs(points[:, 0]).max() == pytest.approx(2.0, rel=0.06)
    assert np.abs(points[:, 2]).max() == pytest.approx(2.0 * rows / cols, rel=0.06)
    red = points[(colours[:, 0] > 0.9) & (colours[:, 1] < 0.1)]
    assert len(red)
    focal = cols / 2.0
    wanted = (20.5 - cols / 2) * 2.0 / focal, (rows / 2 - 10.5) * 2.0 / focal
    assert red[:, [0, 2]].mean(axis=0) == pytest.approx(wanted, abs=1.5 * 2.0 / focal)
    assert np.all(sizes > 0)


def test_a_large_map_is_thinned_out_evenly():
    info = make_info(make_frame(rows=640, cols=960), SPEC, patches=20)
    depth = np.ones(info.transform.input_size, np.float32)
    points, colours, sizes = cloud_of(depth, info, 60.0, most=10_000)
    assert len(points) == len(colours) == len(sizes)
    assert 5_000 < len(points) <= 10_000


def test_without_opengl_the_window_says_so(qtbot, panel, monkeypatch):
    monkeypatch.setattr(depth_cloud, "make_view", lambda: None)
    with qtbot.waitSignal(panel.space_opened):
        qtbot.mouseClick(panel.space, Qt.MouseButton.LeftButton)
    cloud = panel._cloud
    assert cloud.isVisible()
    assert cloud.message.text() == depth_cloud.PREPARING
    panel.show_space()
    assert cloud.message.text() == depth_cloud.NO_GL
    panel.show_depth(None, None)
    assert cloud.message.text() == depth_cloud.NO_GL
    cloud.close()


def test_opengl_is_not_loaded_before_it_is_wanted():
    code = (
        "import sys, vitstudio.ui.studio_window\n"
        "print([m for m in sys.modules if m.startswith('OpenGL') or m == 'pyqtgraph.opengl'])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_a_net_of_another_world_says_that_its_metres_do_not_apply(panel):
    assert not panel.note.isVisible()
    spec = replace(SPEC, world="tabletop")
    panel.show_view(resolve(State(view="depth"), spec, replace(INFO, spec=spec)))
    assert panel.note.isVisible()
    assert "its metres do not apply to this picture" in panel.note.sentence
