"""Screens and windows captured for real, on a virtual display."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.ui.capture.screen_program import COLS, LEFT, ROWS, TOP, expected

REPOSITORY = Path(__file__).parents[3]
SIZE = (800, 1280)


@pytest.fixture(scope="module")
def display():
    """The name of a display of 1280 x 800 that nobody sees."""
    if shutil.which("Xvfb") is None:
        pytest.skip("Xvfb is not installed, so no screen can be captured here")
    pytest.importorskip(
        "PySide6.QtMultimedia", reason="QtMultimedia lacks libraries here", exc_type=ImportError
    )
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "1280x800x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL)
    os.close(write)
    with os.fdopen(read) as pipe:
        number = pipe.readline().strip()  # it writes when it is ready, or ends
    if not number:
        pytest.fail(f"Xvfb ended with {server.wait(10)}")
    yield f":{number}"
    server.terminate()
    server.wait(10)


def run(display, folder, session, *wishes):
    """(what was seen, last picture) of each wish, all in one process."""
    environment = {
        **os.environ,
        "DISPLAY": display,
        "QT_QPA_PLATFORM": "xcb",
        "PYTHONPATH": str(REPOSITORY),
    }
    for name in ("XDG_SESSION_TYPE", "WAYLAND_DISPLAY"):
        environment.pop(name, None)
    if session:
        environment["XDG_SESSION_TYPE"] = session
    program = Path(__file__).with_name("screen_program.py")
    done = subprocess.run(
        [sys.executable, str(program), str(folder), *wishes],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Couldn't load" not in done.stderr
    all_seen = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(all_seen) == len(wishes)
    for seen in all_seen:
        assert seen["said"] == [], done.stderr
        assert seen["late"] == 0
        assert seen["pictures"] >= 5
        assert seen["after"] >= 1
        # The newest wins: on a busy computer one may be overtaken.
        assert seen["indices"][0] == 0
        assert seen["indices"] == sorted(set(seen["indices"]))
    return [(seen, np.load(folder / f"{number}.npy")) for number, seen in enumerate(all_seen)]


def is_the_screen(seen, rgb):
    """The window where it is, and nothing else."""
    assert tuple(seen["size"]) == rgb.shape[:2] == SIZE
    np.testing.assert_array_equal(rgb[TOP : TOP + ROWS, LEFT : LEFT + COLS], expected())
    outside = rgb.copy()
    outside[TOP : TOP + ROWS, LEFT : LEFT + COLS] = 0
    assert outside.max() == 0
    assert seen["source"] in seen["sources"]


@pytest.fixture(scope="module")
def x11(display, tmp_path_factory):
    """What a process in a session of X11 saw of each wish."""
    region = f"#{LEFT + 90},{TOP + 50},40,30"
    wishes = ["screen", region, "grab"] + ["window"] * (shutil.which("xprop") is not None)
    found = run(display, tmp_path_factory.mktemp("x11"), "x11", *wishes)
    return dict(zip(["screen", "region", "grab", "window"], found, strict=False))


def test_a_screen_by_qts_quick_way_for_x11(x11):
    is_the_screen(*x11["screen"])


def test_a_region_of_the_screen(x11):
    np.testing.assert_array_equal(x11["region"][1], expected()[50:80, 90:130])


def test_a_screen_without_qtmultimedia(x11):
    is_the_screen(*x11["grab"])


def test_a_window_by_its_title(x11):
    if "window" not in x11:
        pytest.skip("xprop is not installed, so no window can be announced without a manager")
    seen, rgb = x11["window"]
    np.testing.assert_array_equal(rgb, expected())
    assert "window:Pattern" in seen["sources"]


def test_screen_of_any_other_session(display, tmp_path):
    """By Qt's general way."""
    (screen,) = run(display, tmp_path, "", "screen")
    is_the_screen(*screen)
