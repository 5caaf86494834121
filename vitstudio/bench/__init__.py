"""Measured promises: `vitstudio bench`."""
