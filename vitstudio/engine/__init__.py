"""One worker thread between the interface and the model."""
