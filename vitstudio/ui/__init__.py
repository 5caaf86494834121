"""The window: PySide6 and pyqtgraph; it knows core, state and engine messages, never torch."""

from vitstudio.ui.light_pyqtgraph import bring_pyqtgraph

bring_pyqtgraph()  # before any module here imports it
