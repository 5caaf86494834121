"""What the user chose, and what that means for the model at hand."""
