"""On screens whose pixels are smaller than those of the layout all lies where it belongs.

The density is chosen when Qt begins, so these run in programs of their own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
GEOMETRY = (
    "test_canvas_marks.py",
    "test_atlas_view.py",
    "test_bias_panel.py",
    "test_side_panels.py",
)
"""Tests that grab what was painted and look at its pixels."""


@pytest.mark.parametrize("scale", ["1.5", "2"])
def test_geometry_holds_on_a_dense_screen(scale: str) -> None:
    plain = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    ran = subprocess.run(
        [*plain, *(str(HERE / name) for name in GEOMETRY)],
        env={**os.environ, "QT_SCALE_FACTOR": scale, "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        timeout=240,
        cwd=HERE.parent.parent,
    )
    assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr[-2000:]
