"""Widgets that draw a resolved state and report what the user did; they decide nothing."""
