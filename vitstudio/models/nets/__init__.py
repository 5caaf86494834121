"""Nets that no kept library has, or that must be there before such a library is imported."""
