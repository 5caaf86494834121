"""Token mixers: for each kind of layer, how its questions are answered."""
