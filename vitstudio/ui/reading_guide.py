"""What the F1 page says beside the keys: how to read the maps, and what the mouse does."""

from __future__ import annotations

READING: tuple[tuple[str, str], ...] = (
    (
        "Attention",
        "How one token shares its attention among all tokens in one head of one layer: the weights "
        "after the softmax, which add up to 1 (Dosovitskiy et al., 2021). It shows where "
        "information may flow from, not yet what the net decides by.",
    ),
    (
        "Rollout",
        "Attention followed through all layers up to this one, with half of every step left to the "
        "token itself: where the token's content may come from (Abnar and Zuidema, 2020).",
    ),
    (
        "Features",
        "The three strongest principal components of the patch features as red, green and blue: "
        "like colours mean like features, and the colours themselves mean nothing (Oquab et al., "
        "2023).",
    ),
    (
        "Norms",
        "The length of every patch's feature vector: a few very long ones are artefacts that hold "
        "notes on the whole picture, and that register tokens cure (Darcet et al., 2024).",
    ),
    (
        "Similarity",
        "The cosine between each patch's features and those of the asked token: 1 is the same "
        "direction, 0 is unrelated.",
    ),
    (
        "Attention distance",
        "The bars in the rail: how far patches look on average, in parts of the grid's diagonal "
        "(Dosovitskiy et al., 2021, figure 7).",
    ),
)

REFERENCES: tuple[str, ...] = (
    "Abnar and Zuidema 2020, Quantifying Attention Flow in Transformers, arXiv:2005.00928",
    "Dosovitskiy et al. 2021, An Image is Worth 16x16 Words, arXiv:2010.11929",
    "Oquab et al. 2023, DINOv2: Learning Robust Visual Features, arXiv:2304.07193",
    "Darcet et al. 2024, Vision Transformers Need Registers, arXiv:2309.16588",
)

MOUSE: tuple[tuple[str, str], ...] = (
    ("Ask a patch", "Click"),
    ("Back to the class token", "Right click"),
    ("Follow the cursor", "Shift + move"),
    ("Zoom", "Wheel"),
    ("Pan", "Drag"),
    ("Fit the picture", "Double click"),
)
