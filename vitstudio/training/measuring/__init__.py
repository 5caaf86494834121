"""Figures of the trained nets on scenes that no net has seen."""
