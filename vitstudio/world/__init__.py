"""The tabletop world: scenes from a seed, with everything about them known."""
