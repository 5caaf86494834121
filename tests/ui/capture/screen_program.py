"""Captures a real screen; `test_virtual_display` runs it under a display of its own.

Arguments: a folder for pictures, then sources: "screen" for the first one, "#x,y,w,h" for a region
of it, "grab" for the screen without QtMultimedia, "window" for its own window. What it saw of each
is printed as a line of JSON, its last picture saved as NUMBER.npy.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from PySide6.QtCore import QEvent, QEventLoop, Qt, QTimer
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QApplication, QWidget

from vitstudio.engine.live_messages import LiveLost, LiveOpened
from vitstudio.engine.messages import Failed
from vitstudio.ui.capture import multimedia
from vitstudio.ui.capture.captures import Captures
from vitstudio.ui.capture.screens import screens

LEFT, TOP, COLS, ROWS = 100, 50, 301, 203
COLOURS = ("#ff2040", "#10c060", "#2050f0", "#f0e010")
PATIENCE_S = 20.0


def expected():
    """The window's pixels: four corners of unlike size and colour."""
    rgb = np.empty((ROWS, COLS, 3), np.uint8)
    for place, colour in enumerate(COLOURS):
        rows = slice(0, 61) if place < 2 else slice(61, ROWS)
        cols = slice(0, 97) if place % 2 == 0 else slice(97, COLS)
        rgb[rows, cols] = QColor(colour).getRgb()[:3]
    return rgb


class Pattern(QWidget):
    def paintEvent(self, event):
        painter = QPainter(self)
        for place, colour in enumerate(COLOURS):
            x, cols = (0, 97) if place % 2 == 0 else (97, COLS - 97)
            y, rows = (0, 61) if place < 2 else (61, ROWS - 61)
            painter.fillRect(x, y, cols, rows, QColor(colour))
        painter.end()


def until(true):
    """Run the event loop until something is so."""
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError
        QApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)


def announce(window):
    """Say what a window manager would say: that there is a window."""
    number = hex(int(window.winId()))
    say = ["xprop", "-root", "-f", "_NET_CLIENT_LIST", "32x", "-set", "_NET_CLIENT_LIST"]
    subprocess.run([*say, number], check=True)


def capture(wanted):
    """Open, pause, play on and close; what was seen, and the last picture."""
    posted, delivered = [], []
    captures = Captures(posted.append, delivered.append)
    name = next(iter(screens()))
    region = wanted if wanted.startswith("#") else ""
    source = "window:Pattern" if wanted == "window" else f"screen:{name}{region}"
    captures.open(source)

    def has(kind):
        return [message for message in delivered if isinstance(message, kind)]

    until(lambda: len(posted) >= 5 or has(Failed) or has(LiveLost))
    captures.play(False)
    paused = len(posted)
    timer = QTimer(singleShot=True, interval=200)  # ten pictures of the screen
    timer.start()
    until(lambda: not timer.isActive())
    late = len(posted) - paused
    captures.play(True)
    until(lambda: len(posted) > paused or has(Failed) or has(LiveLost))
    captures.close()
    seen = {
        "sources": [listed for listed, _ in captures.sources()],
        "source": source,
        "pictures": paused,
        "late": late,
        "after": len(posted) - paused,
        "size": has(LiveOpened) and has(LiveOpened)[0].facts.size_rc,
        "said": [message.sentence for message in has(Failed) + has(LiveLost)],
        "indices": [message.frame.index for message in posted],
    }
    return seen, posted[-1].frame.rgb if posted else None


def main(folder, *wishes):
    app = QApplication([])
    window = Pattern()
    window.setWindowTitle("Pattern")
    window.setWindowFlag(Qt.WindowType.FramelessWindowHint)
    window.setGeometry(LEFT, TOP, COLS, ROWS)
    window.show()
    until(lambda: window.windowHandle().isExposed())
    load = multimedia.load
    for number, wanted in enumerate(wishes):
        if wanted == "window":
            announce(window)
        multimedia.load = (lambda: None) if wanted == "grab" else load
        seen, rgb = capture(wanted)
        if rgb is not None:
            np.save(Path(folder) / f"{number}.npy", rgb)
        print(json.dumps(seen))
    window.close()
    app.sendPostedEvents(None, QEvent.Type.DeferredDelete)


if __name__ == "__main__":
    main(*sys.argv[1:])
