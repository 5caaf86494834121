"""The window: PySide6 and pyqtgraph; it knows core, state and engine messages, never torch."""
