"""The window: PySide6 and pyqtgraph; it knows core, state and the engine's messages, never torch."""
