"""Cameras, screens and windows: pictures from what Qt captures."""
