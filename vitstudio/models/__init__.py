"""Nets, weights and traces: torch and the core, no Qt."""
