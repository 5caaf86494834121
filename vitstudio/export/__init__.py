"""Figures, arrays and sessions on disk: whole files or none."""
