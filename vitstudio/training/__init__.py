"""Training the small nets of the tabletop world: ``python -m vitstudio.training RECIPE``."""
